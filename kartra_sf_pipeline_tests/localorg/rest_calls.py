"""Plain REST calls for tests of single objects: create, refuse, query."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from kartra_sf_pipeline_tests.conftest import LocalOrg

DATA = "/services/data/v62.0"
OBJECTS = f"{DATA}/sobjects"


class Rest:
    def __init__(self, org: LocalOrg) -> None:
        self.org = org
        headers = {"Authorization": f"Bearer {org.access_token}"}
        self.http = httpx.Client(base_url=org.url, headers=headers, timeout=60)

    def create(self, kind: str, **fields: Any) -> str:
        response = self.http.post(f"{OBJECTS}/{kind}", json=fields)
        assert response.status_code == 201, response.text
        return response.json()["id"]

    def refused(self, kind: str, **fields: Any) -> tuple[str, str]:
        """Code and message of a create that has to fail."""
        return _refusal(self.http.post(f"{OBJECTS}/{kind}", json=fields))

    def update(self, kind: str, record_id: str, **fields: Any) -> None:
        response = self.http.patch(f"{OBJECTS}/{kind}/{record_id}", json=fields)
        assert response.status_code == 204, response.text

    def update_refused(self, kind: str, record_id: str, **fields: Any) -> tuple[str, str]:
        return _refusal(self.http.patch(f"{OBJECTS}/{kind}/{record_id}", json=fields))

    def delete(self, kind: str, record_id: str) -> None:
        response = self.http.delete(f"{OBJECTS}/{kind}/{record_id}")
        assert response.status_code == 204, response.text

    def delete_refused(self, kind: str, record_id: str) -> tuple[str, str]:
        return _refusal(self.http.delete(f"{OBJECTS}/{kind}/{record_id}"))

    def read(self, kind: str, record_id: str) -> dict[str, Any]:
        response = self.http.get(f"{OBJECTS}/{kind}/{record_id}")
        assert response.status_code == 200, response.text
        return response.json()

    def query(self, soql: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        path = "queryAll" if deleted else "query"
        response = self.http.get(f"{DATA}/{path}?q={quote(soql)}")
        assert response.status_code == 200, response.text
        records = response.json()["records"]
        for record in records:
            record.pop("attributes")
        return records

    def user(self, username: str) -> str:
        (found,) = self.query(f"SELECT Id FROM User WHERE Username = '{username}@local.example'")
        return found["Id"]

    def field(self, kind: str, name: str) -> dict[str, Any] | None:
        """A field's describe, or None."""
        fields = self.http.get(f"{OBJECTS}/{kind}/describe").json()["fields"]
        return next((f for f in fields if f["name"] == name), None)


def _refusal(response: httpx.Response) -> tuple[str, str]:
    assert response.status_code >= 400, response.text
    (body,) = response.json()
    return body["errorCode"], body["message"]
