"""Refusals in the shapes that Salesforce gives them."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse, Response


class ApiError(Exception):
    """A request that is refused as a whole; `fields` is left out of the body when None."""

    def __init__(
        self, status: int, code: str, message: str, fields: Sequence[str] | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
        super().__init__(f"{code}: {message}")


class RouterError(ApiError):
    """A refusal before any resource was reached: `errorCode` stands in front of `message`."""


def not_found() -> RouterError:
    """No such path, object or API version."""
    return RouterError(404, "NOT_FOUND", "The requested resource does not exist")


def method_not_allowed(method: str, allowed: str) -> RouterError:
    """The path exists, the method does not."""
    return RouterError(
        405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {allowed}"
    )


def error_body(error: ApiError) -> list[dict[str, Any]]:
    """The JSON array of one refusal, keys in the order in which the org writes them."""
    body: dict[str, Any]
    if isinstance(error, RouterError):
        body = {"errorCode": error.code, "message": error.message}
    else:
        body = {"message": error.message, "errorCode": error.code}
    if error.fields is not None:
        body["fields"] = list(error.fields)
    return [body]


def error_response(error: ApiError) -> Response:
    """The whole reply of one refusal."""
    return JSONResponse(error_body(error), status_code=error.status, headers=NO_STORE)


NO_STORE = {"cache-control": "no-cache,must-revalidate,max-age=0,no-store,private"}


def where(error: BaseException) -> str:
    """An error's type and the line that raised it: its text might quote a customer's values."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "unknown place"
    return f"{type(error).__name__} at {place}"
