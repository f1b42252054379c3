"""Kartra's custom fields become typed Salesforce fields (S15, S29-S33).

The type comes from the account's field schema where there is one, else from the values. Kartra's
five types: input_field, text_area, drop_down, radio_button, checkbox. A checkbox field holds
several options; only a lone option or a yes/no pair is a Salesforce Checkbox.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from kartra_sf_pipeline.mapping.model import FieldRule, NewField
from kartra_sf_pipeline.prepare.custom_values import option_lists, options_in, text_value

PREFIX = "x__"
"""Columns of an export that are none of Kartra's own start with this."""

YES = ("yes", "true", "1", "on", "checked", "y")
NO = ("no", "false", "0", "off", "unchecked", "n")

DATE_FORMS = ("%Y-%m-%d", "%B %d, %Y")
"""Forms of a day that can be read in one way only; a month's name may be short."""

MULTI_SELECT_VALUES = 500
"""Values that one multi-select picklist may define."""
PICKLIST_VALUES = 1_000
VALUE_LENGTH = 255
TEXT_LENGTH = 255
LONG_TEXT_LENGTH = 32_000


@dataclass(frozen=True)
class CustomField:
    """One custom-field column: its source column, the rule that maps it, and why."""

    column: str
    rule: FieldRule
    evidence: str


def plan_custom_fields(contacts: pl.DataFrame, schema: pl.DataFrame) -> list[CustomField]:
    """Decide the type of each `x__` column of the contacts.

    `schema` has field_identifier, label, field_type and options (joined by `|`); it may be empty.
    """
    described = {
        _normal(row["field_identifier"]): row
        for row in schema.iter_rows(named=True)
        if row["field_identifier"]
    }
    taken: set[str] = set()
    planned: list[CustomField] = []
    for column in (name for name in contacts.columns if name.startswith(PREFIX)):
        identifier = column.removeprefix(PREFIX)
        row = described.get(_normal(identifier), {})
        label = (row.get("label") or identifier.replace("_", " ")).strip()[:40]
        name = _api_name(identifier, taken)
        values = contacts[column].drop_nulls().unique(maintain_order=True)
        options = [part.strip() for part in (row.get("options") or "").split("|") if part.strip()]
        planned.append(_decide(column, name, label, row.get("field_type"), options, values))
    return planned


def typed_columns(contacts: pl.DataFrame, rules: Sequence[FieldRule]) -> pl.DataFrame:
    """contact_key and each custom column that `rules` name, in the form that its transform takes.

    A `boolean` column is Boolean, a `multi` column a list of options, a `date` column a Date of the
    cells that are written as one of `DATE_FORMS`, any other the text.
    """
    frame = contacts.select("contact_key", *_sources(rules))
    for rule in rules:
        column = rule.source
        if column not in frame.columns:
            continue
        if rule.transform == "boolean":
            frame = frame.with_columns(_ticked(pl.col(column)).alias(column))
        elif rule.transform == "date":
            text = pl.col(column).str.strip_chars()
            days = [text.str.to_date(form, strict=False) for form in DATE_FORMS]
            frame = frame.with_columns(pl.coalesce(days).alias(column))
        elif rule.transform == "multi":
            options = option_lists(frame[column], list(rule.new.values) if rule.new else None)
            # A semicolon separates the values of a multi-select cell on the wire.
            frame = frame.with_columns(
                options.list.eval(pl.element().str.replace_all(";", ",", literal=True))
            )
        else:
            kind = "text_area" if rule.transform == "long_text" else None
            frame = frame.with_columns(text_value(pl.col(column), kind).alias(column))
    return frame


def options_of(values: pl.Series, known: Sequence[str]) -> tuple[str, ...]:
    """Distinct options in cells that hold several, in the spelling of `known` where it has them."""
    spelling = {option.casefold(): option for option in known}
    found = (option for value in values for option in _split(value, spelling))
    return tuple(dict.fromkeys(found))


def _sources(rules: Sequence[FieldRule]) -> list[str]:
    return [rule.source for rule in rules if rule.source and rule.source.startswith(PREFIX)]


def _ticked(cell: pl.Expr) -> pl.Expr:
    """A lone option is ticked whenever its own text stands in the cell."""
    folded = cell.str.strip_chars().str.to_lowercase()
    return (
        pl.when(folded.is_in(NO))
        .then(pl.lit(value=False))
        .when(folded.is_not_null())
        .then(pl.lit(value=True))
    )


def _decide(
    column: str, name: str, label: str, kind: str | None, options: list[str], values: pl.Series
) -> CustomField:
    kind = (kind or "").strip().lower()
    longest = int(values.str.len_chars().max() or 0) if values.len() else 0  # pyright: ignore[reportArgumentType]
    if kind == "checkbox":
        seen = _options_seen(values, options)
        folded = {value.casefold() for value in seen}
        if len(seen) == 1 or (len(folded) == 2 and folded <= {*YES, *NO}):
            new = NewField(type="Checkbox", label=label)
            return _field(
                column, name, new, "boolean", "checkbox with a lone option or a yes/no pair"
            )
        if len(seen) <= MULTI_SELECT_VALUES and seen:
            new = NewField(
                type="MultiselectPicklist", label=label, values=tuple(seen), visible_lines=6
            )
            return _field(column, name, new, "multi", f"checkbox with {len(seen)} options")
    if kind in ("drop_down", "radio_button"):
        seen = _merge(options, [value.strip() for value in values])
        several = (
            [v for v in values if len(_split(v, {o.casefold(): o for o in options})) > 1]
            if options
            else []
        )
        if several and len(seen) <= MULTI_SELECT_VALUES:
            parts = _options_seen(values, options)
            new = NewField(
                type="MultiselectPicklist", label=label, values=tuple(parts), visible_lines=6
            )
            return _field(column, name, new, "multi", f"{kind} with several values in one cell")
        if 0 < len(seen) <= PICKLIST_VALUES and all(len(v) <= VALUE_LENGTH for v in seen):
            new = NewField(type="Picklist", label=label, values=tuple(seen))
            return _field(column, name, new, "text", f"{kind} with {len(seen)} options")
    if kind == "text_area" or longest > TEXT_LENGTH:
        new = NewField(type="LongTextArea", label=label, length=LONG_TEXT_LENGTH, visible_lines=6)
        return _field(column, name, new, "long_text", kind or f"values up to {longest} characters")
    new = NewField(type="Text", label=label, length=TEXT_LENGTH)
    return _field(column, name, new, "text", kind or "no schema: values fit a text field")


def _field(column: str, name: str, new: NewField, transform: str, evidence: str) -> CustomField:
    rule = FieldRule.model_validate(
        {"target": name, "source": column, "transform": transform, "new": new}
    )
    return CustomField(column, rule, evidence)


def _options_seen(values: pl.Series, options: list[str]) -> list[str]:
    known = {option.casefold(): option for option in options}
    seen = list(options)
    for value in values:
        seen = _merge(seen, _split(value, known))
    return seen


def _merge(first: list[str], more: list[str]) -> list[str]:
    """Both lists without repeats, compared case-insensitively, in first spelling."""
    merged = {value.casefold(): value for value in reversed([*first, *more]) if value}
    order = dict.fromkeys(value.casefold() for value in [*first, *more] if value)
    return [merged[folded] for folded in order]


def _split(cell: str, known: dict[str, str]) -> list[str]:
    """Options of one cell, in the schema's spelling; a comma inside a known option stays."""
    return [option.replace(";", ",") for option in options_in(cell.strip(), known)]


def _normal(identifier: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", identifier.strip().lower()).strip("_")


def _api_name(identifier: str, taken: set[str]) -> str:
    """`Kartra_CF_<Name>__c`, at most 40 characters before the suffix, unique in the account."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", identifier).strip("_")
    words = re.sub(r"_+", "_", words) or "Field"
    base = f"Kartra_CF_{'_'.join(word.capitalize() for word in words.split('_'))}"[:40].rstrip("_")
    name, number = base, 2
    while name.lower() in taken:
        suffix = f"_{number}"
        name, number = base[: 40 - len(suffix)] + suffix, number + 1
    taken.add(name.lower())
    return f"{name}__c"
