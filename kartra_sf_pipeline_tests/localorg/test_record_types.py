from __future__ import annotations

from typing import Any

import pytest
from simple_salesforce.exceptions import SalesforceMalformedRequest

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
    WHOLE,
    custom_object,
    picklist,
    record_type,
    visible,
)

MASTER = "012000000000000AAA"
LEVELS = (
    "<picklistValues><picklist>Level__c</picklist>"
    "<values><fullName>Low</fullName><default>false</default></values></picklistValues>"
)
FILES = {
    "package.xml": package(
        {
            "CustomField": ["Contact.Level__c", "Contact.Mood__c"],
            "RecordType": ["Contact.Buyer", "Contact.Partner", "Contact.Retired"],
            "PermissionSet": ["Migration"],
        }
    ),
    "objects/Contact.object": component(
        "CustomObject",
        picklist("Level__c", "Low", "High")
        + picklist("Mood__c", "Calm", restricted=False)
        + record_type("Buyer", more=LEVELS)
        + record_type("Partner")
        + record_type("Retired", active=False),
    ),
    "permissionsets/Migration.permissionset": permission_set(
        "Contact.Level__c", "Contact.Mood__c", more=visible("Contact.Buyer", "Contact.Retired")
    ),
}


@pytest.fixture
def client(empty_org: LocalOrg) -> Any:
    made = connect(empty_org)
    state, detail = deploy(made, FILES)
    assert state == "Succeeded", detail["errors"]
    return made


def ids(client: Any) -> dict[str, str]:
    rows = client.query("SELECT Id, DeveloperName FROM RecordType WHERE SobjectType = 'Contact'")
    return {r["DeveloperName"]: r["Id"] for r in rows["records"]}


def refused(client: Any, **fields: Any) -> dict[str, Any]:
    with pytest.raises(SalesforceMalformedRequest) as caught:
        client.Contact.create({"LastName": "Ek", **fields})
    content: Any = caught.value.content
    return content[0]


def test_the_describe_tells_which_record_types_the_user_has(client: Any) -> None:
    grant(client)
    described = client.Contact.describe()
    told = {
        i["developerName"]: (i["active"], i["available"], i["defaultRecordTypeMapping"])
        for i in described["recordTypeInfos"]
    }
    assert told == {
        "Buyer": (True, True, False),
        "Partner": (True, False, False),
        "Retired": (False, False, False),
        "Master": (True, True, True),
    }
    last = described["recordTypeInfos"][-1]
    assert (last["master"], last["recordTypeId"]) == (True, MASTER)
    field = next(f for f in described["fields"] if f["name"] == "RecordTypeId")
    assert (field["createable"], field["referenceTo"]) == (True, ["RecordType"])


def test_objects_without_record_types_have_no_such_field(client: Any) -> None:
    names = {f["name"] for f in client.Campaign.describe()["fields"]}
    assert "RecordTypeId" not in names


def test_a_record_takes_a_record_type_that_the_user_has_and_is_found_by_its_name(
    client: Any,
) -> None:
    grant(client)
    client.Contact.create({"LastName": "Ek", "RecordTypeId": ids(client)["Buyer"]})
    client.Contact.create({"LastName": "Al", "RecordTypeId": MASTER})
    found = client.query(
        "SELECT LastName, RecordType.Name FROM Contact WHERE RecordType.DeveloperName = 'Buyer'"
    )["records"]
    assert [(r["LastName"], r["RecordType"]["Name"]) for r in found] == [("Ek", "Buyer")]
    assert client.query("SELECT Id FROM Contact WHERE RecordTypeId = null")["totalSize"] == 1


def test_any_other_record_type_is_refused_in_the_words_of_the_platform(client: Any) -> None:
    known = ids(client)
    grant(client)
    account = client.Account.create({"Name": "A"})["id"]
    for wrong in (known["Partner"], known["Retired"], "012000000000001AAA"):
        error = refused(client, RecordTypeId=wrong)
        assert error["errorCode"] == "INVALID_CROSS_REFERENCE_KEY"
        assert error["fields"] == ["RecordTypeId"]
        assert error["message"] == (
            f"Record Type ID: this ID value isn't valid for the user: {wrong}"
        )
    for wrong in ("nonsense", account):
        error = refused(client, RecordTypeId=wrong)
        assert error["errorCode"] == "MALFORMED_ID"


def test_a_record_type_is_lost_with_its_assignment(client: Any) -> None:
    buyer = ids(client)["Buyer"]
    assert refused(client, RecordTypeId=buyer)["errorCode"] == "INVALID_CROSS_REFERENCE_KEY"
    grant(client)
    client.Contact.create({"LastName": "Ek", "RecordTypeId": buyer})
    (assigned,) = client.query("SELECT Id FROM PermissionSetAssignment")["records"]
    client.PermissionSetAssignment.delete(assigned["Id"])
    assert refused(client, RecordTypeId=buyer)["errorCode"] == "INVALID_CROSS_REFERENCE_KEY"


def test_a_bulk_load_refuses_the_rows_with_a_wrong_record_type_alone(client: Any) -> None:
    grant(client)
    known = ids(client)
    rows = [
        {"LastName": "Ek", "RecordTypeId": known["Buyer"]},
        {"LastName": "Al", "RecordTypeId": known["Partner"]},
    ]
    (done,) = client.bulk2.Contact.insert(records=rows)
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (2, 1)
    failed = client.bulk2.Contact.get_failed_records(done["job_id"])
    assert "INVALID_CROSS_REFERENCE_KEY:Record Type ID: this ID value isn't valid" in failed


def test_a_record_type_narrows_restricted_picklists_and_no_others(client: Any) -> None:
    grant(client)
    buyer = ids(client)["Buyer"]
    error = refused(client, RecordTypeId=buyer, Level__c="High")
    assert (error["errorCode"], error["message"]) == (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Level__c: bad value for restricted picklist field: High",
    )
    made = client.Contact.create(
        {"LastName": "Ek", "RecordTypeId": buyer, "Level__c": "Low", "Mood__c": "Wild"}
    )["id"]
    with pytest.raises(SalesforceMalformedRequest, match="bad value for restricted picklist"):
        client.Contact.update(made, {"Level__c": "High"})
    client.Contact.create({"LastName": "Al", "Level__c": "High"})


def test_a_stage_outside_the_sales_process_is_taken_through_the_api(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    assert deploy(client, WHOLE)[0] == "Succeeded"
    grant(client)
    (sale,) = client.query(
        "SELECT Id FROM RecordType WHERE BusinessProcessId IN "
        "(SELECT Id FROM BusinessProcess WHERE Name = 'Kartra')"
    )["records"]
    made = client.Opportunity.create(
        {
            "Name": "O",
            "StageName": "Closed Won",
            "CloseDate": "2026-01-31",
            "RecordTypeId": sale["Id"],
        }
    )["id"]
    assert client.Opportunity.get(made)["StageName"] == "Closed Won"


def test_a_profile_gives_a_record_type_and_the_default_one(client: Any) -> None:
    profile = component(
        "Profile",
        "<recordTypeVisibilities><default>true</default><recordType>Contact.Partner</recordType>"
        "<visible>true</visible></recordTypeVisibilities>",
    )
    files = {"package.xml": package({"Profile": ["Admin"]}), "profiles/Admin.profile": profile}
    assert deploy(client, files)[0] == "Succeeded"
    infos = {i["developerName"]: i for i in client.Contact.describe()["recordTypeInfos"]}
    assert infos["Partner"]["defaultRecordTypeMapping"]
    assert not infos["Master"]["defaultRecordTypeMapping"]
    made = client.Contact.create({"LastName": "Ek"})["id"]
    assert client.Contact.get(made)["RecordTypeId"] == ids(client)["Partner"]


def test_custom_objects_have_record_types_too(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    files = {
        "package.xml": package({"CustomObject": ["Plan__c"], "PermissionSet": ["Migration"]}),
        "objects/Plan__c.object": custom_object(
            "Plan", text_field("Code__c") + record_type("Year")
        ),
        "permissionsets/Migration.permissionset": permission_set(
            "Plan__c.Code__c", objects=["Plan__c"], more=visible("Plan__c.Year")
        ),
    }
    assert deploy(client, files)[0] == "Succeeded"
    grant(client)
    (year,) = client.query("SELECT Id, SobjectType FROM RecordType")["records"]
    assert year["SobjectType"] == "Plan__c"
    client.Plan__c.create({"Name": "Gold", "RecordTypeId": year["Id"]})
    gone = {
        "package.xml": package({}),
        "destructiveChanges.xml": package({"CustomObject": ["Plan__c"]}),
    }
    assert deploy(client, gone)[0] == "Succeeded"
    assert client.query("SELECT Id FROM RecordType")["totalSize"] == 0


def test_a_record_type_made_as_a_record_brings_the_field(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    row = {"Name": "Promo", "DeveloperName": "Promo", "SobjectType": "Campaign"}
    client.RecordType.create(row)
    described = client.Campaign.describe()
    assert "RecordTypeId" in {f["name"] for f in described["fields"]}
    assert "Promo" in {i["developerName"] for i in described["recordTypeInfos"]}
