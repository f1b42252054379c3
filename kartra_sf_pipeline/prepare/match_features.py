"""What is compared of a contact: folded names, parts of the address, mailbox, phone, birthday."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.company_words import company_key
from kartra_sf_pipeline.prepare.emails import ROLE_LOCAL_PARTS, mailbox
from kartra_sf_pipeline.prepare.nicknames import given_root
from kartra_sf_pipeline.prepare.text import null_if_blank, words

# Columns of contacts_prepared that matching reads, beside custom fields that hold a birthday.
READ: Final = (
    "contact_key", "disposition", "first_name", "middle_name", "last_name", "suffix",
    "name_verdict", "email", "email_suggestion", "phone_e164", "street", "city", "postal_code",
    "state", "company",
)  # fmt: skip

_NAMED: Final = ("given", "split")
# Words for kinds of streets and of dwellings: written, shortened and left out at will.
_STREET_WORDS: Final = (
    r"\b(?:street|str|st|road|rd|avenue|ave|av|drive|dr|lane|ln|court|crt|ct|place|pl|crescent"
    r"|cres|circuit|cct|close|cl|terrace|tce|way|boulevard|blvd|highway|hwy|parade|pde|square|sq"
    r"|apartment|apt|unit|suite|ste|flat|floor|no|strasse|straße|rue|calle|via|north|south|east"
    r"|west|n|s|e|w)\b"
)
_BIRTHDAY: Final = r"^x__(?:.*_)?(?:dob|birth_?(?:day|date)?|date_of_birth|geburtsdatum)(?:_.*)?$"


def columns_read(columns: list[str]) -> list[str]:
    """Those of a contacts_prepared frame's columns that matching needs."""
    return [c for c in columns if c in READ or _is_birthday(c)]


def features(prepared: pl.DataFrame) -> pl.DataFrame:
    """What is compared, one row per kept contact, with its number `row`; null for unknown.

    A placeholder or a company in a name field is no name. `number` is the house number, `street`
    the other words of the address without kinds of street, `landmark` the longest of these.
    """
    verdict = pl.col("name_verdict")
    first = null_if_blank(words(pl.col("first_name")).str.extract(r"^(\S+)", 1))
    address = words(pl.col("street"))
    local = mailbox(pl.col("email")).str.extract(r"^(.*)@", 1)
    born = [pl.col(c) for c in prepared.columns if _is_birthday(c)]
    return (
        prepared.filter(pl.col("disposition") == "keep")
        .select(
            "contact_key",
            "email",
            pl.col("suffix").str.to_lowercase().str.strip_chars("."),
            pl.when(verdict.is_in([*_NAMED, "placeholder"])).then(first).alias("first"),
            pl.when(verdict.is_in(_NAMED))
            .then(null_if_blank(words(pl.col("last_name")).str.replace_all(" ", "")))
            .alias("last"),
            null_if_blank(words(pl.col("middle_name")).str.slice(0, 1)).alias("middle"),
            pl.col("phone_e164").alias("phone"),
            null_if_blank(words(pl.col("postal_code")).str.replace_all(" ", "").str.slice(0, 8))
            .alias("zip"),
            address.str.extract(r"(\d+)", 1).alias("number"),
            null_if_blank(
                address.str.replace_all(r"\b\d+\pL?\b", " ")
                .str.replace_all(_STREET_WORDS, " ")
                .str.replace_all(r"\s+", " ")
                .str.strip_chars()
            ).alias("street"),
            null_if_blank(words(pl.col("city"))).alias("city"),
            null_if_blank(words(pl.col("state"))).alias("state"),
            "company",
            mailbox(pl.col("email")).alias("mailbox"),
            mailbox(pl.col("email_suggestion")).alias("meant"),
            pl.when(~local.is_in(sorted(ROLE_LOCAL_PARTS))).then(local).alias("local"),
            pl.col("email").str.extract(r"@([^@]*)$", 1).alias("mail_domain"),
            null_if_blank(pl.coalesce(*born).str.replace_all(r"\D", "")).alias("born")
            if born
            else pl.lit(None, pl.String).alias("born"),
        )
        .with_columns(
            pl.coalesce("meant", "mailbox").alias("meant"),
            given_root(pl.col("first")).alias("root"),
            _longest_word("street"),
            _handle(),
        )
        .pipe(_company_keys)
        .with_row_index("row")
    )  # fmt: skip


def _company_keys(people: pl.DataFrame) -> pl.DataFrame:
    """`company` as the key of its name, made once for each distinct name."""
    names = people.select("company").drop_nulls().unique()
    keys = names.with_columns(company_key(pl.col("company")).alias("key"))
    joined = people.join(keys, on="company", how="left", maintain_order="left")
    return joined.drop("company").rename({"key": "company"})


def _handle() -> pl.Expr:
    """`handle`: what stands before the @ where the name does not explain it.

    Namesakes come to `wendy.taylor` by themselves, to `momcook979` hardly.
    """
    letters, local = pl.col("local").str.replace_all(r"[^a-z]", ""), pl.col("local")
    from_name = pl.any_horizontal(
        letters.str.contains(pl.col(name), literal=True).fill_null(False)
        for name in ("first", "last")
    )
    digits = local.str.count_matches(r"\d")
    own = (digits >= 2) | (~from_name & (local.str.len_chars() >= 6))
    return pl.when(own).then(local).alias("handle")


def _longest_word(name: str) -> pl.Expr:
    """`landmark`: the longest word, which stays the same however the parts are ordered."""
    best = pl.col(name).str.extract(r"(\pL{9,})", 1)
    for length in range(8, 3, -1):
        best = best.fill_null(pl.col(name).str.extract(rf"(\pL{{{length}}})", 1))
    return best.fill_null(pl.col(name)).str.slice(0, 12).alias("landmark")


def _is_birthday(column: str) -> bool:
    return pl.select(pl.lit(column).str.contains(_BIRTHDAY)).item()
