from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.localorg.clients import (
    component,
    connect,
    deploy,
    grant,
    package,
    permission_set,
    text_field,
)

DATA = "/services/data/v62.0"
OBJECTS = f"{DATA}/sobjects"


@pytest.fixture
def http(empty_org: LocalOrg) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {empty_org.access_token}"}
    with httpx.Client(base_url=empty_org.url, headers=headers, timeout=60) as client:
        yield client


def encoded(body: bytes | str) -> str:
    return base64.b64encode(body.encode() if isinstance(body, str) else body).decode()


def create(http: httpx.Client, kind: str, **fields: Any) -> str:
    response = http.post(f"{OBJECTS}/{kind}", json=fields)
    assert response.status_code == 201, response.text
    return response.json()["id"]


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    (body,) = response.json()
    return response.status_code, body["errorCode"], body["message"]


def query(http: httpx.Client, soql: str, *, deleted: bool = False) -> list[dict[str, Any]]:
    path = "queryAll" if deleted else "query"
    response = http.get(f"{DATA}/{path}?q={quote(soql)}")
    assert response.status_code == 200, response.text
    records = response.json()["records"]
    for record in records:
        record.pop("attributes")
    return records


def upload(http: httpx.Client, body: bytes = b"one", **fields: Any) -> tuple[str, str]:
    """A new file; ids of its version and its document."""
    given = {"PathOnClient": "notes/plan.PDF", "VersionData": encoded(body), **fields}
    version = create(http, "ContentVersion", **given)
    found = http.get(f"{OBJECTS}/ContentVersion/{version}?fields=ContentDocumentId").json()
    return version, found["ContentDocumentId"]


def test_a_new_version_makes_a_document_that_its_owner_sees(
    http: httpx.Client, empty_org: LocalOrg
) -> None:
    account = create(http, "Account", Name="Acme")
    body = bytes(range(256)) * 10
    version, document = upload(http, body, FirstPublishLocationId=account)
    read = http.get(f"{OBJECTS}/ContentVersion/{version}").json()
    assert read["VersionData"] == f"{OBJECTS}/ContentVersion/{version}/VersionData"
    expected = {
        "Title": "plan",
        "FileExtension": "PDF",
        "FileType": "PDF",
        "ContentSize": 2560,
        "Checksum": hashlib.md5(body).hexdigest(),
        "VersionNumber": "1",
        "IsLatest": True,
        "ContentLocation": "S",
        "PublishStatus": "P",
    }
    assert {name: read[name] for name in expected} == expected
    assert http.get(read["VersionData"]).content == body
    (shown,) = query(
        http, "SELECT Title, FileType, ContentSize, LatestPublishedVersionId FROM ContentDocument"
    )
    assert shown == {
        "Title": "plan",
        "FileType": "PDF",
        "ContentSize": 2560,
        "LatestPublishedVersionId": version,
    }
    links = query(
        http,
        "SELECT LinkedEntityId, ShareType, Visibility FROM ContentDocumentLink "
        f"WHERE ContentDocumentId = '{document}' ORDER BY ShareType",
    )
    assert links == [
        {"LinkedEntityId": empty_org.user_id, "ShareType": "I", "Visibility": "AllUsers"},
        {"LinkedEntityId": account, "ShareType": "V", "Visibility": "AllUsers"},
    ]


def test_versions_are_counted_and_the_document_follows_the_latest(http: httpx.Client) -> None:
    first, document = upload(http)
    second = create(
        http,
        "ContentVersion",
        ContentDocumentId=document,
        PathOnClient="better.txt",
        VersionData=encoded("two!"),
        ReasonForChange="better",
    )
    rows = query(
        http, "SELECT Id, VersionNumber, IsLatest FROM ContentVersion ORDER BY VersionNumber"
    )
    assert rows == [
        {"Id": first, "VersionNumber": "1", "IsLatest": False},
        {"Id": second, "VersionNumber": "2", "IsLatest": True},
    ]
    (shown,) = query(
        http,
        "SELECT Title, FileExtension, ContentSize, LatestPublishedVersion.VersionNumber "
        "FROM ContentDocument",
    )
    assert (shown["Title"], shown["FileExtension"], shown["ContentSize"]) == ("better", "txt", 4)
    assert shown["LatestPublishedVersion"]["VersionNumber"] == "2"
    assert http.get(f"{OBJECTS}/ContentVersion/{first}/VersionData").content == b"one"
    patched = http.patch(f"{OBJECTS}/ContentDocument/{document}", json={"Title": "Renamed"})
    assert patched.status_code == 204
    (latest,) = query(http, "SELECT Title FROM ContentVersion WHERE IsLatest = true")
    assert latest["Title"] == "Renamed"


def test_what_a_version_must_have(http: httpx.Client) -> None:
    path = f"{OBJECTS}/ContentVersion"
    missing = "Required fields are missing: [{}]"
    body = encoded("x")
    for record, name in (
        ({"Title": "t", "PathOnClient": "a.txt"}, "VersionData"),
        ({"Title": "t", "VersionData": body}, "PathOnClient"),
        ({"VersionData": body}, "Title"),
    ):
        found = refusal(http.post(path, json=record))
        assert found == (400, "REQUIRED_FIELD_MISSING", missing.format(name))
    _, code, message = refusal(
        http.post(path, json={"Title": "t", "PathOnClient": "a.txt", "VersionData": "%%%"})
    )
    assert code == "JSON_PARSER_ERROR"
    assert "base64" in message
    link = create(http, "ContentVersion", Title="Web", ContentUrl="https://example.com/x")
    read = http.get(f"{path}/{link}").json()
    assert (read["FileType"], read["ContentLocation"], read["VersionData"]) == ("LINK", "E", None)
    assert http.get(f"{path}/{link}/VersionData").status_code == 404


def test_a_multipart_body_brings_bytes_as_they_are(http: httpx.Client) -> None:
    body = b"\r\n--not the boundary\r\n\x00\xff" * 1000
    record = {"PathOnClient": "big.bin", "Title": "Big"}
    response = http.post(
        f"{OBJECTS}/ContentVersion",
        files={
            "entity_content": (None, json.dumps(record), "application/json"),
            "VersionData": ("big.bin", body, "application/octet-stream"),
        },
    )
    assert response.status_code == 201, response.text
    version = response.json()["id"]
    assert http.get(f"{OBJECTS}/ContentVersion/{version}/VersionData").content == body
    lonely = http.post(
        f"{OBJECTS}/ContentVersion",
        files={"entity_content": (None, json.dumps(record), "application/json")},
    )
    assert refusal(lonely)[:2] == (400, "INVALID_MULTIPART_REQUEST")


def test_a_document_is_linked_once_to_a_record(http: httpx.Client, empty_org: LocalOrg) -> None:
    contact = create(http, "Contact", LastName="Lee")
    _, document = upload(http)
    pair = {"ContentDocumentId": document, "LinkedEntityId": contact}
    path = f"{OBJECTS}/ContentDocumentLink"
    link = create(http, "ContentDocumentLink", **pair)
    assert http.get(f"{path}/{link}").json()["ShareType"] == "V"
    assert refusal(http.post(path, json=pair)) == (
        400,
        "DUPLICATE_VALUE",
        f"Document with ID: {document[:15]} is already linked with the entity with ID: "
        f"{contact[:15]}",
    )
    for entity, share in ((create(http, "Account", Name="A"), "C"), (empty_org.user_id, "I")):
        wrong = {"ContentDocumentId": document, "LinkedEntityId": entity, "ShareType": share}
        _, code, message = refusal(http.post(path, json=wrong))
        assert (code, message) == ("FIELD_INTEGRITY_EXCEPTION", f"Invalid sharing type {share}")
    odd = {**pair, "Visibility": "Nobody"}
    assert refusal(http.post(path, json=odd))[1] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_links_answer_only_to_whom_names_the_ends(http: httpx.Client) -> None:
    account = create(http, "Account", Name="Acme")
    _, document = upload(http, FirstPublishLocationId=account)
    told = (
        "Implementation restriction: ContentDocumentLink requires a filter by a single Id on "
        "ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using the "
        "IN operator."
    )
    for where in ("", "WHERE ShareType = 'V'", f"WHERE LinkedEntityId != '{account}'"):
        soql = f"SELECT Id FROM ContentDocumentLink {where}"
        found = refusal(http.get(f"{DATA}/query?q={quote(soql)}"))
        assert found == (400, "MALFORMED_QUERY", told)
    either = (
        f"SELECT Id FROM ContentDocumentLink WHERE LinkedEntityId = '{account}' OR ShareType = 'V'"
    )
    assert http.get(f"{DATA}/query?q={quote(either)}").status_code == 400
    for where in (
        f"LinkedEntityId IN ('{account}') AND ShareType = 'V'",
        "LinkedEntityId IN (SELECT Id FROM Account)",
        f"ContentDocumentId = '{document}' AND LinkedEntity.Type = 'Account'",
    ):
        assert len(query(http, f"SELECT Id FROM ContentDocumentLink WHERE {where}")) == 1
    (row,) = query(
        http, "SELECT Id, (SELECT ContentDocumentId FROM ContentDocumentLinks) FROM Account"
    )
    assert row["ContentDocumentLinks"]["records"][0]["ContentDocumentId"] == document
    inner = (
        "SELECT Id FROM ContentDocument WHERE Id IN "
        f"(SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{account}')"
    )
    assert refusal(http.get(f"{DATA}/query?q={quote(inner)}"))[1] == "MALFORMED_QUERY"


def test_a_note_is_a_document_and_can_be_linked(http: httpx.Client) -> None:
    contact = create(http, "Contact", LastName="Lee")
    text = "<p>Said: 5 < 6 & 7</p>"
    escaped = f"<p>{html.escape('Said: 5 < 6 & 7')}</p>"
    path = f"{OBJECTS}/ContentNote"
    refused = refusal(http.post(path, json={"Title": "Call", "Content": encoded(text)}))
    assert refused[1] == "FIELD_INTEGRITY_EXCEPTION"
    assert refused[2].startswith("Note Can't Be Saved Because It Contains HTML Tags")
    note = create(http, "ContentNote", Title="Call", Content=encoded(escaped))
    assert note.startswith("069")
    create(http, "ContentDocumentLink", ContentDocumentId=note, LinkedEntityId=contact)
    read = http.get(f"{path}/{note}").json()
    assert (read["FileType"], read["TextPreview"]) == ("SNOTE", "Said: 5 < 6 & 7")
    assert http.get(read["Content"]).text == escaped
    (document,) = query(http, "SELECT Id, Title, FileType, FileExtension FROM ContentDocument")
    assert document == {
        "Id": note,
        "Title": "Call",
        "FileType": "SNOTE",
        "FileExtension": "snote",
    }
    changed = http.patch(f"{path}/{note}", json={"Content": encoded("Second"), "Title": "Again"})
    assert changed.status_code == 204, changed.text
    rows = query(http, "SELECT Title, VersionNumber FROM ContentVersion ORDER BY VersionNumber")
    assert rows == [
        {"Title": "Call", "VersionNumber": "1"},
        {"Title": "Again", "VersionNumber": "2"},
    ]
    (shown,) = query(http, "SELECT Title, TextPreview FROM ContentNote")
    assert shown == {"Title": "Again", "TextPreview": "Second"}
    assert http.delete(f"{path}/{note}").status_code == 204
    assert query(http, "SELECT Id FROM ContentNote") == []
    assert query(http, "SELECT Id FROM ContentVersion") == []


def test_a_deleted_document_takes_versions_and_links_along_and_a_record_its_links(
    http: httpx.Client,
) -> None:
    account, campaign = create(http, "Account", Name="A"), create(http, "Campaign", Name="C")
    _, kept = upload(http, FirstPublishLocationId=account)
    _, gone = upload(http, FirstPublishLocationId=campaign)
    assert http.delete(f"{OBJECTS}/ContentDocument/{gone}").status_code == 204
    assert [
        r["ContentDocumentId"] for r in query(http, "SELECT ContentDocumentId FROM ContentVersion")
    ] == [kept]
    of_campaign = f"SELECT Id FROM ContentDocumentLink WHERE LinkedEntityId = '{campaign}'"
    assert query(http, of_campaign) == []
    assert http.delete(f"{OBJECTS}/Account/{account}").status_code == 204
    of_account = f"SELECT Id FROM ContentDocumentLink WHERE LinkedEntityId = '{account}'"
    assert query(http, of_account) == []
    assert len(query(http, "SELECT Id FROM ContentDocument")) == 1
    version = query(http, "SELECT Id FROM ContentVersion")[0]["Id"]
    assert http.delete(f"{OBJECTS}/ContentVersion/{version}").status_code == 405


def test_a_key_of_ones_own_makes_files_findable_but_not_replaceable(
    http: httpx.Client, empty_org: LocalOrg
) -> None:
    client = connect(empty_org)
    files = {
        "package.xml": package(
            {"CustomField": ["ContentVersion.Kartra_Id__c"], "PermissionSet": ["Migration"]}
        ),
        "objects/ContentVersion.object": component(
            "CustomObject", text_field("Kartra_Id__c", key=True)
        ),
        "permissionsets/Migration.permissionset": permission_set("ContentVersion.Kartra_Id__c"),
    }
    state, detail = deploy(client, files)
    assert state == "Succeeded", detail
    grant(client)
    path = f"{OBJECTS}/ContentVersion/Kartra_Id__c/f1"
    record = {"PathOnClient": "a.txt", "VersionData": encoded("one")}
    made = http.patch(path, json=record)
    assert made.status_code == 201, made.text
    again = http.patch(path, json={"VersionData": encoded("two")})
    assert refusal(again)[1] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    renamed = http.patch(path, json={"Title": "Better"})
    assert renamed.status_code == 200, renamed.text
    (document,) = query(http, "SELECT Title FROM ContentDocument")
    assert document["Title"] == "Better"
    twice = http.post(f"{OBJECTS}/ContentVersion", json={**record, "Kartra_Id__c": "f1"})
    assert refusal(twice)[1] == "DUPLICATE_VALUE"


def test_files_belong_to_records_of_custom_objects_too(
    http: httpx.Client, empty_org: LocalOrg
) -> None:
    client = connect(empty_org)
    definition = component(
        "CustomObject",
        "<label>Booking</label><pluralLabel>Bookings</pluralLabel>"
        "<nameField><label>Name</label><type>Text</type></nameField>"
        "<deploymentStatus>Deployed</deploymentStatus><sharingModel>ReadWrite</sharingModel>",
    )
    granted = component(
        "PermissionSet",
        "<label>Migration</label><objectPermissions><allowCreate>true</allowCreate>"
        "<allowDelete>true</allowDelete><allowEdit>true</allowEdit><allowRead>true</allowRead>"
        "<modifyAllRecords>true</modifyAllRecords><object>Booking__c</object>"
        "<viewAllRecords>true</viewAllRecords></objectPermissions>",
    )
    files = {
        "package.xml": package({"CustomObject": ["Booking__c"], "PermissionSet": ["Migration"]}),
        "objects/Booking__c.object": definition,
        "permissionsets/Migration.permissionset": granted,
    }
    state, detail = deploy(client, files)
    assert state == "Succeeded", detail
    grant(client)
    booking = create(http, "Booking__c", Name="One")
    upload(http, FirstPublishLocationId=booking)
    links = f"SELECT LinkedEntity.Type FROM ContentDocumentLink WHERE LinkedEntityId = '{booking}'"
    (link,) = query(http, links)
    assert link["LinkedEntity"]["Type"] == "Booking__c"
    assert http.delete(f"{OBJECTS}/Booking__c/{booking}").status_code == 204
    assert query(http, links) == []


def test_a_collection_brings_many_files_and_tells_each_ones_fate(http: httpx.Client) -> None:
    rows: list[dict[str, Any]] = [
        {
            "attributes": {"type": "ContentVersion"},
            "PathOnClient": f"{name}.txt",
            "VersionData": encoded(name),
        }
        for name in ("one", "two", "one")
    ]
    del rows[1]["VersionData"]
    response = http.post(f"{DATA}/composite/sobjects", json={"records": rows})
    assert [r["success"] for r in response.json()] == [True, False, True]
    found = query(http, "SELECT Title, Checksum FROM ContentVersion")
    # Two documents of the same content: their bodies are kept once, and are both answered.
    assert len({row["Checksum"] for row in found}) == 1
    for result in response.json()[::2]:
        body = http.get(f"{OBJECTS}/ContentVersion/{result['id']}/VersionData")
        assert body.content == b"one"
