"""sObject Tree: records with their children in one call, all or none."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.errors import ApiError
from kartra_sf_pipeline.localorg.requests import (
    json_body,
    note,
    object_of,
    off_loop,
    reply,
    store_of,
)
from kartra_sf_pipeline.localorg.rest.payload import Saved, save_records
from kartra_sf_pipeline.localorg.schema import Schema, SObject
from kartra_sf_pipeline.localorg.store import Store

RECORDS = 200
DEPTH = 5
TYPES = 5


@dataclass
class _Node:
    reference: str
    sobject: SObject
    record: dict[str, Any]
    parent: _Node | None = None
    lookup: str = ""
    id: str = ""


class _RollBack(Exception):
    """Takes the tree back; carries what was wrong with which records."""

    def __init__(self, results: list[dict[str, Any]]) -> None:
        self.results = results
        super().__init__()


def _invalid(message: str) -> ApiError:
    return ApiError(400, "INVALID_INPUT", message)


def _children(schema: Schema, sobject: SObject) -> dict[str, tuple[SObject, str]]:
    """Folded relationship name to the child object and the lookup that points back."""
    out: dict[str, tuple[SObject, str]] = {}
    for relation in sobject.child_relationships:
        child = schema.object(relation.child)
        if relation.relationship_name and child is not None:
            out[relation.relationship_name.casefold()] = (child, relation.field)
    for child in schema:
        for f in child.fields:
            if f.custom and f.child_relationship_name and sobject.name in f.reference_to:
                out[f"{f.child_relationship_name}__r".casefold()] = (child, f.name)
    return out


def _nodes(schema: Schema, top: SObject, body: Any) -> list[list[_Node]]:
    """The records of a tree level by level."""
    levels: list[list[_Node]] = []
    coming: list[tuple[Any, SObject, _Node | None, str]] = [(body, top, None, "")]
    seen: set[str] = set()
    while coming:
        level: list[_Node] = []
        below: list[tuple[Any, SObject, _Node | None, str]] = []
        for holder, sobject, parent, lookup in coming:
            records = holder.get("records") if isinstance(holder, dict) else None
            if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
                raise _invalid("A tree needs its records in a list named records.")
            related = _children(schema, sobject)
            for record in records:
                attributes = record.get("attributes")
                attributes = attributes if isinstance(attributes, dict) else {}
                reference, kind = attributes.get("referenceId"), attributes.get("type")
                if not isinstance(reference, str) or not reference:
                    raise _invalid("Include a reference ID for each record in the request.")
                if reference in seen:
                    raise _invalid(f"Duplicate ReferenceId provided in the request: {reference}")
                seen.add(reference)
                if str(kind).casefold() != sobject.name.casefold():
                    raise _invalid(f"Record {reference} must be of type {sobject.name}, not {kind}")
                node = _Node(reference, sobject, {}, parent, lookup)
                for name, value in record.items():
                    if isinstance(value, dict) and "records" in value:
                        if name.casefold() not in related:
                            raise ApiError(
                                400,
                                "INVALID_FIELD",
                                f"No such relationship '{name}' on sobject of type {sobject.name}",
                            )
                        child, back = related[name.casefold()]
                        below.append((value, child, node, back))
                    else:
                        node.record[name] = value
                level.append(node)
        levels.append(level)
        if len(levels) > DEPTH and level:
            raise _invalid(f"A tree can be {DEPTH} levels deep at most.")
        coming = below
    if not any(levels):
        raise _invalid("A tree needs at least one record.")
    if len(seen) > RECORDS:
        raise _invalid(f"A tree can hold {RECORDS} records at most, not {len(seen)}.")
    if len({n.sobject.name for level in levels for n in level}) > TYPES:
        raise _invalid(f"A tree can hold {TYPES} different types at most.")
    return levels


def _save(store: Store, connection: sqlite3.Connection, levels: list[list[_Node]]) -> None:
    for level in levels:
        wrong: list[dict[str, Any]] = []
        by_type: dict[str, list[_Node]] = {}
        for node in level:
            by_type.setdefault(node.sobject.name, []).append(node)
        for nodes in by_type.values():
            records = [{**n.record, n.lookup: n.parent.id} if n.parent else n.record for n in nodes]
            saved = save_records(store, connection, nodes[0].sobject, "insert", records)
            for node, result in zip(nodes, saved, strict=True):
                node.id = result.id or ""
                if result.refusal is not None:
                    wrong.append(_error(node, result))
        if wrong:
            raise _RollBack(wrong)


def _error(node: _Node, result: Saved) -> dict[str, Any]:
    return {"referenceId": node.reference, "errors": result.body()["errors"]}


async def create(request: Request) -> Response:
    """POST /composite/tree/X"""
    store = store_of(request)
    schema = store.visible_schema()
    sobject = object_of(request, schema)
    body = await json_body(request)
    levels = _nodes(schema, sobject, body)
    count = sum(map(len, levels))
    note(request, object=sobject.name, operation="insert tree", rows=count, writes=True)

    def work() -> list[dict[str, Any]] | None:
        try:
            with store.write() as connection:
                connection.execute("SAVEPOINT tree")
                try:
                    _save(store, connection, levels)
                except _RollBack:
                    connection.execute("ROLLBACK TO tree")
                    raise
                finally:
                    connection.execute("RELEASE tree")
        except _RollBack as found:
            return found.results
        return None

    wrong = await off_loop(work)
    if wrong is not None:
        return reply({"hasErrors": True, "results": wrong}, 400)
    results = [{"referenceId": n.reference, "id": n.id} for level in levels for n in level]
    return reply({"hasErrors": False, "results": results}, 201)


routes = [Route("/services/data/v{version}/composite/tree/{sobject}", create, methods=["POST"])]
