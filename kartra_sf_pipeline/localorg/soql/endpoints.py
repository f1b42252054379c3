"""HTTP routes of queries: /query, /queryAll, Tooling queries and bulk query jobs.

Handlers are plain functions, so that the server runs them in threads; the store of the org is
`request.app.state.store`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from kartra_sf_pipeline.localorg.errors import ApiError, RouterError, error_response
from kartra_sf_pipeline.localorg.requests import data_path, json_body, note, off_loop, reply
from kartra_sf_pipeline.localorg.soql.bulk_jobs import QueryJobs
from kartra_sf_pipeline.localorg.soql.column_metadata import column_metadata
from kartra_sf_pipeline.localorg.soql.errors import SoqlError
from kartra_sf_pipeline.localorg.soql.service import PAGE_ROWS, Page, QueryService

MIN_PAGE_ROWS = 200
_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d{1,9})", re.IGNORECASE)
_FIRST_LOCK = threading.Lock()


@dataclass(frozen=True)
class Queries:
    """What the handlers work with; one per running server."""

    service: QueryService
    jobs: QueryJobs


def queries_of(app: Any) -> Queries:
    """The query services of an application, made at the first use."""
    with _FIRST_LOCK:
        found = getattr(app.state, "queries", None)
        if found is None:
            service = QueryService(app.state.store)
            found = app.state.queries = Queries(service, QueryJobs(app.state.store, service))
        return found


Handler = Callable[[Request], Response]


def _errors(handler: Handler) -> Handler:
    @wraps(handler)
    def wrapped(request: Request) -> Response:
        try:
            return handler(request)
        except SoqlError as error:
            return error_response(ApiError(400, error.code, error.message))
        except ApiError as error:
            return error_response(error)

    return wrapped


def _soql(request: Request) -> str:
    soql = request.query_params.get("q")
    if not soql:
        raise SoqlError("MALFORMED_QUERY", "SOQL query is required in the parameter 'q'")
    return soql


def _page(page: Page, base: str, resource: str) -> Response:
    body: dict[str, Any] = {"totalSize": page.total, "done": page.next_locator is None}
    if page.next_locator is not None:
        body["nextRecordsUrl"] = f"{base}/{resource}/{page.next_locator}"
    body["records"] = page.records
    return reply(body)


def _wished_rows(request: Request) -> int:
    """The page size of `Sforce-Query-Options: batchSize=500`, within what the server allows."""
    found = _BATCH_SIZE.search(request.headers.get("sforce-query-options", ""))
    return min(max(int(found[1]), MIN_PAGE_ROWS), PAGE_ROWS) if found else PAGE_ROWS


def _query(request: Request, resource: str, *, deleted: bool) -> Response:
    queries, soql = queries_of(request.app), _soql(request)
    if request.query_params.get("columns", "").lower() == "true":
        plan = queries.service.compile(soql, deleted=deleted)
        return reply(column_metadata(plan, queries.service.schema()))
    base = data_path(request)
    rows = _wished_rows(request)
    page = queries.service.query(soql, base, deleted=deleted, page_rows=rows)
    note(request, object=page.entity, operation=resource, rows=len(page.records))
    return _page(page, base, resource)


@_errors
def query(request: Request) -> Response:
    """GET /query?q=…, or the columns of the query with columns=true."""
    return _query(request, "query", deleted=False)


@_errors
def query_all(request: Request) -> Response:
    """GET /queryAll?q=…: the recycle bin too."""
    return _query(request, "queryAll", deleted=True)


@_errors
def query_more(request: Request) -> Response:
    """GET /query/{locator}: a later page."""
    base = data_path(request)
    page = queries_of(request.app).service.more(request.path_params["locator"], base)
    note(request, object=page.entity, operation="queryMore", rows=len(page.records))
    resource = "queryAll" if "/queryAll/" in request.url.path else "query"
    return _page(page, base, resource)


@_errors
def tooling_query(request: Request) -> Response:
    """GET /tooling/query?q=…: the definition objects; replies carry three keys more."""
    queries, soql = queries_of(request.app), _soql(request)
    base = f"{data_path(request)}/tooling"
    plan = queries.service.compile(soql)
    if request.query_params.get("columns", "").lower() == "true":
        return reply(column_metadata(plan, queries.service.schema()))
    page = queries.service.query(soql, base)
    locator = None if page.next_locator is None else f"{base}/query/{page.next_locator}"
    body: dict[str, Any] = {
        "size": page.total,
        "totalSize": page.total,
        "done": locator is None,
        "queryLocator": locator,
        "entityTypeName": "AggregateResult" if plan.aggregate else plan.entity,
        "records": page.records,
    }
    if locator is not None:
        body["nextRecordsUrl"] = locator
    return reply(body)


def _version(request: Request) -> float:
    return float(request.path_params["version"])


async def _job_body(request: Request) -> dict[str, Any]:
    body = await json_body(request)
    if not isinstance(body, dict):
        raise ApiError(400, "JSON_PARSER_ERROR", "The body must be a JSON object")
    return body


async def create_job(request: Request) -> Response:
    """POST /jobs/query."""
    body = await _job_body(request)

    def create(_: Request) -> Response:
        job = queries_of(request.app).jobs.create(body, _version(request))
        note(request, object=job.object, operation=f"bulk {job.operation}")
        return reply(job.info(created=True))

    return await off_loop(_errors(create), request)


@_errors
def list_jobs(request: Request) -> Response:
    """GET /jobs/query."""
    jobs = [job.info() for job in queries_of(request.app).jobs.list()]
    return reply({"done": True, "records": jobs, "nextRecordsUrl": None})


@_errors
def get_job(request: Request) -> Response:
    """GET /jobs/query/{id}."""
    return reply(queries_of(request.app).jobs.get(request.path_params["job"]).info())


async def change_job(request: Request) -> Response:
    """PATCH /jobs/query/{id}: aborting is the one change there is."""
    body = await _job_body(request)

    def change(_: Request) -> Response:
        if body.get("state") != "Aborted":
            raise RouterError(400, "INVALIDJOBSTATE", "A query job can only be set to Aborted")
        job = queries_of(request.app).jobs.abort(request.path_params["job"])
        return reply(job.info(created=True))

    return await off_loop(_errors(change), request)


@_errors
def delete_job(request: Request) -> Response:
    """DELETE /jobs/query/{id}."""
    queries_of(request.app).jobs.delete(request.path_params["job"])
    return Response(status_code=204)


@_errors
def job_results(request: Request) -> Response:
    """GET /jobs/query/{id}/results?maxRecords=N&locator=L, streamed."""
    wanted = request.query_params.get("maxRecords")
    if wanted is not None and (not wanted.isdigit() or int(wanted) < 1):
        raise RouterError(400, "API_ERROR", f"Invalid value for maxRecords: {wanted}")
    page = queries_of(request.app).jobs.results(
        request.path_params["job"],
        _version(request),
        locator=request.query_params.get("locator"),
        max_records=None if wanted is None else int(wanted),
    )
    headers = {
        "Sforce-NumberOfRecords": str(page.records),
        "Sforce-Locator": page.locator or "null",
    }
    return StreamingResponse(page.body, media_type="text/csv; charset=UTF-8", headers=headers)


def _both(path: str, endpoint: Any, method: str) -> list[Route]:
    """A route that answers with a trailing slash and without."""
    full = "/services/data/v{version}" + path
    return [Route(p, endpoint, methods=[method]) for p in (full, f"{full}/")]


routes: list[Route] = [
    *_both("/query", query, "GET"),
    *_both("/query/{locator}", query_more, "GET"),
    *_both("/queryAll", query_all, "GET"),
    *_both("/queryAll/{locator}", query_more, "GET"),
    *_both("/tooling/query", tooling_query, "GET"),
    *_both("/tooling/query/{locator}", query_more, "GET"),
    *_both("/jobs/query", create_job, "POST"),
    *_both("/jobs/query", list_jobs, "GET"),
    *_both("/jobs/query/{job}", get_job, "GET"),
    *_both("/jobs/query/{job}", change_job, "PATCH"),
    *_both("/jobs/query/{job}", delete_job, "DELETE"),
    *_both("/jobs/query/{job}/results", job_results, "GET"),
]
