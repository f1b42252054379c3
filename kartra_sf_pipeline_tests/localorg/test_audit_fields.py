from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from kartra_sf_pipeline_tests.conftest import LocalOrg

DATA = "/services/data/v62.0"
OBJECTS = f"{DATA}/sobjects"
THEN = "2019-05-06T07:08:09.000+0000"
LATER = "2020-01-02T03:04:05.000+0000"
AUDIT = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById")


@pytest.fixture
def http(empty_org: LocalOrg) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {empty_org.access_token}"}
    with httpx.Client(base_url=empty_org.url, headers=headers, timeout=60) as client:
        yield client


def create(http: httpx.Client, kind: str, **fields: Any) -> str:
    response = http.post(f"{OBJECTS}/{kind}", json=fields)
    assert response.status_code == 201, response.text
    return response.json()["id"]


def permit(http: httpx.Client, empty_org: LocalOrg) -> str:
    """Lets the API user set audit fields; returns the assignment."""
    permission_set = create(
        http, "PermissionSet", Name="Audit", Label="Audit", PermissionsCreateAuditFields=True
    )
    return create(
        http,
        "PermissionSetAssignment",
        PermissionSetId=permission_set,
        AssigneeId=empty_org.user_id,
    )


def former(http: httpx.Client) -> str:
    soql = quote("SELECT Id FROM User WHERE Username = 'former@local.example'")
    return http.get(f"{DATA}/query?q={soql}").json()["records"][0]["Id"]


def createable(http: httpx.Client, kind: str) -> list[bool]:
    fields = http.get(f"{OBJECTS}/{kind}/describe").json()["fields"]
    return [f["createable"] for f in fields if f["name"] in AUDIT]


def test_without_the_permission_audit_fields_are_refused(http: httpx.Client) -> None:
    assert createable(http, "Contact") == [False] * 4
    response = http.post(f"{OBJECTS}/Contact", json={"LastName": "Lee", "CreatedDate": THEN})
    (body,) = response.json()
    assert body["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert body["fields"] == ["CreatedDate"]


def test_the_permission_is_for_inserts_alone_and_ends_with_its_assignment(
    http: httpx.Client, empty_org: LocalOrg
) -> None:
    assignment = permit(http, empty_org)
    assert createable(http, "Contact") == [True] * 4
    assert createable(http, "Campaign") == [False] * 4
    user = former(http)
    given = dict(zip(AUDIT, (THEN, user, LATER, user), strict=True))
    contact = create(http, "Contact", LastName="Lee", **given)
    read = http.get(f"{OBJECTS}/Contact/{contact}").json()
    assert {name: read[name] for name in AUDIT} == given
    assert read["SystemModstamp"] > LATER
    only_created = create(http, "Contact", LastName="Ray", CreatedDate=THEN)
    read = http.get(f"{OBJECTS}/Contact/{only_created}").json()
    assert read["CreatedDate"] == THEN
    assert read["CreatedById"] == empty_org.user_id
    assert read["LastModifiedDate"] == read["SystemModstamp"]
    path = f"{OBJECTS}/Contact/{contact}"
    for body in ({"CreatedDate": LATER}, {"LastModifiedById": user}):
        (refused,) = http.patch(path, json=body).json()
        assert refused["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert http.patch(path, json={"FirstName": "Ann"}).status_code == 204
    read = http.get(path).json()
    assert read["CreatedDate"] == THEN
    assert read["LastModifiedById"] == empty_org.user_id
    assert http.delete(f"{OBJECTS}/PermissionSetAssignment/{assignment}").status_code == 204
    assert createable(http, "Contact") == [False] * 4


def test_a_record_is_not_changed_before_it_is_created(
    http: httpx.Client, empty_org: LocalOrg
) -> None:
    permit(http, empty_org)
    record = {"Name": "Acme", "LastModifiedDate": THEN}
    for given in (record, {**record, "CreatedDate": LATER}):
        (body,) = http.post(f"{OBJECTS}/Account", json=given).json()
        assert body["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
        assert body["message"].startswith(
            "Last Modified Date (Mon May 06 07:08:09 GMT 2019) before Create Date ("
        )


def test_files_and_notes_keep_their_dates(http: httpx.Client, empty_org: LocalOrg) -> None:
    permit(http, empty_org)
    body = base64.b64encode(b"text").decode()
    dates = {"CreatedDate": THEN, "LastModifiedDate": LATER}
    create(http, "ContentVersion", PathOnClient="a.txt", VersionData=body, **dates)
    create(http, "ContentNote", Title="Note", Content=body, **dates)
    for kind in ("ContentVersion", "ContentDocument"):
        soql = quote(f"SELECT CreatedDate, LastModifiedDate FROM {kind}")
        for row in http.get(f"{DATA}/query?q={soql}").json()["records"]:
            assert (row["CreatedDate"], row["LastModifiedDate"]) == (THEN, LATER)


def test_who_changed_a_related_task_last_cannot_be_given(
    http: httpx.Client, empty_org: LocalOrg
) -> None:
    permit(http, empty_org)
    contact = create(http, "Contact", LastName="Lee")
    dates = {"CreatedDate": THEN, "LastModifiedDate": LATER}
    alone = create(http, "Task", **dates)
    related = create(http, "Task", WhoId=contact, **dates)
    shown = [http.get(f"{OBJECTS}/Task/{i}").json() for i in (alone, related)]
    assert [s["CreatedDate"] for s in shown] == [THEN, THEN]
    assert shown[0]["LastModifiedDate"] == LATER
    assert shown[1]["LastModifiedDate"] > LATER


def bulk(
    http: httpx.Client, operation: str, csv: str, kind: str = "Lead", **more: str
) -> dict[str, Any]:
    job = http.post(
        f"{DATA}/jobs/ingest", json={"object": kind, "operation": operation, **more}
    ).json()
    path = f"{DATA}/jobs/ingest/{job['id']}"
    headers = {"Content-Type": "text/csv"}
    assert http.put(f"{path}/batches", content=csv, headers=headers).status_code == 201
    http.patch(path, json={"state": "UploadComplete"})
    for _ in range(200):
        state = http.get(path).json()
        if state["state"] not in {"UploadComplete", "InProgress"}:
            return {**state, "failures": http.get(f"{path}/failedResults").text}
        time.sleep(0.05)
    raise AssertionError("the job did not end")


def test_bulk_inserts_take_dates_and_upserts_do_not(
    http: httpx.Client, empty_org: LocalOrg
) -> None:
    permit(http, empty_org)
    rows = f"LastName,Company,CreatedDate\nLee,Acme,{THEN}\nRay,Acme,\n"
    assert bulk(http, "insert", rows)["numberRecordsFailed"] == 0
    soql = quote(f"SELECT LastName FROM Lead WHERE CreatedDate = {THEN.replace('+0000', 'Z')}")
    found = http.get(f"{DATA}/query?q={soql}").json()["records"]
    assert [r["LastName"] for r in found] == ["Lee"]
    upsert = bulk(
        http,
        "upsert",
        "Id," + rows.replace("\nL", "\n,L").replace("\nR", "\n,R"),
        externalIdFieldName="Id",
    )
    assert upsert["numberRecordsFailed"] == 1
    assert "INVALID_FIELD_FOR_INSERT_UPDATE" in upsert["failures"]


def test_bulk_jobs_bring_no_files(http: httpx.Client) -> None:
    job = bulk(http, "insert", "PathOnClient,VersionData\na.txt,eA==\n", "ContentVersion")
    assert job["state"] == "Failed"
    assert job["errorMessage"] == "FeatureNotEnabled : Binary field not supported"
