"""Kartra's custom fields become typed Salesforce fields (S15, S29-S33).

The type comes from the account's field schema where there is one, else from the values. Kartra's
five types: input_field, text_area, drop_down, radio_button, checkbox. A checkbox field holds
several options; only a lone option or a yes/no pair is a Salesforce Checkbox.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape

import polars as pl

from kartra_sf_pipeline.mapping.model import FieldRule, NewField
from kartra_sf_pipeline.mapping.typed_names import PREFIX, further_column, unread_column
from kartra_sf_pipeline.prepare.custom_values import option_lists, options_in, text_value
from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

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
        folded_identifier(row["field_identifier"]): row
        for row in schema.iter_rows(named=True)
        if row["field_identifier"]
    }
    taken: set[str] = set()
    planned: list[CustomField] = []
    for column in (name for name in contacts.columns if name.startswith(PREFIX)):
        identifier = column.removeprefix(PREFIX)
        row = described.get(folded_identifier(identifier), {})
        label = (row.get("label") or identifier.replace("_", " ")).strip()[:40]
        name = _api_name(identifier, taken)
        values = contacts[column].drop_nulls().unique(maintain_order=True)
        options = [part.strip() for part in (row.get("options") or "").split("|") if part.strip()]
        planned.append(_decide(column, name, label, row.get("field_type"), options, values))
    return planned


def typed_columns(
    contacts: pl.DataFrame, rules: Sequence[FieldRule], describe: ObjectDescribe | None = None
) -> pl.DataFrame:
    """contact_key and each custom column that `rules` name, in the form that its transform takes.

    A `boolean` column is Boolean, a `multi` column a list of options, a `date` column a Date of the
    cells that are written as one of `DATE_FORMS`, any other the text. `describe` is the rules'
    object: what its picklists offer is never cut at a comma. The first rule of a column has it
    under its name, a further one in a column of its own (`column_for`); where a Boolean or a Date
    could not be told, `unread_column` is true.
    """
    typed = {"contact_key": contacts["contact_key"]}
    for rule in rules:
        column = rule.source
        if column is None or not column.startswith(PREFIX) or column not in contacts.columns:
            continue
        name = column if column not in typed else further_column(rule)
        typed[name] = _typed(contacts[column], rule, describe)
        if rule.transform in ("boolean", "date"):
            written = contacts[column].to_frame().select(clean(pl.col(column))).to_series()
            lost = written.is_not_null() & typed[name].is_null()
            if lost.any():
                typed[unread_column(name)] = lost.replace(old=False, new=None)
    return pl.DataFrame(typed)


def _typed(cells: pl.Series, rule: FieldRule, describe: ObjectDescribe | None) -> pl.Series:
    cell = pl.col(cells.name)
    if rule.transform == "boolean":
        return _ticked(cells, rule.options)
    if rule.transform == "date":
        text = cell.str.strip_chars()
        days = [text.str.to_date(form, strict=False) for form in DATE_FORMS]
        return cells.to_frame().select(pl.coalesce(days)).to_series()
    if rule.transform == "multi":
        field = describe.fields.get(rule.target) if describe else None
        known = (
            *(rule.new.values if rule.new else field.picklist_values if field else ()),
            *rule.options,
        )
        # A semicolon separates the values of a multi-select cell on the wire.
        return option_lists(cells, list(known)).list.eval(
            pl.element().str.replace_all(";", ",", literal=True)
        )
    kind = "text_area" if rule.transform == "long_text" else None
    return cells.to_frame().select(text_value(cell, kind)).to_series()


def options_of(values: pl.Series, known: Sequence[str]) -> tuple[str, ...]:
    """Distinct options in cells that hold several, in the spelling of `known` where it has them."""
    spelling = {option.casefold(): option for option in known}
    found = (option for value in values for option in _split(value, spelling))
    return tuple(dict.fromkeys(found))


def _ticked(cells: pl.Series, options: Sequence[str]) -> pl.Series:
    """A lone option is ticked by its own text, as a yes/no pair is by its word; a text that is
    neither says nothing of the two.
    """
    told = option_lists(cells, list(options)).to_frame("told")
    word = pl.when(pl.col("told").list.len() == 1).then(pl.col("told").list.first())
    folded = word.str.to_lowercase()
    own = [" ".join(unescape(option).lower().split()) for option in options]
    return told.select(
        pl.when(folded.is_in([*own, *YES]))
        .then(pl.lit(value=True))
        .when(folded.is_in(NO))
        .then(pl.lit(value=False))
    ).to_series()


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
                column,
                name,
                new,
                "boolean",
                "checkbox with a lone option or a yes/no pair",
                # A lone "no" in the cells alone is half of a pair, not an option that is ticked.
                tuple(one for one in seen if one in options or one.casefold() not in NO)
                if len(seen) == 1
                else (),
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


def _field(
    column: str,
    name: str,
    new: NewField,
    transform: str,
    evidence: str,
    options: tuple[str, ...] = (),
) -> CustomField:
    asked = {"target": name, "source": column, "transform": transform, "new": new}
    rule = FieldRule.model_validate({**asked, "options": options})
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


def folded_identifier(identifier: str) -> str:
    """An identifier, or a column's name, as both are compared: signs and case do not count."""
    return re.sub(r"[\W_]+", "_", identifier.lower()).strip("_")


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
