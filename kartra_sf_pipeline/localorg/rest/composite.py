"""Several requests in one: composite (in order, with references), graphs of them, and batches."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.errors import ApiError
from kartra_sf_pipeline.localorg.requests import json_body, note, off_loop, reply, store_of
from kartra_sf_pipeline.localorg.rest.parts import Part, answer, in_place, refused
from kartra_sf_pipeline.localorg.rest.references import ReferenceMissing, fill

LIMIT = 25
QUERIES = 5
GRAPHS = 75
NODES = 500
_METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "HEAD")
_HALTED = refused(
    ApiError(
        400,
        "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed.",
    )
)
_BATCH_HALTED = refused(
    ApiError(
        412,
        "BATCH_PROCESSING_HALTED",
        "Batch processing has been halted by a previous request that was not successful.",
    )
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*")
_COUNTED = re.compile(r"/services/data/v[^/]+/(query|queryAll|composite/sobjects)\b")


class _RollBack(Exception):
    """Takes a transaction back whose parts did not all succeed."""


def _list(body: Any, name: str, limit: int) -> list[dict[str, Any]]:
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(r, dict) for r in found):
        raise ApiError(400, "JSON_PARSER_ERROR", f"The body needs a list of objects named {name}.")
    if not found:
        raise ApiError(400, "MISSING_ARGUMENT", f"{name} must have at least one entry.")
    if len(found) > limit:
        raise ApiError(
            400,
            "LIMIT_EXCEEDED",
            f"The request has {len(found)} entries in {name}, the limit is {limit}.",
        )
    return found


def _checked(body: Any, limit: int) -> list[dict[str, Any]]:
    """The parts of a composite call, each with a method, a path and a name of its own."""
    parts = _list(body, "compositeRequest", limit)
    seen: set[str] = set()
    for part in parts:
        name, url = part.get("referenceId"), part.get("url")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ApiError(
                400,
                "INVALID_INPUT",
                f"Provided referenceId ('{name}') must start with a letter or a number, and it "
                "can contain only letters, numbers and underscores ('_').",
            )
        if name in seen:
            raise ApiError(400, "INVALID_INPUT", f"Duplicate referenceId: {name}")
        seen.add(name)
        if part.get("method") not in _METHODS:
            raise ApiError(400, "INVALID_INPUT", f"Invalid method of {name}: {part.get('method')}")
        if not isinstance(url, str) or not url.startswith("/"):
            raise ApiError(400, "INVALID_INPUT", f"The url of {name} must start with /services")
    if limit == LIMIT and sum(bool(_COUNTED.match(p["url"])) for p in parts) > QUERIES:
        raise ApiError(
            400,
            "LIMIT_EXCEEDED",
            f"A composite request can hold {QUERIES} queries and collections at most.",
        )
    return parts


def _run(request: Request, parts: list[dict[str, Any]], *, strict: bool) -> list[Part]:
    """Every part in order; in strict mode the first failure takes all of them back."""
    answers: dict[str, Any] = {}
    results: list[Part] = []

    def work() -> None:
        for part in parts:
            try:
                url = fill(part["url"], answers)
                body = fill(part.get("body"), answers)
                headers = fill(part.get("httpHeaders") or {}, answers)
                found = answer(request, part["method"], str(url), body, headers)
            except ReferenceMissing as error:
                found = refused(ApiError(400, "PROCESSING_HALTED", str(error)))
            results.append(found)
            if not found.failed:
                answers[part["referenceId"]] = found.body
            elif strict:
                raise _RollBack

    with in_place():
        if not strict:
            work()
            return results
        try:
            with store_of(request).write():
                work()
        except _RollBack:
            failed = len(results) - 1
            return [results[i] if i == failed else _HALTED for i in range(len(parts))]
    return results


def _body(parts: list[dict[str, Any]], results: list[Part]) -> dict[str, Any]:
    return {
        "compositeResponse": [
            {
                "body": result.body,
                "httpHeaders": result.headers,
                "httpStatusCode": result.status,
                "referenceId": part["referenceId"],
            }
            for part, result in zip(parts, results, strict=True)
        ]
    }


def _writes(parts: list[dict[str, Any]]) -> bool:
    return any(p.get("method") not in {"GET", "HEAD"} for p in parts)


async def composite(request: Request) -> Response:
    """POST /composite: up to 25 requests in order; one call of the allocation"""
    body = await json_body(request)
    parts = _checked(body, LIMIT)
    strict = body.get("allOrNone") is True
    note(request, operation="composite", rows=len(parts), writes=_writes(parts))
    results = await off_loop(lambda: _run(request, parts, strict=strict))
    return reply(_body(parts, results))


async def graph(request: Request) -> Response:
    """POST /composite/graph: each graph is a composite call that succeeds or fails as a whole"""
    body = await json_body(request)
    graphs = _list(body, "graphs", GRAPHS)
    checked = []
    for entry in graphs:
        if not isinstance(entry.get("graphId"), str):
            raise ApiError(400, "INVALID_INPUT", "Every graph needs a graphId.")
        checked.append((entry["graphId"], _checked(entry, NODES)))
    nodes = [part for _, parts in checked for part in parts]
    if len(nodes) > NODES:
        raise ApiError(
            400, "LIMIT_EXCEEDED", f"The graphs hold {len(nodes)} nodes, the limit is {NODES}."
        )
    note(request, operation="composite graph", rows=len(nodes), writes=_writes(nodes))

    def work() -> list[dict[str, Any]]:
        out = []
        for graph_id, parts in checked:
            results = _run(request, parts, strict=True)
            out.append(
                {
                    "graphId": graph_id,
                    "graphResponse": _body(parts, results),
                    "isSuccessful": not any(r.failed for r in results),
                }
            )
        return out

    return reply({"graphs": await off_loop(work)})


async def batch(request: Request) -> Response:
    """POST /composite/batch: up to 25 requests that know nothing of each other"""
    body = await json_body(request)
    parts = _list(body, "batchRequests", LIMIT)
    halt = body.get("haltOnError") is True
    for part in parts:
        if part.get("method") not in _METHODS or not isinstance(part.get("url"), str):
            raise ApiError(400, "INVALID_INPUT", "Every batch request needs a method and a url.")
    note(request, operation="composite batch", rows=len(parts), writes=_writes(parts))

    def work() -> list[Part]:
        results: list[Part] = []
        with in_place():
            for part in parts:
                if halt and any(r.failed for r in results):
                    results.append(_BATCH_HALTED)
                    continue
                # Each one counts; the call itself has been counted already.
                if results:
                    request.app.state.audit.count()
                url = part["url"].lstrip("/")
                if not url.startswith("services/data/"):
                    url = f"services/data/{url}"
                results.append(answer(request, part["method"], f"/{url}", part.get("richInput")))
        return results

    results = await off_loop(work)
    return reply(
        {
            "hasErrors": any(r.failed for r in results),
            "results": [{"statusCode": r.status, "result": r.body} for r in results],
        }
    )


_BASE = "/services/data/v{version}/composite"
routes = [
    Route(_BASE, composite, methods=["POST"]),
    Route(_BASE + "/graph", graph, methods=["POST"]),
    Route(_BASE + "/batch", batch, methods=["POST"]),
]
