"""What changed and what went in a span of time: /sobjects/X/updated and /deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg.clock import STORED, now
from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.errors import ApiError
from kartra_sf_pipeline.localorg.requests import note, object_of, off_loop, reply, store_of
from kartra_sf_pipeline.localorg.schema import SObject

# So long the platform remembers what was deleted.
DAYS = 30


def _moment(request: Request, name: str) -> datetime:
    # A plus that nobody escaped arrives as a blank.
    value = request.query_params.get(name, "").strip().replace(" ", "+")
    if not value:
        raise ApiError(400, "MISSING_ARGUMENT", f"The required parameter '{name}' is missing.")
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise ApiError(
            400, "INVALID_REPLICATION_DATE", f"The parameter '{name}' is no date and time: {value}"
        ) from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _span(request: Request, sobject: SObject) -> tuple[str, str]:
    if not sobject.has("replicateable") or sobject.field("SystemModstamp") is None:
        raise ApiError(400, "INVALID_TYPE_FOR_OPERATION", f"{sobject.name} is not replicateable")
    start, end = _moment(request, "start"), _moment(request, "end")
    if start >= end:
        raise ApiError(
            400, "INVALID_REPLICATION_DATE", "endDate must be at least one minute after startDate"
        )
    if start < now() - timedelta(days=DAYS, minutes=1):
        raise ApiError(
            400,
            "INVALID_REPLICATION_DATE",
            f"startDate before org replication enabled date: {DAYS}",
        )
    return start.strftime(STORED), min(end, now()).strftime(STORED)


async def updated(request: Request) -> Response:
    """GET /sobjects/X/updated?start=…&end=…: ids of live records"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    start, end = _span(request, sobject)
    rows = await off_loop(
        store.query,
        f"SELECT Id FROM {quote(sobject.name)} WHERE IsDeleted = 0 "
        "AND SystemModstamp >= ? AND SystemModstamp <= ? ORDER BY Id",
        (start, end),
    )
    note(request, object=sobject.name, operation="updated", rows=len(rows))
    return reply({"ids": [r[0] for r in rows], "latestDateCovered": end})


async def deleted(request: Request) -> Response:
    """GET /sobjects/X/deleted?start=…&end=…: what is in the recycle bin, and since when"""
    store = store_of(request)
    sobject = object_of(request, store.visible_schema())
    start, end = _span(request, sobject)
    rows = await off_loop(
        store.query,
        f"SELECT Id, SystemModstamp FROM {quote(sobject.name)} WHERE IsDeleted = 1 "
        "AND SystemModstamp >= ? AND SystemModstamp <= ? ORDER BY SystemModstamp, Id",
        (start, end),
    )
    note(request, object=sobject.name, operation="deleted", rows=len(rows))
    return reply(
        {
            "deletedRecords": [{"id": r[0], "deletedDate": r[1]} for r in rows],
            "earliestDateAvailable": (now() - timedelta(days=DAYS)).strftime(STORED),
            "latestDateCovered": end,
        }
    )


_BASE = "/services/data/v{version}/sobjects/{sobject}"
routes = [
    Route(_BASE + "/updated", updated, methods=["GET"]),
    Route(_BASE + "/deleted", deleted, methods=["GET"]),
]
