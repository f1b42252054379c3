"""From the text of a cell to the stored value: one set of expressions per field type.

All fields of a batch are converted and checked in one pass; a message is built for failing rows
only. Texts lose surrounding white space, numbers are rounded to the field's scale.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from kartra_sf_pipeline.localorg.clock import STORED
from kartra_sf_pipeline.localorg.schema import NUMBER_TYPES, Field

_EMAIL = (
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])$"
)
NUMBER_PATTERN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_DATE = r"^\d{4}-\d{2}-\d{2}$"
_DATE_TIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$"
_MULTI_SELECT_MAX = 100
_PLACES = ("CountryCode", "StateCode")


@dataclass(frozen=True, slots=True)
class Check:
    """Rows where `bad` holds are refused with `code` and `message`."""

    bad: pl.Expr
    code: str
    message: pl.Expr


@dataclass(frozen=True, slots=True)
class Finding:
    """Rows of one field that failed a check, and what each of them is told."""

    field: str
    mask: pl.Series
    code: str
    message: pl.Series


def convert(
    fields: Iterable[Field], cells: pl.DataFrame
) -> tuple[dict[str, pl.Series], list[Finding]]:
    """Stored values by field name, and the rows whose text is none of the field's values."""
    wanted = [f for f in fields if f.name in cells.columns]
    value_exprs: list[pl.Expr] = []
    checks: list[tuple[Field, Check]] = []
    for field in wanted:
        value, found = _rules(field)
        value_exprs.append(value.alias(field.name))
        checks += [(field, check) for check in found]
    if not wanted:
        return {}, []
    converted = cells.select(
        *value_exprs,
        *[c.bad.fill_null(False).alias(f"check {i}") for i, (_, c) in enumerate(checks)],
    )
    findings = []
    for i, (field, check) in enumerate(checks):
        mask = converted[f"check {i}"]
        if mask.any():
            text = cells.select(pl.when(mask).then(check.message)).to_series()
            findings.append(Finding(field.name, mask, check.code, text))
    return {f.name: converted[f.name] for f in wanted}, findings


def _rules(field: Field) -> tuple[pl.Expr, list[Check]]:
    raw = pl.col(field.name)
    if field.type == "boolean":
        return _boolean(field, raw)
    if field.type in NUMBER_TYPES or field.type == "int":
        return _number(field, raw)
    if field.type == "date":
        return _date(field, raw)
    if field.type == "datetime":
        return _date_time(field, raw)
    if field.type in {"reference", "id"}:
        return raw, []
    return _text(field, raw)


def _wrong_type(field: Field, raw: pl.Expr, bad: pl.Expr) -> Check:
    return Check(
        bad,
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
        pl.format("{}: value not of required type: {}", pl.lit(field.label), raw),
    )


def _boolean(field: Field, raw: pl.Expr) -> tuple[pl.Expr, list[Check]]:
    folded = raw.str.strip_chars().str.to_lowercase()
    yes, no = folded.is_in(["true", "1"]), folded.is_in(["false", "0"])
    value = pl.when(yes).then(1).when(no).then(0).cast(pl.Int64)
    return value, [_wrong_type(field, raw, raw.is_not_null() & ~yes & ~no)]


def _number(field: Field, raw: pl.Expr) -> tuple[pl.Expr, list[Check]]:
    text = raw.str.strip_chars()
    number = pl.when(text.str.contains(NUMBER_PATTERN)).then(text).cast(pl.Float64, strict=False)
    if field.type == "int":
        whole = field.digits or 9
        value = number.cast(pl.Int64, strict=False)
        wrong = raw.is_not_null() & (number.is_null() | (number != number.floor()))
    else:
        whole = (field.precision or 18) - field.scale
        value = number.round(field.scale, mode="half_away_from_zero")
        wrong = raw.is_not_null() & number.is_null()
    outside = Check(
        number.round(field.scale, mode="half_away_from_zero").abs() >= 10.0**whole,
        "NUMBER_OUTSIDE_VALID_RANGE",
        pl.format(
            "{}: value outside of valid range on numeric field: {}", pl.lit(field.label), raw
        ),
    )
    return value, [_wrong_type(field, raw, wrong), outside]


def _date(field: Field, raw: pl.Expr) -> tuple[pl.Expr, list[Check]]:
    text = raw.str.strip_chars()
    day = (
        pl.when(text.str.contains(_DATE) | text.str.contains(_DATE_TIME))
        .then(text.str.slice(0, 10))
        .otherwise(None)
    )
    parsed = day.str.to_date("%Y-%m-%d", strict=False)
    known = parsed.is_not_null() & (parsed.dt.year() >= 1700) & (parsed.dt.year() <= 4000)
    value = pl.when(known).then(day)
    return value, [_wrong_type(field, raw, raw.is_not_null() & ~known)]


def _date_time(field: Field, raw: pl.Expr) -> tuple[pl.Expr, list[Check]]:
    text = raw.str.strip_chars()
    full = (
        pl.when(text.str.contains(_DATE))
        .then(text + "T00:00:00+0000")
        .when(text.str.contains(_DATE_TIME))
        .then(text.str.replace("Z$", "+0000"))
        .otherwise(None)
        .str.replace(r"\.\d+", "")
        .str.replace(r"([+-]\d{2}):(\d{2})$", "${1}${2}")
    )
    moment = full.str.to_datetime("%Y-%m-%dT%H:%M:%S%z", strict=False, time_zone="UTC")
    known = moment.is_not_null() & (moment.dt.year() >= 1700) & (moment.dt.year() <= 4000)
    value = pl.when(known).then(moment.dt.strftime(STORED))
    return value, [_wrong_type(field, raw, raw.is_not_null() & ~known)]


def _text(field: Field, raw: pl.Expr) -> tuple[pl.Expr, list[Check]]:
    trimmed = raw.str.strip_chars()
    value = pl.when(trimmed != "").then(trimmed)
    checks: list[Check] = []
    if field.length:
        checks.append(
            Check(
                value.str.len_chars() > field.length,
                "STRING_TOO_LONG",
                pl.format(
                    "{}: data value too large: {} (max length={})",
                    pl.lit(field.label),
                    value,
                    pl.lit(str(field.length)),
                ),
            )
        )
    if field.type == "email":
        checks.append(
            Check(
                ~value.str.contains(_EMAIL),
                "INVALID_EMAIL_ADDRESS",
                pl.format("{}: invalid email address: {}", pl.lit(field.label), value),
            )
        )
    elif field.type == "picklist" and field.picklist_values:
        return _picklist(field, value, checks)
    elif field.type == "multipicklist":
        return _multi_select(field, value, checks)
    return value, checks


def _picklist(field: Field, value: pl.Expr, checks: list[Check]) -> tuple[pl.Expr, list[Check]]:
    # Two countries may have states of the same code.
    spelt = {v.value.casefold(): v.value for v in field.picklist_values if v.active}
    folded, known = list(spelt), list(spelt.values())
    key = value.str.to_lowercase()
    # Codes of states and countries are checked together, with messages of their own.
    if field.restricted_picklist and (field.custom or not field.name.endswith(_PLACES)):
        bad = ~key.is_in(folded)
        checks.append(_not_in_list(field, value, bad))
    return key.replace_strict(folded, known, default=value), checks


def _multi_select(field: Field, value: pl.Expr, checks: list[Check]) -> tuple[pl.Expr, list[Check]]:
    parts = value.str.split(";").list.eval(pl.element().str.strip_chars())
    parts = parts.list.filter(pl.element() != "").list.unique(maintain_order=True)
    checks.append(
        Check(
            parts.list.len() > _MULTI_SELECT_MAX,
            "FIELD_INTEGRITY_EXCEPTION",
            pl.format(
                "{}: no more than {} values may be selected",
                pl.lit(field.label),
                pl.lit(str(_MULTI_SELECT_MAX)),
            ),
        )
    )
    if field.picklist_values:
        known = [v.value for v in field.picklist_values if v.active]
        folded = [v.casefold() for v in known]
        if field.restricted_picklist:
            unknown = parts.list.filter(~pl.element().str.to_lowercase().is_in(folded))
            checks.append(
                _not_in_list(
                    field, unknown.list.first(), value.is_not_null() & (unknown.list.len() > 0)
                )
            )
        parts = parts.list.eval(
            pl.element().str.to_lowercase().replace_strict(folded, known, default=pl.element())
        )
    # A value in two spellings is one value: after the known spelling took its place.
    return parts.list.unique(maintain_order=True).list.join(";"), checks


def _not_in_list(field: Field, value: pl.Expr, bad: pl.Expr) -> Check:
    return Check(
        bad,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        pl.format("{}: bad value for restricted picklist field: {}", pl.lit(field.label), value),
    )
