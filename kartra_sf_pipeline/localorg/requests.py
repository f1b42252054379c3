"""What every endpoint needs of a request: the store, a JSON body, a note for the audit."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kartra_sf_pipeline.localorg.errors import NO_STORE, ApiError, not_found
from kartra_sf_pipeline.localorg.schema import Schema, SObject
from kartra_sf_pipeline.localorg.store import Store

P = ParamSpec("P")
T = TypeVar("T")
# True in a thread that answers the parts of a composite call: they share its transaction, which
# belongs to the thread.
IN_PLACE: ContextVar[bool] = ContextVar("in_place", default=False)
_AT = re.compile(r"line (\d+) column (\d+)")


def store_of(request: Request) -> Store:
    """The store of this server."""
    return request.app.state.store


def version_of(request: Request) -> str:
    """The API version as the caller wrote it: `62.0`."""
    return request.path_params["version"]


def data_path(request: Request) -> str:
    """The prefix of every resource of the caller's version: `/services/data/v62.0`."""
    return f"/services/data/v{version_of(request)}"


def object_of(request: Request, schema: Schema) -> SObject:
    """The object that the path names, or 404."""
    sobject = schema.object(request.path_params["sobject"])
    if sobject is None:
        raise not_found()
    return sobject


def note(
    request: Request,
    *,
    object: str = "",
    operation: str = "",
    rows: int | None = None,
    writes: bool = False,
) -> None:
    """Tell the request audit what the request is about; `writes` means it changes the org."""
    request.scope["audit"] = {
        "object": object,
        "operation": operation,
        "rows": rows,
        "writes": writes,
    }


async def off_loop(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `work` done in another thread; for a part of a composite call, in this one."""
    if IN_PLACE.get():
        return work(*args, **kwargs)
    return await run_in_threadpool(work, *args, **kwargs)


async def json_body(request: Request) -> Any:
    """The parsed body; a body that is missing or no JSON is refused as Salesforce does."""
    return parse_json(await request.body())


def parse_json(raw: bytes) -> Any:
    """The value of a JSON text, refused as `json_body` does."""
    if not raw.strip():
        raise ApiError(
            400,
            "JSON_PARSER_ERROR",
            "The HTTP entity body is required, but this request has no entity body.",
        )
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "JSON_PARSER_ERROR", _parser_message(raw, error)) from None


def _parser_message(raw: bytes, error: Exception) -> str:
    found = _AT.search(str(error))
    line, column = (int(found[1]), int(found[2])) if found else (1, 1)
    position = getattr(error, "pos", 0)
    text = raw.decode("utf-8", "replace")
    if position >= len(text):
        return f"Unexpected end-of-input at [line:{line}, column:{column}]"
    letter = text[position]
    what = "was expecting a colon to separate field name and value"
    if ":" not in str(error) or "':' delimiter" not in str(error):
        what = "was expecting a valid value"
    if "property name" in str(error):
        what = "was expecting double-quote to start field name"
    return (
        f"Unexpected character ('{letter}' (code {ord(letter)})): {what} "
        f"at [line:{line}, column:{column}]"
    )


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON reply."""
    return JSONResponse(body, status_code=status, headers={**NO_STORE, **(headers or {})})
