"""What the org holds against what was asked for, over HTTP on the real local org."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import Phase, phase_named
from kartra_sf_pipeline.proof.read_back import read_back
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.migration.small_account import (
    all_outcomes,
    load_all,
    only,
)

CONTACTS = phase_named("contacts")


def record(org: Org, sobject: str, key: str) -> str:
    return str(org.query(f"SELECT Id FROM {sobject} WHERE Kartra_Id__c = '{key}'")["Id"][0])


def test_a_sound_load_reads_back_without_a_difference(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    _, results = load_all(org, ledger, frames)
    summary, differences = read_back(org, frames, all_outcomes(results))
    assert differences.is_empty(), differences
    assert summary["phase"].to_list() == [phase.name for phase in frames]
    assert summary["records"].to_list() == [frame.height for frame in frames.values()]
    cells = sum(
        frame.select(pl.all().exclude("_key", "_wave", "source_file", "source_line").count())
        .sum_horizontal()
        .item()
        for frame in frames.values()
    )
    assert summary["fields"].sum() == summary["equal"].sum() == cells


SPOILED = [
    ("Contact", "1", "LastName", "Unal"),
    ("Contact", "1", "Kartra_Score__c", 13),
    ("Contact", "1", "Kartra_Created_At__c", "2024-02-03T04:05:07.000Z"),
    ("Contact", "1", "HasOptedOutOfEmail", True),
    ("Contact", "2", "Kartra_Tags__c", "gold;silver"),
    ("Contact", "3", "Phone", None),
    ("Opportunity", "S9", "Amount", 19.91),
    ("Opportunity", "S9", "CloseDate", "2024-03-03"),
    ("Task", "N1", "Description", "first\n2nd"),
]


def test_each_cell_spoiled_in_the_org_is_found_and_no_other(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    some = only(frames, "accounts", "contacts", "contact_tags", "tasks")
    opportunities = phase_named("opportunities")
    some[opportunities] = frames[opportunities].filter(pl.col("_key") == "S9")
    _, results = load_all(org, ledger, some)
    for sobject, key, field, value in SPOILED:
        org.update(sobject, record(org, sobject, key), {field: value})
    summary, differences = read_back(org, some, all_outcomes(results))
    found = differences.select("object", "key", "field").rows()
    assert sorted(found) == sorted(case[:3] for case in SPOILED)
    assert summary["differences"].sum() == len(SPOILED)
    assert differences["source_line"].min() == 2


def test_moved_parents_lost_keys_and_deleted_records_are_found(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    some = only(frames, "accounts", "contacts", "campaigns", "campaign_members", "events")
    _, results = load_all(org, ledger, some)
    org.update("Contact", record(org, "Contact", "1"),
               {"AccountId": record(org, "Account", "name:müller")})  # fmt: skip
    org.update("Contact", record(org, "Contact", "3"), {"Kartra_Id__c": None})
    org.update("Event", record(org, "Event", "B1"), {"WhoId": record(org, "Contact", "2")})
    org.delete("Campaign", record(org, "Campaign", "list:vip"))
    summary, differences = read_back(org, some, all_outcomes(results))
    assert set(differences.select("object", "key", "field").rows()) == {
        ("Contact", "1", "Account.Kartra_Id__c"),
        ("Contact", "3", "Kartra_Id__c"),
        ("Event", "B1", "Contact:Who.Kartra_Id__c"),
        ("Campaign", "list:vip", "Id"),
        ("CampaignMember", "list:vip|1", "Id"),
    }
    assert summary.filter(pl.col("missing") > 0)["phase"].to_list() == [
        "campaigns",
        "campaign_members",
    ]


def test_rejected_rows_are_counted_and_not_compared(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    spoiled = frames[CONTACTS].with_columns(
        Email=pl.when(pl.col("_key") == "2").then(pl.lit("no address")).otherwise("Email")
    )
    some = {**only(frames, "accounts"), CONTACTS: spoiled}
    _, results = load_all(org, ledger, some)
    summary, differences = read_back(org, some, all_outcomes(results))
    assert differences.is_empty()
    assert summary.filter(pl.col("object") == "Contact").select(
        "records", "missing", "rejected"
    ).row(0) == (2, 0, 1)


def test_rows_without_an_outcome_are_missing(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    accounts = only(frames, "accounts")
    _, results = load_all(org, ledger, accounts)
    summary, differences = read_back(org, accounts, all_outcomes(results)[:1])
    assert summary["missing"].to_list() == [1]
    assert differences["field"].to_list() == ["Id"]


def test_a_record_reported_under_anothers_id_is_found(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    accounts = only(frames, "accounts")
    _, results = load_all(org, ledger, accounts)
    swapped = all_outcomes(results).with_columns(pl.col("sf_id").reverse())
    _, differences = read_back(org, accounts, swapped)
    assert set(differences["field"]) >= {"Kartra_Id__c", "Name"}
