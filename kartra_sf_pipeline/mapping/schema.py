"""What the org's schema needs before anything can be loaded, and what of it is there already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from kartra_sf_pipeline.mapping.model import FieldMap, NewField
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe
from kartra_sf_pipeline.salesforce.metadata_spec import CustomFieldSpec, PermissionSetSpec

STAMP_FIELD = "Kartra_Migration_Run__c"
PERMISSION_SET = "Kartra_Migration"

_ACTIVITIES = {"Event", "Task"}

PLAN_SCHEMA = {
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

# What the Metadata API calls a type, and what describe calls it.
_DESCRIBED = {
    "Text": "string",
    "LongTextArea": "textarea",
    "Number": "double",
    "Currency": "currency",
    "Date": "date",
    "DateTime": "datetime",
    "Checkbox": "boolean",
    "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist",
    "Email": "email",
    "Phone": "phone",
    "Url": "url",
    "Lookup": "reference",
}


def wanted_fields(field_map: FieldMap) -> list[CustomFieldSpec]:
    """Every custom field that the map writes, each once; Event and Task share those of Activity."""
    wanted: dict[tuple[str, str], CustomFieldSpec] = {}
    for phase in field_map.active().values():
        home = "Activity" if phase.object in _ACTIVITIES else phase.object
        if phase.stamp is not None:
            _want(wanted, _spec(home, STAMP_FIELD, phase.stamp))
        for rule in phase.fields:
            if rule.new is not None:
                _want(wanted, _spec(home, field_name(rule.target), rule.new))
    return list(wanted.values())


def field_name(target: str) -> str:
    """The field behind a column: `Kartra_Adjusts__r.Kartra_Id__c` fills `Kartra_Adjusts__c`."""
    relationship, dot, _ = target.partition(".")
    if not dot:
        return target
    relationship = relationship.rpartition(":")[2]
    return (
        relationship.removesuffix("__r") + "__c"
        if relationship.endswith("__r")
        else relationship + "Id"
    )


def permission_set(fields: Iterable[CustomFieldSpec]) -> PermissionSetSpec:
    """The permission set that lets the migration user see and write the fields."""
    return PermissionSetSpec(
        name=PERMISSION_SET,
        label="Kartra migration",
        description="Field access of the user that runs the migration from Kartra.",
        fields=tuple(spec.full_name for spec in fields),
    )


def plan_schema(
    wanted: Iterable[CustomFieldSpec], describes: Mapping[str, ObjectDescribe]
) -> pl.DataFrame:
    """One row per custom field: `create`, `extend` (values or a length to add), `present` or
    `conflict` (another type under that name), with what differs.
    """
    rows = []
    for spec in wanted:
        home = "Event" if spec.object == "Activity" else spec.object
        found = describes[home].fields.get(spec.name)
        action, detail = _compare(spec, found)
        rows.append(
            {
                "object": spec.object,
                "field": spec.name,
                "type": spec.type,
                "length": spec.length,
                "unique": spec.unique,
                "external_id": spec.external_id,
                "values": len(spec.values),
                "action": action,
                "detail": detail,
            }
        )
    return pl.DataFrame(rows, schema=PLAN_SCHEMA)


def text_lengths(
    describe: ObjectDescribe, wanted: Iterable[CustomFieldSpec], sobject: str
) -> dict[str, int]:
    """Characters that each text field of an object takes, by lower-case API name."""
    lengths = {
        name.lower(): field.length
        for name, field in describe.fields.items()
        if field.length
        and field.type in ("string", "textarea", "phone", "url", "email", "picklist")
    }
    home = "Activity" if sobject in _ACTIVITIES else sobject
    planned = {
        spec.name.lower(): spec.length
        for spec in wanted
        if spec.object == home and spec.length and spec.name.lower() not in lengths
    }
    return lengths | planned


def _want(wanted: dict[tuple[str, str], CustomFieldSpec], spec: CustomFieldSpec) -> None:
    key = (spec.object, spec.name.lower())
    known = wanted.get(key)
    if known is None or len(spec.values) > len(known.values):
        wanted[key] = spec


def _spec(sobject: str, name: str, new: NewField) -> CustomFieldSpec:
    return CustomFieldSpec(
        object=sobject,
        name=name,
        label=new.label,
        type=new.type,
        length=new.length,
        precision=new.precision,
        scale=new.scale,
        unique=new.unique,
        external_id=new.external_id,
        values=new.values,
        restricted=new.restricted,
        visible_lines=new.visible_lines,
        reference_to=new.reference_to,
        relationship_name=new.relationship_name,
        default_value="false" if new.type == "Checkbox" else None,
        description=new.description,
    )


def _compare(spec: CustomFieldSpec, found: FieldDescribe | None) -> tuple[str, str]:
    if found is None:
        return "create", ""
    if found.type != _DESCRIBED[spec.type]:
        return "conflict", f"the org has a field of type {found.type} under this name"
    if spec.unique and not found.unique:
        return "conflict", "the org's field is not unique: an upsert could match two records"
    missing = [
        v for v in spec.values if v.casefold() not in {p.casefold() for p in found.picklist_values}
    ]
    if missing:
        return "extend", f"{len(missing)} picklist values to add"
    if spec.length and found.length and found.length < spec.length and spec.type == "Text":
        return "extend", f"length {found.length} to {spec.length}"
    return "present", ""
