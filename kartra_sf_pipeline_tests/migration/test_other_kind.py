"""Who was loaded as a lead is not made a contact beside it, nor the reverse."""

from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.migration.rollback import rollback
from kartra_sf_pipeline.prepare.identity import settle_keys
from kartra_sf_pipeline.salesforce.metadata import (
    CustomFieldSpec,
    PermissionSetSpec,
    assign_permission_set,
    build_package,
    deploy,
)
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.migration.small_account import load_all, rows

CONTACTS, LEADS = phase_named("contacts"), phase_named("leads")
ANN, BOB = ("1", "1", "Lee"), ("2", "2", "Poe")


@pytest.fixture
def with_leads(org: Org) -> Org:
    fields = [
        CustomFieldSpec(
            "Lead", "Kartra_Id__c", "Kartra ID", "Text", length=255, unique=True, external_id=True
        ),
        CustomFieldSpec("Lead", "Kartra_Migration_Run__c", "Kartra run", "Text", length=64),
    ]
    granted = PermissionSetSpec("Leads", "Leads", fields=tuple(f.full_name for f in fields))
    assert deploy(org, build_package(fields, granted, api_version=org.api_version)).success
    assign_permission_set(org, "Leads")
    org.forget_describes()
    return org


def people(*cells: tuple[str, ...]) -> pl.DataFrame:
    return rows("contacts", "Kartra_Id__c LastName", *cells)


def leads(*cells: tuple[str, ...]) -> pl.DataFrame:
    return people(*cells).with_columns(Company=pl.lit("[none]"))


def test_a_lead_does_not_become_a_contact_beside_itself(with_leads: Org, ledger: Ledger) -> None:
    run, _ = load_all(with_leads, ledger, {LEADS: leads(ANN)})
    _, loaded = load_all(with_leads, ledger, {CONTACTS: people(ANN, BOB)})
    told = loaded["contacts"].outcomes.select("key", "outcome", "error_code").rows()
    assert told == [("1", "rejected", "LOADED_AS_OTHER_KIND"), ("2", "created", None)]
    assert with_leads.query("SELECT Kartra_Id__c FROM Contact")["Kartra_Id__c"].to_list() == ["2"]
    _, loaded = load_all(with_leads, ledger, {LEADS: leads(ANN, BOB)})
    told = loaded["leads"].outcomes.select("key", "outcome").rows()
    assert told == [("1", "unchanged"), ("2", "rejected")]
    # Once the lead is gone, nothing stands in the way.
    assert rollback(with_leads, ledger, run).clean
    _, loaded = load_all(with_leads, ledger, {CONTACTS: people(ANN, BOB)})
    assert loaded["contacts"].outcomes["outcome"].to_list() == ["created", "unchanged"]


def test_leads_are_known_by_the_aliases_of_people_and_keep_their_key(ledger: Ledger) -> None:
    run = ledger.begin_run("rehearsal", "local", "00D000000000001AAA", "http://x", "hash")
    none = pl.lit(None, pl.String)
    ids = ledger.write_intents(
        run, "leads", "Lead",
        pl.DataFrame({"key": ["email:a@x.org"], "source_file": ["c.csv"], "source_line": [2]})
        .with_columns(intent=pl.lit("create"), sf_id=none, pre_image=none, written=none),
    )  # fmt: skip
    ledger.settle(
        pl.DataFrame({"record_id": ids}).with_columns(
            action=pl.lit("created"), sf_id=pl.lit("00Q000000000001AAA"),
            error_code=none, error_fields=none, error_message=none,
        )
    )  # fmt: skip
    aliases = pl.DataFrame({"key": ["email:a@x.org"], "alias": ["email:b@x.org"]})
    ledger.identities.note_aliases(run, "Contact", aliases)
    known = ledger.identities.known("00D000000000001AAA")
    assert known.select("object", "alias", "key").rows() == [
        ("Lead", "email:a@x.org", "email:a@x.org"),
        ("Lead", "email:b@x.org", "email:a@x.org"),
    ]
    claims = pl.DataFrame(
        {"group": ["7", "7"], "alias": ["7", "email:b@x.org"], "own": [True, False], "age": [1, 1]}
    )
    assert settle_keys(claims, known, "Contact").keys.rows() == [("7", "email:a@x.org")]
