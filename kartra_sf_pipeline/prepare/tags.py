"""Tags and lists: one cell of joined names per contact, split and folded.

Kartra says nowhere which delimiter an export uses. It is chosen per file and column, never per
cell, because a name may hold the other one.
"""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.kartra.separators import ENTITIES, cells_with
from kartra_sf_pipeline.kartra.separators import chosen as chosen_by
from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.prepare.text import null_if_blank


def _cell(column: str) -> pl.Expr:
    return clean(pl.col(column)).str.replace_many(ENTITIES)


def delimiters(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """The delimiter of `column` in each file: `source_file`, `delimiter`, `cells`, `ambiguous`.

    `cells` counts the cells that hold it; `ambiguous` says that another one recurs as well.
    """
    counts = frame.group_by("source_file", maintain_order=True).agg(cells_with(_cell(column)))
    return chosen_by(counts).select("source_file", "delimiter", "cells", "ambiguous")


def told_delimiters(frame: pl.DataFrame, column: str, told: pl.DataFrame | None) -> pl.DataFrame:
    """`delimiters`, but what is `told` (`source_file`, `delimiter`) stands over what is counted."""
    counted = delimiters(frame, column)
    if told is None:
        return counted
    return counted.join(
        told.drop_nulls("delimiter"),
        on="source_file",
        how="left",
        maintain_order="left",
        suffix="_told",
    ).select("source_file", pl.coalesce("delimiter_told", "delimiter").alias("delimiter"))


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
