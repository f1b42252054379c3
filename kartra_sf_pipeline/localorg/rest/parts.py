"""Answer the requests inside a request: the parts of composite and batch calls.

A part runs in the thread and the transaction of its call, so that it sees what earlier parts wrote
and can be taken back with them.
"""

from __future__ import annotations

import inspect
import json
import logging
import re
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Message

from kartra_sf_pipeline.localorg.errors import (
    ApiError,
    error_body,
    method_not_allowed,
    not_found,
    where,
)
from kartra_sf_pipeline.localorg.requests import IN_PLACE

_log = logging.getLogger(__name__)
# Loads, deployments and composite calls themselves are never part of a composite call.
_PATHS = re.compile(
    r"/services/data/v\d{2,3}\.0(/(sobjects|query|queryAll|limits|tooling/query)(/.*)?"
    r"|/composite/(sobjects|tree)(/.*)?)?"
)
_BROKEN = ApiError(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred: see the server's log.")


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of a call is answered; `headers` are those that a client may need."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """True for every refusal."""
        return self.status >= 400


def refused(error: ApiError) -> Part:
    """A part that is answered by an error."""
    return Part(error.status, error_body(error))


@contextmanager
def in_place() -> Iterator[None]:
    """Let handlers do their work in the calling thread while the block runs."""
    mark = IN_PLACE.set(True)
    try:
        yield
    finally:
        IN_PLACE.reset(mark)


def answer(
    request: Request, method: str, url: str, body: Any, headers: Mapping[str, str] | None = None
) -> Part:
    """The answer of the org to one part; call inside `in_place`.

    `url` is a path with an optional query, which need not be escaped; `body` a JSON value, or
    None for no body.
    """
    split = urlsplit(url.replace(" ", "%20"))
    path = split.path.rstrip("/") or "/"
    if not _PATHS.fullmatch(path):
        return refused(not_found())
    content = b"" if body is None else json.dumps(body).encode()
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": method.upper(),
        "scheme": request.scope["scheme"],
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": quote(split.query, safe="%=&+,.:;()'/!*~_-").encode(),
        "headers": [
            (name.lower().encode("latin-1", "replace"), str(value).encode("latin-1", "replace"))
            for name, value in [("host", request.url.netloc), *(headers or {}).items()]
        ],
        "server": request.scope.get("server"),
        "client": request.scope.get("client"),
        "app": request.app,
        "state": {},
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    try:
        route, more = _route(request, scope)
        part = Request({**scope, **more}, receive)
        found = route.endpoint(part)
        response = _finish(found) if inspect.iscoroutine(found) else found
    except ApiError as error:
        return refused(error)
    except Exception as error:
        _log.error("Part %s %s: %s", method, path.split("/sobjects/")[0], where(error))
        return refused(_BROKEN)
    return _part(response)


def _route(request: Request, scope: dict[str, Any]) -> tuple[Route, dict[str, Any]]:
    allowed: set[str] = set()
    for route in request.app.routes:
        match, more = route.matches(scope)
        if match == Match.FULL:
            return route, dict(more)
        if match == Match.PARTIAL:
            allowed |= route.methods or set()
    if allowed:
        raise method_not_allowed(scope["method"], ",".join(sorted(allowed)))
    raise not_found()


def _finish(running: Coroutine[Any, Any, Response]) -> Response:
    """The result of a handler that waits for nothing: its body is there, its work is in place."""
    try:
        running.send(None)
    except StopIteration as end:
        return cast(Response, end.value)
    running.close()
    raise RuntimeError("a part of a composite call waited for something")


def _part(response: Response) -> Part:
    raw = bytes(response.body)
    headers = {}
    location = response.headers.get("location")
    if location is not None:
        headers["Location"] = location
    return Part(response.status_code, json.loads(raw) if raw else None, headers)
