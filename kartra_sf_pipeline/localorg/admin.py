"""The server's own endpoints under /__admin, which no Salesforce org has."""

from __future__ import annotations

import os

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.errors import ApiError
from kartra_sf_pipeline.localorg.requests import reply, store_of


async def ping(request: Request) -> Response:
    """GET /__admin/ping: that this org's server is up, without counting anything"""
    return reply({"pid": os.getpid(), "org_id": store_of(request).org_id})


async def status(request: Request) -> Response:
    """GET /__admin/status: that the server is up, and what it holds"""
    state = request.app.state
    store = store_of(request)

    def counts() -> dict[str, int]:
        out = {}
        for sobject in store.schema:
            ((n,),) = store.query(f'SELECT count(*) FROM "{sobject.name}" WHERE IsDeleted = 0')
            if n:
                out[sobject.name] = n
        return out

    body = {
        "pid": os.getpid(),
        "org_id": store.org_id,
        "user_id": store.user_id,
        "records": await run_in_threadpool(counts),
        "requests": state.audit.last(),
        "busy": state.worker.busy,
    }
    return reply(body)


async def requests_since(request: Request) -> Response:
    """GET /__admin/requests?since_seq=N: the audit after request number N"""
    try:
        seq = int(request.query_params.get("since_seq", "0"))
    except ValueError:
        raise ApiError(400, "INVALID_ARGUMENT", "since_seq must be a whole number") from None
    return reply({"requests": await run_in_threadpool(request.app.state.audit.since, seq)})


async def reset(request: Request) -> Response:
    """POST /__admin/reset: an org as on its first day; the server and its token stay"""
    state = request.app.state

    def work() -> None:
        state.ingest.delete_all()
        store_of(request).reset()

    await run_in_threadpool(work)
    return reply({"reset": True})


async def shutdown(request: Request) -> Response:
    """POST /__admin/shutdown: answer, then end"""
    answer = reply({"stopping": True})
    answer.background = BackgroundTask(request.app.state.stop)
    return answer


routes = [
    Route("/__admin/ping", ping, methods=["GET"]),
    Route("/__admin/status", status, methods=["GET"]),
    Route("/__admin/requests", requests_since, methods=["GET"]),
    Route("/__admin/reset", reset, methods=["POST"]),
    Route("/__admin/shutdown", shutdown, methods=["POST"]),
]
