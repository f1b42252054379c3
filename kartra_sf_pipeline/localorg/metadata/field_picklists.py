"""The values of picklists: of a field's own set, of a global one, and the limits of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kartra_sf_pipeline.localorg.metadata.markup import (
    Element,
    child,
    children,
    flag,
    number,
    parse,
    text,
)
from kartra_sf_pipeline.localorg.metadata.org import Org, not_found
from kartra_sf_pipeline.localorg.metadata.problems import Problem, must_specify
from kartra_sf_pipeline.localorg.schema import Field, PicklistValue

MAX_MULTISELECT_VALUES = 500
MAX_PICKLIST_VALUES = 1_000
MAX_VALUE_LENGTH = 255
MULTISELECT_LENGTH = 4_099


def picklist_values(elements: Sequence[Element]) -> tuple[PicklistValue, ...]:
    """The values of `<value>` or `<standardValue>` elements.

    Raises:
        Problem: for a value without a name, too long, or told twice.

    """
    values: list[PicklistValue] = []
    seen: set[str] = set()
    for item in elements:
        name = text(item, "fullName")
        if name is None:
            raise Problem("Must specify a fullName for each value of a picklist")
        if len(name) > MAX_VALUE_LENGTH:
            raise Problem(
                f"Value: data value too large: {name} (max length={MAX_VALUE_LENGTH})",
                "STRING_TOO_LONG",
            )
        if name.casefold() in seen:
            raise Problem(f"Duplicate label: {name}", "DUPLICATE_VALUE")
        seen.add(name.casefold())
        active = flag(item, "isActive")
        values.append(
            PicklistValue(
                name,
                text(item, "label") or name,
                active=True if active is None else active,
                default=flag(item, "default") or False,
            )
        )
    return tuple(values)


def value_set_name(field: Element) -> str | None:
    """The global value set that a CustomField element names, if it does."""
    value_set = child(field, "valueSet")
    return None if value_set is None else text(value_set, "valueSetName")


def global_values(element: Element) -> tuple[PicklistValue, ...]:
    """The values of a GlobalValueSet element, in the order in which fields show them."""
    values = picklist_values(children(element, "customValue"))
    if flag(element, "sorted"):
        return tuple(sorted(values, key=lambda v: v.label.casefold()))
    return values


def with_dropped(
    values: tuple[PicklistValue, ...], before: tuple[PicklistValue, ...]
) -> tuple[PicklistValue, ...]:
    """A new set of values, and those of the old one that it leaves out: deactivated, not gone."""
    named = {v.value.casefold() for v in values}
    dropped = (
        PicklistValue(v.value, v.label, active=False)
        for v in before
        if v.value.casefold() not in named
    )
    return (*values, *dropped)


def picklist_field(
    org: Org,
    element: Element,
    name: str,
    label: str,
    kind: str,
    before: Field | None,
    common: dict[str, Any],
) -> Field:
    """The field of a Picklist or MultiselectPicklist element.

    Raises:
        Problem: without values, with too many, or for a global value set that is not there.

    """
    multiple = kind == "MultiselectPicklist"
    if multiple and number(element, "visibleLines") is None:
        raise must_specify("visibleLines", kind)
    value_set = child(element, "valueSet")
    if value_set is None:
        raise must_specify("valueSet", kind)
    values, restricted = _values_of(org, value_set)
    most = MAX_MULTISELECT_VALUES if multiple else MAX_PICKLIST_VALUES
    if (multiple or restricted) and len(values) > most:
        raise Problem(
            f"{name}: a {kind} can have at most {most} values; {len(values)} were specified",
            "LIMIT_EXCEEDED",
        )
    return Field(
        name,
        label,
        "multipicklist" if multiple else "picklist",
        length=MULTISELECT_LENGTH if multiple else MAX_VALUE_LENGTH,
        precision=number(element, "visibleLines") or 0 if multiple else 0,
        restricted_picklist=restricted,
        picklist_values=with_dropped(values, before.picklist_values if before else ()),
        sortable=not multiple,
        groupable=not multiple,
        **common,
    )


def _values_of(org: Org, value_set: Element) -> tuple[tuple[PicklistValue, ...], bool]:
    """The values of a `<valueSet>`, and whether there may be no others."""
    shared = text(value_set, "valueSetName")
    if shared is not None:
        known = org.registry.get("GlobalValueSet", shared)
        if known is None:
            raise not_found("GlobalValueSet", shared, "valueSetName")
        # Fields of a global value set are always restricted to it.
        return global_values(parse(known.source.encode())), True
    definition = child(value_set, "valueSetDefinition")
    if definition is None:
        raise must_specify("valueSetDefinition or valueSetName", "Picklist")
    values = picklist_values(children(definition, "value"))
    if flag(definition, "sorted"):
        values = tuple(sorted(values, key=lambda v: v.label.casefold()))
    return values, flag(value_set, "restricted") or False
