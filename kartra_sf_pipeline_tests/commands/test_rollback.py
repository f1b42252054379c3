"""What the command line says of a rollback that could not give everything back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.settings import Settings
from kartra_sf_pipeline_tests.end_to_end.homes import Home, temporary_home
from kartra_sf_pipeline_tests.migration.small_account import deploy_schema, load_all, rows

ACCOUNTS, CONTACTS = phase_named("accounts"), phase_named("contacts")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with temporary_home(tmp_path) as made:
        yield made


def test_old_values_that_the_org_refuses_end_it_with_exit_code_1(home: Home) -> None:
    deploy_schema(home.org)
    ledger = Ledger(Settings.load(home=home.path).ledger())
    companies = rows("contacts", "Kartra_Id__c Name", ("a", "a", "A"), ("b", "b", "B"))
    person = rows("contacts", "Kartra_Id__c LastName Account.Kartra_Id__c", ("1", "1", "Lee", "a"))
    load_all(home.org, ledger, {ACCOUNTS: companies, CONTACTS: person})
    moved = person.with_columns(**{"Account.Kartra_Id__c": pl.lit("b")})
    run, _ = load_all(home.org, ledger, {CONTACTS: moved})
    ledger.close()
    before = home.org.query("SELECT Id FROM Account WHERE Kartra_Id__c = 'a'")["Id"][0]
    home.org.delete("Account", before)

    ended = home.run("rollback", run, "--json")
    assert ended.code == 1
    assert (ended.json["left"], ended.json["not_restored"]) == (0, 1)
    assert any("were not restored (1)" in problem for problem in ended.json["problems"])
    assert not any("still in the org" in problem for problem in ended.json["problems"])
