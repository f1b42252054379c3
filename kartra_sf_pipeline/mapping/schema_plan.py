"""The plan from the org as it is to the schema that the map wants, component by component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.schema import (
    PERMISSION_SET,
    shown_on,
    wanted_schema,
)
from kartra_sf_pipeline.mapping.schema_changes import Change, compare, compare_stages
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.salesforce.metadata import is_assigned
from kartra_sf_pipeline.salesforce.metadata_parts import STAGES, Part, parts_of
from kartra_sf_pipeline.salesforce.metadata_retrieve import Found, retrieve
from kartra_sf_pipeline.salesforce.metadata_spec import Components, CustomFieldSpec
from kartra_sf_pipeline.salesforce.org import Org

PLAN_SCHEMA = {
    "component": pl.String,
    "name": pl.String,
    "object": pl.String,
    "field": pl.String,
    "type": pl.String,
    "length": pl.Int64,
    "unique": pl.Boolean,
    "external_id": pl.Boolean,
    "values": pl.Int64,
    "action": pl.String,
    "detail": pl.String,
}

# A sales process is what these objects' record types cannot be without.
_WITH_PROCESS = ("Opportunity", "Lead")


@dataclass(frozen=True)
class OrgSchema:
    """What the org holds of the wanted components, and what its describes show the user."""

    parts: Found
    describes: Mapping[str, ObjectDescribe]
    assigned: bool
    """Whether the migration user has the permission set."""


@dataclass(frozen=True)
class Step:
    """One component: what is to be done about it, and why."""

    kind: str
    name: str
    action: str
    detail: str = ""
    added: tuple[str, ...] = ()
    """Values that an `extend` adds to what was there."""


@dataclass(frozen=True)
class Plan:
    """All steps, and the parts that a deployment brings to get there."""

    wanted: Components
    steps: tuple[Step, ...]
    parts: tuple[Part, ...] = field(default=())

    @property
    def conflicts(self) -> list[Step]:
        """What cannot be: the org has something else under the name."""
        return [step for step in self.steps if step.action == "conflict"]

    @property
    def pending(self) -> list[Step]:
        """What is not as it should be yet."""
        return [step for step in self.steps if step.action != "present"]

    def to_frame(self) -> pl.DataFrame:
        """One row per component; `object` and `field` where it is a custom field."""
        specs = {spec.full_name: spec for spec in self.wanted.fields}
        return pl.DataFrame([_row(step, specs) for step in self.steps], schema=PLAN_SCHEMA)


def ask_plan(org: Org, field_map: FieldMap, describes: Mapping[str, ObjectDescribe]) -> Plan:
    """The plan for the org as it is now; `describes` are those of its snapshot. Only reads."""
    wanted = wanted_schema(field_map)
    names: dict[str, list[str]] = {}
    for part in parts_of(wanted):
        names.setdefault(part.kind, []).append(part.name)
    found = retrieve(org, names)
    return make_plan(wanted, OrgSchema(found, describes, is_assigned(org, PERMISSION_SET)))


def make_plan(wanted: Components, org: OrgSchema) -> Plan:
    """What must be created or extended, what is there, and what clashes."""
    steps: list[Step] = []
    parts: list[Part] = []
    specs = {spec.full_name: spec for spec in wanted.fields}
    for part in parts_of(wanted):
        known = org.parts.get((part.kind, part.name.casefold()))
        if part.kind == "StandardValueSet":
            for stage, change in compare_stages(wanted.stages, known):
                steps.append(_step(part.kind, f"{STAGES}.{stage}", change))
            merged = next((c.part for _, c in compare_stages(wanted.stages, known) if c.part), None)
            parts += [merged] if merged else []
            continue
        change = _new(part) if known is None else compare(part, known)
        change = _SEEN.get(part.kind, _as_it_is)(change, part, specs, org)
        steps.append(_step(part.kind, part.name, change))
        if change.part is not None:
            parts.append(change.part)
    return Plan(wanted, tuple(steps), tuple(parts))


def _step(kind: str, name: str, change: Change) -> Step:
    return Step(kind, name, change.action, change.detail, change.added)


def _new(part: Part) -> Change:
    if part.kind == "RecordType":
        owner = part.name.partition(".")[0]
        if owner in _WITH_PROCESS and not any(
            node.tag.endswith("}businessProcess") for node in part.element
        ):
            return Change("conflict", "the record type names no sales process (`process`)")
    return Change("create", part=part)


def _as_it_is(change: Change, _: Part, __: Mapping[str, CustomFieldSpec], ___: OrgSchema) -> Change:
    return change


def _field_seen(
    change: Change, part: Part, specs: Mapping[str, CustomFieldSpec], org: OrgSchema
) -> Change:
    """A field that is there must be writable for the user, too."""
    if change.action != "present":
        return change
    spec = specs[part.name]
    for shown in shown_on(spec.object):
        described = org.describes.get(shown)
        known = described.fields.get(spec.name) if described else None
        if known is None or not known.createable:
            return Change("extend", f"the migration user may not write it on {shown} yet")
    return change


def _object_seen(
    change: Change, part: Part, _: Mapping[str, CustomFieldSpec], org: OrgSchema
) -> Change:
    if change.action != "present":
        return change
    described = org.describes.get(part.name)
    if described is None or not described.createable:
        return Change("extend", "the migration user may not create its records yet")
    return change


def _set_seen(
    change: Change, part: Part, _: Mapping[str, CustomFieldSpec], org: OrgSchema
) -> Change:
    if change.action == "present" and part.name == PERMISSION_SET and not org.assigned:
        return Change("extend", "the migration user does not have it yet")
    return change


_SEEN: dict[str, Callable[[Change, Part, Mapping[str, CustomFieldSpec], OrgSchema], Change]] = {
    "CustomField": _field_seen,
    "CustomObject": _object_seen,
    "PermissionSet": _set_seen,
}


def _row(step: Step, specs: Mapping[str, CustomFieldSpec]) -> dict[str, Any]:
    spec = specs.get(step.name) if step.kind == "CustomField" else None
    row: dict[str, Any] = dict.fromkeys(PLAN_SCHEMA)
    row |= {
        "component": step.kind,
        "name": step.name,
        "action": step.action,
        "detail": step.detail,
    }
    if spec is not None:
        row |= {
            "object": spec.object,
            "field": spec.name,
            "type": spec.type,
            "length": spec.length,
            "unique": spec.unique,
            "external_id": spec.external_id,
            "values": len(spec.values),
        }
    return row


def not_as_planned(planned: pl.DataFrame, read_back: pl.DataFrame) -> pl.DataFrame:
    """Components of the plan that did not read back as planned: `row` (its name) and `detail`."""
    both = planned.select("component", "name").join(
        read_back.select("component", "name", "action", "detail"),
        on=["component", "name"],
        how="left",
    )
    return both.filter(pl.col("action").ne_missing("present")).select(
        row=pl.concat_str("component", pl.lit(" "), "name"),
        detail=pl.when(pl.col("action").is_null())
        .then(pl.lit("not read back"))
        .otherwise(pl.concat_str("action", pl.lit(": "), "detail")),
    )
