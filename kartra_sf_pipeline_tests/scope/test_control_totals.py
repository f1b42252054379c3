from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline.scope.control_file import ControlTotals
from kartra_sf_pipeline.scope.control_totals import SCHEMA, control_totals
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, raw, transaction
from kartra_sf_pipeline_tests.scope.account import frames


def account() -> dict[str, pl.DataFrame]:
    return frames() | {
        "contacts_prepared": pl.DataFrame(
            {
                "disposition": ["keep", "merge", "keep", "keep", "suppress", "quarantine"],
                "reason": [None, "older_extract", None, None, "deleted_in_kartra", "no_identity"],
            }
        )
    }


def row(frame: pl.DataFrame, what: str, unit: str | None = None) -> dict[str, Any]:
    here = (pl.col("what") == what) & pl.col("unit").eq_missing(pl.lit(unit))
    return frame.filter(here).row(0, named=True)


@pytest.mark.parametrize(
    ("what", "found"),
    [("contacts", 3), ("transactions", 5), ("affiliates", 1), ("lists", 1), ("tags", 2)],
)
def test_figures_are_counted_as_kartra_counts_them(what: str, found: int) -> None:
    frame = control_totals(account(), ControlTotals(counts={what: found}))
    counted = row(frame, what)
    assert counted["found"] == found
    assert counted["status"] == "agrees"


def test_subscriptions_are_counted_from_payments_where_there_is_no_export() -> None:
    counted = row(control_totals(account(), ControlTotals()), "subscriptions")
    assert counted["found"] == 1
    assert "no subscriptions export" in counted["note"]


def test_revenue_is_what_was_received_and_refunds_stand_apart() -> None:
    frame = control_totals(
        account(),
        ControlTotals(money={("revenue", "USD"): Decimal(300), ("refunds", "USD"): Decimal(100)}),
    )
    assert row(frame, "revenue", "USD")["status"] == "agrees"
    assert "less refunds it is 200.00" in row(frame, "revenue", "USD")["note"]
    assert row(frame, "refunds", "USD")["status"] == "agrees"


def test_tax_and_shipping_are_no_revenue_with_and_without_the_column() -> None:
    cells = {"amount": "120.00", "sales_tax": "15.00", "shipping_cost": "5.00"}
    sales = raw(
        "transactions",
        transaction("Sale", "1", revenue="100.00", **cells),
        transaction("Sale", "2", **cells),
        transaction("Failed", "3", **cells),
        transaction("Refund", "4", date="2026-02-02", **(cells | {"amount": "-120.00"})),
    )
    money = prepare_transactions(sales, raw("subscriptions"), PEOPLE, zone=ZONE)
    frame = control_totals(
        {"transactions_prepared": money},
        ControlTotals(money={("refunds", "USD"): Decimal(100)}),
    )
    assert row(frame, "revenue", "USD")["found"] == 200
    assert row(frame, "refunds", "USD")["found"] == 100


def test_an_older_copy_of_a_payment_counts_once() -> None:
    twice = pl.concat(
        [
            raw("transactions", transaction("Sale", "1"), file="a.csv"),
            raw("transactions", transaction("Sale", "1"), file="b.csv"),
        ]
    )
    money = prepare_transactions(twice, raw("subscriptions"), PEOPLE, zone=ZONE)
    frame = control_totals({"transactions_prepared": money}, ControlTotals())
    assert row(frame, "transactions")["found"] == 1
    assert row(frame, "revenue", "USD")["found"] == 100


@pytest.mark.parametrize(
    ("expected", "tolerance", "status", "words"),
    [
        (3, 0, "agrees", "contacts: 3, as on Kartra's screen"),
        (5, 0, "fewer_than_expected", "5 on Kartra's screen, 3 in the exports (2 less)"),
        (2, 0, "more_than_expected", "(1 more)"),
        (4, 25, "within_tolerance", "(1 less)"),
        (5, 25, "fewer_than_expected", "(2 less)"),
        (0, 50, "more_than_expected", "(3 more)"),
    ],
)
def test_a_figure_that_differs_is_said_with_both_numbers(
    expected: int, tolerance: int, status: str, words: str
) -> None:
    totals = ControlTotals(counts={"contacts": expected}, tolerance_percent=Decimal(tolerance))
    found = row(control_totals(account(), totals), "contacts")
    assert found["status"] == status
    assert words in found["finding"]
    assert found["difference"] == 3 - expected


def test_a_currency_that_no_export_has_is_missing_not_forgotten() -> None:
    frame = control_totals(account(), ControlTotals(money={("revenue", "EUR"): Decimal(7)}))
    assert row(frame, "revenue", "EUR")["status"] == "fewer_than_expected"
    assert row(frame, "revenue", "USD")["status"] == "not_given"


def test_without_figures_all_is_unproven_and_the_essential_are_marked() -> None:
    frame = control_totals(account(), ControlTotals())
    assert frame.schema == SCHEMA
    assert set(frame["status"]) == {"not_given"}
    assert set(frame.filter("essential")["what"]) == {"contacts", "transactions", "revenue"}
    empty = control_totals({}, ControlTotals())
    assert set(empty.filter("essential")["what"]) == {"contacts", "transactions", "revenue"}


def test_rows_that_could_not_be_counted_are_mentioned() -> None:
    note = row(control_totals(account(), ControlTotals()), "contacts")["note"]
    assert "1 rows have no identity" in note
    assert "2 rows could not be read" in note


def test_names_on_people_who_stay_behind_are_counted_too() -> None:
    left = pl.DataFrame({"contact_key": ["9"], "tags": [["vip", "Only  Here"]], "lists": [["X"]]})
    frame = control_totals(account() | {"contacts_suppressed": left}, ControlTotals())
    assert row(frame, "tags")["found"] == 3
    assert row(frame, "lists")["found"] == 2
