"""Single records: create, read, update, delete, and upsert by external id."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import polars as pl
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.errors import NO_STORE, ApiError, method_not_allowed
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
from kartra_sf_pipeline.localorg.rest.blobs import is_multipart, multipart_record
from kartra_sf_pipeline.localorg.rest.payload import Saved, save_records, to_saved
from kartra_sf_pipeline.localorg.rest.render import read_record
from kartra_sf_pipeline.localorg.rules.remove import remove
from kartra_sf_pipeline.localorg.schema import Field, SObject
from kartra_sf_pipeline.localorg.store import Store


def write_one(
    store: Store,
    sobject: SObject,
    operation: str,
    record: dict[str, Any],
    key: Field | None = None,
) -> Saved:
    """Write one record in a transaction of its own and raise its refusal as an ApiError."""
    with store.write() as connection:
        (saved,) = save_records(store, connection, sobject, operation, [record], key=key)
    if saved.refusal is not None:
        fields = saved.refusal.fields if saved.refusal.code != "JSON_PARSER_ERROR" else None
        if saved.refusal.code == "INVALID_FIELD" and not fields:
            fields = None
        raise ApiError(saved.refusal.status, saved.refusal.code, saved.refusal.message, fields)
    return saved


def parse_id(value: str, sobject: SObject) -> str:
    """The 18-character form of an id in a path; what is no id is read as a key field's name."""
    record_id = to_18(value)
    if record_id is None:
        raise ApiError(
            404,
            "NOT_FOUND",
            f"Provided external ID field does not exist or is not accessible: {value}",
        )
    if record_id[:3] != sobject.key_prefix:
        raise ApiError(
            400, "MALFORMED_ID", f"{sobject.label} ID: id value of incorrect type: {value}", ["Id"]
        )
    return record_id


def missing(store: Store, sobject: SObject, record_id: str) -> ApiError:
    """The refusal for an id without a live record: deleted or never there."""
    rows = store.query(f"SELECT IsDeleted FROM {quote(sobject.name)} WHERE Id = ?", (record_id,))
    if rows:
        return ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", [])
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


def _fields(request: Request, sobject: SObject) -> list[Field] | None:
    names = [n.strip() for n in request.query_params.get("fields", "").split(",") if n.strip()]
    if not names:
        return None
    found = []
    for name in dict.fromkeys(names):
        field = sobject.field(name)
        if field is None:
            raise ApiError(
                400, "INVALID_FIELD", f"No such column '{name}' on entity '{sobject.name}'"
            )
        found.append(field)
    return found


async def create(request: Request) -> Response:
    """POST /sobjects/X"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    note(request, object=sobject.name, operation="insert", rows=1, writes=True)
    if not sobject.has("createable"):
        raise method_not_allowed("POST", "GET,HEAD")
    if is_multipart(request):
        record = await multipart_record(request, sobject)
    else:
        record = _record(await json_body(request))
    saved = await off_loop(write_one, store, sobject, "insert", record)
    location = f"{data_path(request)}/sobjects/{sobject.name}/{saved.id}"
    body = {"id": saved.id, "success": True, "errors": []}
    return reply(body, 201, {"location": location})


async def read(request: Request) -> Response:
    """GET /sobjects/X/{id}, with fields=A,B for some fields only"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    note(request, object=sobject.name, operation="read", rows=1)
    record_id = parse_id(request.path_params["id"], sobject)
    fields = _fields(request, sobject)

    def work() -> dict[str, Any]:
        with store.read() as connection:
            found = read_record(connection, sobject, data_path(request), record_id, fields)
        if found is None:
            raise missing(store, sobject, record_id)
        return found

    return reply(await off_loop(work))


async def update(request: Request) -> Response:
    """PATCH /sobjects/X/{id}"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    note(request, object=sobject.name, operation="update", rows=1, writes=True)
    record = _record(await json_body(request))
    record_id = parse_id(request.path_params["id"], sobject)
    if any(k.casefold() == "id" for k in record):
        raise ApiError(
            400,
            "INVALID_FIELD",
            "The Id field should not be specified in the sobject data.",
        )
    await off_loop(write_one, store, sobject, "update", {"Id": record_id, **record})
    return Response(status_code=204, headers=NO_STORE)


async def delete(request: Request) -> Response:
    """DELETE /sobjects/X/{id}"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    note(request, object=sobject.name, operation="delete", rows=1, writes=True)
    record_id = parse_id(request.path_params["id"], sobject)
    if not sobject.has("deletable"):
        raise method_not_allowed("DELETE", "GET,HEAD,PATCH")
    await off_loop(delete_one, store, sobject, record_id)
    return Response(status_code=204, headers=NO_STORE)


def delete_one(store: Store, sobject: SObject, record_id: str) -> None:
    """Delete one record in a transaction of its own; raises its refusal."""
    with store.write() as connection:
        outcome = remove(store, connection, sobject, pl.Series([record_id], dtype=pl.String))
    saved = to_saved(outcome.row(0, named=True))
    if saved.refusal is not None:
        r = saved.refusal
        raise ApiError(r.status, r.code, r.message, r.fields)


def _record(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ApiError(
            400,
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of complexvalue from START_ARRAY value [",
        )
    return body


def _key_field(request: Request, sobject: SObject) -> Field:
    name = request.path_params["field"]
    field = sobject.field(name)
    if field is None or not field.key:
        raise ApiError(
            404,
            "NOT_FOUND",
            f"Provided external ID field does not exist or is not accessible: {name}",
        )
    return field


def _matches(store: Store, sobject: SObject, field: Field, value: str) -> list[str]:
    if field.type == "id":
        return [i for i in [to_18(value)] if i]
    return [
        r[0]
        for r in store.query(
            f"SELECT Id FROM {quote(sobject.name)} WHERE {quote(field.name)} = ? "
            "AND IsDeleted = 0 ORDER BY Id",
            (value,),
        )
    ]


async def upsert(request: Request) -> Response:
    """PATCH /sobjects/X/{key field}/{value}: 201, 200, or 300 with the candidates"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    note(request, object=sobject.name, operation="upsert", rows=1, writes=True)
    record = _record(await json_body(request))
    field = _key_field(request, sobject)
    value = unquote(request.path_params["value"])
    if any(k.casefold() == field.name.casefold() for k in record):
        raise ApiError(
            400,
            "INVALID_FIELD",
            f"The {field.name} field should not be specified in the sobject data.",
        )

    def work() -> Saved | list[str]:
        found = _matches(store, sobject, field, value)
        if len(found) > 1:
            return found
        if request.query_params.get("updateOnly", "").lower() == "true" and not found:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        if field.type == "id":
            write_one(store, sobject, "update", {"Id": value, **record})
            return Saved(found[0] if found else value, created=False)
        return write_one(store, sobject, "upsert", {field.name: value, **record}, field)

    saved = await off_loop(work)
    base = f"{data_path(request)}/sobjects/{sobject.name}"
    if isinstance(saved, list):
        return reply([f"{base}/{i}" for i in saved], 300)
    body = {"id": saved.id, "success": True, "errors": [], "created": saved.created}
    return reply(body, 201 if saved.created else 200, {"location": f"{base}/{saved.id}"})


async def read_by_key(request: Request) -> Response:
    """GET /sobjects/X/{key field}/{value}"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    note(request, object=sobject.name, operation="read", rows=1)
    field = _key_field(request, sobject)
    fields = _fields(request, sobject)
    value = unquote(request.path_params["value"])

    def work() -> dict[str, Any] | list[str]:
        found = _matches(store, sobject, field, value)
        if len(found) > 1:
            return found
        record = None
        if found:
            with store.read() as connection:
                record = read_record(connection, sobject, data_path(request), found[0], fields)
        if record is None:
            raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
        return record

    result = await off_loop(work)
    if isinstance(result, list):
        base = f"{data_path(request)}/sobjects/{sobject.name}"
        return reply([f"{base}/{i}" for i in result], 300)
    return reply(result)


async def delete_by_key(request: Request) -> Response:
    """DELETE /sobjects/X/{key field}/{value}"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    note(request, object=sobject.name, operation="delete", rows=1, writes=True)
    field = _key_field(request, sobject)
    value = unquote(request.path_params["value"])
    found = await off_loop(_matches, store, sobject, field, value)
    if len(found) != 1:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
    await off_loop(delete_one, store, sobject, found[0])
    return Response(status_code=204, headers=NO_STORE)


_BASE = "/services/data/v{version}/sobjects/{sobject}"
_KEYED = _BASE + "/{field}/{value:path}"
routes = [
    Route(_BASE, create, methods=["POST"]),
    Route(_BASE + "/{id}", read, methods=["GET"]),
    Route(_BASE + "/{id}", update, methods=["PATCH"]),
    Route(_BASE + "/{id}", delete, methods=["DELETE"]),
    Route(_KEYED, read_by_key, methods=["GET"]),
    Route(_KEYED, upsert, methods=["PATCH"]),
    Route(_KEYED, delete_by_key, methods=["DELETE"]),
]
