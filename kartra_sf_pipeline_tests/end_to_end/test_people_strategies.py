"""A small account moved by a map that chooses otherwise for people, lists and affiliates."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kartra_sf_pipeline.localorg import process
from kartra_sf_pipeline.mapping.account_map import propose_map
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline_tests.end_to_end.command_line import Ended
from kartra_sf_pipeline_tests.end_to_end.homes import Home, temporary_home

pytestmark = [pytest.mark.xdist_group("people_strategies"), pytest.mark.slow]

FEATURES = ["contacts-to-multiple-accounts", "state-and-country-picklists"]
TOUCHED = ("Account", "Contact", "Lead", "Campaign", "CampaignMember", "CampaignMemberStatus",
           "Group", "GroupMember", "AccountContactRelation", "Affiliate__c")  # fmt: skip
CHOICES: dict[str, Any] = {
    "strategies": {
        "lists": {"by_list": {"Team": "group", "Old test": "none"}},
        "affiliates": "custom_object",
        "account_contact_relations": True,
        "computed_spend": True,
        "place_texts": True,
    },
    "policies": {"account_key": "name"},
    "contacts_without_company": [
        {"who": "buyers", "become": "account_per_person"},
        {"who": "tag: vip", "become": "one_account", "account": "VIP customers"},
        {"who": "everyone", "become": "lead"},
    ],
}


def people(user_email: str) -> list[dict[str, str]]:
    """A buyer, a VIP, a person of two companies, a colleague, a lead, a user, an affiliate."""
    cy = {"first_name": "Cy", "last_name": "Orrison", "phone": "2125550123"}
    rows = [
        {"id": "1", "email": "ann@gmail.com", "first_name": "Ann", "last_name": "Lee"},
        {"id": "2", "email": "bob@gmail.com", "first_name": "Bob", "last_name": "Ray",
         "tags": "VIP", "lists": "News", "status": "Unsubscribed"},
        {"id": "3", "email": "cy@harborfox.com", **cy, "company": "Harborfox"},
        {"id": "9", "email": "cy@quietbeta.com", **cy, "company": "Quietbeta"},
        {"id": "4", "email": "dee@gmail.com", "first_name": "Dee", "last_name": "Poe",
         "tags": "Webinar,Course", "lists": "News,Team"},
        {"id": "5", "email": user_email, "first_name": "Uma", "last_name": "Admin",
         "lists": "Team,Old test"},
        {"id": "6", "email": "eve@harborfox.com", "first_name": "Eve", "last_name": "Fox",
         "company": "Harborfox", "state": "Kent"},
        {"id": "7", "email": "fay@gmail.com", "first_name": "Fay", "last_name": "Hill",
         "tags": "Affiliate gold,Course"},
    ]  # fmt: skip
    return [{"country": "United States", "state": "Texas", **row} for row in rows]


SALE = {
    "ID": "100", "Transaction_Type": "Sale", "Date": "10 Jan 2026", "Product": "Gold course",
    "Price_point": "Full", "Quantity": "1", "Buyer_Name": "Ann Lee", "lead_id": "1",
    "Buyer_Email": "ann@gmail.com", "Amount (USD)": "100.00", "Base_Price (USD)": "100.00",
    "Processor": "stripe",
}  # fmt: skip
FAY = {
    "Affiliate ID": "700", "Affiliate": "Fay Hill", "Username": "fay00",
    "Email": "fay@gmail.com", "Status": "approved", "Earned": "5.00", "Paid": "5.00",
}  # fmt: skip


def write(path: Path, rows: list[dict[str, str]], columns: tuple[str, ...] = ()) -> None:
    named = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, named, restval="", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)


def write_exports(folder: Path, user_email: str) -> Path:
    folder.mkdir(parents=True)
    columns = ("id", "email", "first_name", "last_name", "phone", "company", "website", "country",
               "state", "tags", "lists", "status")  # fmt: skip
    write(folder / "contacts_kartra_30-06-2026_aa.csv", people(user_email), columns)
    write(folder / "report_all_transactions_30-06-2026_aa.csv", [SALE])
    write(folder / "affiliates_30-06-2026_aa.csv", [FAY])
    write(
        folder / "lists.csv",
        [
            {"List": name, "Description": "", "Active": "Yes"}
            for name in ("News", "Team", "Old test")
        ],
    )
    return folder


@dataclass(frozen=True)
class Told:
    """The account moved, asked about, moved again, and taken back."""

    home: Home
    first: Ended
    held: dict[str, int]
    seen: dict[str, list[dict[str, Any]]]
    second: Ended
    writes: list[dict[str, Any]]
    undone: Ended
    left: dict[str, int]


USERS = "SELECT Email FROM User WHERE IsActive = true AND UserType = 'Standard' ORDER BY Username"
QUERIES = {
    "accounts": "SELECT Kartra_Id__c, Name, Website FROM Account ORDER BY Kartra_Id__c",
    "contacts": "SELECT Kartra_Id__c, Account.Kartra_Id__c, MailingStateCode, MailingCountryCode, "
    "Kartra_Place_As_Exported__c, Kartra_Computed_Spend__c, Kartra_Computed_Spend_Text__c "
    "FROM Contact ORDER BY Kartra_Id__c",
    "leads": "SELECT Kartra_Id__c, Company, Kartra_Tags__c, HasOptedOutOfEmail, StateCode "
    "FROM Lead ORDER BY Kartra_Id__c",
    "members": "SELECT Campaign.Name, Contact.Kartra_Id__c, Lead.Kartra_Id__c, Status "
    "FROM CampaignMember ORDER BY Status",
    "statuses": "SELECT Campaign.Name, Label, HasResponded FROM CampaignMemberStatus "
    "ORDER BY SortOrder",
    "groups": "SELECT Group.DeveloperName, Group.Name, UserOrGroupId FROM GroupMember",
    "relations": "SELECT Account.Kartra_Id__c, Contact.Kartra_Id__c FROM AccountContactRelation "
    "WHERE IsDirect = false",
    "affiliates": "SELECT Name, Kartra_Contact__r.Kartra_Id__c, Kartra_Affiliate_Tags__c "
    "FROM Affiliate__c",
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with temporary_home(tmp_path_factory.mktemp("people_strategies") / "home") as home:
        process.switch_on(home.address, FEATURES)
        email = str(home.org.query(USERS)["Email"][0])
        exports = write_exports(tmp_path_factory.mktemp("account") / "exports", email)
        content = propose_map((), ("VIP", "Webinar", "Course", "Affiliate gold"))
        chosen = FieldMap.model_validate(content.model_dump(mode="json") | CHOICES)
        path = home.path / "chosen.yaml"
        path.write_text(chosen.to_yaml(), encoding="utf-8")
        arguments = ("rehearse", "--exports", exports, "--json")
        first = home.run(*arguments, KARTRA_SF_MAP=str(path))
        assert first.code == 0, first.said[-3000:]
        held = counted(home)
        seen = {name: home.org.query(soql).to_dicts() for name, soql in QUERIES.items()}
        number = home.last_request()
        second = home.run(*arguments, KARTRA_SF_MAP=str(path))
        writes = home.writes_since(number)
        undone = home.run("rollback", "--json")
        yield Told(home, first, held, seen, second, writes, undone, counted(home))


def counted(home: Home) -> dict[str, int]:
    home.org.forget_describes()
    return {name: home.org.count(f"SELECT COUNT() FROM {name}") for name in TOUCHED}


def test_every_row_is_accounted_for_and_every_field_reads_back(told: Told) -> None:
    summary = told.first.json
    assert all(source["not_reached"] == 0 for source in summary["sources"].values())
    assert all(source["rejected"] == 0 for source in summary["sources"].values())
    assert summary["read_back"]["differences"] == 0
    assert summary["read_back"]["coverage"] == 1.0
    assert summary["sources"]["lists"]["suppressed"] == 1


def test_accounts_are_of_companies_persons_and_a_segment(told: Told) -> None:
    names = {row["Kartra_Id__c"]: row["Name"] for row in told.seen["accounts"]}
    sites = {row["Kartra_Id__c"]: row["Website"] for row in told.seen["accounts"]}
    assert sites["name:harborfox"] == "harborfox.com"
    assert names == {
        "name:harborfox": "Harborfox",
        "name:quietbeta": "Quietbeta",
        "person:1": "Ann Lee",
        "shared:vip customers": "VIP customers",
    }


def test_contacts_stand_under_them_and_who_needs_a_contact_is_one(told: Told) -> None:
    under = {row["Kartra_Id__c"]: row["Account.Kartra_Id__c"] for row in told.seen["contacts"]}
    assert under == {
        "1": "person:1",
        "2": "shared:vip customers",
        "3": "name:harborfox",
        "6": "name:harborfox",
        "7": None,
    }


def test_everybody_else_is_a_lead_with_tags_and_consent(told: Told) -> None:
    leads = {row["Kartra_Id__c"]: row for row in told.seen["leads"]}
    assert set(leads) == {"4", "5"}
    assert leads["4"]["Kartra_Tags__c"] == "Course; Webinar"
    assert leads["4"]["Company"] == "[not provided]"
    assert leads["4"]["HasOptedOutOfEmail"] is True
    assert leads["4"]["StateCode"] == "TX"


def test_a_person_of_two_companies_has_a_relation_to_the_second(told: Told) -> None:
    [relation] = told.seen["relations"]
    assert relation["Account.Kartra_Id__c"] == "name:quietbeta"
    assert relation["Contact.Kartra_Id__c"] == "3"


def test_memberships_keep_their_status_and_the_campaign_has_it(told: Told) -> None:
    members = [
        (row["Contact.Kartra_Id__c"], row["Lead.Kartra_Id__c"], row["Status"])
        for row in told.seen["members"]
    ]
    assert members == [(None, "4", "Responded"), ("2", None, "Unsubscribed")]
    assert [(row["Campaign.Name"], row["Label"]) for row in told.seen["statuses"]] == [
        ("News", "Sent"),
        ("News", "Responded"),
        ("News", "Unsubscribed"),
    ]


def test_a_group_has_the_users_and_the_others_are_told(told: Told) -> None:
    [member] = told.seen["groups"]
    assert (member["Group.DeveloperName"], member["Group.Name"]) == ("Kartra_team", "Team")
    assert told.first.json["memberships_left_out"] == {"list_is_not_moved": 1, "no_user": 1}


def test_codes_of_places_are_the_orgs_and_what_it_lacks_is_text(told: Told) -> None:
    eve = next(row for row in told.seen["contacts"] if row["Kartra_Id__c"] == "6")
    assert (eve["MailingCountryCode"], eve["MailingStateCode"]) == ("US", None)
    assert eve["Kartra_Place_As_Exported__c"] == "Kent"
    assert told.seen["contacts"][0]["MailingStateCode"] == "TX"


def test_spend_is_computed_and_labelled(told: Told) -> None:
    ann = told.seen["contacts"][0]
    assert float(ann["Kartra_Computed_Spend__c"]) == 100.0
    assert ann["Kartra_Computed_Spend_Text__c"] == "USD 100.00"


def test_an_affiliate_is_a_record_that_names_its_contact_and_its_tags(told: Told) -> None:
    [fay] = told.seen["affiliates"]
    assert fay["Name"] == "Fay Hill"
    assert fay["Kartra_Contact__r.Kartra_Id__c"] == "7"
    assert fay["Kartra_Affiliate_Tags__c"] == "Affiliate gold"


def test_the_same_again_changes_nothing(told: Told) -> None:
    assert told.second.code == 0, told.second.said[-2000:]
    changed = {
        name: counts
        for name, counts in told.second.json["objects"].items()
        if counts["created"] or counts["updated"]
    }
    assert changed == {}
    assert told.writes == []


def test_the_rollback_leaves_nothing(told: Told) -> None:
    assert told.undone.code == 0, told.undone.said[-2000:]
    assert told.held["GroupMember"] == 1
    assert told.left == dict.fromkeys(TOUCHED, 0)
