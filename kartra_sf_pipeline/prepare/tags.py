"""Tags and lists: one cell of joined names per contact, split and folded.

Kartra says nowhere which delimiter an export uses. It is chosen per file and column, never per
cell, because a name may hold the other one.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.prepare.text import null_if_blank

# In the order of preference when several recur: Kartra's own importer wants semicolons. A bar is
# tolerated, and counts only where it outnumbers the comma, since names such as "Gold | VIP" occur.
DELIMITERS: Final = (";", "|", ",")
# A delimiter recurs when it stands in several cells, and in more of them than slips would explain.
_RECURRING_CELLS: Final = 2
_RECURRING_SHARE: Final = 0.01
# An entity of HTML ends in a semicolon that joins nothing.
_ENTITIES: Final = {"&amp;": "&", "&quot;": '"', "&#39;": "'", "&#039;": "'", "&nbsp;": " "}


def _cell(column: str) -> pl.Expr:
    return clean(pl.col(column)).str.replace_many(_ENTITIES)


def delimiters(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """The delimiter of `column` in each file: `source_file`, `delimiter`, `cells`, `ambiguous`.

    `cells` counts the cells that hold it; `ambiguous` says that another one recurs as well.
    """
    cell = _cell(column)
    counts = frame.group_by("source_file", maintain_order=True).agg(
        *(cell.str.contains(mark, literal=True).sum().alias(mark) for mark in DELIMITERS)
    )
    # In a file of one filled cell, one occurrence is all the evidence there can be.
    most = pl.max_horizontal(DELIMITERS)
    needed = pl.min_horizontal(pl.lit(_RECURRING_CELLS), most)
    recurs = [
        (pl.col(mark) > 0)
        & (pl.col(mark) >= needed)
        & (pl.col(mark) >= most.cast(pl.Float64) * _RECURRING_SHARE)
        for mark in DELIMITERS
    ]
    recurs[1] = recurs[1] & (pl.col("|") > pl.col(","))
    chosen = pl.coalesce(
        [pl.when(r).then(pl.lit(mark)) for mark, r in zip(DELIMITERS, recurs, strict=True)]
    ).fill_null(",")
    cells = pl.coalesce([pl.when(chosen == mark).then(pl.col(mark)) for mark in DELIMITERS])
    return counts.select(
        "source_file",
        chosen.alias("delimiter"),
        cells.cast(pl.Int64).alias("cells"),
        (pl.sum_horizontal([r.cast(pl.UInt8) for r in recurs]) > 1).alias("ambiguous"),
    )


def split_labels(frame: pl.DataFrame, column: str, chosen: pl.DataFrame | None = None) -> pl.Series:
    """The cells of `column` as lists of trimmed names without blanks; null when there is none.

    `chosen` are the `delimiters` of whole files, for a frame that holds only some of their rows.
    """
    table = delimiters(frame, column) if chosen is None else chosen
    cells = frame.select("source_file", _cell(column).alias("_cell")).join(
        table.select("source_file", "delimiter"),
        on="source_file",
        how="left",
        maintain_order="left",
    )
    names = (
        pl.col("_cell")
        .str.split(pl.col("delimiter"))
        .list.eval(pl.element().str.replace_all(r"\s+", " ").str.strip_chars())
    )
    kept = names.list.eval(pl.element().filter(pl.element().str.len_bytes() > 0))
    return cells.select(pl.when(kept.list.len() > 0).then(kept)).to_series().alias(column)


def _parse(unified: pl.DataFrame, lists: str, raw: str, name: str, folded: str) -> pl.DataFrame:
    labels = unified[lists] if lists in unified.columns else split_labels(unified, raw)
    rows = (
        unified.select("contact_key", labels.alias(name))
        .explode(name, empty_as_null=True)
        .with_columns(null_if_blank(pl.col(name).str.to_lowercase()).alias(folded))
        .drop_nulls(folded)
    )
    # One spelling per name in the whole account: the one that comes first.
    spellings = rows.select(folded, name).unique(folded, keep="first", maintain_order=True)
    return (
        rows.select("contact_key", folded)
        .unique(maintain_order=True)
        .join(spellings, on=folded, how="left", maintain_order="left")
        .select("contact_key", name, folded)
    )


def parse_tags(unified: pl.DataFrame) -> pl.DataFrame:
    """Distinct rows `contact_key`, `tag` (first spelling in the account), `tag_folded`."""
    return _parse(unified, "tags", "tags_raw", "tag", "tag_folded")


def parse_lists(unified: pl.DataFrame) -> pl.DataFrame:
    """Distinct rows `contact_key`, `list_name` (first spelling), `list_folded`."""
    return _parse(unified, "lists", "lists_raw", "list_name", "list_folded")
