"""Old values brought back by a rollback: all that can return does, and only once."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from kartra_sf_pipeline.migration.conflicts import Conflicts
from kartra_sf_pipeline.migration.current import read_by_id
from kartra_sf_pipeline.migration.existing import Likeness, find_existing
from kartra_sf_pipeline.migration.fields import bind_columns
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.loader import Meeting
from kartra_sf_pipeline.migration.phases import Phase, phase_named
from kartra_sf_pipeline.migration.queries import REST_KEYS
from kartra_sf_pipeline.migration.rollback import rollback
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.migration.small_account import load_all, only, rows

ACCOUNTS, CONTACTS = phase_named("accounts"), phase_named("contacts")
EMAIL = Likeness("Contact", "Email", lambda s: s.str.to_lowercase())
WEBSITE = Likeness("Account", "Website", lambda s: s.str.to_lowercase())
COMPANY = rows(
    "contacts", "Kartra_Id__c Name Website", ("domain:acme.com",) * 2 + ("Acme", "acme.com")
)
PERSON = rows(
    "contacts", "Kartra_Id__c LastName Email Account.Kartra_Id__c Phone",
    ("1", "1", "Lee", "ann@lee.example.org", "domain:acme.com", "+1 1"),
)  # fmt: skip


def met(org: Org, ledger: Ledger, *, account_too: bool) -> tuple[str, str]:
    """A run that completes a contact, and perhaps an account, that people had made."""
    if account_too:
        org.create("Account", {"Name": "Acme by hand", "Website": "acme.com"})
    contact = org.create("Contact", {"LastName": "Lee", "Email": "ann@lee.example.org"})
    found = pl.concat(
        [
            find_existing(org, WEBSITE, COMPANY.select(key="_key", value="Website")),
            find_existing(org, EMAIL, PERSON.select(key="_key", value="Email")),
        ]
    )
    meeting = Meeting(Conflicts("fill_blanks"), found)
    run, _ = load_all(org, ledger, {ACCOUNTS: COMPANY, CONTACTS: PERSON}, meeting)
    return run, contact


def test_a_lookup_to_an_account_that_people_had_made_returns_too(org: Org, ledger: Ledger) -> None:
    run, contact = met(org, ledger, account_too=True)
    report = rollback(org, ledger, run)
    assert set(report.records["reason"]) == {"pre-image restored"}
    found = org.query(f"SELECT AccountId, Phone, Kartra_Id__c FROM Contact WHERE Id = '{contact}'")
    assert found.row(0) == (None, None, None)


def test_what_was_restored_is_others_from_then_on(org: Org, ledger: Ledger) -> None:
    run, contact = met(org, ledger, account_too=False)
    rollback(org, ledger, run)
    marks = ledger.records(run)["undone"].to_list()
    # What the run had written, written again by hand.
    org.update("Contact", contact, {"Phone": "+1 1"})
    again = rollback(org, ledger, run)
    assert org.query("SELECT Phone FROM Contact")["Phone"].to_list() == ["+1 1"]
    assert ledger.records(run)["undone"].to_list() == marks == ["deleted", "restored"]
    assert sorted(again.records.select("action", "reason").rows()) == [
        ("deleted", "by an earlier rollback"),
        ("kept_updated", "pre-image restored by an earlier rollback"),
    ]


def test_a_refused_old_value_is_told_apart_from_what_is_left(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    load_all(org, ledger, only(frames, "accounts", "contacts"))
    moved = frames[CONTACTS].with_columns(**{"Account.Kartra_Id__c": pl.lit("name:müller")})
    run, _ = load_all(org, ledger, {CONTACTS: moved.filter(pl.col("_key") == "1")})
    before = org.query("SELECT Id FROM Account WHERE Kartra_Id__c = 'domain:acme.com'")["Id"][0]
    org.delete("Account", before)
    report = rollback(org, ledger, run)
    assert report.counts["not_restored"] == 1
    assert (report.clean, report.complete) == (True, False)
    assert ledger.run(run)["status"] == "rollback_incomplete"


def test_a_record_outside_the_window_of_the_run_is_read_all_the_same(org: Org) -> None:
    old = org.create("Account", {"Name": "Old"})
    tomorrow = org.query("SELECT SystemModstamp FROM Account")["SystemModstamp"][0]
    since = pl.Series([tomorrow]).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z")[0] + timedelta(days=3)
    absent = [f"001{number:012}AAA" for number in range(REST_KEYS)]
    columns = bind_columns(org, "Account", ["Name"])
    for ids in (pl.Series([*absent, old]), pl.Series([old, *absent, *absent[:1]])):
        found = read_by_id(org, "Account", columns, ids, since)
        assert found["Id"].to_list() == [old]
