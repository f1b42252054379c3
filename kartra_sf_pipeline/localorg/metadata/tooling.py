"""HTTP routes of the Tooling API's records: components made, read, changed and removed as JSON."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.errors import NO_STORE, ApiError, not_found
from kartra_sf_pipeline.localorg.ids import to_18
from kartra_sf_pipeline.localorg.metadata.endpoints import MetadataApi, metadata_of
from kartra_sf_pipeline.localorg.metadata.json_form import to_element, to_json
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.metadata.reading import read_component
from kartra_sf_pipeline.localorg.metadata.registry import Component
from kartra_sf_pipeline.localorg.requests import data_path, json_body, note, off_loop, reply

# What the Tooling API has as records; the others are reached through the Metadata API.
TYPES = (
    "BusinessProcess",
    "CustomField",
    "CustomObject",
    "FlowDefinition",
    "GlobalValueSet",
    "RecordType",
    "ValidationRule",
)
_NOT_MADE = frozenset({"CustomObject", "FlowDefinition"})


def _kind(request: Request) -> str:
    asked = request.path_params["sobject"]
    kind = next((t for t in TYPES if t.casefold() == asked.casefold()), None)
    if kind is None:
        raise not_found()
    return kind


def _component(api: MetadataApi, request: Request, kind: str) -> Component:
    given = request.path_params["id"]
    record_id = to_18(given)
    found = api.registry.by_id(kind, record_id) if record_id else None
    if found is None:
        raise ApiError(404, "NOT_FOUND", "The requested resource does not exist")
    return found


def _refused(problem: Problem) -> ApiError:
    return ApiError(400, problem.code, problem.message, [])


async def _body(request: Request) -> dict[str, Any]:
    body = await json_body(request)
    if not isinstance(body, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "The body must be a JSON object")
    return {str(k).casefold(): v for k, v in body.items()}


async def list_types(request: Request) -> Response:
    """GET /tooling/sobjects"""
    base = f"{data_path(request)}/tooling/sobjects"
    listed = [
        {
            "name": name,
            "label": name,
            "queryable": True,
            "createable": name not in _NOT_MADE,
            "urls": {"sobject": f"{base}/{name}", "rowTemplate": f"{base}/{name}/{{ID}}"},
        }
        for name in TYPES
    ]
    return reply({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": listed})


async def create(request: Request) -> Response:
    """POST /tooling/sobjects/CustomField: FullName and Metadata"""
    kind = _kind(request)
    body = await _body(request)
    note(request, object=kind, operation="insert", rows=1, writes=True)
    full_name = str(body.get("fullname") or "")
    missing = [n for n in ("FullName", "Metadata") if not body.get(n.casefold())]
    if missing:
        raise ApiError(
            400,
            "REQUIRED_FIELD_MISSING",
            f"Required fields are missing: [{', '.join(missing)}]",
            missing,
        )
    api = metadata_of(request.app)

    def work() -> str:
        try:
            if kind in _NOT_MADE:
                raise Problem(f"Components of type {kind} cannot be created", "INVALID_TYPE")
            element = to_element(kind, full_name, body["metadata"])
            with api.store.write():
                if api.components.exists(kind, full_name):
                    raise Problem(
                        f"The name {full_name} is already used by another {kind}",
                        "DUPLICATE_DEVELOPER_NAME",
                    )
                return api.components.put(kind, full_name, element).id
        except Problem as problem:
            raise _refused(problem) from problem

    record_id = await off_loop(work)
    done = {"id": record_id, "success": True, "errors": [], "warnings": [], "infos": []}
    return reply(done, 201)


async def read(request: Request) -> Response:
    """GET /tooling/sobjects/CustomField/{id}: the component with its Metadata"""
    kind = _kind(request)
    note(request, object=kind, operation="read", rows=1)
    api = metadata_of(request.app)

    def work() -> dict[str, Any]:
        found = _component(api, request, kind)
        element = read_component(api.components.org, kind, found.full_name)
        url = f"{data_path(request)}/tooling/sobjects/{kind}/{found.id}"
        return {
            "attributes": {"type": kind, "url": url},
            "Id": found.id,
            "CreatedDate": found.created,
            "LastModifiedDate": found.modified,
            "ManageableState": "unmanaged",
            "FullName": found.full_name,
            "Metadata": None if element is None else to_json(element),
        }

    return reply(await off_loop(work))


async def update(request: Request) -> Response:
    """PATCH /tooling/sobjects/CustomField/{id}: Metadata takes the place of what was"""
    kind = _kind(request)
    body = await _body(request)
    note(request, object=kind, operation="update", rows=1, writes=True)
    api = metadata_of(request.app)

    def work() -> None:
        found = _component(api, request, kind)
        if "metadata" not in body:
            raise ApiError(
                400,
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [Metadata]",
                ["Metadata"],
            )
        try:
            element = to_element(kind, found.full_name, body["metadata"])
            with api.store.write():
                api.components.put(kind, found.full_name, element)
        except Problem as problem:
            raise _refused(problem) from problem

    await off_loop(work)
    return Response(status_code=204, headers=NO_STORE)


async def delete(request: Request) -> Response:
    """DELETE /tooling/sobjects/CustomField/{id}"""
    kind = _kind(request)
    note(request, object=kind, operation="delete", rows=1, writes=True)
    api = metadata_of(request.app)

    def work() -> None:
        found = _component(api, request, kind)
        try:
            with api.store.write():
                api.components.drop(kind, found.full_name)
        except Problem as problem:
            raise _refused(problem) from problem

    await off_loop(work)
    return Response(status_code=204, headers=NO_STORE)


_BASE = "/services/data/v{version}/tooling/sobjects"
routes = [
    Route(_BASE, list_types, methods=["GET"]),
    Route(_BASE + "/{sobject}", create, methods=["POST"]),
    Route(_BASE + "/{sobject}/{id}", read, methods=["GET"]),
    Route(_BASE + "/{sobject}/{id}", update, methods=["PATCH"]),
    Route(_BASE + "/{sobject}/{id}", delete, methods=["DELETE"]),
]
