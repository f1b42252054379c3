"""What becomes of a source row, and why: one disposition, by the first rule that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.money import unreadable
from kartra_sf_pipeline.prepare.side_join import side_join
from kartra_sf_pipeline.prepare.wording import worded

KEEP: Final = "keep"
MERGE: Final = "merge"
SUPPRESS: Final = "suppress"
QUARANTINE: Final = "quarantine"
DISPOSITIONS: Final = (KEEP, MERGE, SUPPRESS, QUARANTINE)

# Position of a row in the frame that came in; dropped before a frame leaves the room.
ROW: Final = "_row"

_RULE: Final = "_rule"


@dataclass(frozen=True)
class Rule:
    """`when` picks rows, `reason` names the rule in reports, `detail` says it for one row."""

    when: pl.Expr
    disposition: str
    reason: str
    detail: pl.Expr | None = None


def first_rule(rules: Sequence[Rule]) -> pl.Expr:
    """The place in `rules` of the first one that fits, null where none does."""
    return pl.coalesce(
        [pl.when(rule.when).then(pl.lit(n, pl.UInt8)) for n, rule in enumerate(rules)]
    )


def disposition_of(number: pl.Expr, rules: Sequence[Rule]) -> tuple[pl.Expr, pl.Expr]:
    """`disposition` and `reason` of a number that `first_rule` gave."""
    return (
        number.replace_strict(
            {n: rule.disposition for n, rule in enumerate(rules)},
            default=KEEP,
            return_dtype=pl.String,
        ).alias("disposition"),
        number.replace_strict(
            {n: rule.reason for n, rule in enumerate(rules)},
            default=None,
            return_dtype=pl.String,
        ).alias("reason"),
    )


def details(ruled: pl.DataFrame, number: str, rules: Sequence[Rule], row: str) -> pl.DataFrame:
    """`row` and `detail` of the rows whose rule, named by the column `number`, has one to say."""
    said = [
        ruled.filter(pl.col(number) == n).select(row, rule.detail.cast(pl.String).alias("detail"))
        for n, rule in enumerate(rules)
        if rule.detail is not None
    ]
    empty = pl.DataFrame(schema={row: ruled.schema[row], "detail": pl.String})
    return pl.concat([empty, *said])


def dispose(frame: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """Add `disposition`, `reason` and `detail`: of the first rule that fits, else keep.

    A rule whose condition is null does not fit. Details are written only for rows that have one.
    """
    ruled = frame.with_columns(first_rule(rules).alias(_RULE)).with_row_index("_at")
    return (
        side_join(ruled, details(ruled, _RULE, rules, "_at"), "_at")
        .with_columns(disposition_of(pl.col(_RULE), rules))
        .drop(_RULE, "_at")
        .select(pl.exclude("detail"), "detail")
    )


def unreadable_value(
    raw: pl.DataFrame, typed: pl.DataFrame, columns: Mapping[str, str]
) -> pl.Series:
    """A sentence about the first cell per row that says something and could not be typed, or null.

    `columns` names the typed column of each raw one: a cell is unreadable where its text is not
    blank, not "N/A", and its typed value is null.
    """
    typed_names = list(columns)
    both = pl.concat(
        [
            typed.select(pl.col(typed_names).name.prefix("typed_")),
            raw.select([pl.col(source).alias(f"text_{name}") for name, source in columns.items()]),
        ],
        how="horizontal",
    )
    sentences = [
        unreadable_sentence(source, pl.col(f"typed_{name}"), text=pl.col(f"text_{name}"))
        for name, source in columns.items()
    ]
    return both.select(unreadable_value=pl.coalesce(sentences)).to_series()


def unreadable_sentence(source: str, typed: pl.Expr, *, text: pl.Expr | None = None) -> pl.Expr:
    """A sentence where the raw column `source` (or `text`) says something that `typed` is not."""
    said = pl.col(source) if text is None else text
    return pl.when(unreadable(said, typed)).then(
        worded("{} is '{}', which cannot be read with certainty.", pl.lit(source), said)
    )


def place(file: str = "source_file", line: str = "source_line") -> pl.Expr:
    """Where a row stands, for a sentence: `file, line n`."""
    return worded("{}, line {}", pl.col(file), pl.col(line))


def newest_copies(frame: pl.DataFrame, key: str, *, among: pl.Expr) -> pl.DataFrame:
    """`_row` and `newest_row` of every row whose key another one has: the newest copy wins.

    Exports overlap: of several rows with one key, the newest extract wins, then the later row.
    Only the rows that `among` picks compete; `frame` has `key`, `_row` and `extract_date`.
    """
    competing = frame.filter(among & pl.col(key).is_not_null()).select(key, ROW, "extract_date")
    copies = competing.filter(pl.col(key).is_duplicated())
    newest = (
        copies.sort("extract_date", ROW, nulls_last=False)
        .unique(key, keep="last", maintain_order=True)
        .select(key, pl.col(ROW).alias("newest_row"))
    )
    return copies.select(key, ROW).join(newest, on=key, how="inner").drop(key)


def newest_rows(frame: pl.DataFrame, key: str, *, among: pl.Expr) -> pl.DataFrame:
    """Add `newest_row`, the `_row` of the newest copy of this key, `newest_file`, `newest_place`.

    See `newest_copies`; rows that do not compete, and keys seen once, get null.
    """
    found = newest_copies(frame, key, among=among)
    places = frame.select(
        pl.col(ROW).alias("newest_row"),
        pl.col("source_file").alias("newest_file"),
        place().alias("newest_place"),
    ).join(found, on="newest_row", how="semi")
    return side_join(frame, found.join(places, on="newest_row"), ROW)


def superseded() -> pl.Expr:
    """True for a row of which `newest_rows` found a newer copy."""
    return (pl.col("newest_row") != pl.col(ROW)).fill_null(False)


def older_extract() -> Rule:
    """The rule that folds a superseded row into its newest copy."""
    return Rule(
        superseded(), MERGE, "older_extract", worded("The newest copy is {}.", "newest_place")
    )


COUNTED: Final = pl.col("disposition").is_in([KEEP, MERGE]) & (
    pl.col("reason").is_null() | (pl.col("reason") != "older_extract")
)
"""True for rows that count: kept or folded into a record, but no older copies of other rows."""


def counted(frame: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of which `COUNTED` is true."""
    return frame.filter(COUNTED)
