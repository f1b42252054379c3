"""What is there: versions, resources, limits, objects and their describes."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.record_types import record_types
from kartra_sf_pipeline.localorg.requests import (
    data_path,
    note,
    object_of,
    off_loop,
    reply,
    store_of,
)
from kartra_sf_pipeline.localorg.rest.describe import describe, summary
from kartra_sf_pipeline.localorg.rest.limits import limits

OLDEST, NEWEST = 31, 66
_SEASONS = ("Summer", "Winter", "Spring")


def versions() -> list[dict[str, str]]:
    """Every API version, oldest first, labelled by the release that brought it."""
    out = []
    for number in range(OLDEST, NEWEST + 1):
        # Version 31 came in summer 2014; three releases a year, the winter one named for the next.
        season = (number - OLDEST) % 3
        year = 14 + (number - OLDEST + 2) // 3
        out.append(
            {
                "label": f"{_SEASONS[season]} '{year}",
                "url": f"/services/data/v{number}.0",
                "version": f"{number}.0",
            }
        )
    return out


async def list_versions(request: Request) -> Response:
    """GET /services/data, open to everyone"""
    return reply(versions())


async def list_resources(request: Request) -> Response:
    """GET /services/data/vNN.0: resources by name, and who is asking"""
    base = data_path(request)
    store = store_of(request)
    names = ("sobjects", "query", "queryAll", "limits", "jobs", "tooling", "composite", "metadata")
    body = {name: f"{base}/{name}" for name in sorted(names)}
    body["identity"] = f"{host_of(request)}/id/{store.org_id}/{store.user_id}"
    return reply(body)


def host_of(request: Request) -> str:
    """The address under which the caller reached the server."""
    return f"{request.url.scheme}://{request.url.netloc}"


async def get_limits(request: Request) -> Response:
    """GET /limits"""
    state = request.app.state
    batches = state.ingest.batches_today()
    query_jobs = getattr(state, "query_jobs_today", lambda: 0)()
    return reply(await off_loop(limits, store_of(request), state.audit, batches, query_jobs))


async def record_count(request: Request) -> Response:
    """GET /limits/recordCount?sObjects=A,B: objects without rows are left out"""
    store = store_of(request)
    asked = [n for n in request.query_params.get("sObjects", "").split(",") if n]
    known = [store.schema.object(n) for n in asked] if asked else list(store.schema)

    def work() -> list[dict[str, Any]]:
        counts = []
        for sobject in known:
            if sobject is None:
                continue
            ((count,),) = store.query(
                f"SELECT count(*) FROM {quote(sobject.name)} WHERE IsDeleted = 0"
            )
            if count:
                counts.append({"count": count, "name": sobject.name})
        return sorted(counts, key=lambda c: c["name"])

    return reply({"sObjects": await off_loop(work)})


async def list_objects(request: Request) -> Response:
    """GET /sobjects"""
    schema = store_of(request).visible_schema()
    note(request, operation="describe")
    found = sorted(schema, key=lambda o: o.name)
    body = {
        "encoding": "UTF-8",
        "maxBatchSize": 200,
        "sobjects": [summary(o, data_path(request)) for o in found],
    }
    return reply(body)


async def basic_info(request: Request) -> Response:
    """GET /sobjects/X: the summary and recent records"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    note(request, object=sobject.name, operation="describe")
    path = data_path(request)
    recent = []
    name = sobject.name_field
    if sobject.has("mru_enabled") and name is not None:
        rows = store.query(
            f"SELECT Id, {quote(name.name)} FROM {quote(sobject.name)} WHERE IsDeleted = 0 "
            "ORDER BY rowid DESC LIMIT 5"
        )
        recent = [
            {
                "attributes": {
                    "type": sobject.name,
                    "url": f"{path}/sobjects/{sobject.name}/{r[0]}",
                },
                "Id": r[0],
                name.name: r[1],
            }
            for r in rows
        ]
    return reply({"objectDescribe": summary(sobject, path), "recentItems": recent})


async def describe_object(request: Request) -> Response:
    """GET /sobjects/X/describe"""
    store = store_of(request)
    schema = store.visible_schema()
    sobject = object_of(request, schema)
    note(request, object=sobject.name, operation="describe")
    types = record_types(store, sobject.name)
    return reply(describe(sobject, schema, data_path(request), host_of(request), types))


_BASE = "/services/data/v{version}"
routes = [
    Route("/services/data", list_versions, methods=["GET"]),
    Route(_BASE, list_resources, methods=["GET"]),
    Route(_BASE + "/limits", get_limits, methods=["GET"]),
    Route(_BASE + "/limits/recordCount", record_count, methods=["GET"]),
    Route(_BASE + "/sobjects", list_objects, methods=["GET"]),
    Route(_BASE + "/sobjects/{sobject}", basic_info, methods=["GET"]),
    Route(_BASE + "/sobjects/{sobject}/describe", describe_object, methods=["GET"]),
]
