"""A small account into the real local org, over HTTP, and what the org says afterwards."""

from __future__ import annotations

import threading
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.errors import GateFailed, PipelineError, SettingsError
from kartra_sf_pipeline.migration.current import MATCH
from kartra_sf_pipeline.migration.fields import bind_columns, match_key
from kartra_sf_pipeline.migration.lease import LedgerBusy
from kartra_sf_pipeline.migration.ledger import OUTCOME_SCHEMA, Ledger, UnknownRun
from kartra_sf_pipeline.migration.loader import load_phase
from kartra_sf_pipeline.migration.phases import Phase, phase_named
from kartra_sf_pipeline.migration.results import answers
from kartra_sf_pipeline.migration.sending import Sender, with_arrivals
from kartra_sf_pipeline.migration.versions import data_version
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.migration.fixtures import Audit
from kartra_sf_pipeline_tests.migration.small_account import (
    all_outcomes,
    load_all,
    only,
    rows,
)

CONTACTS = phase_named("contacts")


def load_contacts(org: Org, ledger: Ledger, frame: pl.DataFrame) -> pl.DataFrame:
    return load_all(org, ledger, {CONTACTS: frame})[1]["contacts"].outcomes


def test_every_record_arrives_with_its_relations_and_the_runs_stamp(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    run_id, results = load_all(org, ledger, frames)
    for phase, frame in frames.items():
        counts = results[phase.name].counts
        made = "updated" if phase.update_only else "created"
        assert counts["planned"] == frame.height
        assert counts[made] == frame.height, results[phase.name].outcomes
    outcomes = all_outcomes(results)
    assert outcomes.schema == pl.Schema(OUTCOME_SCHEMA)
    assert outcomes["sf_id"].null_count() == 0
    zoe = org.query(
        "SELECT FirstName, LastName, Account.Name, Kartra_Tags__c, Kartra_Migration_Run__c "
        "FROM Contact WHERE Kartra_Id__c = '1'"
    ).row(0, named=True)
    assert zoe == {
        "FirstName": "Zoë",
        "LastName": "Ünal",
        "Account.Name": "Acme, Inc.",
        "Kartra_Tags__c": "gold;webinar",
        "Kartra_Migration_Run__c": run_id,
    }
    refund = org.query(
        "SELECT Amount, Kartra_Adjusts__r.Kartra_Id__c FROM Opportunity WHERE Kartra_Id__c = 'T2'"
    ).row(0)
    assert refund == (-97.0, "T1")
    assert org.count("SELECT COUNT() FROM CampaignMember") == 3
    assert org.query("SELECT Who.Name FROM Event")["Who.Name"].to_list() == ["Zoë Ünal"]


def test_a_second_load_changes_nothing_and_sends_no_write(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame], audit: Audit
) -> None:
    load_all(org, ledger, frames)
    before = audit.now()
    run_id, results = load_all(org, ledger, frames)
    for name, result in results.items():
        assert result.counts["unchanged"] == result.counts["planned"], (name, result.outcomes)
        assert result.jobs == []
    assert audit.writes_after(before) == []
    assert ledger.records(run_id).is_empty()
    assert ledger.latest_loaded_run("local", org.org_id) != run_id


def test_only_changed_records_and_cells_are_written(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    first, _ = load_all(org, ledger, only(frames, "accounts", "contacts"))
    org.update(
        "Contact", id_of(org, "Contact", "1"), {"MobilePhone": "+1 999", "LastName": "Edited"}
    )
    changed = frames[CONTACTS].with_columns(
        Phone=pl.when(pl.col("_key") == "2").then(pl.lit("+49301")).otherwise("Phone"),
        LastName=pl.when(pl.col("_key") == "1").then(pl.lit("Edited")).otherwise("LastName"),
    )
    outcomes = load_contacts(org, ledger, changed)
    assert outcomes["outcome"].to_list() == ["unchanged", "updated", "unchanged"]
    found = org.query("SELECT Phone, Kartra_Migration_Run__c FROM Contact WHERE Kartra_Id__c = '2'")
    assert found.row(0) == ("+49301", first)


def test_rejected_rows_carry_the_orgs_code_fields_and_the_source_line(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    load_all(org, ledger, only(frames, "accounts"))
    spoiled = frames[CONTACTS].with_columns(
        LastName=pl.when(pl.col("_key") == "1").then(pl.lit("x" * 81)).otherwise("LastName"),
        Email=pl.when(pl.col("_key") == "2").then(pl.lit("not an address")).otherwise("Email"),
        **{"Account.Kartra_Id__c": pl.when(pl.col("_key") == "3").then(pl.lit("domain:nobody.com"))
           .otherwise("Account.Kartra_Id__c")},
    )  # fmt: skip
    outcomes = load_contacts(org, ledger, spoiled)
    assert outcomes["outcome"].to_list() == ["rejected"] * 3
    assert outcomes["error_code"].to_list() == [
        "STRING_TOO_LONG",
        "INVALID_EMAIL_ADDRESS",
        "INVALID_FIELD",
    ]
    assert outcomes["error_fields"].to_list()[:2] == ["LastName", "Email"]
    assert outcomes["source_line"].to_list() == [2, 3, 4]
    assert outcomes["source_file"].to_list() == ["contacts.csv"] * 3
    assert org.count("SELECT COUNT() FROM Contact") == 0


def test_children_of_a_rejected_parent_are_rejected_too(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    spoiled = only(frames, "accounts", "campaigns", "campaign_members", "contact_tags")
    spoiled[CONTACTS] = frames[CONTACTS].with_columns(LastName=pl.lit(None, pl.String))
    _, results = load_all(org, ledger, spoiled)
    assert results["contacts"].outcomes["error_code"].to_list() == ["REQUIRED_FIELD_MISSING"] * 3
    assert results["campaign_members"].counts["rejected"] == 3
    assert results["contact_tags"].outcomes["error_code"].to_list() == ["RECORD_NOT_CONFIRMED"] * 2
    assert org.count("SELECT COUNT() FROM Contact") == 0


def test_natural_pairs_are_found_again_and_never_doubled(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    some = only(frames, "accounts", "contacts", "campaigns", "campaign_members")
    load_all(org, ledger, some)
    members = phase_named("campaign_members")
    more = pl.concat(
        [
            frames[members],
            rows("contacts", "Campaign.Kartra_Id__c Contact.Kartra_Id__c Status",
                 ("list:vip|2", "list:vip", "2", "Sent")),
        ]
    )  # fmt: skip
    _, results = load_all(org, ledger, {members: more})
    assert results["campaign_members"].outcomes["outcome"].to_list() == [
        "unchanged", "unchanged", "unchanged", "created",
    ]  # fmt: skip
    assert org.count("SELECT COUNT() FROM CampaignMember") == 4


def test_a_frame_whose_gate_has_not_passed_is_refused_before_the_org_is_asked(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame], audit: Audit
) -> None:
    run_id = ledger.begin_run("rehearsal", "local", org.org_id, org.instance_url, "hash")
    frame = frames[CONTACTS]
    before = audit.now()
    with pytest.raises(GateFailed, match="contacts has not passed"):
        load_phase(org, ledger, run_id, CONTACTS, frame)
    ledger.record_gate("contacts", data_version(frame), passed=True, run_id=run_id)
    with pytest.raises(GateFailed):
        load_phase(org, ledger, run_id, CONTACTS, frame.with_columns(Phone=pl.lit("1")))
    ledger.record_gate("contacts", data_version(frame), passed=False, run_id=run_id)
    with pytest.raises(GateFailed):
        load_phase(org, ledger, run_id, CONTACTS, frame)
    assert audit.writes_after(before) == []


def test_a_frame_without_rows_is_a_phase_without_jobs(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    _, results = load_all(org, ledger, {CONTACTS: frames[CONTACTS].clear()})
    assert set(results["contacts"].counts.values()) == {0}
    assert results["contacts"].outcomes.schema == pl.Schema(OUTCOME_SCHEMA)


def test_a_column_that_the_org_lacks_stops_the_phase_with_its_name(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    frame = frames[CONTACTS].with_columns(Shoe_Size__c=pl.lit("42"))
    with pytest.raises(SettingsError, match="Shoe_Size__c"):
        load_contacts(org, ledger, frame)


@pytest.mark.parametrize("key", [None, "1"])
def test_rows_without_a_key_of_their_own_are_refused_with_their_place(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame], key: str | None
) -> None:
    frame = frames[CONTACTS].with_columns(
        _key=pl.when(pl.col("_key") == "2").then(pl.lit(key, pl.String)).otherwise("_key")
    )
    with pytest.raises(PipelineError, match=r"contacts\.csv:"):
        load_contacts(org, ledger, frame)


def test_progress_ends_at_the_rows_planned(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    told: list[tuple[str, int, int]] = []
    accounts = phase_named("accounts")
    frame = frames[accounts]
    run_id = ledger.begin_run("rehearsal", "local", org.org_id, org.instance_url, "hash")
    ledger.record_gate("accounts", data_version(frame), passed=True, run_id=run_id)
    load_phase(org, ledger, run_id, accounts, frame, progress=lambda *said: told.append(said))
    assert told[-1] == ("accounts", 2, 2)
    assert ledger.phases(run_id)["state"].to_list() == ["finished"]
    assert ledger.jobs(run_id)["state"].to_list() == ["JobComplete"]


def test_a_thousand_and_more_records_take_the_bulk_road_back(org: Org, ledger: Ledger) -> None:
    many = rows(
        "contacts", "Kartra_Id__c LastName",
        *((f"{i}", f"{i}", f"Name {i}") for i in range(2_500)),
    )  # fmt: skip
    assert load_contacts(org, ledger, many)["outcome"].unique().to_list() == ["created"]
    again = load_contacts(org, ledger, many.with_columns(LastName=pl.lit("Same")))
    assert again["outcome"].unique().to_list() == ["updated"]
    third = load_contacts(org, ledger, many.with_columns(LastName=pl.lit("Same")))
    assert third["outcome"].unique().to_list() == ["unchanged"]


def id_of(org: Org, sobject: str, key: str) -> str:
    return str(org.query(f"SELECT Id FROM {sobject} WHERE Kartra_Id__c = '{key}'")["Id"][0])


def test_a_ledger_may_be_new_while_the_org_is_not(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame], tmp_path: Path
) -> None:
    some = only(frames, "accounts", "contacts", "contact_tags")
    load_all(org, ledger, some)
    _, results = load_all(org, Ledger(tmp_path / "other.sqlite"), some)
    assert all_outcomes(results)["outcome"].unique().to_list() == ["unchanged"]


def test_a_record_without_a_result_row_is_asked_for(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    accounts = phase_named("accounts")
    load_all(org, ledger, {accounts: frames[accounts][:1]})
    keys = bind_columns(org, "Account", ["Kartra_Id__c"])
    sender = Sender(org, ledger, "run", accounts, keys, keys)
    sent = frames[accounts].with_columns(match_key(keys).alias(MATCH))
    said = with_arrivals(sender, sent, answers([], keys))
    acme = id_of(org, "Account", "domain:acme.com")
    assert said.select("sf_id", "action").rows() == [(acme, "created")]


def test_a_load_outside_any_run_is_refused(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    ledger.record_gate("contacts", data_version(frames[CONTACTS]), passed=True, run_id=None)
    with pytest.raises(UnknownRun):
        load_phase(org, ledger, "20200101T000000-0000", CONTACTS, frames[CONTACTS])


def test_a_load_beside_another_is_refused(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    refused: list[BaseException] = []

    def beside() -> None:
        try:
            load_all(org, ledger, only(frames, "accounts"))
        except LedgerBusy as error:
            refused.append(error)

    with ledger.lease():
        thread = threading.Thread(target=beside)
        thread.start()
        thread.join()
    assert len(refused) == 1
    assert org.count("SELECT COUNT() FROM Account") == 0
