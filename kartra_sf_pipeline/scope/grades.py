"""Grades of a migration with their reasons (S112, S113): rules over counts, nothing felt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from kartra_sf_pipeline.scope.scoreboard import HONEST_RULE, VENDOR_RULE, clarity, scores

SCHEMA: Final = pl.Schema(
    {
        "measure": pl.String(),
        "score": pl.Float64(),
        "grade": pl.String(),
        "reason": pl.String(),
        "rule": pl.String(),
    }
)

LETTERS: Final = "ABCD"
LABELS: Final = {"A": "Simple", "B": "Standard", "C": "Complex", "D": "Scoped one by one"}

# S114, S115, S117: below the first a short migration, above the second a long one.
SMALL_CONTACTS: Final = 25_000
SMALL_TRANSACTIONS: Final = 5_000
LARGE_RECORDS: Final = 50_000
HUGE_RECORDS: Final = 2_000_000
# S77: above this an account is exported in several sequential parts.
ONE_EXPORT: Final = 10_000
MANY_EXPORTS: Final = 100_000
MANY_FIELDS: Final = 20
MANY_TAGS: Final = 500


@dataclass(frozen=True)
class Sizes:
    """Counts that the grades are made of."""

    contacts: int
    transactions: int
    subscriptions: int
    records: int
    """Records that the org holds afterwards, and values of tags are none."""
    custom_fields: int
    tags: int
    """Distinct ones."""


def migration_scores(board: pl.DataFrame, sizes: Sizes) -> pl.DataFrame:
    """Both scores, five grades and the overall one, each with its reason and its rule."""
    vendor, honest = scores(board)
    with_home = int(board["vendor_points"].sum())
    counted = board["honest_points"].drop_nulls().len()
    graded = [
        _compatibility(vendor, with_home, board.height),
        _clarity(clarity(board)),
        _timeline(sizes),
        _constraints(sizes),
        _volume(sizes),
    ]
    rows = [
        ("vendor_style_score", vendor, None, f"{with_home} of {board.height}", VENDOR_RULE),
        ("honest_score", honest, None, f"Mean of {counted} objects", HONEST_RULE),
        *graded,
        _overall([str(row[2]) for row in graded]),
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


_Row = tuple[str, float | None, str | None, str, str]


def _from(value: float, *least: float) -> str:
    """The first letter whose least value is reached."""
    return next((letter for letter, low in zip(LETTERS, least, strict=False) if value >= low), "D")


def _below(value: float, *most: float) -> str:
    return next((letter for letter, top in zip(LETTERS, most, strict=False) if value <= top), "D")


def _compatibility(vendor: float, homes: int, of: int) -> _Row:
    return (
        "object_compatibility",
        vendor,
        _from(vendor, 0.9, 0.7, 0.5),
        f"{homes} of {of} objects have a destination",
        "A from 90 %, B from 70 %, C from 50 % of the objects.",
    )


def _clarity(share: float) -> _Row:
    return (
        "mapping_clarity",
        round(share, 4),
        _from(share, 0.9, 0.7, 0.4),
        f"{share:.0%} of the objects that move need no choice",
        "Share that is fully supported: A from 90 %, B from 70 %, C from 40 %.",
    )


def _timeline(sizes: Sizes) -> _Row:
    lengthening = [
        said
        for said, holds in (
            (f"over {LARGE_RECORDS:,} records", sizes.records > LARGE_RECORDS),
            (f"over {MANY_FIELDS} custom fields", sizes.custom_fields > MANY_FIELDS),
            ("subscriptions", sizes.subscriptions > 0),
            (f"over {MANY_TAGS} tags", sizes.tags > MANY_TAGS),
            (
                f"over {SMALL_CONTACTS:,} contacts or {SMALL_TRANSACTIONS:,} transactions",
                sizes.contacts > SMALL_CONTACTS or sizes.transactions > SMALL_TRANSACTIONS,
            ),
        )
        if holds
    ]
    return (
        "timeline",
        float(len(lengthening)),
        _below(len(lengthening), 0, 2, 3),
        ", ".join(lengthening) or "nothing lengthens it",
        "What lengthens it: none A, up to two B, three C, more D.",
    )


def _constraints(sizes: Sizes) -> _Row:
    letter = "B" if sizes.contacts <= ONE_EXPORT else "C" if sizes.contacts <= MANY_EXPORTS else "D"
    return (
        "api_constraints",
        float(sizes.contacts),
        letter,
        f"Kartra gives files alone; {sizes.contacts:,} contacts to export by hand",
        f"Never A: no bulk export by program. B up to {ONE_EXPORT:,} contacts, "
        f"C up to {MANY_EXPORTS:,}.",
    )


def _volume(sizes: Sizes) -> _Row:
    small = sizes.contacts < SMALL_CONTACTS and sizes.transactions < SMALL_TRANSACTIONS
    letter = "A" if small else _below(sizes.records, -1, LARGE_RECORDS, HUGE_RECORDS)
    return (
        "volume",
        float(sizes.records),
        letter,
        f"{sizes.contacts:,} contacts, {sizes.transactions:,} transactions, "
        f"{sizes.records:,} records",
        f"A below {SMALL_CONTACTS:,} contacts and {SMALL_TRANSACTIONS:,} transactions, B up to "
        f"{LARGE_RECORDS:,} records, C up to {HUGE_RECORDS:,}.",
    )


def _overall(letters: Sequence[str]) -> _Row:
    grade = sorted(letters)[len(letters) // 2]
    return (
        "overall",
        None,
        grade,
        f"{LABELS[grade]}: the middle one of {', '.join(letters)}",
        "The middle one of the five grades.",
    )
