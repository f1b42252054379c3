"""The one pipe to an org: every request, with its token, its retries and its errors."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from simple_salesforce.api import Salesforce

from kartra_sf_pipeline.errors import OrgError
from kartra_sf_pipeline.salesforce import answers
from kartra_sf_pipeline.salesforce.session import TimeoutSession

logger = logging.getLogger(__name__)

_PAUSES = (0.2, 0.6, 1.8, 5.0)
_USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")


class Pipe:
    """Requests to one org. `client` is the simple-salesforce object on the same session, for what
    is not wrapped here; `api_usage` is (used, allowed) calls of the day, as last heard.

    Every method raises OrgError when the org refuses and OrgUnavailable when it does not answer.
    """

    def __init__(
        self,
        client: Salesforce,
        session: TimeoutSession,
        instance_url: str,
        api_version: str,
        *,
        sign_in: Callable[[], str] | None,
    ) -> None:
        self.client = client
        self.instance_url = instance_url.rstrip("/")
        self.api_version = api_version
        self.api_usage: tuple[int, int] | None = None
        self._session = session
        self._sign_in = sign_in
        self._sign_in_lock = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.instance_url!r}, api_version={self.api_version!r})"

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.instance_url).netloc

    @property
    def session_id(self) -> str:
        """The access token in force; a secret."""
        return str(self.client.session_id)

    def url(self, path: str) -> str:
        """Absolute URL: `/x` is taken from the host's root, `x` from the data API's version."""
        if path.startswith("/"):
            return self.instance_url + path
        return f"{self.instance_url}/services/data/v{self.api_version}/{path}"

    def request(
        self,
        method: str,
        path: str,
        *,
        action: str,
        retry: bool | None = None,
        body: Callable[[], bytes | str] | bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """One request with the session's token; `action` opens any error message.

        `retry` repeats after a lost or "come back later" answer: by default for GET alone, since
        anything else may have been done. An expired session is renewed once where the credentials
        allow it; a callable `body` is then built again, with the new token.
        """
        pauses = _PAUSES if (method == "GET" if retry is None else retry) else ()
        renewed = False
        attempt = 0
        while True:
            token = self.session_id
            started = time.monotonic()
            try:
                response = self._session.request(
                    method,
                    self.url(path),
                    data=body() if callable(body) else body,
                    params=params,
                    headers={"Authorization": f"Bearer {token}", **(headers or {})},
                )
                error: OrgError | None = None
                if response.status_code >= 300:
                    error = answers.refusal(response, action=action, host=self.host)
            except requests.RequestException as lost:
                response = None
                error = answers.no_answer(lost, action=action, host=self.host)
            # No query string and no body: SOQL and records name people.
            logger.debug(
                "%s %s -> %s in %.0f ms",
                method,
                path.partition("?")[0],
                response.status_code if response is not None else "no answer",
                1000 * (time.monotonic() - started),
            )
            if response is not None and error is None:
                self._note_usage(response)
                return response
            assert error is not None
            if error.code == "INVALID_SESSION_ID" and self._sign_in and not renewed:
                self._renew(token)
                renewed = True
                continue
            if error.retryable and attempt < len(pauses):
                time.sleep(pauses[attempt])
                attempt += 1
                continue
            raise error

    def json(self, method: str, path: str, *, action: str, content: Any = None, **more: Any) -> Any:
        """Like `request` with JSON both ways; None for an empty answer."""
        if content is not None:
            more["body"] = json.dumps(content).encode()
            more["headers"] = {"Content-Type": "application/json", **more.get("headers", {})}
        response = self.request(method, path, action=action, **more)
        if not response.content:
            return None
        try:
            return json.loads(response.content)
        except ValueError:
            raise OrgError(
                f"{action}: {self.host} sent something that is not JSON. Is it a Salesforce "
                "instance URL?",
                status=response.status_code,
            ) from None

    def _renew(self, expired: str) -> None:
        with self._sign_in_lock:
            # Another thread may have renewed it while this one waited.
            if self._sign_in and self.session_id == expired:
                logger.info("session expired, signing in again")
                self.client.session_id = self._sign_in()
                self.client.headers["Authorization"] = f"Bearer {self.client.session_id}"

    def _note_usage(self, response: requests.Response) -> None:
        found = _USAGE.search(response.headers.get("Sforce-Limit-Info", ""))
        if found:
            self.api_usage = (int(found[1]), int(found[2]))
