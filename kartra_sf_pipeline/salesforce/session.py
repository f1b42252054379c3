"""The HTTP session below every request: time-outs always, plain HTTP on loopback alone."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from kartra_sf_pipeline.errors import SettingsError

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_CONNECT_SECONDS = 10.0


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class TimeoutSession(requests.Session):
    """A session in which no request can wait for ever; requests itself has no default."""

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__()
        # Without an auth of its own, requests lets a .netrc entry replace the bearer token.
        self.auth = _as_it_is
        self.timeout = (min(_CONNECT_SECONDS, timeout_seconds), timeout_seconds)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Like requests, with the session's time-out where the caller gives none."""
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        return super().request(*args, **kwargs)


class LoopbackAdapter(HTTPAdapter):
    """Speaks plain HTTP where simple-salesforce hard-wires https, past any configured proxy."""

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send with the scheme put back to http."""
        if request.url and request.url.startswith("https://"):
            request.url = "http://" + request.url.removeprefix("https://")
        # A proxy from the environment would be asked to reach its own loopback.
        kwargs["proxies"] = {}
        return super().send(request, *args, **kwargs)


def is_loopback(url: str) -> bool:
    """Whether the URL's host is this very machine."""
    return (urlsplit(url).hostname or "") in _LOOPBACK


def new_session(instance_url: str | None, timeout_seconds: float) -> TimeoutSession:
    """A session fit for the instance; None when the instance is known only after the login.

    Raises SettingsError for plain HTTP to any host but loopback: the token would travel in clear.
    """
    session = TimeoutSession(timeout_seconds)
    if instance_url is None:
        return session
    parts = urlsplit(instance_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(
            f"'{instance_url}' is not the URL of a Salesforce instance.",
            next_step="Give it as https://<host>, as the org's own pages show it.",
        )
    if parts.scheme == "http":
        if not is_loopback(instance_url):
            raise SettingsError(
                f"'{instance_url}' would send the access token over plain HTTP.",
                next_step="Use the https:// address of the instance.",
            )
        session.mount(f"https://{parts.netloc}", LoopbackAdapter())
        session.mount(f"http://{parts.netloc}", LoopbackAdapter())
    return session
