"""What people hung on a run's records is not deleted with them."""

from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.migration.conflicts import Conflicts
from kartra_sf_pipeline.migration.existing import Likeness, find_existing
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.loader import Meeting
from kartra_sf_pipeline.migration.phases import Phase, phase_named
from kartra_sf_pipeline.migration.rollback import RollbackReport, rollback
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.migration.small_account import load_all, only, rows

ACCOUNTS, CONTACTS = phase_named("accounts"), phase_named("contacts")
DONE = {"Status": "Completed", "Priority": "Normal"}


def made(org: Org, sobject: str, key: str) -> str:
    return str(org.query(f"SELECT Id FROM {sobject} WHERE Kartra_Id__c = '{key}'")["Id"][0])


def kept(report: RollbackReport) -> dict[str, str]:
    found = report.records.filter(pl.col("action") == "kept_in_use")
    return dict(found.select("key", "reason").iter_rows())


def test_what_people_hung_on_the_runs_records_stays_with_them(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    run, _ = load_all(org, ledger, frames)
    theirs = org.create("Contact", {"LastName": "Theirs"})
    deal = org.create(
        "Opportunity",
        {"Name": "Theirs", "StageName": "Prospecting", "CloseDate": "2026-01-01"},
    )
    zoe = made(org, "Contact", "1")
    org.create(
        "CampaignMember", {"CampaignId": made(org, "Campaign", "list:vip"), "ContactId": theirs}
    )
    org.create("Task", {"Subject": "by hand", "WhoId": zoe, **DONE})
    org.create("OpportunityContactRole", {"OpportunityId": deal, "ContactId": zoe, "Role": "User"})
    org.create("Task", {"Subject": "deal", "WhatId": made(org, "Opportunity", "S9"), **DONE})
    org.create(
        "Task", {"Subject": "account", "WhatId": made(org, "Account", "affiliate:joe"), **DONE}
    )
    dry = rollback(org, ledger, run, dry_run=True)
    report = rollback(org, ledger, run)
    assert dry.counts == report.counts
    alien, own = "that this run did not create", "of this run that stay"
    assert (
        kept(report)
        == kept(dry)
        == {
            "list:vip": f"holds 1 CampaignMember record(s) {alien}",
            "1": f"holds 1 OpportunityContactRole record(s) {alien}, 1 Task record(s) {alien}",
            "S9": f"holds 1 Task record(s) {alien}",
            "affiliate:joe": f"holds 1 Task record(s) {alien}",
            # Its person stays, and so does it.
            "domain:acme.com": f"holds 1 Contact record(s) {own}",
            "name:müller": f"holds 1 Opportunity record(s) {own}",
        }
    )
    left = {
        name: org.count(f"SELECT COUNT() FROM {name}")
        for name in ("CampaignMember", "Task", "OpportunityContactRole", "Contact", "Opportunity")
    }
    assert left == {
        "CampaignMember": 1, "Task": 3, "OpportunityContactRole": 1, "Contact": 2, "Opportunity": 2,
    }  # fmt: skip


def test_a_price_that_people_gave_holds_its_product(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    run, _ = load_all(org, ledger, only(frames, "products"))
    book = org.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true")["Id"][0]
    org.create(
        "PricebookEntry",
        {"Pricebook2Id": book, "Product2Id": made(org, "Product2", "course"), "UnitPrice": 5},
    )
    report = rollback(org, ledger, run)
    assert kept(report) == {
        "course": "holds 1 PricebookEntry record(s) that this run did not create"
    }


@pytest.mark.parametrize("edited", [False, True])
def test_a_dry_run_knows_which_children_will_be_given_back(
    org: Org, ledger: Ledger, *, edited: bool
) -> None:
    contact = org.create("Contact", {"LastName": "Lee", "Email": "ann@lee.example.org"})
    company = rows("contacts", "Kartra_Id__c Name", ("domain:acme.com",) * 2 + ("Acme",))
    person = rows(
        "contacts", "Kartra_Id__c LastName Email Account.Kartra_Id__c",
        ("1", "1", "Lee", "ann@lee.example.org", "domain:acme.com"),
    )  # fmt: skip
    email = Likeness("Contact", "Email", lambda s: s.str.to_lowercase())
    found = find_existing(org, email, person.select(key="_key", value="Email"))
    meeting = Meeting(Conflicts("fill_blanks"), found)
    run, _ = load_all(org, ledger, {ACCOUNTS: company, CONTACTS: person}, meeting)
    if edited:
        org.create(
            "Contact", {"LastName": "New", "AccountId": made(org, "Account", "domain:acme.com")}
        )
    dry = rollback(org, ledger, run, dry_run=True)
    report = rollback(org, ledger, run)
    assert dry.counts == report.counts
    assert report.counts["kept_in_use"] == int(edited)
    assert org.query(f"SELECT AccountId FROM Contact WHERE Id = '{contact}'").row(0) == (None,)
