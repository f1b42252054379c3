"""The application: routes, who may come in, what is counted and what is written down."""

from __future__ import annotations

import hmac
import json
import logging
import re
import time
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kartra_sf_pipeline.localorg import admin
from kartra_sf_pipeline.localorg.audit import DAILY_CALLS, Audit
from kartra_sf_pipeline.localorg.bulk import endpoints as bulk
from kartra_sf_pipeline.localorg.bulk.jobs import Jobs
from kartra_sf_pipeline.localorg.bulk.worker import Worker
from kartra_sf_pipeline.localorg.compression import Compression
from kartra_sf_pipeline.localorg.errors import (
    ApiError,
    error_body,
    error_response,
    method_not_allowed,
    not_found,
    where,
)
from kartra_sf_pipeline.localorg.metadata import endpoints as metadata
from kartra_sf_pipeline.localorg.metadata import tooling
from kartra_sf_pipeline.localorg.partner import endpoints as partner
from kartra_sf_pipeline.localorg.rest import (
    blobs,
    collections,
    composite,
    discovery,
    oauth,
    records,
    replication,
    tree,
)
from kartra_sf_pipeline.localorg.soql import endpoints as soql
from kartra_sf_pipeline.localorg.store import Store

_log = logging.getLogger(__name__)
_VERSION = re.compile(r"/services/data/v([^/]*)(/|$)")
_OPEN = frozenset({"/services/data", "/services/oauth2/token"})
_BROKEN = ApiError(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred: see the server's log.")
# Paths whose last part is a record's key value, which may be a person's address.
_KEYED = re.compile(r"(/sobjects/[^/]+/[^/]+/).+")
_NOT_KEYED = re.compile(r"/sobjects/[^/]+/describe")


def create_app(
    store: Store, audit: Audit, token: str, *, stop: Callable[[], None] = lambda: None
) -> Starlette:
    """The server over one store. `token` opens every door; `stop` ends the process."""
    # The more particular paths come first: `/limits/recordCount` before any pattern.
    routes: list[BaseRoute] = [
        *oauth.routes,
        *discovery.routes,
        *soql.routes,
        *collections.routes,
        *composite.routes,
        *tree.routes,
        *bulk.routes,
        *metadata.routes,
        *tooling.routes,
        *partner.routes,
        *replication.routes,
        *blobs.routes,
        *records.routes,
        *admin.routes,
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={ApiError: _api_error, HTTPException: _http_error},
    )
    app.router.redirect_slashes = False
    app.add_middleware(Compression)
    app.add_middleware(Gate, audit=audit, token=token, state=app.state)
    app.state.store = store
    app.state.audit = audit
    app.state.token = token
    app.state.is_session = lambda given: hmac.compare_digest(given.encode(), token.encode())
    app.state.stop = stop
    app.state.ingest = Jobs(store)
    app.state.worker = Worker(app.state.ingest)
    app.state.last_request = time.monotonic()
    app.state.active = 0
    app.state.worker.resume()
    return app


async def _api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return error_response(method_not_allowed(request.method, allowed.replace(", ", ",")))
    return error_response(not_found())


class Gate:
    """Around every request: path form, version, token, allocation header and audit."""

    def __init__(self, app: ASGIApp, *, audit: Audit, token: str, state: Any) -> None:
        self.app = app
        self._audit = audit
        self._token = token
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on what is not HTTP."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.monotonic()
        path: str = scope["path"]
        if len(path) > 1 and path.endswith("/") and not path.startswith("/services/Soap"):
            path = path.rstrip("/")
            scope = {**scope, "path": path, "raw_path": path.encode()}
        counted = path.startswith("/services/") and path not in _OPEN
        refusal = self._refusal(scope, path)
        if counted and refusal is None:
            self._audit.count()
        status = 500
        started_reply = False

        async def wrapped(message: Message) -> None:
            nonlocal status, started_reply
            if message["type"] == "http.response.start":
                started_reply = True
                status = message["status"]
                if counted and path.startswith("/services/data"):
                    usage = f"api-usage={self._audit.used}/{DAILY_CALLS}".encode()
                    message.setdefault("headers", []).append((b"sforce-limit-info", usage))
            await send(message)

        self._state.active += 1
        try:
            if refusal is not None:
                await _send_error(refusal, wrapped)
            else:
                await self.app(scope, receive, wrapped)
        except Exception as error:
            _log.error("%s %s: %s", scope["method"], _masked(path), where(error))
            if not started_reply:
                await _send_error(_BROKEN, wrapped)
        finally:
            self._state.active -= 1
            self._state.last_request = time.monotonic()
            about = scope.get("audit") or {}
            if not path.startswith("/__admin"):
                self._audit.add(
                    method=scope["method"],
                    path=_masked(path),
                    status=status,
                    ms=int((time.monotonic() - started) * 1000),
                    about=about if about else _guess(scope["method"], path),
                    counted=counted and refusal is None,
                )

    def _refusal(self, scope: Scope, path: str) -> ApiError | None:
        version = _VERSION.match(path)
        if version is not None:
            number = version[1]
            right = re.fullmatch(r"\d{2,3}\.0", number)
            if right is None or float(number) < discovery.OLDEST:
                return not_found()
        if path in _OPEN or path.startswith("/services/Soap/"):
            # SOAP carries its session in the envelope, and answers with a fault of its own.
            return None
        if not self._token_right(scope, path):
            return ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        return None

    def _token_right(self, scope: Scope, path: str) -> bool:
        given = ""
        for name, value in scope["headers"]:
            if name == b"authorization":
                scheme, _, rest = value.decode("latin-1").partition(" ")
                if scheme.lower() in {"bearer", "oauth"}:
                    given = rest.strip()
        if not given and path.startswith("/id/"):
            query = Request(scope).query_params
            given = query.get("oauth_token", query.get("access_token", ""))
        return hmac.compare_digest(given.encode(), self._token.encode())


async def _send_error(error: ApiError, send: Send) -> None:
    body = json.dumps(error_body(error)).encode()
    headers = [
        (b"content-type", b"application/json;charset=UTF-8"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _masked(path: str) -> str:
    if "/composite/" in path or _NOT_KEYED.search(path):
        return path
    return _KEYED.sub(r"\1{value}", path)


def _guess(method: str, path: str) -> dict[str, Any]:
    """What a request is about when its endpoint did not say: SOAP says so itself or writes."""
    return {"operation": path.rsplit("/", 1)[-1], "writes": False}
