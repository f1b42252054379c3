from __future__ import annotations

from collections.abc import Iterator

import pytest

from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.localorg.rest_calls import OBJECTS, Rest


@pytest.fixture
def rest(empty_org: LocalOrg) -> Rest:
    return Rest(empty_org)


@pytest.fixture
def related(empty_org: LocalOrg) -> Iterator[Rest]:
    """An org whose contacts may have several accounts."""
    empty_org.admin("POST", "features?on=contacts-to-multiple-accounts,territory-management")
    yield Rest(empty_org)
    empty_org.admin("POST", "reset?features=none")


def test_an_owner_is_active_and_the_creator_where_none_is_named(rest: Rest) -> None:
    former, seller = rest.user("former"), rest.user("seller")
    told = "operation performed with inactive user [{}] as owner of {}"
    for kind, fields in (
        ("Contact", {"LastName": "Lee"}),
        ("Opportunity", {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-01-01"}),
    ):
        assert rest.refused(kind, **fields, OwnerId=former) == (
            "INACTIVE_OWNER_OR_USER",
            told.format(former[:15], kind.lower()),
        )
    account = rest.create("Account", Name="Acme", OwnerId=seller)
    contact = rest.create("Contact", LastName="Lee", AccountId=account)
    assert rest.read("Account", account)["OwnerId"] == seller
    assert rest.read("Contact", contact)["OwnerId"] == rest.org.user_id
    rest.update("Account", account, OwnerId=rest.org.user_id)
    assert rest.update_refused("Account", account, OwnerId=former)[0] == "INACTIVE_OWNER_OR_USER"
    assert rest.update_refused("Account", account, OwnerId=None) == (
        "INVALID_CROSS_REFERENCE_KEY",
        "Owner ID: owner cannot be blank",
    )


def test_a_permission_lets_former_users_own_what_is_loaded(rest: Rest) -> None:
    permitted = rest.create(
        "PermissionSet", Name="Old", Label="Old", PermissionsUpdateWithInactiveOwner=True
    )
    rest.create("PermissionSetAssignment", PermissionSetId=permitted, AssigneeId=rest.org.user_id)
    rest.create("Account", Name="Acme", OwnerId=rest.user("former"))


def test_only_a_queue_for_the_object_can_own(rest: Rest) -> None:
    lead = {"LastName": "Lee", "Company": "Acme"}
    group = rest.create("Group", Name="All of us", Type="Regular")
    queue = rest.create("Group", Name="New leads", Type="Queue")
    no_queue = ("INVALID_OPERATION", "Queue not associated with this SObject type")
    assert rest.refused("Lead", **lead, OwnerId=group) == no_queue
    assert rest.refused("Lead", **lead, OwnerId=queue) == no_queue
    assert rest.refused("QueueSobject", QueueId=group, SobjectType="Lead")[0] == (
        "INVALID_CROSS_REFERENCE_KEY"
    )
    rest.create("QueueSobject", QueueId=queue, SobjectType="Lead")
    rest.create("Lead", **lead, OwnerId=queue)
    assert rest.refused("Account", Name="A", OwnerId=queue)[0] == "MALFORMED_ID"


def test_groups_have_names_and_members_that_are_users_or_groups(rest: Rest) -> None:
    group = rest.create("Group", Name="List: 2026 buyers!", Type="Regular")
    assert rest.read("Group", group)["DeveloperName"] == "List_2026_buyers"
    assert (
        rest.refused("Group", Name="Other", DeveloperName="List_2026_buyers", Type="Regular")[0]
        == "DUPLICATE_DEVELOPER_NAME"
    )
    assert (
        rest.refused("Group", Name="Other", DeveloperName="no blanks", Type="Regular")[0]
        == "FIELD_INTEGRITY_EXCEPTION"
    )
    assert rest.refused("Group", Name="Other")[0] == "REQUIRED_FIELD_MISSING"
    seller = rest.user("seller")
    member = rest.create("GroupMember", GroupId=group, UserOrGroupId=seller)
    # The platform answers with the membership that is there.
    assert rest.create("GroupMember", GroupId=group, UserOrGroupId=seller) == member
    assert len(rest.query("SELECT Id FROM GroupMember")) == 1
    contact = rest.create("Contact", LastName="Lee")
    code, message = rest.refused("GroupMember", GroupId=group, UserOrGroupId=contact)
    assert code == "MALFORMED_ID"
    assert f"id value of incorrect type: {contact}" in message


def test_a_team_has_active_users_once(rest: Rest) -> None:
    seller, former = rest.user("seller"), rest.user("former")
    account = rest.create("Account", Name="Acme")
    deal = rest.create(
        "Opportunity",
        Name="Deal",
        StageName="Prospecting",
        CloseDate="2026-01-01",
        AccountId=account,
    )
    for kind, parent in (
        ("AccountTeamMember", {"AccountId": account}),
        ("OpportunityTeamMember", {"OpportunityId": deal}),
    ):
        row = {**parent, "UserId": seller, "TeamMemberRole": "Sales Rep"}
        member = rest.create(kind, **row)
        assert rest.refused(kind, **row)[0] == "DUPLICATE_VALUE"
        assert rest.refused(kind, **parent, UserId=former)[0] == "INACTIVE_OWNER_OR_USER"
        odd = {**parent, "UserId": rest.org.user_id, "TeamMemberRole": "Magician"}
        assert rest.refused(kind, **odd)[0] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        rest.update(kind, member, TeamMemberRole="Sales Manager")
    assert rest.query("SELECT OpportunityAccessLevel, Name FROM OpportunityTeamMember") == [
        {"OpportunityAccessLevel": "Read", "Name": "Second Seller"}
    ]
    rest.delete("Account", account)
    assert rest.query("SELECT Id FROM AccountTeamMember") == []
    assert rest.query("SELECT Id FROM OpportunityTeamMember") == []


def test_without_the_feature_contacts_have_one_account(rest: Rest) -> None:
    assert rest.http.get(f"{OBJECTS}/AccountContactRelation/describe").status_code == 404


def test_a_contacts_own_account_is_its_direct_relation(related: Rest) -> None:
    first, second, third = (related.create("Account", Name=n) for n in ("One", "Two", "Three"))
    contact = related.create("Contact", LastName="Lee", AccountId=first)
    rows = "SELECT AccountId, IsDirect, IsActive FROM AccountContactRelation ORDER BY Id"
    assert related.query(rows) == [{"AccountId": first, "IsDirect": True, "IsActive": True}]
    pair = {"AccountId": second, "ContactId": contact, "Roles": "Decision Maker;Influencer"}
    indirect = related.create("AccountContactRelation", **pair)
    assert related.read("AccountContactRelation", indirect)["IsDirect"] is False
    for account in (first, second):
        twice = {**pair, "AccountId": account}
        assert related.refused("AccountContactRelation", **twice)[0] == "DUPLICATE_VALUE"
    related.update("Contact", contact, AccountId=third)
    assert [(r["AccountId"], r["IsDirect"]) for r in related.query(rows)] == [
        (first, False),
        (second, False),
        (third, True),
    ]
    related.update("Contact", contact, AccountId=second)
    direct = related.query("SELECT Id, AccountId FROM AccountContactRelation WHERE IsDirect = true")
    assert direct == [{"Id": indirect, "AccountId": second}]
    assert related.delete_refused("AccountContactRelation", indirect)[0] == "DELETE_FAILED"
    (other,) = related.query(f"SELECT Id FROM AccountContactRelation WHERE AccountId = '{first}'")
    related.delete("AccountContactRelation", other["Id"])
    private = related.create("Contact", LastName="Ray")
    assert (
        related.refused("AccountContactRelation", AccountId=first, ContactId=private)[0]
        == "FIELD_INTEGRITY_EXCEPTION"
    )
    related.delete("Contact", contact)
    assert related.query(rows) == []


def test_accounts_and_users_are_assigned_to_territories_once(related: Rest) -> None:
    kind = related.create(
        "Territory2Type", MasterLabel="Named accounts", DeveloperName="Named", Priority=1
    )
    model = related.create("Territory2Model", Name="2026", DeveloperName="Y2026")
    place = {"Territory2TypeId": kind, "Territory2ModelId": model}
    territory = related.create("Territory2", Name="West", DeveloperName="West", **place)
    west = {"Name": "Westward", "DeveloperName": "West", **place}
    assert related.refused("Territory2", **west)[0] == "DUPLICATE_DEVELOPER_NAME"
    account = related.create("Account", Name="Acme")
    row = {
        "ObjectId": account,
        "Territory2Id": territory,
        "AssociationCause": "Territory2Manual",
    }
    related.create("ObjectTerritory2Association", **row)
    assert related.refused("ObjectTerritory2Association", **row)[0] == "DUPLICATE_VALUE"
    del row["AssociationCause"]
    assert related.refused("ObjectTerritory2Association", **row)[0] == "REQUIRED_FIELD_MISSING"
    user = {"UserId": related.user("seller"), "Territory2Id": territory}
    related.create("UserTerritory2Association", **user)
    assert related.refused("UserTerritory2Association", **user)[0] == "DUPLICATE_VALUE"
    related.update("Territory2Model", model, State="Active")
    other = related.create("Territory2Model", Name="2027", DeveloperName="Y2027")
    assert related.update_refused("Territory2Model", other, State="Active")[0] == (
        "FIELD_INTEGRITY_EXCEPTION"
    )
    related.delete("Account", account)
    assert related.query("SELECT Id FROM ObjectTerritory2Association") == []


def test_leads_and_roles(rest: Rest) -> None:
    assert rest.refused("Lead", FirstName="Ann") == (
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [LastName, Company]",
    )
    lead = rest.create("Lead", LastName="Lee", Company="Acme")
    assert rest.read("Lead", lead)["Status"] == "Open - Not Contacted"
    boss = rest.create("UserRole", Name="Head of sales")
    role = rest.create("UserRole", Name="Sales", ParentRoleId=boss)
    assert rest.read("UserRole", role)["DeveloperName"] == "Sales"
    assert rest.refused("UserRole", Name="Sales")[0] == "DUPLICATE_DEVELOPER_NAME"
