"""What a map is told of currencies, by an org of one and by orgs of several."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest

from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.active import with_planned_objects
from kartra_sf_pipeline.mapping.fault import Fault
from kartra_sf_pipeline.mapping.strategies import Strategies
from kartra_sf_pipeline.mapping.validate_currencies import currency_faults
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline.salesforce.user_info import own_currency
from kartra_sf_pipeline_tests.conftest import LocalOrg

MAP = default_map().model_copy(
    update={"strategies": Strategies(transactions="custom_object", rebills="subscription_history")}
)
MONEY = ("Opportunity", "PricebookEntry")


@pytest.fixture
def server(empty_org: LocalOrg) -> Iterator[LocalOrg]:
    yield empty_org
    empty_org.admin("POST", "reset?features=none")


@pytest.fixture
def org(server: LocalOrg) -> Org:
    return connect(AccessToken(server.url, server.access_token))


def several(server: LocalOrg, org: Org, *more: str) -> None:
    server.admin("POST", "features?on=multi-currency")
    for code in more:
        org.create("CurrencyType", {"IsoCode": code, "ConversionRate": 0.9, "IsActive": True})
    org.forget_describes()


def money_in(*codes: str | None) -> dict[str, pl.DataFrame]:
    rows = pl.DataFrame({"currency": codes}, schema={"currency": pl.String})
    return dict.fromkeys(MAP.active(), rows)


def told(org: Org, frames: dict[str, pl.DataFrame], own: str | None = None) -> list[Fault]:
    described: dict[str, ObjectDescribe] = {name: org.describe(name) for name in MONEY}
    objects = with_planned_objects(MAP, described)
    return list(currency_faults(MAP, frames, objects, own))


def test_an_org_of_one_currency_names_it(org: Org) -> None:
    assert own_currency(org) == "USD"


def test_an_org_of_one_currency_takes_money_of_another_and_the_map_is_told(org: Org) -> None:
    faults = told(org, money_in("USD", "EUR", "EUR"), "USD")
    assert {fault.place[1] for fault in faults} == {"opportunities", "transaction_records"}
    assert not any(fault.stops for fault in faults)
    assert "2 rows of `opportunities` are in EUR, and the org has one currency, USD" in (
        faults[0].what
    )
    assert "Kartra_Currency__c" in faults[0].way_out


def test_money_in_the_org_s_own_currency_is_nothing_to_tell(org: Org) -> None:
    assert told(org, money_in("USD", None), "USD") == []


def test_an_org_that_does_not_tell_its_currency_is_warned_of_several(org: Org) -> None:
    assert told(org, money_in("EUR", None)) == []
    assert {fault.stops for fault in told(org, money_in("EUR", "USD"))} == {False}


def test_a_currency_that_is_not_active_stops_with_the_way_out(server: LocalOrg, org: Org) -> None:
    several(server, org, "EUR")
    faults = told(org, money_in("EUR", "GBP", "USD"))
    assert {fault.place[1] for fault in faults} == {
        "pricebook_entries", "opportunities", "transaction_records",
    }  # fmt: skip
    assert all(fault.stops for fault in faults)
    assert "one row of `opportunities` is in GBP" in faults[1].what
    assert "(EUR, USD)" in faults[1].what
    assert "Manage Currencies" in faults[1].way_out
    assert told(org, money_in("EUR", "USD")) == []


def test_money_that_names_no_currency_is_told_in_an_org_of_several(
    server: LocalOrg, org: Org
) -> None:
    several(server, org)
    faults = told(org, money_in("USD", None))
    assert {(fault.place[1], fault.stops) for fault in faults} == {
        ("pricebook_entries", False), ("opportunities", False), ("transaction_records", False),
    }  # fmt: skip
    assert "in no named currency" in faults[0].what


def test_an_object_that_is_made_later_has_currencies_as_all_others_do(
    server: LocalOrg, org: Org
) -> None:
    several(server, org, "EUR")
    objects = with_planned_objects(MAP, {"Opportunity": org.describe("Opportunity")})
    assert objects["Kartra_Transaction__c"].fields["CurrencyIsoCode"].picklist_values == (
        "EUR", "USD",
    )  # fmt: skip
