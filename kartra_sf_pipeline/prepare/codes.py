"""Ids, counts and yes/no flags: short codes whose text must not be guessed at."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.prepare.nulls import clean

# A spreadsheet turns a long id into "4.47E+11"; the digits that it dropped are gone.
_SPREADSHEET_DAMAGE = r"^\d(?:[.,]\d+)?[Ee]\+\d+$"

# A spreadsheet writes a count of 1 as "1.0".
_YES = ("yes", "y", "true", "t", "on", "1", "1.0", "checked")
_NO = ("no", "n", "false", "f", "off", "0", "0.0", "unchecked")


def clean_id(expr: pl.Expr) -> pl.Expr:
    """An id as text, null for N/A and the like. Ids are opaque: "007" stays "007"."""
    return clean(expr)


def damaged_id(expr: pl.Expr) -> pl.Expr:
    """True where a spreadsheet has rounded the id away (`4.47E+11`); false for null."""
    return expr.str.contains(_SPREADSHEET_DAMAGE).fill_null(False)


def _whole(text: pl.Series) -> pl.Series:
    if text.str.contains(r"^-?\d{1,18}$").all(ignore_nulls=True):
        return text.cast(pl.Int64)
    grouped = text.str.contains(r"^-?\d{1,3}(,\d{3})+(\.0*)?$")
    digits = text.zip_with(~grouped.fill_null(False), text.str.replace_all(",", "", literal=True))
    return digits.str.extract(r"^(-?\d{1,18})(?:\.0*)?$", 1).cast(pl.Int64)


def parse_whole(expr: pl.Expr) -> pl.Expr:
    """A count to Int64: digits, grouped by commas or with zero decimals; null for anything else."""
    return clean(expr).map_batches(_whole, return_dtype=pl.Int64, is_elementwise=True)


def parse_flag(expr: pl.Expr) -> pl.Expr:
    """Yes/no in words or digits to Boolean; null for blank and for other words."""
    word = clean(expr).str.to_lowercase()
    return pl.when(word.is_in(_YES)).then(True).when(word.is_in(_NO)).then(False)


def folded(expr: pl.Expr) -> pl.Expr:
    """Text for comparing: lower case, single spaces, no outer spaces; null when nothing is left."""
    text = expr.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(text.str.len_bytes() > 0).then(text)
