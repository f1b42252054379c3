"""Which contacts are worth comparing: pairs that share a block.

A block of any size costs a bounded number of pairs: its rows are sorted by name and address, and
each meets its next neighbours. Small blocks are compared in full that way, big ones near their
likeliest partners, and none is skipped.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.company_words import company_key
from kartra_sf_pipeline.prepare.emails import mailbox
from kartra_sf_pipeline.prepare.nicknames import given_root
from kartra_sf_pipeline.prepare.text import null_if_blank, words

# Neighbours that each row of a block meets.
WINDOW: Final = 12

_NAMED: Final = ("given", "split")


def features(prepared: pl.DataFrame) -> pl.DataFrame:
    """What is compared, one row per kept contact: folded names, address parts, mailbox.

    A placeholder or a company in a name field is no name: `last` is null there.
    """
    named = pl.col("name_verdict").is_in(_NAMED)
    first = null_if_blank(words(pl.col("first_name")).str.extract(r"^(\S+)", 1))
    return (
        prepared.filter(pl.col("disposition") == "keep")
        .select(
            "contact_key",
            "email",
            "suffix",
            pl.when(named).then(first).alias("first"),
            pl.when(named).then(null_if_blank(words(pl.col("last_name")))).alias("last"),
            words(pl.col("middle_name")).str.slice(0, 1).alias("middle"),
            pl.col("phone_e164").alias("phone"),
            null_if_blank(words(pl.col("postal_code"))).str.slice(0, 8).alias("zip"),
            null_if_blank(words(pl.col("street"))).alias("street"),
            company_key(pl.col("company")).alias("company"),
            mailbox(pl.col("email")).alias("mailbox"),
            mailbox(pl.coalesce("email_suggestion", "email")).alias("meant"),
            mailbox(pl.col("email")).str.extract(r"^(.*)@", 1).alias("local"),
            pl.col("email").str.extract(r"@([^@]*)$", 1).alias("mail_domain"),
        )
        .with_columns(given_root(pl.col("first")).alias("root"))
        .with_row_index("row")
    )


def _blocks() -> dict[str, pl.Expr]:
    name = pl.col("last") + pl.lit("|") + pl.col("root").str.slice(0, 1)
    whole = pl.col("last") + pl.lit("|") + pl.col("root")
    return {
        "mailbox": pl.col("meant"),
        "phone": pl.col("phone"),
        "name_company": name + pl.lit("|") + pl.col("company"),
        "name_zip": name + pl.lit("|") + pl.col("zip"),
        "address": pl.col("zip") + pl.lit("|") + pl.col("street"),
        "name_local": whole + pl.lit("|") + pl.col("local"),
        "name_domain": whole + pl.lit("|") + pl.col("mail_domain"),
    }


def candidate_pairs(people: pl.DataFrame) -> pl.DataFrame:
    """Distinct pairs of rows that share a block: `left`, `right` (row numbers, left < right)."""
    found = [_neighbours(people, block) for block in _blocks().values()]
    return pl.concat(found).unique().sort("left", "right")


def _neighbours(people: pl.DataFrame, block: pl.Expr) -> pl.DataFrame:
    members = (
        people.select("row", "last", "root", "local", block.alias("block"))
        .drop_nulls("block")
        # Most rows share a block with nobody: a hash is enough to leave them out.
        .filter(pl.col("block").is_duplicated())
        .sort("block", "last", "root", "local", "row")
        .select("row", "block")
    )
    pairs: list[pl.DataFrame] = []
    for step in range(1, WINDOW + 1):
        met = members.select(
            pl.col("row").alias("a"),
            pl.col("row").shift(-step).alias("b"),
            (pl.col("block") == pl.col("block").shift(-step)).alias("together"),
        ).filter("together")
        if met.is_empty():
            break
        pairs.append(
            met.select(
                pl.min_horizontal("a", "b").alias("left"),
                pl.max_horizontal("a", "b").alias("right"),
            )
        )
    if not pairs:
        return pl.DataFrame(schema={"left": pl.UInt32, "right": pl.UInt32})
    return pl.concat(pairs)
