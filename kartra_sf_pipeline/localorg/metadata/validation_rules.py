"""Validation rules: kept with their formula, listed, switched on and off.

`active_rules` is what an evaluation of the formulas would ask for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kartra_sf_pipeline.localorg.metadata.markup import Element, flag, parse, text
from kartra_sf_pipeline.localorg.metadata.org import (
    Org,
    check_name,
    not_found,
    required,
    required_flag,
)
from kartra_sf_pipeline.localorg.metadata.registry import Component, Registry

MAX_MESSAGE = 255
MAX_FORMULA = 3_900


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """One rule: a record for which `formula` is true is refused with `message`.

    `field` is where the message is shown, None for the top of the page.
    """

    id: str
    object: str
    name: str
    active: bool
    formula: str
    message: str
    field: str | None
    description: str | None


def rule_of(component: Component) -> ValidationRule:
    """The rule that a registered component describes."""
    element = parse(component.source.encode())
    owner, _, name = component.full_name.partition(".")
    return ValidationRule(
        component.id,
        owner,
        name,
        flag(element, "active") or False,
        text(element, "errorConditionFormula") or "",
        text(element, "errorMessage") or "",
        text(element, "errorDisplayField"),
        text(element, "description"),
    )


def active_rules(registry: Registry, object_name: str) -> list[ValidationRule]:
    """The rules of an object that are switched on, by name."""
    rules = (rule_of(c) for c in registry.all("ValidationRule"))
    return [r for r in rules if r.active and r.object.casefold() == object_name.casefold()]


def put_validation_rule(org: Org, full_name: str, element: Element) -> None:
    """Checks a rule; the register keeps it.

    Raises:
        Problem: for a bad name, a missing part, or an unknown field to show the message at.

    """
    sobject, name = org.owner(full_name)
    check_name(name, "Rule Name")
    required_flag(element, "active")
    required(element, "errorConditionFormula", longest=MAX_FORMULA)
    required(element, "errorMessage", longest=MAX_MESSAGE)
    shown = text(element, "errorDisplayField")
    if shown is not None and sobject.field(shown) is None:
        raise not_found("CustomField", f"{sobject.name}.{shown}", "errorDisplayField")


def rules_naming(registry: Registry, object_name: str, field_name: str) -> list[str]:
    """Full names of the rules of an object whose formula names a field of it."""
    word = re.compile(rf"(?<![\w.]){re.escape(field_name)}(?!\w)", re.IGNORECASE)
    rules = (rule_of(c) for c in registry.all("ValidationRule"))
    return [
        f"{r.object}.{r.name}"
        for r in rules
        if r.object.casefold() == object_name.casefold() and word.search(r.formula)
    ]
