"""Owners and record types: compared, changed and given back like other fields."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.org_facts import ask_org
from kartra_sf_pipeline.mapping.schema_deployment import deploy_plan
from kartra_sf_pipeline.mapping.schema_plan import ask_plan
from kartra_sf_pipeline.mapping.strategies import RecordTypeRule
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.migration.rollback import rollback
from kartra_sf_pipeline.proof.read_back import read_back
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.migration.small_account import load_all, rows

CONTACTS = phase_named("contacts")


def owner_of(org: Org, key: str) -> str:
    found = org.query(f"SELECT OwnerId FROM Contact WHERE Kartra_Id__c = '{key}'")
    return str(found["OwnerId"][0])


def test_an_owner_is_set_changed_and_given_back(org: Org, ledger: Ledger) -> None:
    me = org.user_id
    other = str(org.query(f"SELECT Id FROM User WHERE IsActive = true AND Id != '{me}'")["Id"][0])
    mine = rows("contacts", "Kartra_Id__c LastName OwnerId", ("1", "1", "Lee", me))
    load_all(org, ledger, {CONTACTS: mine})
    run, results = load_all(org, ledger, {CONTACTS: mine.with_columns(OwnerId=pl.lit(other))})
    assert results["contacts"].outcomes["outcome"].to_list() == ["updated"]
    assert owner_of(org, "1") == other
    _, differences = read_back(org, {CONTACTS: mine}, results["contacts"].outcomes)
    assert differences["field"].to_list() == ["OwnerId"]
    rollback(org, ledger, run)
    assert owner_of(org, "1")[:15] == me[:15]


def test_a_record_type_is_found_by_its_developer_name(
    org: Org, ledger: Ledger, tmp_path: Path
) -> None:
    given = default_map()
    typed = given.phases["contacts"].model_copy(
        update={"record_type": RecordTypeRule(name="Kartra_Person", label="Kartra person")}
    )
    field_map = given.model_copy(update={"phases": {**given.phases, "contacts": typed}})
    deploy_plan(org, ask_plan(org, field_map, ask_org(org).objects), tmp_path)
    org.forget_describes()
    frame = rows(
        "contacts", "Kartra_Id__c LastName RecordType.DeveloperName",
        ("1", "1", "Lee", "Kartra_Person"),
        ("2", "2", "Ford", "Kartra_Nobody"),
    )  # fmt: skip
    _, results = load_all(org, ledger, {CONTACTS: frame})
    outcomes = results["contacts"].outcomes
    assert outcomes["outcome"].to_list() == ["created", "rejected"]
    assert outcomes.row(1, named=True)["error_fields"] == "RecordTypeId"
    summary, differences = read_back(org, {CONTACTS: frame}, outcomes)
    assert differences.is_empty()
    assert summary["fields"].to_list() == [3]
    _, again = load_all(org, ledger, {CONTACTS: frame[:1]})
    assert again["contacts"].outcomes["outcome"].to_list() == ["unchanged"]


def test_a_value_that_the_org_does_not_take_back_is_a_failure_and_no_success(
    org: Org, ledger: Ledger
) -> None:
    frame = rows("contacts", "Kartra_Id__c LastName Phone", ("1", "1", "Lee", "1"))
    load_all(org, ledger, {CONTACTS: frame})
    contact = str(org.query("SELECT Id FROM Contact")["Id"][0])
    run = ledger.begin_run("rehearsal", "local", org.org_id, org.instance_url, "hash")
    intent = an_update(contact, {"LastName": None}, {"LastName": "Lee"})
    ledger.write_intents(run, "contacts", "Contact", intent)
    ledger.finish_run(run, "failed")
    report = rollback(org, ledger, run)
    (told,) = report.records.rows(named=True)
    assert (told["action"], told["reason"].partition(":")[0]) == (
        "not_restored",
        "REQUIRED_FIELD_MISSING",
    )


def an_update(contact: str, before: dict[str, str | None], after: dict[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "key": ["1"], "intent": ["update"], "sf_id": [contact],
            "pre_image": [json.dumps(before)], "written": [json.dumps(after)],
            "source_file": ["contacts.csv"], "source_line": [2],
        }
    )  # fmt: skip


def test_an_update_whose_answer_never_came_is_given_back_too(org: Org, ledger: Ledger) -> None:
    frame = rows("contacts", "Kartra_Id__c LastName Phone", ("1", "1", "Lee", "1"))
    _, results = load_all(org, ledger, {CONTACTS: frame})
    contact = results["contacts"].outcomes["sf_id"][0]
    killed = ledger.begin_run("rehearsal", "local", org.org_id, org.instance_url, "hash")
    intent = an_update(contact, {"Phone": "1"}, {"Phone": "2"})
    ledger.write_intents(killed, "contacts", "Contact", intent)
    org.update("Contact", contact, {"Phone": "2"})
    ledger.finish_run(killed, "failed")
    report = rollback(org, ledger, killed)
    assert report.counts["kept_updated"] == 1
    assert org.query("SELECT Phone FROM Contact")["Phone"].to_list() == ["1"]
