"""Rows of a plan as the JSON that a REST query answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kartra_sf_pipeline.localorg.schema import NUMBER_TYPES, Schema
from kartra_sf_pipeline.localorg.soql.definition_objects import COMPLEX
from kartra_sf_pipeline.localorg.soql.plan import AggregateShape, ChildPlan, Leaf, RecordShape

Row = Sequence[Any]
# Children by parent id, for each subquery of a page.
ChildRows = Mapping[int, Mapping[str, list[Row]]]


@dataclass(frozen=True)
class Shaper:
    """Turns rows into records.

    Attributes:
        base: URL prefix of a version, `/services/data/v62.0`, for the records' `url`.
        entity_of: object name by id prefix, for parents whose type only the row tells.
        children: rows fetched for each ChildPlan, by `id(plan)`.

    """

    base: str
    entity_of: Mapping[str, str]
    children: ChildRows

    def records(
        self, shape: RecordShape | AggregateShape, rows: Iterable[Row]
    ) -> list[dict[str, Any]]:
        """One dictionary a row, keys in the order of the select list, `attributes` first."""
        if isinstance(shape, AggregateShape):
            return [self._aggregate(shape, row) for row in rows]
        build = self._builder(shape)
        return [record for row in rows if (record := build(row)) is not None]

    def _aggregate(self, shape: AggregateShape, row: Row) -> dict[str, Any]:
        record: dict[str, Any] = {"attributes": {"type": "AggregateResult"}}
        for key, leaf in shape.members.items():
            record[key] = value_of(leaf, row)
        return record

    def _builder(self, shape: RecordShape) -> Callable[[Row], dict[str, Any] | None]:
        """A function for one shape, with what does not depend on the row decided once."""
        members = [(key, self._member(member)) for key, member in shape.members.items()]
        # A file's content is answered by where it can be fetched.
        blobs = [
            key
            for key, member in shape.members.items()
            if isinstance(member, Leaf) and member.field.type == "blob"
        ]
        prefix = f"{self.base}/sobjects/"
        id_index = shape.id_index

        def build(row: Row) -> dict[str, Any] | None:
            record_id = row[id_index]
            if record_id is None:
                return None
            entity = shape.entity or self.entity_of.get(record_id[:3], "Name")
            record: dict[str, Any] = {
                "attributes": {
                    "type": shape.shown_as or entity,
                    "url": f"{prefix}{entity}/{record_id}",
                }
            }
            for key, read in members:
                record[key] = read(row)
            for key in blobs:
                if record[key] is not None:
                    record[key] = f"{prefix}{entity}/{record_id}/{key}"
            if shape.branches is not None:
                for key, leaf in shape.branches.get(entity, shape.otherwise).items():
                    record[key] = value_of(leaf, row)
            return record

        return build

    def _member(self, member: Leaf | RecordShape | ChildPlan) -> Callable[[Row], Any]:
        if isinstance(member, RecordShape):
            return self._builder(member)
        if isinstance(member, ChildPlan):
            return self._child_list(member)
        index = member.index
        if member.field.type == "boolean":
            return lambda row: None if row[index] is None else bool(row[index])
        if member.field.type == COMPLEX:
            return lambda row: None if row[index] is None else json.loads(row[index])
        if member.address or member.label or member.formatted or index < 0:
            return lambda row: value_of(member, row)
        return lambda row: row[index]

    def _child_list(self, plan: ChildPlan) -> Callable[[Row], Any]:
        by_parent = self.children.get(id(plan), {})
        build = self._builder(plan.shape)

        def read(row: Row) -> dict[str, Any] | None:
            rows = by_parent.get(row[0])
            if not rows:
                return None
            records = [build(r) for r in rows]
            return {"totalSize": len(records), "done": True, "records": records}

        return read


def value_of(leaf: Leaf, row: Row) -> Any:
    """One stored value in the form of a JSON reply."""
    if leaf.index < 0:
        parts = {key: row[index] for key, index in leaf.address}
        return parts if any(v is not None for v in parts.values()) else None
    value = row[leaf.index]
    if value is None:
        return None
    if leaf.field.type == "boolean":
        return bool(value)
    if leaf.label:
        return next((v.label for v in leaf.field.picklist_values if v.value == value), value)
    if leaf.formatted and leaf.field.type in {*NUMBER_TYPES, "int"}:
        return f"{value:,.{leaf.field.scale}f}"
    return value


def prefixes(schema: Schema) -> dict[str, str]:
    """Object name by the first three characters of its ids."""
    return {prefix: sobject.name for prefix, sobject in schema.by_prefix.items()}
