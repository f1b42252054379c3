"""Custom columns find the fields that the org already has; what finds none becomes a new one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from kartra_sf_pipeline.mapping.custom_fields import CustomField, options_of
from kartra_sf_pipeline.mapping.evidence import (
    SURE,
    TRANSFORM,
    WORTH_A_LOOK,
    Column,
    Fit,
    best_fits,
    name_likeness,
)
from kartra_sf_pipeline.mapping.model import FieldMap, FieldRule, PhaseMap
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe

OWN_PREFIX = "Kartra_"
"""Fields that the project makes for itself: never taken for the org's own."""

# Columns of Kartra's own whose new field an org often has under another name; evidence of
# consent, keys and money always get a field of their own.
_OFTEN_THERE = frozenset({"score"})
_TYPES_OF = {"Number": ("double", "int")}


def adopt_fields(
    custom: Sequence[CustomField], contacts: pl.DataFrame, describe: ObjectDescribe, taken: set[str]
) -> list[FieldRule]:
    """A rule per custom column, onto an existing field where one fits, with confidence and reason.

    A field of the org that is not custom is taken only on a sure fit. `taken` holds targets, in
    lower case, that other rules write already.
    """
    free = [field for field in describe.fields.values() if _may_take(field, taken)]
    columns = [_column(field, contacts) for field in custom]
    rules = []
    for planned, fits in zip(custom, best_fits(columns, free), strict=True):
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


def prefer_existing(phase: PhaseMap, describe: ObjectDescribe) -> PhaseMap:
    """The phase with those standard columns that the org has its own custom field for moved there.

    Only a field of the same name or a synonym, of the right type, that may be written, is taken.
    """
    taken = {rule.target.lower() for rule in phase.fields}
    return phase.model_copy(
        update={"fields": tuple(_prefer(rule, describe, taken) for rule in phase.fields)}
    )


def targets(field_map: FieldMap, sobject: str) -> set[str]:
    """Lower-case targets of all rules of an object."""
    return {
        rule.target.lower()
        for phase in field_map.phases.values()
        if phase.object == sobject
        for rule in phase.fields
    }


def _prefer(rule: FieldRule, describe: ObjectDescribe, taken: set[str]) -> FieldRule:
    if rule.new is None or rule.source not in _OFTEN_THERE:
        return rule
    kinds: Iterable[str] = _TYPES_OF.get(rule.new.type, ())
    found = [
        (likeness, field)
        for field in describe.fields.values()
        if field.custom and field.type in kinds and _may_take(field, taken)
        for likeness, _ in [name_likeness((str(rule.source),), field)]
        if likeness >= 0.95
    ]
    if len(found) != 1:
        return rule
    likeness, field = found[0]
    return rule.model_copy(
        update={
            "target": field.name,
            "new": None,
            "confidence": round(0.9 * likeness, 3),
            "reason": f"the org has {field.name} ({field.type}); instead of a new {rule.target}",
        }
    )


def _may_take(field: FieldDescribe, taken: set[str]) -> bool:
    return (
        field.createable
        and field.updateable
        and not field.calculated
        and not field.unique
        and not field.reference_to
        and field.name.lower() not in taken
        and not field.name.startswith(OWN_PREFIX)
        and not field.name.startswith("Mailing")
        and field.name != "OwnerId"
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
    return planned.rule.model_copy(
        update={
            "target": fit.field.name,
            "new": None,
            "transform": TRANSFORM.get(fit.field.type, "text"),
            "confidence": fit.confidence,
            "reason": f"existing field: {fit.reason}",
            "note": planned.evidence,
        }
    )
