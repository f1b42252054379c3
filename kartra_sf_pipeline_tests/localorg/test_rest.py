from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kartra_sf_pipeline_tests.conftest import LocalOrg

DATA = "/services/data/v62.0"


@pytest.fixture
def http(empty_org: LocalOrg) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {empty_org.access_token}"}
    with httpx.Client(base_url=empty_org.url, headers=headers, timeout=60) as client:
        yield client


def error(response: httpx.Response) -> tuple[int, str, str]:
    (body,) = response.json()
    return response.status_code, body["errorCode"], body["message"]


def create(http: httpx.Client, kind: str, **fields: Any) -> str:
    response = http.post(f"{DATA}/sobjects/{kind}", json=fields)
    assert response.status_code == 201, response.text
    return response.json()["id"]


def test_versions_are_open_to_everyone(local_org: LocalOrg) -> None:
    versions = httpx.get(f"{local_org.url}/services/data").json()
    assert versions[0] == {
        "label": "Summer '14",
        "url": "/services/data/v31.0",
        "version": "31.0",
    }
    assert {v["version"]: v["label"] for v in versions}["62.0"] == "Winter '25"
    assert {v["version"]: v["label"] for v in versions}["66.0"] == "Spring '26"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Basic eA=="])
def test_without_the_token_nothing_is_told(local_org: LocalOrg, header: str) -> None:
    for path in (f"{DATA}/limits", f"{DATA}/nowhere", "/__admin/status", "/id/a/b"):
        response = httpx.get(local_org.url + path, headers={"Authorization": header})
        assert error(response) == (401, "INVALID_SESSION_ID", "Session expired or invalid")


def test_paths_versions_and_methods_that_do_not_exist(http: httpx.Client) -> None:
    gone = (404, "NOT_FOUND", "The requested resource does not exist")
    assert error(http.get("/services/data/v30.0/limits")) == gone
    assert error(http.get("/services/data/vx/limits")) == gone
    assert error(http.get(f"{DATA}/nowhere")) == gone
    assert error(http.get(f"{DATA}/sobjects/Foo/describe")) == gone
    status, code, _ = error(http.put(f"{DATA}/limits"))
    assert (status, code) == (405, "METHOD_NOT_ALLOWED")
    for path in (f"{DATA}/limits/", "/services/data/v31.0/limits", "/services/data/v99.0/limits"):
        assert http.get(path).status_code == 200


def test_limits_count_calls_truly(http: httpx.Client) -> None:
    first = http.get(f"{DATA}/limits")
    used = int(first.headers["sforce-limit-info"].removeprefix("api-usage=").split("/")[0])
    left = first.json()["DailyApiRequests"]
    assert left["Max"] - left["Remaining"] == used
    second = http.get(f"{DATA}/sobjects")
    assert second.headers["sforce-limit-info"].startswith(f"api-usage={used + 1}/")
    assert first.json()["DataStorageMB"]["Remaining"] > 0


def test_a_describe_has_every_attribute(http: httpx.Client) -> None:
    body = http.get(f"{DATA}/sobjects/contact/describe").json()
    assert body["name"] == "Contact"
    assert body["urls"]["describe"] == f"{DATA}/sobjects/Contact/describe"
    fields = {f["name"]: f for f in body["fields"]}
    assert len(fields["LastName"]) == 57
    assert list(fields["LastName"]) == sorted(fields["LastName"])
    assert fields["LastName"]["length"] == 80
    assert not fields["LastName"]["nillable"]
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert fields["LeadSource"]["picklistValues"][0]["active"] is True
    assert fields["HasOptedOutOfEmail"]["defaultValue"] is False
    account = http.get(f"{DATA}/sobjects/Account/describe").json()
    contacts = [c for c in account["childRelationships"] if c["relationshipName"] == "Contacts"]
    assert contacts[0]["childSObject"] == "Contact"
    assert contacts[0]["cascadeDelete"]
    listed = {o["name"] for o in http.get(f"{DATA}/sobjects").json()["sobjects"]}
    assert {"Account", "CampaignMember", "PricebookEntry", "PermissionSet"} <= listed


def test_a_record_from_creation_to_deletion(http: httpx.Client) -> None:
    response = http.post(
        f"{DATA}/sobjects/Account/",
        json={"Name": "Acme", "BillingCity": "Bonn", "NumberOfEmployees": 3},
    )
    record_id = response.json()["id"]
    assert response.json() == {"id": record_id, "success": True, "errors": []}
    path = f"{DATA}/sobjects/Account/{record_id}"
    assert response.headers["location"] == path
    body = http.get(path).json()
    assert next(iter(body)) == "attributes"
    assert body["attributes"] == {"type": "Account", "url": path}
    assert body["BillingAddress"]["city"] == "Bonn"
    assert body["ShippingAddress"] is None
    assert body["IsDeleted"] is False
    assert http.patch(path, json={"Name": "New", "BillingCity": None}).status_code == 204
    short = http.get(path[:-3], params={"fields": "Name,BillingCity"}).json()
    assert short == {"attributes": short["attributes"], "Name": "New", "BillingCity": None}
    assert http.delete(path).status_code == 204
    assert error(http.delete(path)) == (404, "ENTITY_IS_DELETED", "entity is deleted")
    assert error(http.get(path))[0] == 404


def test_refusals_of_a_single_record(http: httpx.Client) -> None:
    contact = f"{DATA}/sobjects/Contact"
    response = http.post(contact, json={"FirstName": "A"})
    assert response.json() == [
        {
            "message": "Required fields are missing: [LastName]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["LastName"],
        }
    ]
    assert error(http.post(contact, json={"Foo": 1})) == (
        400,
        "INVALID_FIELD",
        "No such column 'Foo' on sobject of type Contact",
    )
    assert error(http.post(contact, content=b'{"LastName" "x"}'))[1:] == (
        "JSON_PARSER_ERROR",
        "Unexpected character ('\"' (code 34)): was expecting a colon to separate field name and "
        "value at [line:1, column:13]",
    )
    assert error(http.post(contact, content=b""))[1] == "JSON_PARSER_ERROR"
    assert error(http.post(contact, content=b"[1"))[1] == "JSON_PARSER_ERROR"
    assert error(http.post(contact, json=[1]))[1] == "JSON_PARSER_ERROR"
    bad_date = error(http.post(contact, json={"LastName": "A", "Birthdate": "x"}))
    assert bad_date[2].startswith("Cannot deserialize instance of date from VALUE_STRING value x")
    assert error(http.get(f"{contact}/rid")) == (
        404,
        "NOT_FOUND",
        "Provided external ID field does not exist or is not accessible: rid",
    )


def test_upsert_by_key_creates_updates_and_lists_candidates(http: httpx.Client) -> None:
    path = f"{DATA}/sobjects/Contact/Email/a%2Bb%40example.com"
    made = http.patch(path, json={"LastName": "A"})
    assert (made.status_code, made.json()["created"]) == (201, True)
    assert http.get(path).json()["Email"] == "a+b@example.com"
    changed = http.patch(path, json={"FirstName": "B"})
    assert (changed.status_code, changed.json()["created"]) == (200, False)
    assert changed.json()["id"] == made.json()["id"]
    create(http, "Contact", LastName="Twin", Email="a+b@example.com")
    many = http.patch(path, json={"FirstName": "C"})
    assert many.status_code == 300
    assert len(many.json()) == 2
    assert error(http.patch(path, json={"Email": "x@y.zz", "LastName": "A"}))[1] == "INVALID_FIELD"
    assert error(http.patch(f"{DATA}/sobjects/Contact/Phone/1", json={}))[0] == 404


def test_parents_by_key_in_json(http: httpx.Client) -> None:
    create(http, "Contact", LastName="Boss", Email="boss@example.com")
    made = create(http, "Contact", LastName="Clerk", ReportsTo={"Email": "boss@example.com"})
    body = http.get(f"{DATA}/sobjects/Contact/{made}").json()
    assert body["ReportsToId"] is not None
    response = http.post(
        f"{DATA}/sobjects/Contact", json={"LastName": "C", "ReportsTo": {"Email": "no@where.com"}}
    )
    assert error(response) == (
        400,
        "INVALID_FIELD",
        "Foreign key external ID: no@where.com not found for field Email in entity Contact",
    )


def test_collections_answer_per_record_in_order(http: httpx.Client) -> None:
    path = f"{DATA}/composite/sobjects"
    records = [
        {"attributes": {"type": "Account"}, "Name": "A"},
        {"attributes": {"type": "Contact"}, "FirstName": "no last name"},
        {"attributes": {"type": "Account"}, "Name": "B"},
    ]
    first, second, third = http.post(path, json={"records": records}).json()
    assert list(first) == ["id", "success", "errors"]
    assert "id" not in second
    assert second["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    strict = http.post(path, json={"allOrNone": True, "records": records}).json()
    assert [r["errors"][0]["statusCode"] for r in strict] == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "REQUIRED_FIELD_MISSING",
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    ]
    count = http.get(f"{DATA}/limits/recordCount", params={"sObjects": "Account"}).json()
    assert count == {"sObjects": [{"count": 2, "name": "Account"}]}
    update = [
        {"attributes": {"type": "Account"}, "id": first["id"], "Name": "A2"},
        {"attributes": {"type": "Account"}, "id": "001Lo00000zzzzz", "Name": "X"},
    ]
    good, absent = http.patch(path, json={"records": update}).json()
    assert good["success"]
    assert absent["errors"] == [
        {
            "statusCode": "INVALID_CROSS_REFERENCE_KEY",
            "message": "invalid cross reference id",
            "fields": [],
        }
    ]
    read = http.post(
        f"{path}/Account", json={"ids": [third["id"], first["id"]], "fields": ["Name"]}
    ).json()
    assert [r["Name"] for r in read] == ["B", "A2"]
    upserts = [
        {"attributes": {"type": "Contact"}, "Email": "x@y.zz", "LastName": "X"},
        {"Email": "y@y.zz", "LastName": "Y"},
    ]
    made, bare = http.patch(f"{path}/Contact/Email", json={"records": upserts}).json()
    assert made["created"]
    assert bare["errors"][0]["statusCode"] == "JSON_PARSER_ERROR"
    ids = f"{first['id']},{third['id']}"
    deleted = http.delete(path, params={"ids": ids}).json()
    assert [d["success"] for d in deleted] == [True, True]
    too_many = {"records": [{"attributes": {"type": "Account"}, "Name": "A"}] * 201}
    assert error(http.post(path, json=too_many))[1] == "EXCEEDED_ID_LIMIT"


def test_tokens_by_client_credentials_and_password(local_org: LocalOrg) -> None:
    path = f"{local_org.url}/services/oauth2/token"
    secret = local_org.access_token
    assert secret.startswith(f"{local_org.org_id}!")
    good = httpx.post(
        path,
        data={"grant_type": "client_credentials", "client_id": "any", "client_secret": secret},
    ).json()
    assert good["access_token"] == secret
    assert good["instance_url"] == local_org.url
    password = {"grant_type": "password", "username": "admin@local.example", "password": secret}
    assert httpx.post(path, data=password).json()["token_type"] == "Bearer"
    bad = httpx.post(path, data={**password, "password": "guess"})
    assert (bad.status_code, bad.json()) == (
        400,
        {"error": "invalid_grant", "error_description": "authentication failure"},
    )


def test_who_is_asking(http: httpx.Client, local_org: LocalOrg) -> None:
    info = http.get("/services/oauth2/userinfo").json()
    assert (info["user_id"], info["organization_id"]) == (local_org.user_id, local_org.org_id)
    identity = http.get(DATA).json()["identity"]
    params = {"format": "json", "oauth_token": local_org.access_token}
    assert httpx.get(identity, params=params).json()["username"] == info["preferred_username"]


def test_the_audit_tells_reads_from_writes_and_keeps_no_values(
    http: httpx.Client, empty_org: LocalOrg
) -> None:
    before = empty_org.admin("GET", "status")["requests"]
    http.get(f"{DATA}/query", params={"q": "SELECT Id FROM Contact WHERE Email = 'x@y.zz'"})
    http.patch(f"{DATA}/sobjects/Contact/Email/x%40y.zz", json={"LastName": "A"})
    read, wrote = empty_org.requests(before)
    assert (read["method"], read["writes"]) == ("GET", False)
    assert wrote["writes"]
    assert (wrote["object"], wrote["operation"], wrote["status"]) == ("Contact", "upsert", 201)
    assert "y.zz" not in str([read, wrote])
