"""Custom columns find the fields that the org already has; what finds none becomes a new one."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from kartra_sf_pipeline.mapping.column import Column
from kartra_sf_pipeline.mapping.custom_fields import TEXT_LENGTH, CustomField, options_of
from kartra_sf_pipeline.mapping.evidence import (
    SURE,
    TRANSFORM,
    WORTH_A_LOOK,
    Fit,
    best_fits,
    name_likeness,
    near_values,
    plain,
)
from kartra_sf_pipeline.mapping.judge import Judge
from kartra_sf_pipeline.mapping.model import FieldMap, FieldRule, PhaseMap
from kartra_sf_pipeline.mapping.strategies import ValueMap
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe

OWN_PREFIX = "Kartra_"
"""Fields that the project makes for itself: never taken for the org's own."""

# What stays in a field of its own whatever the org has: evidence of consent (S23), keys, tags,
# and what was kept because it is no sound value.
_KEPT_APART = frozenset(
    """
    consent_reason gdpr_status gdpr_status_at communications mailing_status joined_at tags
    tags_overflow affiliate_tags email_held phone_raw name_review computed_spend
    """.split()  # noqa: SIM905 - one word per name reads better
)
# Words that an org's field may have for anything: they say nothing by themselves.
_TOO_GENERAL = frozenset(
    "kind status type name currency email phone quantity host author notes".split()  # noqa: SIM905
)
_TYPES_OF = {
    "Text": ("string", "textarea", "picklist"),
    "LongTextArea": ("textarea",),
    "Number": ("double", "int"),
    "Currency": ("currency", "double"),
    "Date": ("date",),
    "DateTime": ("datetime",),
    "Checkbox": ("boolean",),
    "Picklist": ("picklist", "string"),
    "Email": ("email",),
    "Phone": ("phone",),
    "Url": ("url",),
}
_KIND_OF: dict[type[pl.DataType], str] = {
    pl.Boolean: "Checkbox",
    pl.Date: "Date",
    pl.Datetime: "DateTime",
    pl.Decimal: "Number",
    pl.Int64: "Number",
}
NAMED = 0.95
"""Likeness of names from which a field is called as a column is: the same name, or a synonym."""
MOST_VALUES = 20_000
"""Distinct values of a column that a proposal looks at."""


def adopt_fields(
    custom: Sequence[CustomField],
    contacts: pl.DataFrame,
    describe: ObjectDescribe,
    taken: set[str],
    judge: Judge | None = None,
) -> list[FieldRule]:
    """A rule per custom column, onto an existing field where one fits, with confidence and reason.

    A field of the org that is not custom is taken only on a sure fit. `taken` holds targets, in
    lower case, that other rules write already.
    """
    free = [field for field in describe.fields.values() if may_take(field, taken)]
    columns = [_column(field, contacts) for field in custom]
    rules = []
    for planned, fits in zip(custom, best_fits(columns, free, judge), strict=True):
        fit = fits[0] if fits else None
        least = WORTH_A_LOOK if fit and fit.field.custom else SURE
        if fit is not None and fit.confidence >= least:
            rules.append(_onto(planned, fit))
        else:
            near = f"; nearest in the org: {fit.field.name} ({fit.confidence:.2f})" if fit else ""
            rules.append(
                planned.rule.model_copy(
                    update={
                        "note": planned.evidence,
                        "confidence": 0.9,
                        "reason": f"new field: {planned.evidence}{near}",
                    }
                )
            )
    return rules


def prefer_existing(
    phase: PhaseMap,
    describe: ObjectDescribe | None,
    frame: pl.LazyFrame | None,
    taken: set[str],
) -> PhaseMap:
    """The phase with those new fields that the org has one of its own for moved there.

    Only a field of the same name or a synonym, of the right type and size, that may be written and
    that no other rule writes, is taken. `frame` holds the phase's source columns under their names,
    as far as it has them. Each rule says why it stands. `describe` is None for an object that the
    org has not.
    """
    taken = taken | {rule.target.lower() for rule in phase.fields}
    return phase.model_copy(
        update={"fields": tuple(_prefer(rule, describe, frame, taken) for rule in phase.fields)}
    )


def further_rules(
    columns: Sequence[str], frame: pl.LazyFrame, describe: ObjectDescribe, taken: set[str]
) -> list[FieldRule]:
    """Rules for columns that the standard map leaves behind and the org has a field for.

    The field must be called so: values alone give no column of Kartra's own a home.
    """
    free = [field for field in describe.fields.values() if may_take(field, taken)]
    known = frame.collect_schema()
    # Values are read of those columns alone that some field is called like.
    asked = [
        name
        for name in columns
        if not known[name].is_nested()
        and name not in _TOO_GENERAL
        and any(name_likeness((name,), field)[0] >= NAMED for field in free)
    ]
    found = [column_of(name, (name,), frame) for name in asked]
    rules = []
    for column, fits in zip(found, best_fits(found, free), strict=True):
        if not fits or fits[0].confidence < SURE or column.values.is_empty():
            continue
        fit = fits[0]
        rules.append(
            FieldRule(
                target=fit.field.name,
                source=column.source,
                transform=TRANSFORM.get(fit.field.type, "text"),
                confidence=fit.confidence,
                reason=f"the org has a field for it: {fit.reason}",
            )
        )
    return rules


def column_of(name: str, names: tuple[str, ...], frame: pl.LazyFrame) -> Column:
    """A prepared column as evidence: its distinct values as text."""
    dtype = frame.collect_schema()[name]
    values = (
        frame.select(pl.col(name).drop_nulls().unique().head(MOST_VALUES).cast(pl.String))
        .collect(engine="streaming")
        .to_series()
        .sort()
    )
    kind = next((kind for of, kind in _KIND_OF.items() if isinstance(dtype, of)), "")
    if not kind:
        longest = int(values.str.len_chars().max() or 0)  # pyright: ignore[reportArgumentType]
        kind = "LongTextArea" if longest > TEXT_LENGTH else "Text"
    return Column(name, names, values, tuple(values), several=False, kind=kind)


def values_onto(options: Sequence[str], field: FieldDescribe) -> ValueMap | None:
    """A value map for the values that the picklist spells otherwise; None where none is needed."""
    near = near_values(options, field.picklist_values) if field.type == "picklist" else {}
    return ValueMap(values=near, unknown="keep") if near else None


def targets(field_map: FieldMap, sobject: str) -> set[str]:
    """Lower-case targets of all rules of an object."""
    return {
        rule.target.lower()
        for phase in field_map.phases.values()
        if phase.object == sobject
        for rule in phase.fields
    }


def _prefer(
    rule: FieldRule, describe: ObjectDescribe | None, frame: pl.LazyFrame | None, taken: set[str]
) -> FieldRule:
    if rule.new is None:
        return rule.model_copy(update={"reason": rule.reason or "standard map"})
    plain_rule = rule.model_copy(update={"reason": rule.reason or "standard map: a new field"})
    kinds = _TYPES_OF.get(rule.new.type, ())
    if describe is None:
        return plain_rule
    if rule.source is None or rule.source in _KEPT_APART or rule.new.unique or not kinds:
        return plain_rule
    names = tuple(
        name
        for name in (rule.source, rule.new.label.removeprefix("Kartra "))
        if plain(name) not in _TOO_GENERAL
    )
    found = [
        (likeness, field)
        for field in describe.fields.values()
        if field.custom and field.type in kinds and may_take(field, taken)
        for likeness in [name_likeness(names, field)[0] if names else 0.0]
        if likeness >= NAMED
    ]
    if len(found) != 1:
        several = ", ".join(field.name for _, field in found)
        more = f"; the org has several that could be meant: {several}" if several else ""
        return plain_rule.model_copy(update={"reason": plain_rule.reason + more})
    likeness, field = found[0]
    if not _holds(rule, field, frame):
        why = f"{plain_rule.reason}; {field.name} of the org cannot hold every value"
        return plain_rule.model_copy(update={"reason": why})
    taken.add(field.name.lower())
    return rule.model_copy(
        update={
            "target": field.name,
            "new": None,
            "confidence": round(0.9 * likeness, 3),
            "reason": f"the org has {field.name} ({field.type}); instead of a new {rule.target}",
        }
    )


def _holds(rule: FieldRule, field: FieldDescribe, frame: pl.LazyFrame | None) -> bool:
    """Whether the field takes every value that the column has, as far as it can be seen."""
    source = str(rule.source)
    if field.length and rule.new and rule.new.length and field.type in ("string", "textarea"):
        asked = rule.new.length
    else:
        asked = 0
    if frame is None or source not in frame.collect_schema():
        # Unseen values need all the room that a field of their own would have given them.
        return asked <= field.length if asked else field.type != "picklist"
    values = column_of(source, (), frame).options
    if field.type == "picklist":
        offered = {value.casefold() for value in field.picklist_values}
        return all(value.replace("_", " ").casefold() in offered for value in values)
    return not asked or all(len(value) <= field.length for value in values)


def may_take(field: FieldDescribe, taken: set[str]) -> bool:
    """Whether a proposal may write the field: writable, no key, no lookup, not written already."""
    return (
        field.createable
        and field.updateable
        and not field.calculated
        and not field.unique
        and not field.reference_to
        and field.name.lower() not in taken
        and not field.name.startswith(OWN_PREFIX)
        and not field.name.startswith(("Mailing", "Billing", "Shipping", "Other"))
        and field.name not in ("OwnerId", "CurrencyIsoCode")
    )


def _column(planned: CustomField, contacts: pl.DataFrame) -> Column:
    rule = planned.rule
    values = contacts[planned.column].drop_nulls().unique(maintain_order=True)
    several = rule.transform == "multi"
    kind = rule.new.type if rule.new else "Text"
    if several:
        options = options_of(values, rule.new.values if rule.new else ())
    else:
        options = tuple(values.str.strip_chars().unique(maintain_order=True))
    label = rule.new.label if rule.new else ""
    identifier = planned.column.removeprefix("x__")
    return Column(planned.column, (identifier, label), values, options, several, kind)


def _onto(planned: CustomField, fit: Fit) -> FieldRule:
    transform = TRANSFORM.get(fit.field.type, "text")
    return planned.rule.model_copy(
        update={
            "target": fit.field.name,
            "new": None,
            "transform": transform,
            "options": planned.rule.options if transform == "boolean" else (),
            "confidence": fit.confidence,
            "reason": f"existing field: {fit.reason}",
            "note": planned.evidence,
        }
    )
