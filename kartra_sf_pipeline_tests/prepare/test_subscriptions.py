from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, fates, raw, transaction

HISTORY = (
    transaction("Sale", "1", subscription_id="9", amount="10.00"),
    transaction("Rebill", "2", subscription_id="9", date="2026-02-10", amount="100.00"),
    transaction("Rebill", "3", subscription_id="9", date="2026-03-10", amount="100.50"),
    transaction("Failed", "4", subscription_id="9", date="2026-04-10", amount="100.00"),
    transaction("Refund", "5", subscription_id="9", date="2026-03-11", amount="100.00"),
)


def row(**cells: Any) -> dict[str, Any]:
    return {
        "subscription_id": "9",
        "status": "Active",
        "recurrence_term": "Monthly",
        "product": "Gold",
        "price_point": "Monthly",
        "buyer_email": "ann@example.com",
        "start_date": "10 Jan 2026",
        "next_payment_date": "10 Apr 2026",
        "next_payment_amount": "$100.50",
        **cells,
    }


def prepared(
    *rows: dict[str, Any], transactions: tuple[dict[str, Any], ...] = ()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    source = raw("subscriptions", *rows)
    money = prepare_transactions(raw("transactions", *transactions), source, PEOPLE, zone=ZONE)
    return prepare_subscriptions(source, money, PEOPLE, zone=ZONE)


def test_an_exported_subscription_is_kept_with_what_its_payments_add_up_to() -> None:
    [frame, derived] = prepared(row(), transactions=HISTORY)
    assert fates(frame) == [("keep", None)]
    assert derived.is_empty()
    facts = frame.row(0, named=True)
    assert facts["opportunity_key"] == "S9"
    assert facts["contact_key"] == "1"
    assert facts["product_key"] == "gold--monthly"
    assert facts["start_date"] == date(2026, 1, 10)
    assert facts["next_payment_date"] == date(2026, 4, 10)
    assert facts["next_payment_amount"] == Decimal("100.50")
    assert (facts["first_amount"], facts["first_paid_on"]) == (Decimal("10.00"), date(2026, 1, 10))
    assert (facts["rebill_count"], facts["rebill_total"]) == (2, Decimal("200.50"))
    assert facts["last_payment_on"] == date(2026, 3, 10)


def test_a_subscription_without_payments_has_no_invented_amounts() -> None:
    facts = prepared(row())[0].row(0, named=True)
    assert facts["first_amount"] is None
    assert facts["last_payment_on"] is None
    assert (facts["rebill_count"], facts["rebill_total"]) == (0, Decimal("0.00"))


@pytest.mark.parametrize(
    ("label", "status"),
    [
        ("Active", "active"),
        ("Pending Cancellation", "pending_cancellation"),
        ("paused", "paused"),
        ("Cancelled", "cancelled"),
        ("Canceled", "cancelled"),
        ("Terminated", "terminated"),
        (None, None),
        ("N/A", None),
    ],
)
def test_statuses_are_read_in_any_spelling(label: str | None, status: str | None) -> None:
    frame = prepared(row(status=label))[0]
    assert fates(frame) == [("keep", None)]
    assert frame["status"].to_list() == [status]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"subscription_id": "N/A"}, "missing_id"),
        ({"subscription_id": "4.47E+11"}, "damaged_id"),
        ({"status": "Sleeping"}, "unknown_status"),
        ({"start_date": "01/02/2026"}, "bad_date"),
        ({"next_payment_amount": "about 10"}, "bad_amount"),
        ({"buyer_email": "nobody@example.com"}, "buyer_not_found"),
        ({"start_date": None}, "missing_date"),
    ],
)
def test_rows_that_cannot_be_trusted_are_held_back(cells: dict[str, Any], reason: str) -> None:
    frame = prepared(row(**cells))[0]
    assert fates(frame) == [("quarantine", reason)]
    assert frame["detail"].null_count() == 0


def test_blank_dates_and_zero_dates_are_no_dates() -> None:
    frame = prepared(row(end_date="0000-00-00 00:00:00", next_payment_date="N/A"))[0]
    assert fates(frame) == [("keep", None)]
    assert frame.select("end_date", "next_payment_date").row(0) == (None, None)


def test_a_payment_tells_of_a_subscription_without_a_start_and_so_does_an_older_extract() -> None:
    assert fates(prepared(row(start_date=None), transactions=HISTORY)[0]) == [("keep", None)]
    older = row(extract_date=date(2026, 5, 1))
    frame = prepared(row(start_date=None), older)[0]
    assert fates(frame) == [("quarantine", "missing_date"), ("keep", None)]
    # What did not collect money says nothing of a start.
    failed = transaction("Failed", "7", subscription_id="9")
    frame = prepared(row(start_date=None), transactions=(failed,))[0]
    assert fates(frame) == [("quarantine", "missing_date")]


def test_a_buyer_whom_the_export_does_not_name_is_the_payer() -> None:
    frame = prepared(row(buyer_email=None), transactions=HISTORY)[0]
    assert frame.select("contact_key", "contact_evidence").row(0) == ("1", "transactions")


def test_the_newest_extract_of_a_subscription_counts() -> None:
    frame = prepared(
        row(status="Cancelled", extract_date=date(2026, 6, 1)),
        row(status="Active", extract_date=date(2026, 5, 1)),
    )[0]
    assert fates(frame) == [("keep", None), ("merge", "older_extract")]


def test_a_subscription_that_only_payments_show_is_derived() -> None:
    frame, derived = prepared(transactions=HISTORY)
    assert frame.is_empty()
    assert derived.schema == frame.schema
    facts = derived.row(0, named=True)
    assert (facts["opportunity_key"], facts["subscription_id"]) == ("S9", "9")
    assert facts["derived"] is True
    assert (facts["source_file"], facts["source_line"]) == ("transactions.csv", 2)
    assert facts["start_date"] == date(2026, 1, 10)
    assert (facts["first_amount"], facts["rebill_count"]) == (Decimal("10.00"), 2)
    assert facts["next_payment_amount"] is None


@pytest.mark.parametrize(
    ("events", "status", "ended"),
    [
        ((), "active", None),
        (("Request Can.",), "pending_cancellation", None),
        (("Request Can.", "Revert Can."), "active", None),
        (("Request Can.", "Cancellation"), "cancelled", date(2026, 5, 2)),
        (("Cancellation", "Rebill"), "active", None),
    ],
)
def test_a_derived_status_is_that_of_the_last_event(
    events: tuple[str, ...], status: str, ended: date | None
) -> None:
    later = tuple(
        transaction(kind, f"8{n}", subscription_id="9", date=f"2026-05-0{n}")
        for n, kind in enumerate(events, start=1)
    )
    derived = prepared(transactions=HISTORY + later)[1]
    assert derived.select("status", "end_date").row(0) == (status, ended)


def test_a_cancellation_in_the_same_second_as_a_payment_comes_after_it() -> None:
    derived = prepared(
        transactions=(
            transaction("Cancellation", "2", subscription_id="9"),
            transaction("Sale", "1", subscription_id="9"),
        )
    )[1]
    assert derived["status"].to_list() == ["cancelled"]


def test_older_copies_of_payments_are_not_counted_twice() -> None:
    older = tuple({**payment, "extract_date": date(2026, 1, 1)} for payment in HISTORY)
    frame = prepared(row(), transactions=HISTORY + older)[0]
    assert frame.select("rebill_count", "rebill_total").row(0) == (2, Decimal("200.50"))


def test_a_subscription_opened_by_a_rebill_counts_that_rebill() -> None:
    derived = prepared(transactions=HISTORY[1:3])[1]
    assert derived.select("first_amount", "rebill_count", "rebill_total").row(0) == (
        None,
        2,
        Decimal("200.50"),
    )
