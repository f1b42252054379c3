"""Each money strategy in a real org: reconciled, read back, the same again, and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.migration.money_runs import Told, account_map, made_ready, told

pytestmark = pytest.mark.xdist_group("money")

# Each value of each strategy once, and the pairs that decide about the same rows.
CHOICES: dict[str, dict[str, Any]] = {
    "no_lines": {"line_items": False},
    "records": {"transactions": "custom_object"},
    "rebills_and_lost": {"rebills": "own_opportunity", "failed_payments": "closed_lost"},
    "history": {"rebills": "subscription_history"},
    "subscriptions": {
        "subscriptions": "custom_object",
        "rebills": "own_opportunity",
        "failed_payments": "closed_lost",
    },
    "no_deals": {
        "transactions": "custom_object",
        "subscriptions": "custom_object",
        "rebills": "subscription_history",
    },
    "rolled_up_records": {"transactions": "custom_object", "subscriptions": "custom_object"},
}
SUMS = {
    "Opportunity": "SELECT Kartra_Currency__c, SUM(Kartra_Charged_Amount__c) charged, "
    "SUM(Kartra_Rebill_Total__c) rebilled FROM Opportunity GROUP BY Kartra_Currency__c",
    "Kartra_Transaction__c": "SELECT Kartra_Currency__c, SUM(Kartra_Charged_Amount__c) charged "
    "FROM Kartra_Transaction__c GROUP BY Kartra_Currency__c",
    "Kartra_Subscription__c": "SELECT Kartra_Currency__c, SUM(Kartra_Rebill_Total__c) rebilled "
    "FROM Kartra_Subscription__c GROUP BY Kartra_Currency__c",
}
MOVED = {"USD": 326.0, "EUR": 90.0}
"""What was paid and not given back, by the account's own rows."""


@pytest.fixture(scope="module")
def org(local_org: LocalOrg) -> Iterator[Org]:
    """One org for all: each run is taken back, so that the next finds it empty."""
    local_org.admin("POST", "reset")
    yield connect(AccessToken(local_org.url, local_org.access_token))
    local_org.admin("POST", "reset?features=none")


@pytest.fixture(scope="module", params=CHOICES.values(), ids=list(CHOICES))
def run(request: pytest.FixtureRequest, org: Org, tmp_path_factory: pytest.TempPathFactory) -> Told:
    home = tmp_path_factory.mktemp("money")
    return once(org, home, request.param)


def once(org: Org, home: Path, chosen: dict[str, Any]) -> Told:
    ledger = Ledger(home / "ledger.sqlite")
    try:
        ready = made_ready(org, account_map(org, **chosen), home)
        written = {phase.object for phase, frame in ready.frames.items() if frame.height}
        asked = {name: soql for name, soql in SUMS.items() if name in written}
        return told(org, ledger, ready, asked)
    finally:
        ledger.close()


def test_every_source_row_is_accounted_for(run: Told) -> None:
    assert run.balance["balanced"].all(), run.balance
    assert run.fates.filter(pl.col("disposition") == "rejected").is_empty()
    assert run.balance["loaded"].sum() > 0


def test_every_field_reads_back_as_it_was_planned(run: Told) -> None:
    assert run.differences.is_empty(), run.differences
    assert run.read["missing"].sum() == 0
    assert run.read["records"].sum() == sum(frame.height for frame in run.ready.frames.values())


def test_the_org_adds_up_to_the_money_that_moved(run: Told) -> None:
    held: dict[str, float] = {}
    for rows in run.held.values():
        for row in rows.iter_rows(named=True):
            code = row.pop("Kartra_Currency__c")
            held[code] = held.get(code, 0.0) + sum(value or 0.0 for value in row.values())
    assert {code: round(amount, 2) for code, amount in held.items()} == MOVED


def test_the_same_again_changes_nothing(run: Told) -> None:
    assert run.again["unchanged"] == run.again["planned"] > 0
    assert run.again["created"] == run.again["updated"] == run.again["rejected"] == 0


def test_nothing_is_left_after_the_rollback(run: Told) -> None:
    assert run.undone.clean
    assert run.undone.counts["deleted"] == run.undone.records.height > 0


def test_in_an_org_of_several_currencies_each_record_and_price_has_its_own(
    local_org: LocalOrg, org: Org, tmp_path: Path
) -> None:
    local_org.admin("POST", "features?on=multi-currency")
    org.create("CurrencyType", {"IsoCode": "EUR", "ConversionRate": 0.9, "IsActive": True})
    org.forget_describes()
    found = once(org, tmp_path, {"rebills": "subscription_history"})
    prices = found.ready.rows("pricebook_entries")
    assert prices.height == 6
    assert prices["CurrencyIsoCode"].value_counts().sort("CurrencyIsoCode").rows() == [
        ("EUR", 2), ("USD", 4),
    ]  # fmt: skip
    for phase in ("opportunities", "transaction_records"):
        rows = found.ready.rows(phase)
        assert rows["CurrencyIsoCode"].equals(rows["Kartra_Currency__c"].rename("CurrencyIsoCode"))
    assert found.ready.rows("opportunity_line_items").height > 0
    test_every_source_row_is_accounted_for(found)
    test_every_field_reads_back_as_it_was_planned(found)
    test_the_same_again_changes_nothing(found)
    test_nothing_is_left_after_the_rollback(found)
