"""Cells of Kartra's custom fields by their type, before any field of another system is chosen."""

from __future__ import annotations

import html
import json
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.nulls import clean, tidy, tidy_lines

_ENTITY: Final = r"&(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);"
_JSON_LIST: Final = r"^\s*\[.*\]\s*$"
# Between options, in the order of preference: a bar or semicolon stands in an option less often.
_SEPARATORS: Final = (";", "|", ",")


def _decoded(text: pl.Series) -> pl.Series:
    coded = text.filter(text.str.contains(_ENTITY).fill_null(False)).unique()
    if not len(coded):
        return text
    plain = pl.Series([html.unescape(cell) for cell in coded.to_list()], dtype=pl.String)
    return text.replace(coded, plain)


def decode_entities(expr: pl.Expr) -> pl.Expr:
    """Text with HTML entities as the characters that they stand for; an ampersand alone stays."""
    return expr.map_batches(_decoded, return_dtype=pl.String, is_elementwise=True)


def text_value(expr: pl.Expr, kind: str | None) -> pl.Expr:
    """A cell of `text_area` in its lines; of `input_field`, `drop_down`, `radio_button` in one.

    "N/A" and the like are null, except in a field of free text, where they are what was typed.
    """
    decoded = decode_entities(expr)
    if kind == "text_area":
        return tidy_lines(decoded)
    if kind in ("drop_down", "radio_button"):
        return tidy(clean(decoded))
    return tidy(decoded)


def options_in(cell: str, known: dict[str, str]) -> list[str]:
    """The options of one cell; `known` holds the field's own by their case-folded text."""
    whole = known.get(cell.casefold())
    if whole is not None:
        # An option may hold the separator ("Yes, weekly").
        return [whole]
    parts: list[str] | None = None
    if cell.startswith("["):
        try:
            found = json.loads(cell)
        except ValueError:
            found = None
        if isinstance(found, list):
            parts = [str(p.get("option_value", "") if isinstance(p, dict) else p) for p in found]
    if parts is None:
        separator = next((mark for mark in _SEPARATORS if mark in cell), None)
        parts = cell.split(separator) if separator else [cell]
    tidied = [" ".join(part.split()) for part in parts]
    # First spelling wins; an option ticked twice is ticked.
    spelled: dict[str, str] = {}
    for part in filter(None, tidied):
        spelled.setdefault(part.casefold(), known.get(part.casefold(), part))
    return list(spelled.values())


def option_lists(cells: pl.Series, options: list[str] | None = None) -> pl.Series:
    """The options ticked in each cell of a `checkbox` field: List(String), null for none.

    Cells are joined by `;`, `|` or `,`, or are a JSON list of texts or of Kartra's option objects.
    `options` are the field's own, whose spelling wins and which are never cut at a separator.
    """
    known = {option.casefold(): option for option in options or []}
    text = cells.to_frame("cell").select(clean(decode_entities(pl.col("cell"))).alias("cell"))
    distinct = text["cell"].drop_nulls().unique()
    table = pl.DataFrame(
        {"cell": distinct, "ticked": [options_in(cell, known) for cell in distinct.to_list()]},
        schema={"cell": pl.String, "ticked": pl.List(pl.String)},
    ).filter(pl.col("ticked").list.len() > 0)
    return text.join(table, on="cell", how="left", maintain_order="left")["ticked"].alias(
        cells.name
    )
