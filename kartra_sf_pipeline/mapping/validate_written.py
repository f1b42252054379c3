"""Faults of the values that a map writes itself: constants, and defaults for blank cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from kartra_sf_pipeline.mapping.fault import Fault
from kartra_sf_pipeline.mapping.model import FieldRule
from kartra_sf_pipeline.mapping.profile import offered_values
from kartra_sf_pipeline.mapping.schema import DESCRIBED
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe


def _truth(text: str) -> None:
    if text.lower() not in ("true", "false"):
        raise ValueError


_READ: Final[Mapping[str, tuple[Callable[[str], Any], str]]] = {
    "date": (date.fromisoformat, "a day such as 2026-01-31"),
    "datetime": (datetime.fromisoformat, "a moment such as 2026-01-31T12:00:00Z"),
    "boolean": (_truth, "true or false"),
    "double": (Decimal, "a number"),
    "currency": (Decimal, "a number"),
    "percent": (Decimal, "a number"),
    "int": (int, "a whole number"),
}


def kind_of(rule: FieldRule, field: FieldDescribe | None) -> str:
    """The type of the rule's field as describe calls it; empty where nothing tells it."""
    if field is not None:
        return field.type
    return DESCRIBED.get(rule.new.type, "") if rule.new else ""


def written_faults(
    place: tuple[str | int, ...], rule: FieldRule, describe: ObjectDescribe
) -> Iterator[Fault]:
    """What the field says of the rule's constant or default; silent for a rule without one."""
    key, value = (
        ("constant", rule.constant) if rule.constant is not None else ("default", rule.default)
    )
    if value is None:
        return
    field = describe.fields.get(rule.target)
    if not value.strip():
        if rule.required:
            yield Fault(
                (*place, key),
                f"the {key} of {rule.target} is blank, and the field is required",
                "Rows that get it will be rejected; write a value.",
                stops=False,
            )
        return
    read, form = _READ.get(kind_of(rule, field), (str, ""))
    try:
        read(value)
    except (ValueError, InvalidOperation):
        yield Fault(
            (*place, key),
            f"{rule.target} cannot hold the {key} {value!r}",
            f"Write {form}.",
        )
    offered = offered_values(rule, describe)
    if offered is None:
        return
    there = {one.casefold() for one in offered}
    several = kind_of(rule, field) == "multipicklist"
    missed = [
        one for one in (value.split(";") if several else [value]) if one.casefold() not in there
    ]
    if missed:
        closed = (
            rule.new.restricted if rule.new else field is not None and field.restricted_picklist
        )
        yield Fault(
            (*place, key),
            f"{rule.target} does not offer the value {'; '.join(missed)!r}"
            + (", and the org refuses it" if closed else ""),
            f"It offers: {', '.join(offered)}." if offered else "It offers none.",
            stops=closed,
        )
