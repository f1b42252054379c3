"""Names, e-mail addresses and phone numbers scored on public truths.

    python benchmarks/quality_values.py [--account 20000]

The truths are the test cases inside the source distributions of nameparser and email-validator, of
the versions installed here, fetched by pip into a temporary folder; the example numbers that
phonenumbers holds for every region; and, with --account, the generator's own truth. Prints the
tables of docs/quality.md; --show adds each case that is not right.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import phonenumbers
import polars as pl
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.prepare.contacts import prepare_contacts
from kartra_sf_pipeline.prepare.emails import prepare_emails
from kartra_sf_pipeline.prepare.names import prepare_names
from kartra_sf_pipeline.prepare.phones import prepare_phones

NAME_CELLS = (
    "first_name", "middle_name", "last_name", "last_name2", "company", "email_raw", "kartra_id",
    "country_iso2",
)  # fmt: skip


def source_of(package: str, folder: Path) -> Path:
    """Fetch and unpack the source distribution of the installed version."""
    wanted = f"{package}=={version(package)}"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*command, wanted, "-d", str(folder)], check=True, stderr=subprocess.DEVNULL)
    (archive,) = folder.glob(f"{package.replace('-', '_')}-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return None


Name = tuple[str, str | None, str]


def table_cases(tests: Path) -> Iterator[Name]:
    """Whole name, given, family of the case table; rows under another policy are left out."""
    for node in ast.walk(ast.parse((tests / "v2" / "cases.py").read_text("utf-8"))):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Case":
            continue
        given = {word.arg: literal(word.value) for word in node.keywords}
        case = dict(zip(("id", "text", "expect"), map(literal, node.args), strict=False)) | given
        expected = case.get("expect")
        if {"policy", "locale"} & given.keys() or not isinstance(expected, dict):
            continue
        if isinstance(case.get("text"), str):
            yield case["text"], expected.get("given", ""), expected.get("family", "")


def classic_cases(tests: Path) -> Iterator[Name]:
    """The same of the older tests: `hn = HumanName("...")`, then what `hn.last` must be."""
    # A fixture gives that file's tests other settings than a reader of names has.
    others = {"test_middle_name_as_last", "test_east_slavic_patronymic_order"}
    for file in sorted(f for f in tests.glob("test_*.py") if f.stem not in others):
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            text = ast.unparse(function)
            changed = any(
                isinstance(target, ast.Attribute)
                for node in ast.walk(function)
                if isinstance(node, (ast.Assign, ast.AugAssign))
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            )
            if not changed and "Constants" not in text and ".C." not in text:
                yield from _asserted(function)


def _asserted(function: ast.FunctionDef) -> Iterator[Name]:
    whole: str | None = None
    parts: dict[str, str] = {}
    for statement in [*function.body, None]:
        value = getattr(statement, "value", None)
        starts = isinstance(statement, ast.Assign) and isinstance(value, ast.Call)
        if starts or statement is None:
            if whole and "last" in parts:
                yield whole, parts.get("first"), parts["last"]
            plain = starts and len(value.args) == 1 and not value.keywords  # type: ignore[union-attr]
            whole, parts = (literal(value.args[0]) if plain else None), {}  # type: ignore[union-attr]
        elif isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "m":
            part, expected = value.args[0], literal(value.args[1])
            if isinstance(part, ast.Attribute) and isinstance(expected, str):
                parts[part.attr] = expected


def score_names(title: str, cases: list[Name], *, show: bool) -> str:
    rows = [{"first_name": whole, "email_raw": "@", "kartra_id": "1"} for whole, _, _ in cases]
    found = prepare_names(pl.DataFrame(rows, schema=dict.fromkeys(NAME_CELLS, pl.String)))
    family = given = asked = held = 0
    for (whole, first, last), row in zip(cases, found.iter_rows(named=True), strict=True):
        # Where the truth has no family name, the placeholder is right.
        name = "" if row["name_verdict"] == "placeholder" else row["last_name"]
        family += name == last
        held += name != last and row["name_review"]
        asked += first is not None
        given += first is not None and (row["first_name"] or "") == first
        if show and name != last:
            print(f"    {whole!r}: family {last!r}, found {name!r}", file=sys.stderr)
    wrong = len(cases) - family
    return (
        f"| {title} | {len(cases)} | {family / len(cases):.1%} | {given / asked:.1%} "
        f"| {held} of {wrong} |"
    )


def email_cases(tests: Path) -> Iterator[tuple[str, list[str]]]:
    """Each parametrised test of syntax and its addresses."""
    for function in ast.parse((tests / "test_syntax.py").read_text("utf-8")).body:
        for mark in getattr(function, "decorator_list", []):
            if getattr(getattr(mark, "func", None), "attr", "") != "parametrize":
                continue
            rows = getattr(mark.args[1], "elts", [])
            cells = [row.elts[0] if isinstance(row, ast.Tuple) else row for row in rows]
            texts = [text for text in map(literal, cells) if isinstance(text, str)]
            yield function.name, [t for t in texts if "@" in t]


EMAIL_TESTS = {
    "test_email_valid": "valid",
    "test_email_valid_intl_local_part": "valid, in other scripts",
    "test_email_invalid_syntax": "invalid",
    "test_email_invalid_syntax_strict": "invalid",
    "test_email_invalid_reserved_domain": "invalid",
    "test_email_valid_only_if_quoted_local_part": "invalid",
}


def score_emails(tests: Path, *, show: bool) -> Iterator[str]:
    for name, addresses in email_cases(tests):
        if name not in EMAIL_TESTS:
            continue
        found = prepare_emails(pl.Series(addresses, dtype=pl.String))
        accepted = found["email_verdict"].is_in(["valid", "typo", "role", "unsupported"])
        right = accepted if EMAIL_TESTS[name].startswith("valid") else ~accepted
        if show:
            print(found.filter(~right).rows(), file=sys.stderr)
        kept = found["email"].is_not_null().sum()
        yield (
            f"| {name.removeprefix('test_email_')} | {EMAIL_TESTS[name]} | {len(addresses)} "
            f"| {right.sum()} | {kept} |"
        )


PHONE_TYPES = {
    "fixed line": PhoneNumberType.FIXED_LINE,
    "mobile": PhoneNumberType.MOBILE,
    "toll free": PhoneNumberType.TOLL_FREE,
    "shared cost": PhoneNumberType.SHARED_COST,
    "VoIP": PhoneNumberType.VOIP,
}


def phone_rows(kind: int) -> Iterator[tuple[str, str, str | None, str | None, str]]:
    """How it is written, phone, code column, country, E.164 of each region's example number."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        truth = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        abroad = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
        digits = phonenumbers.national_significant_number(number)
        code = str(number.country_code)
        yield "national, country", national, None, region, truth
        yield "national, code and country", national, f"+{code}", region, truth
        yield "international", abroad, None, None, truth
        yield "00 in front", f"00{code}{digits}", None, region, truth
        yield "bare digits, code column", digits, code, region, truth
        yield "code and digits, no plus", f"{code}{digits}", f"+{code}", region, truth


def score_phones(*, show: bool) -> Iterator[str]:
    columns = ["how", "phone", "phone_country_code", "country_iso2", "truth"]
    for kind, number in PHONE_TYPES.items():
        rows = pl.DataFrame(
            list(phone_rows(number)), schema=dict.fromkeys(columns, pl.String), orient="row"
        )
        both = pl.concat([rows, prepare_phones(rows)], how="horizontal")
        wrong = (pl.col("phone_e164") != pl.col("truth")).fill_null(False)
        if show:
            print(both.filter(wrong | pl.col("phone_e164").is_null()).rows(), file=sys.stderr)
        counts = both.select(
            rows=pl.len(),
            right=(pl.col("phone_e164") == pl.col("truth")).sum(),
            verbatim=pl.col("phone_e164").is_null().sum(),
            wrong=wrong.sum(),
        ).row(0)
        regions = rows["country_iso2"].n_unique() - 1
        yield f"| {kind} | {regions} | " + " | ".join(map(str, counts)) + " |"


def score_account(size: int, seed: int, folder: Path) -> Iterator[str]:
    """The generated account: family names, companies, phones and mistyped domains as they are."""
    command = [sys.executable, "-m", "kartra_sf_pipeline.cli", "sample", "--contacts", str(size)]
    command += ["--seed", str(seed), "--out", str(folder / "account")]
    subprocess.run([*command, "--truth", str(folder / "truth"), "--json"], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    frames = read_folder(folder / "account").frames
    found = prepare_contacts(frames["contacts"], raw_companies=frames["companies"])
    truth = pl.read_parquet(folder / "truth" / "contacts.parquet")
    both = found.join(truth, left_on="kartra_id", right_on="contact_id", suffix="_true")
    whole = both.filter(pl.col("name_shown").is_in(["full_in_first", "last_comma_first"]))
    surnames = pl.concat_str("family", "family2", separator=" ", ignore_nulls=True)
    firms = both.filter(pl.col("name_shown").str.starts_with("company"))
    people = both.filter(~pl.col("name_shown").str.starts_with("company"))
    company = pl.col("name_verdict") == "company"
    phones = both.filter(pl.col("phone_raw").is_not_null())
    same_phone = (pl.col("phone_e164") == pl.col("phone_e164_true")).fill_null(False)
    typos = both.filter(pl.col("email_kind") == "typo")
    for what, frame, right in (
        ("whole names: family name right", whole, pl.col("last_name") == surnames),
        ("companies in a name cell recognised", firms, company),
        ("people taken for companies", people, company),
        ("phones: E.164 right", phones, same_phone),
        ("phones: E.164 wrong", phones, pl.col("phone_e164").is_not_null() & ~same_phone),
        ("mistyped domains mended", typos, pl.col("email_suggestion") == pl.col("true_email")),
    ):
        count = frame.select(right.fill_null(False).sum()).item()
        yield f"| {what} | {count} of {frame.height} | {count / max(frame.height, 1):.1%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--account", type=int, default=0, metavar="CONTACTS")
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--show", action="store_true", help="list what is not right, on stderr")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tests = source_of("nameparser", folder) / "tests"
        print("| names | cases | family right | given right | wrong ones held for review |")
        print("|---|---|---|---|---|")
        for title, cases in (
            ("case table", table_cases(tests)),
            ("older tests", classic_cases(tests)),
        ):
            print(score_names(title, list(dict.fromkeys(cases)), show=asked.show))
        print("\n| e-mails | truth | cases | verdict right | kept for the org |")
        print("|---|---|---|---|---|")
        for line in score_emails(source_of("email-validator", folder) / "tests", show=asked.show):
            print(line)
        print("\n| phones | regions | rows | right | kept as written | wrong |")
        print("|---|---|---|---|---|---|")
        for line in score_phones(show=asked.show):
            print(line)
        if asked.account:
            print("\n| generated account | rows | share |\n|---|---|---|")
            for line in score_account(asked.account, asked.seed, folder):
                print(line)


if __name__ == "__main__":
    main()
