"""The review file: pairs that a person decides on, read before matching and rewritten after it.

`match_review.csv` holds every pair that is for review and every automatic merge, with what a person
needs to tell. Only its `decision` column is read back: `merge`, `keep apart`, or blank for the
program's own proposal; `ignore` for two records that were loaded apart and are one now. It holds
personal data and stays in the home folder.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from kartra_sf_pipeline.errors import ExportError

REVIEW_FILE: Final = "match_review.csv"
MERGE: Final = "merge"
APART: Final = "keep apart"
CONTACT: Final = "contact"
COMPANY: Final = "company"
IGNORE: Final = "ignore"
LOADED_CONTACT: Final = "loaded contact"
LOADED_ACCOUNT: Final = "loaded account"
# What may be said of each kind of pair.
_WORDS: Final = {
    CONTACT: (MERGE, APART),
    COMPANY: (MERGE, APART),
    LOADED_CONTACT: (IGNORE,),
    LOADED_ACCOUNT: (IGNORE,),
}

DECISION_SCHEMA: Final = {
    "pair_id": pl.String,
    "kind": pl.String,
    "left_key": pl.String,
    "right_key": pl.String,
    "verdict": pl.String,
    "line": pl.Int64,
}
_KEYED: Final = ("pair_id", "kind", "decision", "left_key", "right_key")
_ABOUT: Final = ("found", "score", "rule", "evidence")
_SHOWN: Final = ("name", "email", "phone", "address", "company", "website")
COLUMNS: Final = (
    *_KEYED[:3],
    *_ABOUT,
    *(f"{side}_{name}" for name in ("key", *_SHOWN) for side in ("left", "right")),
)


class ReviewError(ExportError):
    """The review file says something that cannot be followed."""


@dataclass(frozen=True)
class Decisions:
    """What people decided: `frame` (`DECISION_SCHEMA`), and where it was read."""

    frame: pl.DataFrame
    path: Path | None = None

    def of(self, kind: str) -> Decisions:
        """Those on one kind of pair."""
        return Decisions(self.frame.filter(pl.col("kind") == kind), self.path)


NO_DECISIONS: Final = Decisions(pl.DataFrame(schema=DECISION_SCHEMA))


def pair_id(kind: str, left: str, right: str) -> str:
    """The name of a pair, the same in every run and whichever side is left."""
    text = "\x1f".join((kind, *sorted((left, right))))
    return "p" + hashlib.sha256(text.encode()).hexdigest()[:12]


def read_decisions(path: Path) -> Decisions:
    """The decisions of a review file; none where it does not exist.

    A spreadsheet may have saved it with other delimiters or in cp1252. Raises ReviewError with
    file, line and column for a decision that is not known, a pair that is told twice, or missing
    columns.
    """
    if not path.exists():
        return NO_DECISIONS
    rows = _rows(path)
    found: dict[str, tuple[str, str, str, str, str, int]] = {}
    for line, row in rows:
        said = " ".join(row["decision"].lower().replace("_", " ").replace("-", " ").split())
        if not said:
            continue
        name, kind, left, right = (
            row[c].strip() for c in ("pair_id", "kind", "left_key", "right_key")
        )
        if kind not in _WORDS:
            raise ReviewError(
                f"{kind!r} is no kind of pair.",
                file=path,
                line=line,
                column="kind",
                next_step=f"Restore {', '.join(list(_WORDS)[:-1])} or {LOADED_ACCOUNT}.",
            )
        if said not in _WORDS[kind]:
            raise ReviewError(
                f"{row['decision']!r} is no decision on a pair of kind {kind}.",
                file=path,
                line=line,
                column="decision",
                next_step=f"Write {', '.join(_WORDS[kind])} or nothing into the column decision, "
                "and run again.",
            )
        if name != pair_id(kind, left, right):
            raise ReviewError(
                "The keys are not those of this pair: a spreadsheet may have changed them.",
                file=path,
                line=line,
                column="pair_id",
                next_step="Restore pair_id, left_key and right_key, or delete the row and decide "
                "on it in the next file.",
            )
        earlier = found.get(name)
        if earlier is not None and earlier[4] != said:
            raise ReviewError(
                f"The pair is decided otherwise in line {earlier[5]}.",
                file=path,
                line=line,
                column="decision",
                next_step="Keep one of the two rows.",
            )
        left, right = sorted((left, right))
        found[name] = (name, kind, left, right, said, line)
    return Decisions(pl.DataFrame(list(found.values()), DECISION_SCHEMA, orient="row"), path)


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    header = text.split("\n", 1)[0]
    mark = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    names = [name.strip().lower() for name in next(reader, [])]
    missing = [name for name in _KEYED if name not in names]
    if missing:
        raise ReviewError(
            f"The columns {', '.join(missing)} are missing.",
            file=path,
            line=1,
            next_step="Restore them, or move the file away: the next run writes a new one.",
        )
    rows: list[tuple[int, dict[str, str]]] = []
    line = reader.line_num + 1
    for cells in reader:
        if any(cells):
            filled = [*cells, *("" for _ in range(len(names) - len(cells)))]
            rows.append((line, dict(zip(names, filled, strict=False))))
        line = reader.line_num + 1
    return rows


def write_review(
    path: Path, kind: str, matches: pl.DataFrame, shown: pl.DataFrame, decisions: Decisions
) -> int:
    """Write the pairs of one kind, keep the other kind's rows; returns how many await a decision.

    `matches` has the columns of `matching.MATCH_SCHEMA`; `shown` has `key` and what is shown of a
    contact or company. Earlier decisions stay, also on pairs that were not found again. Nothing is
    written where there is nothing to decide and no file.
    """
    pairs = matches.filter(
        pl.col("decision").is_in(["review", "merge"])
        | pl.concat_str("left_key", pl.lit("\x1f"), "right_key").is_in(
            decisions.frame.select(pl.concat_str("left_key", pl.lit("\x1f"), "right_key"))
            .to_series()
            .implode()
        )
    )
    verdicts = {row["pair_id"]: row for row in decisions.frame.iter_rows(named=True)}
    facts = {row["key"]: row for row in shown.iter_rows(named=True)}
    lines: list[dict[str, object]] = []
    for row in pairs.iter_rows(named=True):
        name = pair_id(kind, row["left_key"], row["right_key"])
        given = verdicts.pop(name, None)
        lines.append(
            {
                "pair_id": name,
                "kind": kind,
                "decision": given["verdict"] if given else "",
                "found": "merged" if row["decision"] == "merge" else row["decision"],
                **{c: row[c] for c in ("score", "rule", "evidence", "left_key", "right_key")},
            }
        )
    waiting = sum(1 for row in lines if row["found"] == "review" and not row["decision"])
    lines += [
        {
            "pair_id": name,
            "kind": kind,
            "decision": given["verdict"],
            "found": "not found again",
            "left_key": given["left_key"],
            "right_key": given["right_key"],
        }
        for name, given in verdicts.items()
    ]
    for line in lines:
        for side in ("left", "right"):
            known = facts.get(str(line[f"{side}_key"]), {})
            line |= {f"{side}_{c}": _harmless(known.get(c)) for c in _SHOWN}
    others = _other_kind(path, kind)
    if lines or others or path.exists():
        lines.sort(
            key=lambda r: (
                r["found"] != "review",
                bool(r["decision"]),
                -float(str(r.get("score") or 0)),
                str(r["pair_id"]),
            )
        )
        _write(path, [*lines, *others] if kind == CONTACT else [*others, *lines])
    return waiting


def _harmless(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "@", "-", "\t") else text


def _other_kind(path: Path, kind: str) -> list[dict[str, object]]:
    if not path.exists():
        return []
    return [dict(row) for _, row in _rows(path) if row["kind"].strip() not in ("", kind)]


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    # A BOM, or a spreadsheet reads accents in its own encoding.
    content = text.getvalue().encode("utf-8-sig")
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.touch(mode=0o600)
    partial.write_bytes(content)
    partial.replace(path)


CONTACT_READ: Final = (
    "contact_key", "disposition", "first_name", "middle_name", "last_name", "suffix", "email",
    "phone_e164", "street", "postal_code", "city", "state", "company", "website",
)  # fmt: skip


def contacts_shown(prepared: pl.DataFrame) -> pl.DataFrame:
    """What the review file shows of each kept contact; reads the columns `CONTACT_READ`."""
    name = ("first_name", "middle_name", "last_name", "suffix")
    address = ("street", "postal_code", "city", "state")
    return prepared.filter(pl.col("disposition") == "keep").select(
        pl.col("contact_key").alias("key"),
        pl.concat_str(name, separator=" ", ignore_nulls=True).alias("name"),
        "email",
        pl.col("phone_e164").alias("phone"),
        pl.concat_str(address, separator=", ", ignore_nulls=True).alias("address"),
        "company",
        "website",
    )
