"""A signed-in org: one place through which every request goes, with REST on top of it."""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import requests
from simple_salesforce.api import Salesforce

from kartra_sf_pipeline.errors import OrgError
from kartra_sf_pipeline.salesforce import answers, soql
from kartra_sf_pipeline.salesforce.bulk_query import bulk_query
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.salesforce.query_frame import frame_of_records
from kartra_sf_pipeline.salesforce.session import TimeoutSession

logger = logging.getLogger(__name__)

COLLECTION_SIZE = 200
_PAUSES = (0.2, 0.6, 1.8)
_USAGE = re.compile(r"api-usage=(\d+)/(\d+)")
_IDENTITY = re.compile(r"/id/(?P<org>\w{15,18})/(?P<user>\w{15,18})")

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SaveResult:
    """What became of one record of a collection call; the first error where it failed."""

    id: str | None
    success: bool
    error_code: str | None = None
    error_message: str | None = None
    error_fields: tuple[str, ...] = ()


class Org:
    """A connection to one Salesforce org; made by `connection.connect`.

    `client` is the simple-salesforce object on the same session, for what is not wrapped here.
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
        self._describes: dict[str, ObjectDescribe] = {}
        self._identity: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return f"Org({self.instance_url!r}, api_version={self.api_version!r})"

    # The pipe below everything

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

    # Who and what it is

    def verify(self) -> None:
        """Ask for the API's root, which needs a valid session; learns who is signed in."""
        root = self.json("GET", "", action="Connecting to the org", retry=False)
        found = _IDENTITY.search(str((root or {}).get("identity", "")))
        if found:
            self._identity = (found["org"], found["user"])
            return
        info = self.json("GET", "/services/oauth2/userinfo", action="Asking who is signed in")
        self._identity = (str(info["organization_id"]), str(info["user_id"]))

    def _who(self) -> tuple[str, str]:
        if self._identity is None:
            self.verify()
        assert self._identity is not None
        return self._identity

    @property
    def org_id(self) -> str:
        """The organisation's id, `00D...`."""
        return self._who()[0]

    @property
    def user_id(self) -> str:
        """The signed-in user's id, `005...`."""
        return self._who()[1]

    def organization(self) -> dict[str, Any]:
        """Name, edition and whether it is a sandbox, as the Organization record has them."""
        frame = self.query(
            "SELECT Id, Name, OrganizationType, IsSandbox, InstanceName, NamespacePrefix, "
            "TrialExpirationDate FROM Organization LIMIT 1"
        )
        return frame.row(0, named=True) if frame.height else {}

    def limits(self) -> dict[str, tuple[int, int]]:
        """Each limit of the org as (maximum, remaining)."""
        raw = self.json("GET", "limits", action="Reading the org's limits")
        return {
            limit: (int(value["Max"]), int(value["Remaining"]))
            for limit, value in raw.items()
            if isinstance(value, dict) and "Max" in value and "Remaining" in value
        }

    def describe(self, object: str) -> ObjectDescribe:
        """The object and its fields; asked once, then remembered until `forget_describes`."""
        known = self._describes.get(object)
        if known is None:
            raw = self.json(
                "GET", f"sobjects/{soql.name(object)}/describe", action=f"Describing {object}"
            )
            known = self._describes[object] = ObjectDescribe.from_json(raw)
        return known

    def forget_describes(self) -> None:
        """After the schema changed."""
        self._describes.clear()

    def describe_global(self) -> list[dict[str, Any]]:
        """One entry per visible object: name, label, keyPrefix, custom, createable, ..."""
        return list(self.json("GET", "sobjects", action="Listing the org's objects")["sobjects"])

    # Reading

    def query(self, soql_text: str, *, deleted: bool = False) -> pl.DataFrame:
        """All rows of a query, paged; for thousands, not for millions (see `bulk_query`).

        Parents' fields come as `Account.Name`. Values keep JSON's type: String, Boolean, Int64 or
        Float64; a column without any value is String. No row still gives every selected column.
        `deleted` includes deleted and archived rows.
        """
        columns = soql.selected_columns(soql_text)
        action = "Querying the org"
        page = self.json(
            "GET", "queryAll" if deleted else "query", action=action, params={"q": soql_text}
        )
        records = list(page["records"])
        while not page["done"]:
            page = self.json("GET", page["nextRecordsUrl"], action=action)
            records.extend(page["records"])
        return frame_of_records(records, columns)

    def count(self, soql_text: str) -> int:
        """The number of rows of a `SELECT COUNT() FROM ...`."""
        if soql.selected_columns(soql_text):
            raise ValueError("count() needs SELECT COUNT()")
        page = self.json("GET", "query", action="Counting", params={"q": soql_text})
        return int(page["totalSize"])

    def bulk_query(self, soql_text: str, *, deleted: bool = False) -> pl.DataFrame:
        """All rows through a Bulk 2.0 query job: String columns, null where the org has nothing."""
        return bulk_query(self, soql_text, deleted=deleted)

    def get(self, object: str, id: str, fields: Iterable[str] = ()) -> dict[str, Any]:
        """One record by id, all its fields unless some are named."""
        names = ",".join(soql.name(field) for field in fields)
        raw = self.json(
            "GET",
            f"sobjects/{soql.name(object)}/{_id(id)}",
            action=f"Reading a {object}",
            params={"fields": names} if names else None,
        )
        raw.pop("attributes", None)
        return raw

    # Writing a few records

    def create(self, object: str, record: Record) -> str:
        """Create one record; returns its id."""
        made = self.json(
            "POST",
            f"sobjects/{soql.name(object)}",
            action=f"Creating a {object}",
            content=dict(record),
        )
        return str(made["id"])

    def update(self, object: str, id: str, record: Record) -> None:
        """Change the given fields of one record; repeated after a lost answer, being idempotent."""
        self.json(
            "PATCH",
            f"sobjects/{soql.name(object)}/{_id(id)}",
            action=f"Updating a {object}",
            content=dict(record),
            retry=True,
        )

    def delete(self, object: str, id: str) -> None:
        """Delete one record into the Recycle Bin."""
        path = f"sobjects/{soql.name(object)}/{_id(id)}"
        self.request("DELETE", path, action=f"Deleting a {object}")

    def collections_create(self, object: str, rows: Iterable[Record]) -> list[SaveResult]:
        """Create records 200 at a time, each on its own; results in the order of `rows`."""
        return self._collections("POST", object, rows, f"Creating {object} records")

    def collections_update(self, object: str, rows: Iterable[Record]) -> list[SaveResult]:
        """Update records (each with `Id`) 200 at a time; results in the order of `rows`."""
        return self._collections("PATCH", object, rows, f"Updating {object} records")

    def _collections(
        self, method: str, object: str, rows: Iterable[Record], action: str
    ) -> list[SaveResult]:
        records = [{"attributes": {"type": soql.name(object)}, **row} for row in rows]
        results: list[SaveResult] = []
        for start in range(0, len(records), COLLECTION_SIZE):
            content = {"allOrNone": False, "records": records[start : start + COLLECTION_SIZE]}
            saved = self.json(method, "composite/sobjects", action=action, content=content)
            results.extend(_save_result(result) for result in saved)
        return results


def _save_result(raw: Mapping[str, Any]) -> SaveResult:
    first = (raw.get("errors") or [None])[0]
    if raw.get("success") or first is None:
        return SaveResult(raw.get("id"), bool(raw.get("success")))
    return SaveResult(
        raw.get("id"),
        False,
        str(first.get("statusCode") or first.get("errorCode") or ""),
        str(first.get("message") or ""),
        tuple(first.get("fields") or ()),
    )


def _id(text: str) -> str:
    if not (text.isascii() and text.isalnum() and len(text) in {15, 18}):
        raise ValueError(f"{text!r} is not a record id")
    return text
