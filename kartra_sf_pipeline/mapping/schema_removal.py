"""The way back: what deployments of this home brought to an org, taken away again."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl

from kartra_sf_pipeline.errors import PipelineError
from kartra_sf_pipeline.mapping.schema_deployment import refuse_problems
from kartra_sf_pipeline.mapping.schema_holdings import Holding, field_holdings, object_holdings
from kartra_sf_pipeline.mapping.schema_record import Entry, entries_of, note_removal
from kartra_sf_pipeline.salesforce.metadata import (
    assign_permission_set,
    deploy,
    withdraw_permission_set,
)
from kartra_sf_pipeline.salesforce.metadata_package import package_of
from kartra_sf_pipeline.salesforce.metadata_parts import STAGES, Part, child, q, said
from kartra_sf_pipeline.salesforce.metadata_retrieve import Found, retrieve
from kartra_sf_pipeline.salesforce.org import Org

REMOVAL_SCHEMA = {
    "component": pl.String,
    "name": pl.String,
    "action": pl.String,
    "ours": pl.Int64,
    "others": pl.Int64,
    "detail": pl.String,
}
_BEFORE = ("PermissionSet", "CustomPermission", "CustomField")
_AFTER = ("CustomObject", "BusinessProcess")


@dataclass(frozen=True)
class RemovalStep:
    """One component: `delete`, `switch_off` (values, stages, record types), `gone` or `keep`."""

    entry: Entry
    action: str
    holding: Holding | None = None
    detail: str = ""


@dataclass(frozen=True)
class Removal:
    """Everything that goes or stays, in the order of going."""

    steps: tuple[RemovalStep, ...]
    found: Found

    @property
    def loaded(self) -> dict[str, int]:
        """Stamped records that hold a value in what would be deleted, by component."""
        return {
            step.entry.name: step.holding.ours
            for step in self.steps
            if step.action == "delete" and step.holding is not None and step.holding.ours
        }

    def to_frame(self) -> pl.DataFrame:
        """One row per component: `ours` and `others` count the records that hold a value, with
        and without the stamp of a run; null where the org cannot count them.
        """
        return pl.DataFrame(
            [
                {
                    "component": step.entry.component,
                    "name": step.entry.name,
                    "action": step.action,
                    "ours": step.holding.ours if step.holding else None,
                    "others": step.holding.others if step.holding else None,
                    "detail": step.detail,
                }
                for step in self.steps
            ],
            schema=REMOVAL_SCHEMA,
        )


def plan_removal(org: Org, home: Path) -> Removal:
    """What would go; only reads. Empty where this home has deployed nothing to the org."""
    entries = _whole(entries_of(home, org.org_id))
    names: dict[str, list[str]] = {}
    for entry in entries:
        is_stage = entry.component == "StandardValueSet"
        names.setdefault(entry.component, []).append(STAGES if is_stage else entry.name)
    found = retrieve(org, {kind: list(dict.fromkeys(members)) for kind, members in names.items()})
    org.forget_describes()
    shown = {one["name"] for one in org.describe_global()}
    objects = [e.name for e in entries if e.component == "CustomObject" and e.name in shown]
    fields = [e.name for e in entries if e.component == "CustomField" and e.action == "create"]
    holdings = field_holdings(org, [f for f in fields if f.partition(".")[0] not in objects])
    holdings |= object_holdings(org, objects)
    kinds = {"PermissionSet": 0, "CustomPermission": 1, "CustomField": 2, "StandardValueSet": 3}
    ordered = sorted(entries, key=lambda entry: kinds.get(entry.component, 9))
    return Removal(tuple(_step(entry, found, holdings, set(objects)) for entry in ordered), found)


def remove(org: Org, home: Path, removal: Removal, *, reason: str = "") -> int:
    """Take away what the plan says: assignments first, then grants, fields, objects.

    Returns the number of components. Raises SettingsError with the org's problems: then nothing
    of the schema is gone. `reason` is kept beside what was deployed.
    """
    going = [step for step in removal.steps if step.action in ("delete", "switch_off")]
    sets = [s.entry.name for s in going if s.entry.component == "PermissionSet"]
    holders = {name: withdraw_permission_set(org, name) for name in sets}
    try:
        if going:
            _take_away(org, going, removal.found)
    except PipelineError:
        for name, users in holders.items():
            for user in users:
                assign_permission_set(org, name, user)
        raise
    org.forget_describes()
    # What stays in the org stays known: a later removal may be able to take it.
    kept = [s.entry for s in removal.steps if s.action == "keep" or s.entry.component in _STAYING]
    note_removal(home, org.org_id, len(going), reason, kept)
    return len(going)


_STAYING = ("RecordType",)


def _take_away(org: Org, going: Sequence[RemovalStep], found: Found) -> None:
    package = package_of(
        list(_switched_off(going, found)),
        api_version=org.api_version,
        removed_before=_named(going, _BEFORE, found),
        removed_after=_named(going, _AFTER, found),
    )
    refuse_problems(deploy(org, package, check_only=True), "validate the removal of")
    refuse_problems(deploy(org, package), "remove")


def _whole(entries: Sequence[Entry]) -> list[Entry]:
    """One entry for each component: `create` if any deployment created it, else all it added."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        key = (entry.component, entry.name)
        known = found.get(key)
        if known is None:
            found[key] = entry
        elif known.action == "extend":
            added = tuple(dict.fromkeys((*known.added, *entry.added)))
            found[key] = entry.model_copy(update={"added": added})
    return list(found.values())


def _step(
    entry: Entry, found: Found, holdings: Mapping[str, Holding], objects: set[str]
) -> RemovalStep:
    kind, name = entry.component, entry.name
    if kind == "StandardValueSet":
        return RemovalStep(entry, "switch_off", detail="the org's other stages stay as they are")
    if (kind, name.casefold()) not in found:
        return RemovalStep(entry, "gone", detail="the org does not have it any more")
    if kind == "RecordType":
        return RemovalStep(
            entry, "switch_off", detail="the API deletes no record types: Setup, Object Manager"
        )
    if kind == "BusinessProcess" and any(k == "RecordType" for k, _ in found):
        return RemovalStep(entry, "keep", detail="a record type has it: delete that one first")
    if entry.action == "create":
        owner = name.partition(".")[0]
        with_object = kind == "CustomField" and owner in objects
        said_of = "with its object" if with_object else ""
        return RemovalStep(entry, "delete", holdings.get(name), said_of)
    if kind == "CustomField" and entry.added:
        return RemovalStep(entry, "switch_off", detail=f"{len(entry.added)} values that we added")
    return RemovalStep(entry, "keep", detail="it was the org's own before; what was widened stays")


def _named(
    going: Sequence[RemovalStep], kinds: Sequence[str], found: Found
) -> dict[str, list[str]]:
    """Names to delete by type; a field of a deleted object only where it points at another one."""
    deleted = [step.entry for step in going if step.action == "delete"]
    objects = {entry.name for entry in deleted if entry.component == "CustomObject"}
    named: dict[str, list[str]] = {}
    for entry in deleted:
        owner = entry.name.partition(".")[0]
        if entry.component not in kinds:
            continue
        if entry.component == "CustomField" and owner in objects:
            part = found[entry.component, entry.name.casefold()]
            if said(part.element, "referenceTo") not in objects - {owner}:
                continue
        named.setdefault(entry.component, []).append(entry.name)
    return named


def _switched_off(going: Sequence[RemovalStep], found: Found) -> Iterator[Part]:
    off = [step.entry for step in going if step.action == "switch_off"]
    fields = {s.entry.name for s in going if s.action == "delete"}
    stages = {e.name.partition(".")[2].casefold() for e in off if e.component == "StandardValueSet"}
    part = found.get(("StandardValueSet", STAGES.casefold()))
    if stages and part is not None:
        yield _without(part, "standardValue", stages)
    for entry in off:
        part = found.get((entry.component, entry.name.casefold()))
        if part is None:
            continue
        if entry.component == "RecordType":
            element = copy.deepcopy(part.element)
            node = element.find(q("active"))
            (child(element, "active") if node is None else node).text = "false"
            owner = entry.name.partition(".")[0]
            for picklist in element.findall(q("picklistValues")):
                if f"{owner}.{said(picklist, 'picklist')}" in fields:
                    element.remove(picklist)
            yield Part(part.kind, part.name, element)
        elif entry.component == "CustomField":
            yield _without(part, "value", {value.casefold() for value in entry.added})


def _without(part: Part, tag: str, values: set[str]) -> Part:
    """The part with these values switched off: left out, as the platform takes it."""
    element = copy.deepcopy(part.element)
    holders: list[ET.Element] = [node for node in element.iter() if node.find(q(tag)) is not None]
    for holder in holders:
        for value in holder.findall(q(tag)):
            if said(value, "fullName").casefold() in values:
                holder.remove(value)
    return Part(part.kind, part.name, element)
