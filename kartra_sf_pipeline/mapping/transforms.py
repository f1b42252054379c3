"""Named transforms: from a prepared column to the text that goes on the wire.

Every transform yields a String column; null means "nothing to say". Forms are those of the Bulk
API: dates `YYYY-MM-DD`, date-times in UTC with a `Z`, booleans `true`/`false`, multi-select values
joined by semicolons. The number that a transform takes is the length of its field in characters,
for `decimal` the digits after the point.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from kartra_sf_pipeline.mapping.strategies import ValueMap

MONEY_PLACES = 2
"""Digits after the point of an amount of money."""
_DIGITS = 38

Transform = Callable[[pl.Expr, int | None], pl.Expr]

CUT_MARK = "…"
"""Last character of a text that was cut to its field's length."""


def _text(value: pl.Expr, length: int | None) -> pl.Expr:
    text = value.cast(pl.String).str.strip_chars()
    text = pl.when(text.str.len_chars() > 0).then(text)
    if length is None:
        return text
    cut = text.str.slice(0, length - 1).str.strip_chars_end() + CUT_MARK
    return pl.when(text.str.len_chars() > length).then(cut).otherwise(text)


def _integer(value: pl.Expr, _: int | None) -> pl.Expr:
    return value.cast(pl.Int64, strict=False).cast(pl.String)


def _decimal(value: pl.Expr, places: int | None) -> pl.Expr:
    scale = MONEY_PLACES if places is None else places
    return value.cast(pl.Decimal(_DIGITS, scale), strict=False).cast(pl.String)


def _date(value: pl.Expr, _: int | None) -> pl.Expr:
    return value.cast(pl.Date).dt.to_string("%Y-%m-%d")


def _datetime(value: pl.Expr, _: int | None) -> pl.Expr:
    return value.dt.to_string("%Y-%m-%dT%H:%M:%S.000Z")


def _boolean(value: pl.Expr, _: int | None) -> pl.Expr:
    flag = value.cast(pl.Boolean)
    return pl.when(flag).then(pl.lit("true")).when(flag.not_()).then(pl.lit("false"))


def _label(value: pl.Expr, length: int | None) -> pl.Expr:
    """`not_subject` reads `Not subject`."""
    text = value.cast(pl.String).str.replace_all("_", " ")
    return _text(text.str.slice(0, 1).str.to_uppercase() + text.str.slice(1), length)


def _multi(value: pl.Expr, _: int | None) -> pl.Expr:
    joined = value.list.drop_nulls().list.join(";")
    return pl.when(value.list.len() > 0).then(joined)


TRANSFORMS: dict[str, Transform] = {
    "text": _text,
    "long_text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "datetime": _datetime,
    "boolean": _boolean,
    "label": _label,
    "multi": _multi,
}


def was_cut(value: pl.Expr, length: int) -> pl.Expr:
    """True where `text` would cut the value."""
    return value.cast(pl.String).str.strip_chars().str.len_chars() > length


def was_rounded(value: pl.Expr, places: int) -> pl.Expr:
    """True where the value has more digits after the point than `decimal` leaves."""
    digits = value.cast(pl.String).str.strip_chars().str.extract(r"\.(\d*?)0*$")
    return (digits.str.len_chars() > places).fill_null(value=False)


def unlisted(value: pl.Expr, values: ValueMap) -> pl.Expr:
    """True for a text that a map which refuses what it does not list has no word for."""
    if values.unknown != "refuse":
        return pl.lit(value=False)
    folded = value.str.strip_chars().str.to_lowercase()
    return folded.is_in([word.strip().lower() for word in values.values]).not_()


def mapped_values(value: pl.Expr, values: ValueMap) -> pl.Expr:
    """The value map's word for each text; what is not listed stays, or is left blank."""
    folded = {word.strip().lower(): meant for word, meant in values.values.items()}
    return (
        value.str.strip_chars()
        .str.to_lowercase()
        .replace_strict(
            list(folded),
            list(folded.values()),
            default=None if values.unknown == "blank" else value,
            return_dtype=pl.String,
        )
    )
