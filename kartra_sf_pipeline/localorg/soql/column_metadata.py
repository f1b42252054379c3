"""What `/query?columns=true` answers: the select list described instead of run."""

from __future__ import annotations

from typing import Any

from kartra_sf_pipeline.localorg.schema import NUMBER_TYPES, Field, Schema
from kartra_sf_pipeline.localorg.soql.plan import ChildPlan, Leaf, Plan, RecordShape

_APEX_TYPES = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "int": "Integer",
    "double": "Double",
    "currency": "Double",
    "percent": "Double",
    "date": "Date",
    "datetime": "Datetime",
    "address": "Address",
}


def column_metadata(plan: Plan, schema: Schema) -> dict[str, Any]:
    """The columns of a plan, parents and children nested under `joinColumns`."""
    members = {} if plan.shape is None else plan.shape.members
    sobject = schema.object(plan.entity)
    aggregates = {output.name for output in plan.outputs if output.aggregate}
    columns = [_member(key, member, aggregate=key in aggregates) for key, member in members.items()]
    return {
        "columnMetadata": columns,
        "entityName": plan.entity,
        "groupBy": plan.grouped,
        "idSelected": "Id" in members,
        "keyPrefix": sobject.key_prefix if sobject else None,
    }


def _member(
    key: str, member: Leaf | RecordShape | ChildPlan, *, aggregate: bool = False
) -> dict[str, Any]:
    if isinstance(member, Leaf):
        return _column(key, member.field, aggregate=aggregate)
    shape = member.shape if isinstance(member, ChildPlan) else member
    entry = _column(key, Field(key, key, "reference"), aggregate=isinstance(member, ChildPlan))
    entry["apexType"] = shape.entity or "Name"
    entry["joinColumns"] = [_member(k, m) for k, m in shape.members.items()]
    return entry


def _column(key: str, field: Field, *, aggregate: bool) -> dict[str, Any]:
    return {
        "aggregate": aggregate,
        "apexType": _APEX_TYPES.get(field.type, "String"),
        "booleanType": field.type == "boolean",
        "columnName": key,
        "custom": field.custom,
        "displayName": key,
        "foreignKeyName": None,
        "insertable": field.createable and not aggregate,
        "joinColumns": [],
        "numberType": field.type in {*NUMBER_TYPES, "int"},
        "textType": field.type not in {*NUMBER_TYPES, "int", "boolean", "date", "datetime"},
        "updatable": field.updateable and not aggregate,
    }
