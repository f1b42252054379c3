"""One component as the org has it beside what is wanted: what differs, and the way there.

What the org has beyond the wish stays: a deployment replaces a component, so what was retrieved is
the base, and what is missing is added to it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from kartra_sf_pipeline.mapping.custom_fields import MULTI_SELECT_VALUES, PICKLIST_VALUES
from kartra_sf_pipeline.salesforce.metadata_parts import (
    STAGES,
    Part,
    child,
    local,
    picklist_value,
    process_value,
    q,
    said,
    stage_value,
)
from kartra_sf_pipeline.salesforce.metadata_spec import StageSpec

_MOST_DIGITS = 18
# What a permission set grants: an element, and the child that names what it is about.
GRANTS = {
    "customPermissions": "name",
    "fieldPermissions": "field",
    "objectPermissions": "object",
    "recordTypeVisibilities": "recordType",
}


@dataclass(frozen=True)
class Change:
    """`create`, `extend`, `present` or `conflict`; `part` is what to deploy."""

    action: str
    detail: str = ""
    part: Part | None = None
    added: tuple[str, ...] = ()


PRESENT = Change("present")


def compare(wanted: Part, found: Part) -> Change:
    """What must happen to the org's component."""
    return _COMPARE[wanted.kind](wanted, found)


def compare_stages(wanted: Sequence[StageSpec], found: Part | None) -> Iterator[tuple[str, Change]]:
    """Each stage with its change; the first changed one carries the whole merged value set."""
    if found is None:
        yield from (
            (stage.name, Change("conflict", "the org does not show its opportunity stages"))
            for stage in wanted
        )
        return
    element = copy.deepcopy(found.element)
    known = {said(v, "fullName").casefold(): v for v in element.findall(q("standardValue"))}
    changes: list[tuple[str, str, str]] = []
    for stage in wanted:
        value = known.get(stage.name.casefold())
        if value is None:
            stage_value(element, stage)
            changes.append((stage.name, "create", ""))
            continue
        told = (said(value, "closed") == "true", said(value, "won") == "true")
        if told != (stage.closed, stage.won):
            words = "won" if told[1] else "lost" if told[0] else "open"
            changes.append((stage.name, "conflict", f"the org's stage of this name is {words}"))
        elif _activate(value):
            changes.append((stage.name, "extend", "switched on again"))
        else:
            changes.append((stage.name, "present", ""))
    merged: Part | None = Part("StandardValueSet", STAGES, element)
    for name, action, detail in changes:
        changed = action in ("create", "extend")
        yield name, Change(action, detail, merged if changed else None, (name,) if changed else ())
        merged = None if changed else merged


def _field(wanted: Part, found: Part) -> Change:
    wish, known = wanted.element, found.element
    kind = said(wish, "type")
    if known.find(q("formula")) is not None:
        return Change("conflict", "the org has a formula under this name")
    if said(known, "type") != kind:
        return Change(
            "conflict", f"the org has a field of type {said(known, 'type')} under this name"
        )
    for flag, words in (
        ("unique", "is not unique: an upsert could match two records"),
        ("externalId", "is no external ID: an upsert could not find records by it"),
    ):
        if said(wish, flag) == "true" and said(known, flag) != "true":
            return Change("conflict", f"the org's field {words}")
    if said(wish, "referenceTo") != said(known, "referenceTo"):
        return Change("conflict", f"the org's lookup points to {said(known, 'referenceTo')}")
    element = copy.deepcopy(known)
    details: list[str] = []
    if said(wish, "caseSensitive") == "false" and said(known, "caseSensitive") == "true":
        _set(element, "caseSensitive", "false")
        details.append("upper and lower case to count as the same")
    if said(wish, "length"):
        short, long = int(said(known, "length") or 0), int(said(wish, "length"))
        if short < long:
            _set(element, "length", str(long))
            details.append(f"length {short} to {long}")
    if said(wish, "precision"):
        digits = _digits(wish, known)
        if digits is None:
            return Change("conflict", "the org's number and ours do not fit into 18 digits")
        if digits != (int(said(known, "precision")), int(said(known, "scale"))):
            _set(element, "precision", str(digits[0]))
            _set(element, "scale", str(digits[1]))
            details.append(f"{digits[0]} digits, {digits[1]} after the point")
    added = _add_values(element, wish)
    if isinstance(added, str):
        return Change("conflict", added)
    if added:
        details.append(f"{len(added)} picklist values to add")
    if not details:
        return PRESENT
    part = Part(found.kind, found.name, element)
    return Change("extend", "; ".join(details), part, added)


def _digits(wish: ET.Element, known: ET.Element) -> tuple[int, int] | None:
    scale = max(int(said(node, "scale") or 0) for node in (wish, known))
    whole = max(int(said(node, "precision")) - int(said(node, "scale") or 0)
                for node in (wish, known))  # fmt: skip
    if int(said(known, "scale") or 0) < int(said(wish, "scale") or 0) or (
        int(said(known, "precision")) - int(said(known, "scale") or 0)
        < int(said(wish, "precision")) - int(said(wish, "scale") or 0)
    ):
        return (whole + scale, scale) if whole + scale <= _MOST_DIGITS else None
    return int(said(known, "precision")), int(said(known, "scale") or 0)


def _add_values(element: ET.Element, wish: ET.Element) -> tuple[str, ...] | str:
    """Put the wished values that are missing into the element; a sentence where that cannot be."""
    wished = [said(v, "fullName") for v in wish.iter(q("value"))]
    if not wished:
        return ()
    shared = said(element, "valueSet/valueSetName")
    definition = element.find(f"{q('valueSet')}/{q('valueSetDefinition')}")
    if definition is None:
        return f"its values are those of the global value set {shared}: map to that, or rename"
    known = {said(v, "fullName").casefold(): v for v in definition.findall(q("value"))}
    added: list[str] = []
    for value in wished:
        there = known.get(value.casefold())
        if there is None:
            picklist_value(definition, "value", value)
            added.append(value)
        elif _activate(there):
            added.append(value)
    kind = said(wish, "type")
    most = MULTI_SELECT_VALUES if kind == "MultiselectPicklist" else PICKLIST_VALUES
    whole = len(definition.findall(q("value")))
    if added and whole > most:
        return f"it would have {whole} values, and takes {most}: the org's own count, too"
    return tuple(added)


def _object(_: Part, found: Part) -> Change:
    if said(found.element, "nameField/type") == "AutoNumber":
        return Change(
            "conflict", "the org has an object of this name whose records name themselves"
        )
    return PRESENT


def _process(wanted: Part, found: Part) -> Change:
    element = copy.deepcopy(found.element)
    added = _add_named(element, element, wanted.element)
    details = [f"{len(added)} stages to add"] if added else []
    if said(element, "isActive") == "false":
        _set(element, "isActive", "true")
        details.append("switched on again")
    part = Part(found.kind, found.name, element)
    return Change("extend", "; ".join(details), part, added) if details else PRESENT


def _record_type(wanted: Part, found: Part) -> Change:
    wish, element = wanted.element, copy.deepcopy(found.element)
    process = said(wish, "businessProcess")
    if process and process != said(element, "businessProcess"):
        return Change(
            "conflict",
            f"the org's record type has the sales process {said(element, 'businessProcess')}",
        )
    details: list[str] = []
    if said(element, "active") == "false":
        _set(element, "active", "true")
        details.append("switched on again")
    known = {said(p, "picklist"): p for p in element.findall(q("picklistValues"))}
    for picklist in wish.findall(q("picklistValues")):
        name = said(picklist, "picklist")
        there = known.get(name)
        if there is None:
            element.append(copy.deepcopy(picklist))
            details.append(f"values of {name}")
        elif _add_named(there, there, picklist):
            details.append(f"values of {name}")
    part = Part(found.kind, found.name, element)
    return Change("extend", "; ".join(details), part) if details else PRESENT


def _permission_set(wanted: Part, found: Part) -> Change:
    element = copy.deepcopy(found.element)
    counted = 0
    for tag, key in GRANTS.items():
        known = {said(grant, key): grant for grant in element.findall(q(tag))}
        for grant in wanted.element.findall(q(tag)):
            there = known.get(said(grant, key))
            if there is not None and all(said(there, local(p)) == (p.text or "") for p in grant):
                continue
            if there is not None:
                element.remove(there)
            element.append(copy.deepcopy(grant))
            counted += 1
    if not counted:
        return PRESENT
    return Change("extend", f"{counted} grants to add", Part(found.kind, found.name, element))


def _there(_: Part, __: Part) -> Change:
    return PRESENT


_COMPARE: dict[str, Callable[[Part, Part], Change]] = {
    "BusinessProcess": _process,
    "CustomField": _field,
    "CustomObject": _object,
    "CustomPermission": _there,
    "PermissionSet": _permission_set,
    "RecordType": _record_type,
}


def _add_named(into: ET.Element, known_in: ET.Element, wish: ET.Element) -> tuple[str, ...]:
    """Add the wished `values` that are missing; names are written like parts of an address."""
    known = {unquote(said(v, "fullName")).casefold() for v in known_in.findall(q("values"))}
    added = [
        name
        for v in wish.findall(q("values"))
        if (name := unquote(said(v, "fullName"))).casefold() not in known
    ]
    for name in added:
        process_value(into, name)
    return tuple(added)


def _activate(value: ET.Element) -> bool:
    """Switch a value of a picklist on; False where it is on already."""
    off = value.find(q("isActive"))
    if off is None or off.text != "false":
        return False
    value.remove(off)
    return True


def _set(element: ET.Element, tag: str, text: str) -> None:
    node = element.find(q(tag))
    if node is None:
        node = child(element, tag)
    node.text = text
