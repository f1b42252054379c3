"""Ids, counts and yes/no flags: short codes whose text must not be guessed at."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from kartra_sf_pipeline.prepare.nulls import clean

# A spreadsheet turns a long id into "4.47E+11"; the digits that it dropped are gone.
_SPREADSHEET_DAMAGE = r"^\d(?:[.,]\d+)?[Ee]\+\d+$"

# A spreadsheet writes a count of 1 as "1.0".
_YES = ("yes", "y", "true", "t", "on", "1", "1.0", "checked")
_NO = ("no", "n", "false", "f", "off", "0", "0.0", "unchecked")
# As nearly every cell is spelled: to look these up costs less than to lower the case of all cells.
_YES_SPELLINGS = [form for word in _YES for form in (word, word.upper(), word.title())]
_NO_SPELLINGS = [form for word in _NO for form in (word, word.upper(), word.title())]


def clean_id(expr: pl.Expr) -> pl.Expr:
    """An id as text, null for N/A and the like. Ids are opaque: "007" stays "007"."""
    return clean(expr)


def damaged_id(expr: pl.Expr) -> pl.Expr:
    """True where a spreadsheet has rounded the id away (`4.47E+11`); false for null."""
    return expr.str.contains(_SPREADSHEET_DAMAGE).fill_null(False)


def _whole(text: pl.Series) -> pl.Series:
    counts = text.cast(pl.Int64, strict=False)
    # Longer ones are read too, and so is a plus.
    doubtful = counts.is_null() | (text.str.len_bytes() > 18) | text.str.starts_with("+")
    return _settled(text, counts, doubtful, _unusual_whole)


def _unusual_whole(distinct: pl.Series) -> pl.Series:
    text = distinct.to_frame().select(clean(pl.first())).to_series()
    grouped = text.str.contains(r"^-?\d{1,3}(,\d{3})+(\.0*)?$")
    digits = text.zip_with(~grouped.fill_null(False), text.str.replace_all(",", "", literal=True))
    return digits.str.extract(r"^(-?[0-9]{1,18})(?:\.0*)?$", 1).cast(pl.Int64)


def _flag(text: pl.Series) -> pl.Series:
    yes = text.is_in(_YES_SPELLINGS)
    return _settled(text, yes, ~(yes | text.is_in(_NO_SPELLINGS)), _unusual_flag)


def _unusual_flag(distinct: pl.Series) -> pl.Series:
    word = clean(pl.first()).str.to_lowercase()
    flag = pl.when(word.is_in(_YES)).then(True).when(word.is_in(_NO)).then(False)
    return distinct.to_frame().select(flag).to_series()


def _settled(
    text: pl.Series,
    values: pl.Series,
    doubtful: pl.Series,
    read: Callable[[pl.Series], pl.Series],
) -> pl.Series:
    """`values`, but of the cells that are `doubtful` what `read` makes of each distinct one."""
    places = (doubtful & text.is_not_null()).fill_null(False).arg_true()
    if places.is_empty():
        return values
    rest = text.gather(places)
    distinct = rest.unique()
    found = rest.replace_strict(distinct, read(distinct), return_dtype=values.dtype)
    return values.scatter(places, found)


def parse_whole(expr: pl.Expr) -> pl.Expr:
    """A count to Int64: digits, grouped by commas or with zero decimals; null for anything else."""
    return expr.map_batches(_whole, return_dtype=pl.Int64, is_elementwise=True)


def parse_flag(expr: pl.Expr) -> pl.Expr:
    """Yes/no in words or digits to Boolean; null for blank and for other words."""
    return expr.map_batches(_flag, return_dtype=pl.Boolean, is_elementwise=True)


def folded(expr: pl.Expr) -> pl.Expr:
    """Text for comparing: lower case, single spaces, no outer spaces; null when nothing is left."""
    text = expr.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.when(text.str.len_bytes() > 0).then(text)
