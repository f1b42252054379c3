from __future__ import annotations

import io
from typing import Any

import pytest
import requests
from simple_salesforce.exceptions import SalesforceMalformedRequest

from kartra_sf_pipeline_tests.localorg.clients import (
    component,
    connect,
    deploy,
    grant,
    package,
    permission_set,
    text_field,
)

KEY = {
    "package.xml": package(
        {"CustomField": ["Contact.Kartra_Id__c"], "PermissionSet": ["Migration"]}
    ),
    "objects/Contact.object": component("CustomObject", text_field("Kartra_Id__c", key=True)),
    "permissionsets/Migration.permissionset": permission_set("Contact.Kartra_Id__c"),
}


def fields_of(client: Any, name: str) -> dict[str, Any]:
    return {f["name"]: f for f in getattr(client, name).describe()["fields"]}


def test_a_deployed_field_stays_hidden_until_a_permission_set_is_assigned(empty_org: Any) -> None:
    client = connect(empty_org)
    assert deploy(client, KEY)[0] == "Succeeded"
    assert "Kartra_Id__c" not in fields_of(client, "Contact")
    with pytest.raises(SalesforceMalformedRequest, match="No such column 'Kartra_Id__c'"):
        client.query("SELECT Kartra_Id__c FROM Contact")
    grant(client)
    field = fields_of(client, "Contact")["Kartra_Id__c"]
    assert (field["unique"], field["externalId"], field["length"]) == (True, True, 255)
    client.Contact.upsert("Kartra_Id__c/42", {"LastName": "Núñez"})
    assert client.query("SELECT Kartra_Id__c FROM Contact")["records"][0]["Kartra_Id__c"] == "42"


def test_a_check_only_deployment_leaves_nothing(empty_org: Any) -> None:
    client = connect(empty_org)
    state, detail = deploy(client, KEY, checkOnly=True)
    assert (state, detail["total_count"], detail["failed_count"]) == ("Succeeded", "2", "0")
    assert client.query("SELECT Id FROM PermissionSet WHERE Name = 'Migration'")["totalSize"] == 0


def test_the_same_package_twice_is_no_error_and_changes_labels(empty_org: Any) -> None:
    client = connect(empty_org)
    deploy(client, KEY)
    grant(client)
    relabelled = text_field("Kartra_Id__c", key=True, label="Kartra number")
    again = {**KEY, "objects/Contact.object": component("CustomObject", relabelled)}
    assert deploy(client, again)[0] == "Succeeded"
    assert fields_of(client, "Contact")["Kartra_Id__c"]["label"] == "Kartra number"


def test_one_bad_component_takes_the_whole_deployment_back(empty_org: Any) -> None:
    client = connect(empty_org)
    fields = text_field("Good__c") + text_field("Bad__c", length=None)
    state, detail = deploy(
        client,
        {
            "package.xml": package({"CustomField": ["Contact.Good__c", "Contact.Bad__c"]}),
            "objects/Contact.object": component("CustomObject", fields),
        },
    )
    assert state == "Failed"
    assert [(e["type"], e["message"]) for e in detail["errors"]] == [
        ("CustomField", "Must specify 'length' for a CustomField of type Text")
    ]
    query = "SELECT Id FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Contact'"
    assert client.query(f"{query} AND QualifiedApiName = 'Good__c'")["totalSize"] == 0


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("<label>X</label><type>Number</type><precision>18</precision>", "Must specify 'scale'"),
        (
            "<label>X</label><type>Date</type><externalId>true</externalId>",
            "Can not specify 'externalId' for a CustomField of type Date",
        ),
        ("<label>X</label><type>Nonsense</type>", "'Nonsense' is not a valid value"),
        ("<type>Date</type>", "Must specify a non-empty label"),
        (
            "<label>X</label><type>Lookup</type><referenceTo>Nope__c</referenceTo>",
            "'Nope__c' does not resolve to a valid sObject type",
        ),
        ("<label>X</label><type>Checkbox</type>", "Must specify 'defaultValue'"),
    ],
)
def test_a_field_that_the_platform_would_refuse_is_refused(
    empty_org: Any, field: str, problem: str
) -> None:
    content = component("CustomObject", f"<fields><fullName>X__c</fullName>{field}</fields>")
    files = {
        "package.xml": package({"CustomField": ["Contact.X__c"]}),
        "objects/Contact.object": content,
    }
    state, detail = deploy(connect(empty_org), files)
    assert state == "Failed"
    assert problem in detail["errors"][0]["message"]


def picklist(count: int) -> str:
    values = "".join(
        f"<value><fullName>v{i}</fullName><default>false</default><label>v{i}</label></value>"
        for i in range(count)
    )
    return (
        "<fields><fullName>Tags__c</fullName><label>Tags</label><type>MultiselectPicklist</type>"
        "<visibleLines>4</visibleLines><valueSet><restricted>true</restricted>"
        f"<valueSetDefinition><sorted>false</sorted>{values}</valueSetDefinition></valueSet></fields>"
    )


def tags_package(count: int) -> dict[str, str]:
    return {
        "package.xml": package(
            {"CustomField": ["Contact.Tags__c"], "PermissionSet": ["Migration"]}
        ),
        "objects/Contact.object": component("CustomObject", picklist(count)),
        "permissionsets/Migration.permissionset": permission_set("Contact.Tags__c"),
    }


def test_a_multi_select_picklist_takes_500_values_and_no_more(empty_org: Any) -> None:
    client = connect(empty_org)
    state, detail = deploy(client, tags_package(501))
    assert (state, "at most 500 values" in detail["errors"][0]["message"]) == ("Failed", True)
    assert deploy(client, tags_package(500))[0] == "Succeeded"
    grant(client)
    assert len(fields_of(client, "Contact")["Tags__c"]["picklistValues"]) == 500


def test_a_value_left_out_of_a_redeployment_becomes_inactive(empty_org: Any) -> None:
    client = connect(empty_org)
    deploy(client, tags_package(3))
    deploy(client, tags_package(2))
    grant(client)
    values = fields_of(client, "Contact")["Tags__c"]["picklistValues"]
    assert {v["value"]: v["active"] for v in values} == {"v0": True, "v1": True, "v2": False}


def test_a_custom_object_with_a_lookup_can_be_filled_and_queried_both_ways(empty_org: Any) -> None:
    client = connect(empty_org)
    lookup = (
        "<fields><fullName>Contact__c</fullName><label>Contact</label><type>Lookup</type>"
        "<referenceTo>Contact</referenceTo><relationshipName>Plans</relationshipName></fields>"
    )
    plan = component(
        "CustomObject",
        "<label>Plan</label><pluralLabel>Plans</pluralLabel><nameField><label>Plan</label>"
        "<type>Text</type></nameField><deploymentStatus>Deployed</deploymentStatus>"
        f"<sharingModel>ReadWrite</sharingModel>{lookup}",
    )
    state, detail = deploy(
        client,
        {
            "package.xml": package({"CustomObject": ["Plan__c"], "PermissionSet": ["Migration"]}),
            "objects/Plan__c.object": plan,
            "permissionsets/Migration.permissionset": permission_set(
                "Plan__c.Contact__c", objects=["Plan__c"]
            ),
        },
    )
    assert state == "Succeeded", detail
    grant(client)
    contact = client.Contact.create({"LastName": "Öz"})["id"]
    client.Plan__c.create({"Name": "Gold", "Contact__c": contact})
    below = client.query("SELECT Name, Contact__r.LastName FROM Plan__c")["records"][0]
    assert below["Contact__r"]["LastName"] == "Öz"
    above = client.query("SELECT Id, (SELECT Name FROM Plans__r) FROM Contact")["records"][0]
    assert [r["Name"] for r in above["Plans__r"]["records"]] == ["Gold"]


def test_a_field_on_activity_appears_on_events_and_tasks(empty_org: Any) -> None:
    client = connect(empty_org)
    state, _ = deploy(
        client,
        {
            "package.xml": package(
                {"CustomField": ["Activity.Kartra_Id__c"], "PermissionSet": ["Migration"]}
            ),
            "objects/Activity.object": component(
                "CustomObject", text_field("Kartra_Id__c", key=True)
            ),
            "permissionsets/Migration.permissionset": permission_set("Activity.Kartra_Id__c"),
        },
    )
    assert state == "Succeeded"
    grant(client)
    assert "Kartra_Id__c" in fields_of(client, "Event")
    assert "Kartra_Id__c" in fields_of(client, "Task")


def test_a_deployed_stage_decides_whether_an_opportunity_is_won(empty_org: Any) -> None:
    client = connect(empty_org)
    stage = (
        "<standardValue><fullName>Refunded</fullName><default>false</default>"
        "<label>Refunded</label><closed>true</closed><won>true</won>"
        "<forecastCategory>Closed</forecastCategory><probability>100</probability></standardValue>"
    )
    state, _ = deploy(
        client,
        {
            "package.xml": package({"StandardValueSet": ["OpportunityStage"]}),
            "standardValueSets/OpportunityStage.standardValueSet": component(
                "StandardValueSet", f"<sorted>false</sorted>{stage}"
            ),
        },
    )
    assert state == "Succeeded"
    created = client.Opportunity.create(
        {"Name": "O", "StageName": "Refunded", "CloseDate": "2026-01-31"}
    )["id"]
    found = client.query(f"SELECT IsWon, Probability FROM Opportunity WHERE Id = '{created}'")
    assert (found["records"][0]["IsWon"], found["records"][0]["Probability"]) == (True, 100.0)


def test_destructive_changes_remove_a_field_and_only_warn_about_an_unknown_one(
    empty_org: Any,
) -> None:
    client = connect(empty_org)
    deploy(client, KEY)
    grant(client)
    state, _ = deploy(
        client,
        {
            "package.xml": package({}),
            "destructiveChanges.xml": package(
                {"CustomField": ["Contact.Kartra_Id__c", "Contact.Nope__c"]}
            ),
        },
    )
    assert state == "Succeeded"
    assert "Kartra_Id__c" not in fields_of(client, "Contact")


def test_a_broken_zip_is_a_failed_deployment_and_no_fault(empty_org: Any) -> None:
    client = connect(empty_org)
    started = client.deploy(io.BytesIO(b"no zip at all"), sandbox=False)
    status = client.checkDeployStatus(started["asyncId"])
    while status["state"] in {"Pending", "InProgress"}:
        status = client.checkDeployStatus(started["asyncId"])
    assert status["state"] == "Failed"
    assert status["deployment_detail"]["failed_count"] == "0"
    assert status["deployment_detail"]["errors"][0]["message"] == "No package.xml found"


def test_zeep_creates_reads_updates_and_deletes_a_field(empty_org: Any) -> None:
    api = connect(empty_org).mdapi
    field = api.CustomField(
        fullName="Account.Rank__c", label="Rank", type="Number", precision=6, scale=2
    )
    api.CustomField.create(field)
    read = api.CustomField.read("Account.Rank__c")
    assert (read.label, read.precision, read.scale) == ("Rank", 6, 2)
    read.label = "Standing"
    api.CustomField.update(read)
    assert api.CustomField.read("Account.Rank__c").label == "Standing"
    with pytest.raises(Exception, match="There is already a field named"):
        api.CustomField.create(field)
    api.CustomField.delete("Account.Rank__c")
    with pytest.raises(Exception, match=r"no CustomField named Account\.Rank__c found"):
        api.CustomField.delete("Account.Rank__c")


def test_zeep_describes_and_lists(empty_org: Any) -> None:
    client = connect(empty_org)
    deploy(client, KEY)
    assert "CustomObject" in {m.xmlName for m in client.mdapi.describe_metadata().metadataObjects}
    listed = client.mdapi.list_metadata([client.mdapi.ListMetadataQuery(type="CustomField")])
    assert [(f.fullName, f.type) for f in listed] == [("Contact.Kartra_Id__c", "CustomField")]


def test_a_wrong_session_is_a_fault_with_status_500(local_org: Any) -> None:
    envelope = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header>'
        '<SessionHeader xmlns="http://soap.sforce.com/2006/04/metadata"><sessionId>no</sessionId>'
        "</SessionHeader></e:Header><e:Body>"
        '<describeMetadata xmlns="http://soap.sforce.com/2006/04/metadata"/></e:Body></e:Envelope>'
    )
    for path in ("m/62.0", "m/62.0/"):
        reply = requests.post(f"{local_org.url}/services/Soap/{path}", data=envelope, timeout=10)
        assert reply.status_code == 500
        assert "<faultcode>sf:INVALID_SESSION_ID</faultcode>" in reply.text
