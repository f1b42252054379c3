"""Up to 200 records in one call, of any objects: create, update, upsert, delete, retrieve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.errors import ApiError
from kartra_sf_pipeline.localorg.ids import to_18
from kartra_sf_pipeline.localorg.requests import (
    data_path,
    json_body,
    note,
    object_of,
    off_loop,
    reply,
    store_of,
)
from kartra_sf_pipeline.localorg.rest.payload import Refusal, Saved, save_records, to_saved
from kartra_sf_pipeline.localorg.rest.render import read_record
from kartra_sf_pipeline.localorg.rules.remove import remove
from kartra_sf_pipeline.localorg.schema import Field, SObject
from kartra_sf_pipeline.localorg.store import Store

LIMIT = 200
RETRIEVE_LIMIT = 2_000
_ROLLED_BACK = Refusal(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone "
    "header",
)


def _all_or_none(store: Store, work: Callable[[Any], list[Saved]], *, strict: bool) -> list[Saved]:
    with store.write() as connection:
        # A call inside a composite one takes back no more than itself.
        connection.execute("SAVEPOINT collection")
        results = work(connection)
        if strict and any(r.refusal for r in results):
            connection.execute("ROLLBACK TO collection")
            results = [
                r if r.refusal else Saved(None, created=False, refusal=_ROLLED_BACK)
                for r in results
            ]
        connection.execute("RELEASE collection")
    return results


async def _records(request: Request) -> tuple[list[dict[str, Any]], bool]:
    body = await json_body(request)
    records = body.get("records") if isinstance(body, dict) else None
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise ApiError(
            400, "JSON_PARSER_ERROR", "The records of a collection must be a list of objects."
        )
    if len(records) > LIMIT:
        raise ApiError(
            400,
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot submit more than {LIMIT} records",
        )
    return records, bool(body.get("allOrNone", False))


def _object_of_record(store: Store, record: dict[str, Any]) -> SObject | None:
    kind = (record.get("attributes") or {}).get("type")
    return store.visible_schema().object(str(kind)) if kind else None


def _save_mixed(
    store: Store, connection: Any, operation: str, records: list[dict[str, Any]]
) -> list[Saved]:
    """Consecutive records of one object are one batch, as on the platform."""
    out: list[Saved] = []
    start = 0
    while start < len(records):
        sobject = _object_of_record(store, records[start])
        end = start + 1
        while end < len(records) and _object_of_record(store, records[end]) == sobject:
            end += 1
        if sobject is None:
            kind = (records[start].get("attributes") or {}).get("type")
            refusal = Refusal(
                "INVALID_TYPE" if kind else "INVALID_FIELD",
                f"sObject type '{kind}' is not supported." if kind else "Missing attributes type.",
            )
            out += [Saved(None, created=False, refusal=refusal)] * (end - start)
        else:
            # Records of a collection name their id in any case.
            part = [
                {("Id" if k.casefold() == "id" else k): v for k, v in r.items()}
                for r in records[start:end]
            ]
            out += save_records(store, connection, sobject, operation, part)
        start = end
    return out


async def create(request: Request) -> Response:
    """POST /composite/sobjects"""
    return await _write(request, "insert")


async def update(request: Request) -> Response:
    """PATCH /composite/sobjects"""
    return await _write(request, "update")


async def _write(request: Request, operation: str) -> Response:
    store = store_of(request)
    note(request, operation=operation, writes=True)
    records, strict = await _records(request)
    first = (records[0].get("attributes") or {}).get("type", "") if records else ""
    note(request, object=str(first), operation=operation, rows=len(records), writes=True)
    results = await off_loop(
        _all_or_none, store, lambda c: _save_mixed(store, c, operation, records), strict=strict
    )
    return reply([r.body() for r in results])


async def upsert(request: Request) -> Response:
    """PATCH /composite/sobjects/X/{key field}"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    records, strict = await _records(request)
    note(request, object=sobject.name, operation="upsert", rows=len(records), writes=True)
    name = request.path_params["field"]
    field = sobject.field(name)
    if field is None or not field.key:
        raise ApiError(
            404,
            "NOT_FOUND",
            f"Provided external ID field does not exist or is not accessible: {name}",
        )
    results = await off_loop(
        _all_or_none,
        store,
        lambda c: _upsert(store, c, sobject, field, records),
        strict=strict,
    )
    return reply([r.body(upsert=True) for r in results])


def _upsert(
    store: Store, connection: Any, sobject: SObject, field: Field, records: list[dict[str, Any]]
) -> list[Saved]:
    """Rows without `attributes` are refused one by one, the others written."""
    bare = Refusal(
        "JSON_PARSER_ERROR",
        "Nested object for polymorphic foreign key must have an attributes field before any other "
        "fields.",
    )
    kept = [r for r in records if "attributes" in r]
    saved = iter(save_records(store, connection, sobject, "upsert", kept, key=field))
    return [
        next(saved) if "attributes" in r else Saved(None, created=False, refusal=bare)
        for r in records
    ]


async def delete(request: Request) -> Response:
    """DELETE /composite/sobjects?ids=…"""
    store = store_of(request)
    ids = [i for i in request.query_params.get("ids", "").split(",") if i]
    strict = request.query_params.get("allOrNone", "").lower() == "true"
    note(request, operation="delete", rows=len(ids), writes=True)
    if not ids:
        raise ApiError(400, "MISSING_ARGUMENT", "The ids parameter is required.")
    if len(ids) > LIMIT:
        raise ApiError(
            400,
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot submit more than {LIMIT} records",
        )
    results = await off_loop(_all_or_none, store, lambda c: _delete(store, c, ids), strict=strict)
    return reply([r.body() for r in results])


def _delete(store: Store, connection: Any, ids: list[str]) -> list[Saved]:
    out = []
    for value in ids:
        record_id = to_18(value)
        sobject = store.schema.by_prefix.get(record_id[:3]) if record_id else None
        if sobject is None or not sobject.has("deletable"):
            refusal = Refusal("MALFORMED_ID", f"malformed id {value}")
            out.append(Saved(None, created=False, refusal=refusal))
            continue
        outcome = remove(store, connection, sobject, pl.Series([value], dtype=pl.String))
        out.append(to_saved(outcome.row(0, named=True)))
    return out


def _texts(values: Any) -> list[str]:
    return [str(v).strip() for v in values if str(v).strip()] if isinstance(values, list) else []


async def retrieve(request: Request) -> Response:
    """GET or POST /composite/sobjects/X with ids and fields: records in order, null if absent"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    if request.method == "POST":
        body = await json_body(request)
        given = body if isinstance(body, dict) else {}
        ids, names = _texts(given.get("ids")), _texts(given.get("fields"))
    else:
        ids = _texts(request.query_params.get("ids", "").split(","))
        names = _texts(request.query_params.get("fields", "").split(","))
    for parameter, values in (("ids", ids), ("fields", names)):
        if not values:
            raise ApiError(
                400, "MISSING_ARGUMENT", f"The required parameter '{parameter}' is missing."
            )
    if len(ids) > RETRIEVE_LIMIT:
        raise ApiError(
            400,
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot retrieve more than {RETRIEVE_LIMIT} records",
        )
    note(request, object=sobject.name, operation="read", rows=len(ids))
    fields = []
    for name in names:
        field = sobject.field(name.strip())
        if field is None:
            raise ApiError(
                400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}"
            )
        fields.append(field)

    def work() -> list[dict[str, Any] | None]:
        with store.read() as connection:
            return [
                read_record(connection, sobject, data_path(request), to_18(i) or "", fields)
                for i in ids
            ]

    return reply(await off_loop(work))


_BASE = "/services/data/v{version}/composite/sobjects"
routes = [
    Route(_BASE, create, methods=["POST"]),
    Route(_BASE, update, methods=["PATCH"]),
    Route(_BASE, delete, methods=["DELETE"]),
    Route(_BASE + "/{sobject}", retrieve, methods=["GET", "POST"]),
    Route(_BASE + "/{sobject}/{field}", upsert, methods=["PATCH"]),
]
