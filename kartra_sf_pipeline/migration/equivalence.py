"""When two values of a Salesforce field mean the same.

Both sides, what the map wants and what the org answered, are brought to one canonical text by the
field's declared type; equal text is an equal value. A null is "no value"; what it means (leave
alone, or empty) is for the caller to say.
"""

from __future__ import annotations

import polars as pl

#: The cell that asks Salesforce to empty a field; an empty cell leaves the field alone.
CLEAR = "#N/A"

_NUMBERS = frozenset({"double", "currency", "percent", "int", "long"})
_IDS = frozenset({"id", "reference"})
_DATETIME_FORMATS = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
)
_NAIVE_DATETIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M")
_MAX_DIGITS = 38


def canonical(column: pl.Expr, field_type: str, scale: int = 0) -> pl.Expr:
    """The canonical text of a String column of Salesforce type `field_type`; blank becomes null.

    `scale` is the number of decimals that the org keeps. A value that is not of its type stays as
    its own text, so that it differs from every valid one.
    """
    kind = field_type.lower()
    trimmed = column.str.strip_chars()
    text = pl.when(trimmed != "").then(trimmed)
    if kind in _NUMBERS:
        return _number(text, 0 if kind in {"int", "long"} else scale)
    if kind == "boolean":
        return _boolean(text)
    if kind == "date":
        return text.str.slice(0, 10)
    if kind == "datetime":
        return _datetime(text)
    if kind == "multipicklist":
        return _multipicklist(text)
    if kind == "email":
        return text.str.to_lowercase()
    if kind in _IDS:
        return text.str.slice(0, 15)
    return text.str.replace_all("\r\n", "\n", literal=True)


def mentions(wanted: pl.Expr) -> pl.Expr:
    """True where an upload's cell asks for anything: a blank one leaves the field alone."""
    return (wanted.str.strip_chars() != "").fill_null(value=False)


def differs(
    wanted: pl.Expr, found: pl.Expr, field_type: str, scale: int = 0, *, fold: bool = False
) -> pl.Expr:
    """True where `wanted` (String; blank = leave alone, `#N/A` = clear) is not what the org holds.

    Never null. `found` is String as the org answered it. `fold` compares text without case, as the
    org does for keys that are not case-sensitive.
    """
    expected = pl.when(wanted != CLEAR).then(canonical(wanted, field_type, scale))
    actual = canonical(found, field_type, scale)
    if field_type.lower() == "boolean":
        # Checkboxes have no null in Salesforce: an unset one reads false.
        expected, actual = expected.fill_null("false"), actual.fill_null("false")
    if fold:
        expected, actual = expected.str.to_lowercase(), actual.str.to_lowercase()
    return mentions(wanted) & expected.ne_missing(actual)


def _number(text: pl.Expr, scale: int) -> pl.Expr:
    # Exact decimals first; floats only for what decimals cannot read, such as 1.0E7. Four digits
    # more than the field keeps, so that a tie is seen as one and rounded as the org does.
    wide = pl.Decimal(_MAX_DIGITS, scale + 4)
    exact = text.cast(wide, strict=False)
    loose = text.cast(pl.Float64, strict=False).cast(wide, strict=False)
    rounded = pl.coalesce(exact, loose).round(scale, mode="half_away_from_zero")
    plain = rounded.cast(pl.Decimal(_MAX_DIGITS, scale)).cast(pl.String)
    return pl.coalesce(plain.str.replace(r"^-(0(\.0*)?)$", "$1"), text)


def _boolean(text: pl.Expr) -> pl.Expr:
    folded = text.str.to_lowercase()
    return (
        pl.when(folded.is_in(["true", "1"]))
        .then(pl.lit("true"))
        .when(folded.is_in(["false", "0"]))
        .then(pl.lit("false"))
        .otherwise(text)
    )


def _datetime(text: pl.Expr) -> pl.Expr:
    """To the second, in UTC: Salesforce keeps no fraction that a user could have meant."""
    zoned = text.str.replace(r"Z$", "+00:00")
    parsed = [
        zoned.str.to_datetime(pattern, strict=False, time_unit="us", time_zone="UTC")
        for pattern in _DATETIME_FORMATS
    ]
    naive = [
        text.str.to_datetime(pattern, strict=False, time_unit="us").dt.replace_time_zone("UTC")
        for pattern in _NAIVE_DATETIME_FORMATS
    ]
    moment = pl.coalesce(*parsed, *naive)
    return pl.coalesce(moment.dt.strftime("%Y-%m-%dT%H:%M:%S"), text)


def _multipicklist(text: pl.Expr) -> pl.Expr:
    """A set: order and repetition carry no meaning."""
    values = text.str.split(";").list.eval(pl.element().str.strip_chars())
    kept = values.list.eval(pl.element().filter(pl.element() != "")).list.unique().list.sort()
    return pl.when(kept.list.len() > 0).then(kept.list.join(";"))
