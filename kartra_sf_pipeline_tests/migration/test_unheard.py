"""Rows whose answer the org never gave: what arrived is found, and taken back."""

from __future__ import annotations

import json

import polars as pl

from kartra_sf_pipeline.migration import results
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.migration.rollback import rollback
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.migration.deaf import deaf_to_successes
from kartra_sf_pipeline_tests.migration.small_account import load_all, rows

CONTACTS = phase_named("contacts")
PEOPLE = rows(
    "contacts", "Kartra_Id__c LastName Phone", ("1", "1", "Lee", "+1"), ("2", "2", "Poe", "+2")
)


def phones(org: Org) -> list[str]:
    return org.query("SELECT Phone FROM Contact ORDER BY Kartra_Id__c")["Phone"].to_list()


def test_an_update_without_a_result_row_is_asked_for(
    org: Org, empty_org: LocalOrg, ledger: Ledger
) -> None:
    load_all(org, ledger, {CONTACTS: PEOPLE})
    changed = PEOPLE.with_columns(Phone=pl.Series(["+9", "+2"]))
    with deaf_to_successes(empty_org) as deaf:
        run, loaded = load_all(deaf, ledger, {CONTACTS: changed})
    assert loaded["contacts"].outcomes["outcome"].to_list() == ["updated", "unchanged"]
    assert phones(org) == ["+9", "+2"]
    assert rollback(org, ledger, run).complete
    assert phones(org) == ["+1", "+2"]


def test_an_update_that_could_not_be_confirmed_is_given_back_if_it_arrived(
    org: Org, ledger: Ledger
) -> None:
    _, loaded = load_all(org, ledger, {CONTACTS: PEOPLE})
    ids = loaded["contacts"].outcomes["sf_id"]
    run = ledger.begin_run("rehearsal", "local", org.org_id, org.instance_url, "hash")
    noted = PEOPLE.select(
        "source_file",
        "source_line",
        key="_key",
        intent=pl.lit("update"),
        sf_id=ids,
        pre_image=pl.Series([json.dumps({"Phone": phone}) for phone in PEOPLE["Phone"]]),
        written=pl.lit(json.dumps({"Phone": "+9"})),
    )
    records = ledger.write_intents(run, "contacts", "Contact", noted)
    none = pl.lit(None, pl.String)
    ledger.settle(
        pl.DataFrame({"record_id": records, "sf_id": ids}).with_columns(
            action=pl.lit("rejected"), error_code=pl.lit(results.NO_RESULT),
            error_fields=none, error_message=none,
        )
    )  # fmt: skip
    ledger.finish_run(run, "failed")
    org.update("Contact", ids[0], {"Phone": "+9"})
    rollback(org, ledger, run)
    assert phones(org) == ["+1", "+2"]
    assert ledger.records(run)["undone"].to_list() == ["restored", "kept"]
