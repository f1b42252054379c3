"""A run taken back: nothing of it is left, and nothing else is touched."""

from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import Phase, phase_named
from kartra_sf_pipeline.migration.rollback import rollback
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.migration.fixtures import Audit
from kartra_sf_pipeline_tests.migration.small_account import (
    load_all,
    only,
)

CONTACTS = phase_named("contacts")
OBJECTS = (
    "Account", "Contact", "Product2", "PricebookEntry", "Opportunity", "OpportunityLineItem",
    "OpportunityContactRole", "Campaign", "CampaignMember", "Event", "Task",
)  # fmt: skip


def records_in(org: Org) -> dict[str, int]:
    return {name: org.count(f"SELECT COUNT() FROM {name}") for name in OBJECTS}


def test_rollback_leaves_nothing_of_the_run_and_everything_else(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    theirs = org.create("Account", {"Name": "Was here before"})
    org.create("Contact", {"LastName": "Was here before", "AccountId": theirs})
    before = records_in(org)
    run_id, results = load_all(org, ledger, frames)
    created = sum(result.counts["created"] for result in results.values())
    report = rollback(org, ledger, run_id)
    assert report.clean
    assert report.counts["deleted"] == created == report.records.height
    assert not any(report.left_by_id.values())
    assert not any(report.left_by_stamp.values())
    assert records_in(org) == before
    assert ledger.run(run_id)["status"] == "rolled_back"


def test_a_dry_run_tells_what_would_go_and_writes_nothing(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame], audit: Audit
) -> None:
    run_id, results = load_all(org, ledger, only(frames, "accounts", "contacts"))
    created = sum(result.counts["created"] for result in results.values())
    before = audit.now()
    report = rollback(org, ledger, run_id, dry_run=True)
    assert audit.writes_after(before) == []
    assert report.counts["deleted"] == created
    assert sum(report.left_by_id.values()) == created
    assert not report.clean
    assert ledger.run(run_id)["status"] == "succeeded"


def test_a_second_rollback_finds_all_gone_and_a_new_load_brings_all_back(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    some = only(frames, "accounts", "contacts", "campaigns", "campaign_members")
    run_id, first = load_all(org, ledger, some)
    rollback(org, ledger, run_id)
    again = rollback(org, ledger, run_id)
    assert again.counts["deleted"] == again.records.height
    assert set(again.records["reason"]) == {"by an earlier rollback"}
    assert again.clean
    _, second = load_all(org, ledger, some)
    assert {n: r.counts for n, r in second.items()} == {n: r.counts for n, r in first.items()}


def test_a_rollback_that_was_cut_short_is_finished_by_the_next(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    some = only(frames, "accounts", "contacts", "campaigns", "campaign_members", "events")
    run_id, _ = load_all(org, ledger, some)
    for sobject in ("Event", "CampaignMember"):
        for record in org.query(f"SELECT Id FROM {sobject}")["Id"]:
            org.delete(sobject, record)
    report = rollback(org, ledger, run_id)
    assert report.clean
    assert report.counts["already_gone"] == 4


def test_updated_records_stay_and_get_their_old_values_back(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    load_all(org, ledger, only(frames, "accounts", "contacts"))
    changed = frames[CONTACTS].with_columns(
        Phone=pl.lit("+4930999"),
        Kartra_Score__c=pl.lit("99"),
        **{"Account.Kartra_Id__c": pl.lit("name:müller")},
    )
    run_id, results = load_all(org, ledger, {CONTACTS: changed})
    assert results["contacts"].counts["updated"] == 3
    edited = org.query("SELECT Id FROM Contact WHERE Kartra_Id__c = '2'")["Id"][0]
    org.update("Contact", edited, {"Phone": "+1 by hand"})
    report = rollback(org, ledger, run_id)
    assert report.counts["kept_updated"] == 3
    assert report.counts["deleted"] == 0
    assert report.clean
    found = org.query(
        "SELECT Phone, Kartra_Score__c, Account.Kartra_Id__c FROM Contact ORDER BY Kartra_Id__c"
    )
    assert found.rows() == [
        ("+14155550100", 12, "domain:acme.com"),
        ("+1 by hand", 7, "name:müller"),
        ("0049 30 1", None, None),
    ]
    reasons = dict(report.records.select("key", "reason").rows())
    assert reasons["1"] == "pre-image restored"
    assert reasons["2"] == "pre-image restored; edited since: Phone"


def test_a_record_that_an_earlier_run_made_survives_the_later_runs_rollback(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    load_all(org, ledger, only(frames, "accounts"))
    run_id, _ = load_all(org, ledger, only(frames, "accounts", "contacts"))
    assert rollback(org, ledger, run_id).clean
    assert org.count("SELECT COUNT() FROM Account") == 2
    assert org.count("SELECT COUNT() FROM Contact") == 0


def test_an_account_that_somebody_hung_a_contact_on_is_kept_with_it(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    run_id, _ = load_all(org, ledger, only(frames, "accounts", "contacts"))
    acme = org.query("SELECT Id FROM Account WHERE Kartra_Id__c = 'domain:acme.com'")["Id"][0]
    org.create("Contact", {"LastName": "New since", "AccountId": acme})
    dry = rollback(org, ledger, run_id, dry_run=True)
    report = rollback(org, ledger, run_id)
    assert dry.counts == report.counts
    assert report.counts["kept_in_use"] == 1
    assert not report.clean
    kept = report.records.filter(pl.col("action") == "kept_in_use").row(0, named=True)
    assert kept["key"] == "domain:acme.com"
    assert kept["reason"] == "holds 1 Contact record(s) that this run did not create"
    assert org.query("SELECT LastName FROM Contact")["LastName"].to_list() == ["New since"]
    assert ledger.run(run_id)["status"] == "rollback_incomplete"


def test_records_whose_outcome_was_never_learned_go_by_their_stamp(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    run_id = ledger.begin_run("rehearsal", "local", org.org_id, org.instance_url, "hash")
    none = pl.lit(None, pl.String)
    ledger.write_intents(
        run_id, "accounts", "Account",
        pl.DataFrame({"key": ["domain:lost.com"], "source_file": ["c.csv"], "source_line": [2]})
        .with_columns(intent=pl.lit("create"), sf_id=none, pre_image=none, written=none),
    )  # fmt: skip
    org.create(
        "Account",
        {"Name": "Lost", "Kartra_Id__c": "domain:lost.com", "Kartra_Migration_Run__c": run_id},
    )
    ledger.finish_run(run_id, "failed")
    report = rollback(org, ledger, run_id)
    assert report.records.select("key", "action").rows() == [("domain:lost.com", "deleted")]
    assert report.clean


def test_a_run_of_another_org_is_refused(org: Org, ledger: Ledger) -> None:
    run_id = ledger.begin_run("migrate", "sandbox", "00D999999999999AAA", "https://x", "hash")
    with pytest.raises(SettingsError, match="00D999999999999AAA"):
        rollback(org, ledger, run_id)
