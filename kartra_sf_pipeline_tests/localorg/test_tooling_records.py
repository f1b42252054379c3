from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.localorg.clients import connect, deploy, package
from kartra_sf_pipeline_tests.localorg.whole_schema import NAME, WHOLE, flow

TOOLING = "/services/data/v62.0/tooling"


@pytest.fixture
def http(empty_org: LocalOrg) -> Iterator[httpx.Client]:
    assert deploy(connect(empty_org), WHOLE)[0] == "Succeeded"
    headers = {"Authorization": f"Bearer {empty_org.access_token}"}
    with httpx.Client(base_url=empty_org.url, headers=headers, timeout=60) as client:
        yield client


def rows(http: httpx.Client, soql: str) -> list[dict[str, Any]]:
    reply = http.get(f"{TOOLING}/query", params={"q": soql})
    assert reply.status_code == 200, reply.text
    return reply.json()["records"]


def test_a_validation_rule_is_switched_off_and_on_with_the_metadata_that_was_read(
    http: httpx.Client,
) -> None:
    (rule,) = rows(
        http,
        "SELECT Id, ValidationName, Active, FullName, Metadata, EntityDefinition.QualifiedApiName "
        "FROM ValidationRule WHERE EntityDefinition.QualifiedApiName = 'Contact'",
    )
    assert (rule["ValidationName"], rule["Active"]) == ("Needs_Tier", True)
    assert rule["Metadata"]["errorConditionFormula"].startswith("AND(NOT($Permission.Kartra_")
    path = f"{TOOLING}/sobjects/ValidationRule/{rule['Id']}"
    for active in (False, True):
        changed = {"Metadata": {**rule["Metadata"], "active": active}}
        assert http.patch(path, json=changed).status_code == 204
        assert http.get(path).json()["Metadata"] == changed["Metadata"]
        assert rows(http, "SELECT Active FROM ValidationRule")[0]["Active"] is active


def test_a_rule_without_its_formula_is_refused_and_stays(http: httpx.Client) -> None:
    (rule,) = rows(http, "SELECT Id FROM ValidationRule")
    path = f"{TOOLING}/sobjects/ValidationRule/{rule['Id']}"
    reply = http.patch(path, json={"Metadata": {"active": False, "errorMessage": "No."}})
    assert reply.status_code == 400
    assert reply.json()[0]["message"] == "Required field is missing: errorConditionFormula"
    assert rows(http, "SELECT Active FROM ValidationRule")[0]["Active"] is True


def test_a_rule_is_deleted(http: httpx.Client) -> None:
    (rule,) = rows(http, "SELECT Id FROM ValidationRule")
    path = f"{TOOLING}/sobjects/ValidationRule/{rule['Id']}"
    assert http.delete(path).status_code == 204
    assert rows(http, "SELECT Id FROM ValidationRule") == []
    assert http.delete(path).status_code == 404


def test_a_custom_field_is_made_read_changed_and_deleted(http: httpx.Client) -> None:
    values = [{"valueName": n, "label": n, "default": False} for n in ("Low", "High")]
    body = {
        "FullName": "Account.Level__c",
        "Metadata": {
            "label": "Level",
            "type": "Picklist",
            "required": False,
            "valueSet": {
                "restricted": True,
                "valueSetDefinition": {"sorted": False, "value": values},
            },
        },
    }
    made = http.post(f"{TOOLING}/sobjects/CustomField", json=body)
    assert made.status_code == 201, made.text
    path = f"{TOOLING}/sobjects/CustomField/{made.json()['id']}"
    read = http.get(path).json()
    assert read["FullName"] == "Account.Level__c"
    told = read["Metadata"]["valueSet"]["valueSetDefinition"]["value"]
    assert [v["valueName"] for v in told] == ["Low", "High"]
    assert http.post(f"{TOOLING}/sobjects/CustomField", json=body).status_code == 400
    changed = {"Metadata": {**read["Metadata"], "label": "Standing"}}
    assert http.patch(path, json=changed).status_code == 204
    soql = "SELECT Label, DataType FROM FieldDefinition WHERE QualifiedApiName = 'Level__c'"
    assert [(r["Label"], r["DataType"]) for r in rows(http, soql)] == [("Standing", "Picklist")]
    assert http.delete(path).status_code == 204
    assert rows(http, soql) == []


def test_components_are_found_by_tooling_queries(http: httpx.Client) -> None:
    assert rows(http, "SELECT DeveloperName, SharingModel FROM CustomObject")[0][
        "DeveloperName"
    ] == NAME.removesuffix("__c")
    fields = rows(http, "SELECT DeveloperName FROM CustomField ORDER BY DeveloperName")
    assert [f["DeveloperName"] for f in fields] == ["Contact", "Rate", "Since", "Tier"]
    process, *others = rows(http, "SELECT Name, TableEnumOrId, IsActive FROM BusinessProcess")
    assert (process["Name"], process["TableEnumOrId"], others) == ("Kartra", "Opportunity", [])
    soql = "SELECT KeyPrefix FROM EntityDefinition WHERE QualifiedApiName = 'Contact'"
    assert rows(http, soql)[0]["KeyPrefix"] == "003"


def test_metadata_of_several_rows_is_not_told_at_once(
    http: httpx.Client, empty_org: LocalOrg
) -> None:
    files = {"package.xml": package({"Flow": ["Other"]}), "flows/Other.flow": flow("Draft")}
    assert deploy(connect(empty_org), files)[0] == "Succeeded"
    reply = http.get(f"{TOOLING}/query", params={"q": "SELECT Id, Metadata FROM Flow"})
    assert reply.status_code == 400
    assert "no more than one row for retrieval" in reply.json()[0]["message"]


def test_a_flow_has_versions_of_which_one_is_active(
    http: httpx.Client, empty_org: LocalOrg
) -> None:
    client = connect(empty_org)

    def deploys(content: str) -> str:
        files = {"package.xml": package({"Flow": ["Welcome"]}), "flows/Welcome.flow": content}
        return deploy(client, files)[0]

    def states() -> list[tuple[int, str]]:
        soql = "SELECT VersionNumber, Status FROM Flow ORDER BY VersionNumber"
        return [(r["VersionNumber"], r["Status"]) for r in rows(http, soql)]

    assert states() == [(1, "Draft")]
    assert deploys(flow("Active")) == "Succeeded"
    assert states() == [(1, "Active")]
    assert deploys(flow("Active", label="Warm welcome")) == "Succeeded"
    assert states() == [(1, "Obsolete"), (2, "Active")]
    (seen,) = rows(
        http,
        "SELECT ApiName, IsActive, TriggerType, TriggerObjectOrEventLabel FROM FlowDefinitionView",
    )
    assert (seen["ApiName"], seen["IsActive"], seen["TriggerType"]) == (
        "Welcome",
        True,
        "RecordAfterSave",
    )
    gone = {"package.xml": package({}), "destructiveChanges.xml": package({"Flow": ["Welcome"]})}
    assert deploy(client, gone)[0] == "Failed"
    (definition,) = rows(http, "SELECT Id, Metadata FROM FlowDefinition")
    assert definition["Metadata"] == {"activeVersionNumber": 2}
    path = f"{TOOLING}/sobjects/FlowDefinition/{definition['Id']}"
    assert http.patch(path, json={"Metadata": {"activeVersionNumber": 0}}).status_code == 204
    assert states() == [(1, "Obsolete"), (2, "Obsolete")]
    assert deploy(client, gone)[0] == "Succeeded"
    assert states() == []


def test_types_that_are_no_tooling_records_are_not_found(http: httpx.Client) -> None:
    assert http.get(f"{TOOLING}/sobjects/SourceMember/describe").status_code == 404
    assert http.get(f"{TOOLING}/sobjects/CustomField/00Nxx0000000001AAA").status_code == 404
    listed = http.get(f"{TOOLING}/sobjects").json()["sobjects"]
    assert "ValidationRule" in {t["name"] for t in listed}
