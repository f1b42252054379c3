"""Turns what an org answers, or fails to answer, into this project's errors."""

from __future__ import annotations

import json
from typing import Any

import requests

from kartra_sf_pipeline.errors import OrgError, OrgUnavailable

# Codes after which the very same call may succeed without anybody's help.
TRANSIENT_CODES = frozenset(
    {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION", "SERVICE_UNAVAILABLE"}
)
_TRANSIENT_STATUS = frozenset({429, 502, 503, 504})
_NEXT_STEP = {
    "INVALID_SESSION_ID": "The session is not valid or has expired: sign in again or renew the "
    "access token.",
    "REQUEST_LIMIT_EXCEEDED": "The org's API calls are used up: wait for the 24-hour window to "
    "move on, or ask for a higher allocation; nothing was changed by this call.",
    "API_DISABLED_FOR_ORG": "The org's edition or policy has no API access: ask its administrator.",
    "API_CURRENTLY_DISABLED": "API access is switched off: ask the org's administrator.",
    "INSUFFICIENT_ACCESS": "The migration user lacks a permission: see its permission sets.",
    "INVALID_TYPE": "The object does not exist in this org or the user may not see it.",
    "STORAGE_LIMIT_EXCEEDED": "The org's storage is full: free space or buy more.",
}


def error_parts(response: requests.Response) -> tuple[str, str]:
    """Code and message of an error answer, whatever its shape.

    Known shapes: `[{"errorCode", "message"}]` of REST, `{"error", "error_description"}` of OAuth,
    a SOAP fault, and the HTML or empty body of whatever stands in between.
    """
    text = response.content.decode("utf-8", "replace").strip()
    try:
        body: Any = json.loads(text)
    except ValueError:
        return _parts_of_text(text, response.headers.get("Content-Type", ""))
    first = body[0] if isinstance(body, list) and body else body
    if isinstance(first, dict):
        code = first.get("errorCode") or first.get("statusCode") or first.get("error") or ""
        message = first.get("message") or first.get("error_description") or ""
        return str(code), str(message)
    return "", text[:300]


def _parts_of_text(text: str, content_type: str) -> tuple[str, str]:
    if "faultstring" in text:
        string = text.partition("<faultstring>")[2].partition("</faultstring>")[0]
        code = text.partition("<faultcode>")[2].partition("</faultcode>")[0]
        return code.rpartition(":")[2], string.partition(": ")[2] or string
    if "html" in content_type:
        return "", "a web page instead of an API answer"
    return "", text[:300]


def refusal(response: requests.Response, *, action: str, host: str) -> OrgError:
    """The error for an answer of status 300 and above. `action` says what was being done."""
    code, message = error_parts(response)
    status = response.status_code
    if status == 401 and not code:
        code = "INVALID_SESSION_ID"
    said = " ".join(part for part in (code, message) if part) or response.reason or "no reason"
    step = _NEXT_STEP.get(code) or _step_for_status(status)
    text = f"{action}: {host} answered {status}: {said}. {step}".strip()
    # Too many long calls at once uses the same code as an empty daily allowance, but passes.
    at_once = code == "REQUEST_LIMIT_EXCEEDED" and "concurrent" in message.lower()
    transient = status in _TRANSIENT_STATUS or code in TRANSIENT_CODES or at_once
    kind = OrgUnavailable if transient else OrgError
    return kind(text, code=code, status=status)


def _step_for_status(status: int) -> str:
    if status == 403:
        return "The user may not do this: check its profile, permission sets and API access."
    if status == 404:
        return "Nothing is there under this name: check the name and the API version."
    if status in _TRANSIENT_STATUS:
        return "The org is busy or under maintenance: try again later."
    return ""


def no_answer(error: requests.RequestException, *, action: str, host: str) -> OrgUnavailable:
    """The error for a request that brought no answer at all."""
    text = str(error)
    if isinstance(error, requests.exceptions.SSLError):
        why, step = (
            "its TLS certificate was not accepted",
            "Check the instance URL; for a certificate of your own, set REQUESTS_CA_BUNDLE.",
        )
    elif isinstance(error, requests.exceptions.Timeout):
        why, step = "it did not answer in time", "Try again, or raise the time-out."
    elif "NameResolutionError" in text or "getaddrinfo" in text or "Name or service" in text:
        why, step = (
            "its name is not known to DNS",
            "Check the instance URL or the login domain for a typing mistake.",
        )
    elif "refused" in text.lower():
        why, step = (
            "the connection was refused",
            "Nothing listens there: check the port and whether the org is started.",
        )
    else:
        why, step = "the connection broke", "Check the network and try again."
    # The exception's own text repeats the URL with its query: SOQL may name people.
    return OrgUnavailable(f"{action}: {host} cannot be reached: {why}. {step}", code="", status=0)
