from __future__ import annotations

from typing import Any

import pytest

from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.localorg.clients import component, connect, deploy, grant, package
from kartra_sf_pipeline_tests.localorg.whole_schema import NAME, WHOLE, retrieve


@pytest.fixture
def client(empty_org: LocalOrg) -> Any:
    made = connect(empty_org)
    assert deploy(made, WHOLE)[0] == "Succeeded"
    return made


def parent_ids(client: Any) -> list[str]:
    rows = client.query(
        "SELECT ParentId FROM SetupEntityAccess "
        "WHERE SetupEntityId IN (SELECT Id FROM CustomPermission)"
    )
    return [r["ParentId"] for r in rows["records"]]


def holders(client: Any) -> list[str]:
    """Users with the custom permission, by two plain questions."""
    held = parent_ids(client)
    listed = ", ".join(f"'{i}'" for i in held) or "''"
    rows = client.query(
        f"SELECT AssigneeId FROM PermissionSetAssignment WHERE PermissionSetId IN ({listed})"
    )
    return [r["AssigneeId"] for r in rows["records"]]


def test_who_holds_a_custom_permission_is_proved_and_revoked(
    client: Any, empty_org: LocalOrg
) -> None:
    assert holders(client) == []
    grant(client)
    assert holders(client) == [empty_org.user_id]
    (assigned,) = client.query("SELECT Id FROM PermissionSetAssignment")["records"]
    client.PermissionSetAssignment.delete(assigned["Id"])
    assert holders(client) == []
    assert len(parent_ids(client)) == 1


def test_a_grant_is_found_with_its_permission_set_and_can_be_given_and_taken_by_rest(
    client: Any,
) -> None:
    (row,) = client.query(
        "SELECT Id, Parent.Name, SetupEntityType, ParentId, SetupEntityId FROM SetupEntityAccess"
    )["records"]
    assert (row["Parent"]["Name"], row["SetupEntityType"]) == ("Migration", "CustomPermission")
    client.SetupEntityAccess.delete(row["Id"])
    assert parent_ids(client) == []
    pair = {"ParentId": row["ParentId"], "SetupEntityId": row["SetupEntityId"]}
    client.SetupEntityAccess.create(pair)
    assert parent_ids(client) == [row["ParentId"]]
    with pytest.raises(Exception, match="DUPLICATE_VALUE"):
        client.SetupEntityAccess.create(pair)


def test_what_a_permission_set_grants_is_there_as_rows(client: Any) -> None:
    (given,) = client.query(
        "SELECT SobjectType, PermissionsCreate, PermissionsViewAllRecords FROM ObjectPermissions "
        "WHERE Parent.Name = 'Migration'"
    )["records"]
    assert (given["SobjectType"], given["PermissionsCreate"]) == (NAME, True)
    assert given["PermissionsViewAllRecords"] is False
    fields = client.query("SELECT Field FROM FieldPermissions ORDER BY Field")["records"]
    assert [f["Field"] for f in fields] == ["Contact.Tier__c", f"{NAME}.Since__c"]
    (own,) = client.query(
        "SELECT PermissionsApiEnabled, PermissionsModifyAllData FROM PermissionSet "
        "WHERE Name = 'Migration'"
    )["records"]
    assert (own["PermissionsApiEnabled"], own["PermissionsModifyAllData"]) == (True, False)


def test_a_deployed_permission_set_takes_the_place_of_what_was_granted(client: Any) -> None:
    files = {
        "package.xml": package({"PermissionSet": ["Migration"]}),
        "permissionsets/Migration.permissionset": component(
            "PermissionSet", "<label>Migration</label>"
        ),
    }
    assert deploy(client, files)[0] == "Succeeded"
    for table in ("ObjectPermissions", "FieldPermissions", "SetupEntityAccess"):
        assert client.query(f"SELECT Id FROM {table}")["totalSize"] == 0, table


def test_a_grant_given_by_rest_reads_back_as_metadata(client: Any) -> None:
    (own,) = client.query("SELECT Id FROM PermissionSet WHERE Name = 'Migration'")["records"]
    client.FieldPermissions.create(
        {
            "ParentId": own["Id"],
            "SobjectType": "Contact",
            "Field": "Contact.Rate__c",
            "PermissionsRead": True,
            "PermissionsEdit": False,
        }
    )
    files, _ = retrieve(client, {"PermissionSet": ["Migration"]})
    text = "".join(files["permissionsets/Migration.permissionset"].split())
    assert (
        "<fieldPermissions><editable>false</editable><field>Contact.Rate__c</field>"
        "<readable>true</readable></fieldPermissions>"
    ) in text


def test_a_profile_adds_to_what_it_grants_and_keeps_the_rest(client: Any) -> None:
    def profile(field: str) -> dict[str, str]:
        return {
            "package.xml": package({"Profile": ["Admin"]}),
            "profiles/Admin.profile": component(
                "Profile",
                f"<fieldPermissions><editable>true</editable><field>{field}</field>"
                "<readable>true</readable></fieldPermissions>",
            ),
        }

    assert deploy(client, profile("Contact.Tier__c"))[0] == "Succeeded"
    assert deploy(client, profile("Contact.Rate__c"))[0] == "Succeeded"
    seen = {f["name"] for f in client.Contact.describe()["fields"]}
    assert {"Tier__c", "Rate__c"} <= seen


def test_profiles_and_permission_sets_of_no_deployment_are_listed_and_read(client: Any) -> None:
    client.PermissionSet.create({"Name": "By_Hand", "Label": "By hand"})
    for kind, names in (("PermissionSet", {"By_Hand", "Migration"}), ("Profile", {"Admin"})):
        listed = client.mdapi.list_metadata([client.mdapi.ListMetadataQuery(type=kind)])
        assert names <= {f.fullName for f in listed}
    assert client.mdapi.PermissionSet.read("By_Hand").label == "By hand"
    files, lost = retrieve(client, {"Profile": ["Admin"]})
    assert (lost, "profiles/Admin.profile" in files) == ([], True)
