from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from kartra_sf_pipeline.prepare.spend import SPEND_SCHEMA, contact_spend
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, raw, transaction


def spend(*rows: dict[str, Any]) -> pl.DataFrame:
    money = prepare_transactions(
        raw("transactions", *rows), raw("subscriptions"), PEOPLE, zone=ZONE
    )
    frame = contact_spend(money)
    assert frame.equals(contact_spend(money.lazy()))
    assert frame.schema == SPEND_SCHEMA
    return frame


def test_payments_and_what_was_given_back_add_up_per_contact() -> None:
    frame = spend(
        transaction("Sale", "1", subscription_id="9", amount="10.00"),
        transaction("Rebill", "2", subscription_id="9", amount="90.50", date="2026-02-10"),
        transaction("Partial refund", "3", subscription_id="9", amount="-20.25", date="2026-03-01"),
        transaction("Sale", "4", lead_id="2", amount="5.00"),
    )
    assert frame.row(0, named=True) == {
        "contact_key": "1",
        "currency": "USD",
        "payments": 2,
        "gross": Decimal("100.50"),
        "refunded": Decimal("20.25"),
        "net": Decimal("80.25"),
        "first_paid_on": date(2026, 1, 10),
        "last_paid_on": date(2026, 2, 10),
        "computed": True,
    }
    assert frame["contact_key"].to_list() == ["1", "2"]


def test_what_collected_no_money_is_not_spent() -> None:
    frame = spend(
        transaction("Sale", "1", extract_date=date(2026, 6, 1)),
        transaction("Sale", "1", extract_date=date(2026, 5, 1)),
        transaction("Failed", "2"),
        transaction("Rebill", "3"),
        transaction("Sale", "4", amount="oops"),
        transaction("Refund", "5", amount="400.00", date="2026-03-01"),
    )
    assert frame.select("payments", "gross", "net").row(0) == (1, Decimal(100), Decimal(100))


def test_currencies_are_never_added_together() -> None:
    frame = spend(transaction("Sale", "1"), transaction("Sale", "2", currency="EUR"))
    assert frame["currency"].to_list() == ["EUR", "USD"]
    assert frame["payments"].to_list() == [1, 1]


def test_an_account_without_transactions_has_no_spend() -> None:
    assert spend().is_empty()
