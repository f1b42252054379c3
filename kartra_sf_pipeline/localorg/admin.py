"""The server's own endpoints under /__admin, which no Salesforce org has."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg import features
from kartra_sf_pipeline.localorg.errors import ApiError
from kartra_sf_pipeline.localorg.requests import reply, store_of
from kartra_sf_pipeline.localorg.rules.archive import archive_activities


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


async def org_features(request: Request) -> Response:
    """GET /__admin/features: which are on; POST with on=NAME,NAME switches more of them on"""
    store = store_of(request)
    if request.method == "POST":
        names = [n for n in request.query_params.get("on", "").split(",") if n]
        unknown = [n for n in names if n not in features.FEATURES]
        if unknown or not names:
            raise ApiError(
                400,
                "INVALID_ARGUMENT",
                f"on must name features: {', '.join(features.FEATURES)}; not {', '.join(unknown)}",
            )
        currency = request.query_params.get("currency")
        if currency is not None and not re.fullmatch("[A-Z]{3}", currency):
            raise ApiError(400, "INVALID_ARGUMENT", "currency must be an ISO code, such as EUR")
        await run_in_threadpool(store.switch_on, names, corporate_currency=currency)
    on = await run_in_threadpool(features.switched_on, store)
    return reply({"on": sorted(on), "known": list(features.FEATURES)})


async def archive(request: Request) -> Response:
    """POST /__admin/archive: what the platform does at night to activities of a year ago"""
    store = store_of(request)

    def work() -> dict[str, int]:
        with store.write() as connection:
            return archive_activities(connection, datetime.now(UTC).date())

    return reply(await run_in_threadpool(work))


async def reset(request: Request) -> Response:
    """POST /__admin/reset: an org as on its first day; the server and its token stay

    Features stay on, unless the query says features=none.
    """
    state = request.app.state
    keep = request.query_params.get("features") != "none"

    def work() -> None:
        state.ingest.delete_all()
        store_of(request).reset(keep_features=keep)

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
    Route("/__admin/features", org_features, methods=["GET", "POST"]),
    Route("/__admin/archive", archive, methods=["POST"]),
    Route("/__admin/reset", reset, methods=["POST"]),
    Route("/__admin/shutdown", shutdown, methods=["POST"]),
]
