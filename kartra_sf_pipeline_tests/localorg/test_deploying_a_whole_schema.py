from __future__ import annotations

from typing import Any

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
from kartra_sf_pipeline_tests.localorg.whole_schema import (
    NAME,
    WHOLE,
    business_process,
    content,
    custom_object,
    missing_from,
    picklist,
    record_type,
    retrieve,
    validation_rule,
    values,
)

TYPES: dict[str, list[str]] = {
    "CustomObject": ["Contact", "Opportunity", NAME],
    "CustomPermission": ["*"],
    "Flow": ["*"],
    "GlobalValueSet": ["*"],
    "PermissionSet": ["Migration"],
    "StandardValueSet": ["OpportunityStage"],
}


def problems(detail: Any) -> list[str]:
    return [e["message"] for e in detail["errors"]]


def refusal(client: Any, files: dict[str, str], types: dict[str, list[str]]) -> list[str]:
    state, detail = deploy(client, {"package.xml": package(types), **files})
    assert state == "Failed"
    return problems(detail)


def test_a_package_in_any_order_deploys_at_once_and_reads_back_as_deployed(
    empty_org: LocalOrg,
) -> None:
    client: Any = connect(empty_org)
    state, detail = deploy(client, WHOLE)
    assert state == "Succeeded", problems(detail)
    # The object's two fields come with it.
    assert detail["total_count"] == "13"
    files, lost = retrieve(client, TYPES)
    assert lost == []
    for path, text in WHOLE.items():
        if path != "package.xml":
            assert missing_from(content(text), content(files[path])) == [], path


def test_what_was_retrieved_deploys_again_and_changes_nothing(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    deploy(client, WHOLE)
    files, _ = retrieve(client, TYPES)
    state, detail = deploy(client, files)
    assert state == "Succeeded", problems(detail)
    assert retrieve(client, TYPES)[0] == files


def test_a_part_of_an_object_is_retrieved_alone_and_unknown_names_are_told(
    empty_org: LocalOrg,
) -> None:
    client: Any = connect(empty_org)
    deploy(client, WHOLE)
    files, lost = retrieve(
        client, {"CustomField": ["Contact.Rate__c"], "RecordType": ["Account.Nope"]}
    )
    assert sorted(files) == ["objects/Contact.object", "package.xml"]
    found = dict(content(files["objects/Contact.object"])[1][0][1])
    assert (found["fullName"], found["precision"], found["required"]) == ("Rate__c", "5", "false")
    assert lost == ["Entity of type 'RecordType' named 'Account.Nope' cannot be found"]


def test_check_only_tells_the_same_and_leaves_nothing(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    state, detail = deploy(client, WHOLE, checkOnly=True)
    assert (state, detail["total_count"], detail["failed_count"]) == ("Succeeded", "13", "0")
    assert client.query("SELECT Id FROM RecordType")["totalSize"] == 0
    assert client.query("SELECT Id FROM CustomPermission")["totalSize"] == 0
    assert client.mdapi.list_metadata([client.mdapi.ListMetadataQuery(type="Flow")]) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "problem"),
    [
        (
            "objects/Contact.object",
            "Kartra_Tier<",
            "Nope<",
            "In field: valueSetName - no GlobalValueSet named Nope found",
        ),
        (
            "objects/Opportunity.object",
            "<businessProcess>Kartra",
            "<businessProcess>Nope",
            "In field: businessProcess - no BusinessProcess named Opportunity.Nope found",
        ),
        (
            "objects/Opportunity.object",
            "<fullName>Refunded",
            "<fullName>Nope",
            "Picklist value: Nope in picklist: Stage not found",
        ),
        (
            "objects/Opportunity.object",
            "<businessProcess>Kartra</businessProcess>",
            "",
            "Required field is missing: businessProcess",
        ),
        (
            "permissionsets/Migration.permissionset",
            "Opportunity.Kartra_Sale",
            "Opportunity.Nope",
            "In field: recordType - no RecordType named Opportunity.Nope found",
        ),
        (
            "permissionsets/Migration.permissionset",
            "Kartra_Bypass",
            "Nope",
            "In field: name - no CustomPermission named Nope found",
        ),
        (
            "permissionsets/Migration.permissionset",
            "ApiEnabled",
            "Nope",
            "Unknown user permission: Nope",
        ),
        (
            "permissionsets/Migration.permissionset",
            "<allowEdit>true",
            "<allowEdit>false",
            "Permission Delete Membership depends on permission(s): Edit Membership",
        ),
        (
            f"objects/{NAME}.object",
            "ControlledByParent",
            "ReadWrite",
            "Cannot set sharingModel to ReadWrite on a CustomObject with a MasterDetail "
            "relationship field",
        ),
        ("flows/Welcome.flow", "Draft", "On", "'On' is not a valid value for the enum"),
        (
            "objects/Contact.object",
            "<errorMessage>No.</errorMessage>",
            "",
            "Required field is missing: errorMessage",
        ),
    ],
)
def test_a_component_that_the_platform_would_refuse_is_refused_in_its_words(
    empty_org: LocalOrg, path: str, old: str, new: str, problem: str
) -> None:
    client: Any = connect(empty_org)
    assert old in WHOLE[path]
    state, detail = deploy(client, {**WHOLE, path: WHOLE[path].replace(old, new)})
    assert state == "Failed"
    assert any(problem in p for p in problems(detail)), problems(detail)
    assert client.query("SELECT Id FROM BusinessProcess")["totalSize"] == 0


def test_without_rollback_the_good_components_stay_and_the_bad_one_leaves_no_trace(
    empty_org: LocalOrg,
) -> None:
    client: Any = connect(empty_org)
    path = "objects/Opportunity.object"
    bad = WHOLE[path].replace("<businessProcess>Kartra", "<businessProcess>Nope")
    state, detail = deploy(client, {**WHOLE, path: bad}, rollbackOnError=False)
    assert state == "SucceededPartial"
    # The record type, and the permission set that names it.
    assert detail["failed_count"] == "2"
    assert client.query("SELECT Id FROM BusinessProcess")["totalSize"] == 1
    assert client.query("SELECT Id FROM RecordType")["totalSize"] == 0


def test_a_new_custom_object_is_used_at_once_by_rest_bulk_and_soql(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    deploy(client, WHOLE)
    hidden = client.describe()
    assert NAME not in {o["name"] for o in hidden["sobjects"]}
    grant(client)
    contact = client.Contact.create({"LastName": "Ek"})["id"]
    described = getattr(client, NAME).describe()
    assert (described["createable"], described["deletable"], described["custom"]) == (True,) * 3
    fields = {f["name"]: f for f in described["fields"]}
    assert "OwnerId" not in fields
    assert (fields["Name"]["autoNumber"], fields["Name"]["createable"]) == (True, False)
    assert (fields["Contact__c"]["cascadeDelete"], fields["Contact__c"]["nillable"]) == (
        True,
        False,
    )
    # The permission set lets this field be read alone.
    assert (fields["Since__c"]["createable"], fields["Since__c"]["updateable"]) == (False, False)
    first = getattr(client, NAME).create({"Contact__c": contact})["id"]
    loaded = getattr(client.bulk2, NAME).insert(records=[{"Contact__c": contact}] * 2)
    assert loaded[0]["numberRecordsFailed"] == 0
    rows = client.query(f"SELECT Name, Contact__r.LastName FROM {NAME} ORDER BY Name")["records"]
    assert [r["Name"] for r in rows] == ["M-0007", "M-0008", "M-0009"]
    assert rows[0]["Contact__r"]["LastName"] == "Ek"
    client.Contact.delete(contact)
    assert client.query(f"SELECT Id FROM {NAME}")["totalSize"] == 0
    assert client.query_all(f"SELECT Id FROM {NAME}", include_deleted=True)["records"][0]["Id"] == (
        first
    )


def test_object_permissions_decide_what_may_be_done_with_a_custom_object(
    empty_org: LocalOrg,
) -> None:
    client: Any = connect(empty_org)
    files = {
        "package.xml": package({"CustomObject": ["Plan__c"], "PermissionSet": ["Migration"]}),
        "objects/Plan__c.object": custom_object("Plan"),
        "permissionsets/Migration.permissionset": permission_set(
            more="<objectPermissions><allowRead>true</allowRead><object>Plan__c</object>"
            "</objectPermissions>"
        ),
    }
    assert deploy(client, files)[0] == "Succeeded"
    grant(client)
    described = client.Plan__c.describe()
    flags = [described[f] for f in ("queryable", "createable", "updateable", "deletable")]
    assert flags == [True, False, False, False]
    (row,) = client.query(
        "SELECT Id, PermissionsCreate FROM ObjectPermissions WHERE SobjectType = 'Plan__c'"
    )["records"]
    client.ObjectPermissions.update(row["Id"], {"PermissionsCreate": True})
    assert client.Plan__c.describe()["createable"]
    client.Plan__c.create({"Name": "Gold"})
    nameless = client.Plan__c.create({})["id"]
    assert client.Plan__c.get(nameless)["Name"] == nameless


def test_deleting_a_custom_object_takes_records_and_metadata_along(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    deploy(client, WHOLE)
    grant(client)
    contact = client.Contact.create({"LastName": "Ek"})["id"]
    getattr(client, NAME).create({"Contact__c": contact})
    state, detail = deploy(
        client,
        {
            "package.xml": package({}),
            "destructiveChangesPost.xml": package({"CustomObject": [NAME]}),
        },
    )
    assert state == "Succeeded", problems(detail)
    described = client.describe()
    assert NAME not in {o["name"] for o in described["sobjects"]}
    listed = client.mdapi.list_metadata([client.mdapi.ListMetadataQuery(type="CustomField")])
    assert {f.fullName for f in listed} == {"Contact.Rate__c", "Contact.Tier__c"}
    files, _ = retrieve(client, {"PermissionSet": ["Migration"]})
    assert NAME not in files["permissionsets/Migration.permissionset"]
    # The name is free again, and numbers start anew.
    assert deploy(client, WHOLE)[0] == "Succeeded"
    getattr(client, NAME).create({"Contact__c": contact})
    assert client.query(f"SELECT Name FROM {NAME}")["records"][0]["Name"] == "M-0007"


def test_a_field_in_a_permission_set_can_be_deleted_one_in_a_rule_cannot(
    empty_org: LocalOrg,
) -> None:
    client: Any = connect(empty_org)
    deploy(client, WHOLE)
    empty = {"package.xml": package({})}
    gone = {**empty, "destructiveChanges.xml": package({"CustomField": ["Contact.Tier__c"]})}
    state, detail = deploy(client, gone)
    assert state == "Failed"
    assert "Validation Rule - Contact.Needs_Tier" in problems(detail)[0]
    both = package({"CustomField": ["Contact.Tier__c"], "ValidationRule": ["Contact.Needs_Tier"]})
    assert deploy(client, {**empty, "destructiveChanges.xml": both})[0] == "Succeeded"
    files, _ = retrieve(client, {"PermissionSet": ["Migration"]})
    assert "Tier__c" not in files["permissionsets/Migration.permissionset"]


def test_what_is_used_is_not_deleted(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    deploy(client, WHOLE)
    for kind, name, problem in (
        ("GlobalValueSet", "Kartra_Tier", "is used by the field Contact.Tier__c"),
        ("BusinessProcess", "Opportunity.Kartra", "is used by the record type"),
        ("RecordType", "Opportunity.Kartra_Sale", "Cannot delete record type through API"),
    ):
        files = {"destructiveChanges.xml": package({kind: [name]})}
        assert problem in refusal(client, files, {})[0]


def test_a_changed_global_value_set_changes_every_field_that_uses_it(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    deploy(client, WHOLE)
    grant(client)
    files = {
        "package.xml": package({"GlobalValueSet": ["Kartra_Tier"]}),
        "globalValueSets/Kartra_Tier.globalValueSet": component(
            "GlobalValueSet",
            f"{values('customValue', 'Gold', 'Bronze')}<masterLabel>Tier</masterLabel>",
        ),
    }
    assert deploy(client, files)[0] == "Succeeded"
    fields = client.Contact.describe()["fields"]
    (tier,) = [f for f in fields if f["name"] == "Tier__c"]
    assert tier["restrictedPicklist"]
    assert {v["value"]: v["active"] for v in tier["picklistValues"]} == {
        "Gold": True,
        "Bronze": True,
        "Silver": False,
    }


def test_names_and_limits_of_the_platform_hold(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    account = "objects/Account.object"

    def refused(inner: str, kind: str, name: str) -> str:
        files = {account: component("CustomObject", inner)}
        return refusal(client, files, {kind: [f"Account.{name}"]})[0]

    assert "can only contain underscores" in refused(
        record_type("Two-words"), "RecordType", "Two-words"
    )
    assert "can only contain underscores" in refused(
        text_field("Two__words__c"), "CustomField", "Two__words__c"
    )
    assert "at most 1000 values" in refused(
        picklist("Many__c", *[f"v{i}" for i in range(1_001)]), "CustomField", "Many__c"
    )
    assert "does not support business processes" in refused(
        business_process("P", "Open"), "BusinessProcess", "P"
    )
    twice = record_type("A", label="Same") + record_type("B", label="Same")
    files = {account: component("CustomObject", twice)}
    assert refusal(client, files, {"RecordType": ["Account.A", "Account.B"]}) == [
        "The label: Same is not unique"
    ]
    repeated = text_field("X__c") + text_field("X__c")
    assert "Duplicate developer name" in refused(repeated, "CustomField", "X__c")


def test_a_text_field_does_not_become_a_date(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    types = {"CustomField": ["Account.X__c"]}
    first = {"objects/Account.object": component("CustomObject", text_field("X__c"))}
    assert deploy(client, {"package.xml": package(types), **first})[0] == "Succeeded"
    date = "<fields><fullName>X__c</fullName><label>X</label><type>Date</type></fields>"
    second = {"objects/Account.object": component("CustomObject", date)}
    assert refusal(client, second, types) == ["Cannot update a field to a Date from something else"]


def test_a_field_changes_its_type_when_it_is_removed_before_it_is_deployed(
    empty_org: LocalOrg,
) -> None:
    client: Any = connect(empty_org)
    named = package({"CustomField": ["Account.X__c"]})
    text = {"objects/Account.object": component("CustomObject", text_field("X__c"))}
    assert deploy(client, {"package.xml": named, **text})[0] == "Succeeded"
    date = "<fields><fullName>X__c</fullName><label>X</label><type>Date</type></fields>"
    files = {
        "package.xml": named,
        "destructiveChangesPre.xml": named,
        "objects/Account.object": component("CustomObject", date),
    }
    assert deploy(client, files)[0] == "Succeeded"
    assert client.mdapi.CustomField.read("Account.X__c").type == "Date"


def test_a_validation_rule_is_switched_off_by_a_deployment(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    for active in (True, False):
        rule = validation_rule("Never", "ISBLANK(Name)", active=active)
        files = {
            "package.xml": package({"ValidationRule": ["Account.Never"]}),
            "objects/Account.object": component("CustomObject", rule),
        }
        assert deploy(client, files)[0] == "Succeeded"
        reply = httpx.get(
            f"{empty_org.url}/services/data/v62.0/tooling/query",
            params={"q": "SELECT Active FROM ValidationRule WHERE ValidationName = 'Never'"},
            headers={"Authorization": f"Bearer {empty_org.access_token}"},
        )
        assert [r["Active"] for r in reply.json()["records"]] == [active]
