"""A signed-in org: who it is, what it holds, and REST for a few records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
from simple_salesforce.api import Salesforce

from kartra_sf_pipeline.salesforce import soql
from kartra_sf_pipeline.salesforce.bulk_query import bulk_query
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.salesforce.pipe import Pipe
from kartra_sf_pipeline.salesforce.query_frame import frame_of_records
from kartra_sf_pipeline.salesforce.session import TimeoutSession

COLLECTION_SIZE = 200
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


class Org(Pipe):
    """A connection to one Salesforce org; made by `connection.connect`."""

    def __init__(
        self,
        client: Salesforce,
        session: TimeoutSession,
        instance_url: str,
        api_version: str,
        *,
        sign_in: Callable[[], str] | None,
    ) -> None:
        super().__init__(client, session, instance_url, api_version, sign_in=sign_in)
        self._describes: dict[str, ObjectDescribe] = {}
        self._identity: tuple[str, str] | None = None

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
