"""Parents named by what the platform takes no reference by: found, compared, read back."""

from __future__ import annotations

import pytest

from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.proof.read_back import read_back
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.migration.small_account import load_all, rows

GROUPS, MEMBERS = phase_named("groups"), phase_named("group_members")
ACCOUNTS, TERRITORIES = phase_named("accounts"), phase_named("territory_associations")


@pytest.fixture
def user(empty_org: LocalOrg) -> str:
    return empty_org.user_id


def test_members_find_their_group_by_its_developer_name(
    org: Org, ledger: Ledger, user: str
) -> None:
    org.create("Group", {"Name": "Q", "DeveloperName": "Kartra_VIP", "Type": "Queue"})
    frames = {
        GROUPS: rows(
            "lists", "DeveloperName Name Type", ("Kartra_VIP", "Kartra_VIP", "VIP", "Regular")
        ),
        MEMBERS: rows(
            "contacts", "Group.DeveloperName UserOrGroupId",
            ("Kartra_VIP|u", "kartra_vip", user),
            ("Kartra_None|u", "Kartra_None", user),
        ),
    }  # fmt: skip
    _, results = load_all(org, ledger, frames)
    members = results["group_members"].outcomes
    assert members["outcome"].to_list() == ["created", "rejected"]
    refused = members.row(1, named=True)
    assert (refused["error_code"], refused["error_fields"]) == ("PARENT_NOT_FOUND", "GroupId")
    assert refused["error_message"] == (
        "there is no Group, or more than one, whose DeveloperName is Kartra_None"
    )
    found = org.query("SELECT Group.DeveloperName, Group.Type FROM GroupMember")
    assert found.rows() == [("Kartra_VIP", "Regular")]

    summary, differences = read_back(org, {MEMBERS: frames[MEMBERS]}, members)
    assert differences.is_empty()
    assert summary.select("records", "equal", "rejected").row(0) == (1, 2, 1)
    _, again = load_all(org, ledger, frames)
    assert again["group_members"].outcomes["outcome"].to_list() == ["unchanged", "rejected"]
    assert again["group_members"].jobs == []


def test_accounts_find_the_territory_of_the_active_model(
    org: Org, empty_org: LocalOrg, ledger: Ledger
) -> None:
    empty_org.admin("POST", "features?on=territory-management")
    try:
        org.forget_describes()
        kind = org.create("Territory2Type", {"MasterLabel": "T", "DeveloperName": "T",
                                             "Priority": 1})  # fmt: skip
        model = org.create("Territory2Model", {"Name": "M", "DeveloperName": "M"})
        west = org.create(
            "Territory2",
            {"Name": "West", "DeveloperName": "West", "Territory2TypeId": kind,
             "Territory2ModelId": model},
        )  # fmt: skip
        frames = {
            ACCOUNTS: rows("contacts", "Kartra_Id__c Name", ("a", "a", "Acme")),
            TERRITORIES: rows(
                "territories",
                "Account:Object.Kartra_Id__c Territory2.DeveloperName AssociationCause",
                ("a|West", "a", "West", "Territory2Manual"),
            ),
        }
        _, results = load_all(org, ledger, frames)
        outcomes = results["territory_associations"].outcomes
        assert outcomes["outcome"].to_list() == ["created"], outcomes.row(0)
        found = org.query("SELECT Territory2Id FROM ObjectTerritory2Association")
        assert found["Territory2Id"].to_list() == [west]
        _, again = load_all(org, ledger, frames)
        assert again["territory_associations"].outcomes["outcome"].to_list() == ["unchanged"]
    finally:
        empty_org.admin("POST", "reset?features=none")
