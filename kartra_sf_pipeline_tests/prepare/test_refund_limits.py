from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, fates, raw, transaction


def prepared(*rows: dict[str, Any], **subscription: Any) -> pl.DataFrame:
    exported = raw("subscriptions", subscription) if subscription else raw("subscriptions")
    return prepare_transactions(raw("transactions", *rows), exported, PEOPLE, zone=ZONE)


def links(frame: pl.DataFrame) -> list[str | None]:
    """What each adjustment adjusts, or the reason why it is held back."""
    back = frame.filter(pl.col("type").is_in(["refund", "partial_refund", "chargeback"]))
    return back.select(pl.coalesce("adjusts_key", "reason")).to_series().to_list()


def refund(number: str, day: str, amount: str = "100.00", **cells: Any) -> dict[str, Any]:
    cells = {"date": f"2026-{day} 09:00:00", "amount": amount, **cells}
    return transaction("Refund", number, **cells)


def sale(number: str, day: str, amount: str = "100.00", **cells: Any) -> dict[str, Any]:
    return transaction("Sale", number, date=f"2026-{day} 09:00:00", amount=amount, **cells)


def test_a_second_full_refund_of_one_sale_is_held_back() -> None:
    frame = prepared(sale("1", "01-01"), refund("2", "02-01"), refund("3", "02-02"))
    assert links(frame) == ["T1", "exceeds_sale"]
    assert fates(frame)[2] == ("quarantine", "exceeds_sale")
    held = frame.row(2, named=True)
    assert held["opportunity_key"] is None
    assert "T1" in held["detail"]


def test_partial_refunds_add_up_to_the_sale_and_no_further() -> None:
    parts = [refund(str(n), f"02-0{n}", "40.00") for n in (2, 3, 4)]
    assert links(prepared(sale("1", "01-01"), *parts)) == ["T1", "T1", "exceeds_sale"]
    last = refund("5", "02-05", "20.00")
    frame = prepared(sale("1", "01-01"), *parts, last)
    assert links(frame) == ["T1", "T1", "exceeds_sale", "T1"]


def test_equal_refunds_of_equal_sales_pair_off_latest_first() -> None:
    frame = prepared(
        sale("1", "01-01"),
        sale("2", "01-05"),
        refund("3", "01-06"),
        sale("4", "01-10"),
        refund("5", "01-11"),
        refund("6", "01-12"),
        refund("7", "01-13"),
    )
    assert links(frame) == ["T2", "T4", "T1", "exceeds_sale"]


def test_a_refund_before_any_sale_does_not_use_up_a_later_one() -> None:
    frame = prepared(refund("1", "01-01"), sale("2", "01-05"), refund("3", "01-06"))
    assert links(frame) == ["sale_not_found", "T2"]


def test_a_refund_that_one_sale_cannot_bear_goes_to_another_that_can() -> None:
    frame = prepared(
        sale("1", "01-01"), sale("2", "01-05"),
        refund("3", "02-01", "60.00"), refund("4", "02-02", "60.00"),
    )  # fmt: skip
    assert links(frame) == ["T2", "T1"]


def test_stronger_evidence_is_served_first() -> None:
    frame = prepared(
        sale("1", "01-01", processor_transaction_id="ch_1"),
        refund("2", "02-01"),
        refund("3", "02-02", processor_transaction_id="ch_1"),
    )
    assert links(frame) == ["exceeds_sale", "T1"]


def test_chargebacks_and_refunds_share_what_a_sale_took_in() -> None:
    back = transaction("Chargeback", "3", date="2026-02-02 09:00:00")
    assert links(prepared(sale("1", "01-01"), refund("2", "02-01"), back)) == ["T1", "exceeds_sale"]


def test_refunds_of_a_subscription_draw_on_all_that_was_paid_by_their_day() -> None:
    def on(number: str) -> dict[str, Any]:
        return {"subscription_id": number}

    rows = [
        sale("1", "01-01", "10.00", **on("9")),
        transaction("Rebill", "2", date="2026-02-01", amount="100.00", **on("9")),
        refund("3", "01-15", "50.00", **on("9")),
        refund("4", "02-15", "110.00", **on("9")),
        refund("5", "02-16", "1.00", **on("9")),
        refund("6", "01-01", "5.00", date="2025-12-31", **on("9")),
    ]
    expected = ["exceeds_sale", "S9", "exceeds_sale", "sale_not_found"]
    assert links(prepared(*rows)) == expected
    assert links(prepared(*rows, subscription_id="9", status="Active")) == expected


def test_an_earlier_refund_may_not_starve_one_of_stronger_evidence() -> None:
    # The named refund of March is settled first; that of February would leave it nothing.
    frame = prepared(
        sale("1", "01-01", subscription_id="9"),
        refund("2", "02-01"),
        refund("3", "03-01", subscription_id="9"),
    )
    assert links(frame) == ["exceeds_sale", "S9"]


def test_a_subscription_whose_opening_sale_is_not_in_the_files_is_not_weighed() -> None:
    frame = prepared(
        transaction("Rebill", "1", amount="10.00", subscription_id="9"),
        refund("2", "03-01", "30.00", subscription_id="9"),
    )
    assert links(frame) == ["S9"]
    asked = refund("2", "03-01", "30.00", subscription_id="9")
    alone = prepared(asked, subscription_id="9", status="Active", start_date="01 Jan 2025")
    assert links(alone) == ["S9"]


@pytest.mark.parametrize("lost", [{"subscription_id": "N/A"}, {"transaction_type": None}])
def test_a_payment_that_is_held_back_itself_still_bears_its_refund(lost: dict[str, Any]) -> None:
    paid = {"subscription_id": "9", "processor_transaction_id": "ch_2", "amount": "49.00"}
    frame = prepared(
        sale("1", "01-01", "1.00", subscription_id="9"),
        transaction("Rebill", "2", date="2026-01-15", **{**paid, **lost}),
        refund("3", "02-01", "49.00", subscription_id="9", processor_transaction_id="ch_2"),
        refund("4", "02-02", "49.00", subscription_id="9", processor_transaction_id="ch_3"),
    )
    assert links(frame) == ["S9", "exceeds_sale"]


def test_a_payment_that_is_held_back_bears_no_more_than_it_was() -> None:
    paid = {"subscription_id": "9", "processor_transaction_id": "ch_2"}
    lost = transaction(
        "Rebill", "2", date="2026-01-15", amount="49.00", **{**paid, "transaction_type": None}
    )
    first = sale("1", "01-01", "1.00", subscription_id="9")

    def with_refunds(*amounts: str) -> list[str | None]:
        asked = [refund(str(n), f"02-0{n}", one, **paid) for n, one in enumerate(amounts, 3)]
        return links(prepared(first, {**lost, "extract_date": date(2026, 1, 31)}, lost, *asked))

    assert with_refunds("5000.00") == ["exceeds_sale"]
    assert with_refunds("20.00", "29.00", "29.00") == ["S9", "S9", "exceeds_sale"]
    early = refund("3", "01-10", "49.00", **paid)
    assert links(prepared(first, lost, early)) == ["exceeds_sale"]


def test_an_older_copy_of_a_payment_that_counts_excuses_no_refund() -> None:
    paid = {"subscription_id": "9", "processor_transaction_id": "ch_1"}
    first = sale("1", "01-01", "49.00", **paid)
    older = {**first, "extract_date": date(2026, 1, 31)}
    asked = [refund("2", "02-01", "49.00", **paid), refund("3", "02-02", "49.00", **paid)]
    assert links(prepared(older, first, *asked)) == ["S9", "exceeds_sale"]


def test_a_free_order_that_is_refunded_finds_its_sale() -> None:
    assert links(prepared(sale("1", "01-01", "0.00"), refund("2", "02-01", "0.00"))) == ["T1"]


def test_a_customer_with_thousands_of_equal_sales_and_refunds_costs_no_minutes() -> None:
    days = [f"{1 + n // 28:02}-{1 + n % 28:02}" for n in range(220)]
    rows = [
        row
        for n, day in enumerate(days * 3)
        for row in (sale(f"1{n}", day), refund(f"2{n}", day, date=f"2026-{day} 10:00:00"))
    ]
    assert None not in links(frame := prepared(*rows))
    assert frame.filter(pl.col("disposition") == "quarantine").is_empty()


AMOUNTS = st.sampled_from(["10.00", "20.00", "30.00"])
ROWS = st.fixed_dictionaries(
    {
        "transaction_type": st.sampled_from(["Sale", "Rebill", "Refund", "Partial refund"]),
        "amount": AMOUNTS,
        "date": st.integers(1, 9).map(lambda day: f"2026-01-0{day} 12:00:00"),
        "subscription_id": st.sampled_from(["N/A", "N/A", "7"]),
        "processor_transaction_id": st.sampled_from([None, "a", "b"]),
        "lead_id": st.sampled_from(["1", "2"]),
    }
)


@settings(max_examples=25, deadline=None)
@given(st.lists(ROWS, max_size=12))
def test_no_sale_ever_gives_back_more_than_it_took_in(cells: list[dict[str, Any]]) -> None:
    rows = [{**transaction("Sale", str(n)), **row} for n, row in enumerate(cells)]
    frame = prepared(*rows)
    counts = pl.col("disposition").is_in(["keep", "merge"])
    events: dict[str, list[tuple[Any, int, Decimal]]] = defaultdict(list)
    opened: set[str] = set()
    # The money of a payment that is held did come in, so its own refund overdraws nothing.
    held = frame.filter(~counts & pl.col("type").is_in(["sale", "rebill"]))
    excused = set(held["processor_transaction_id"].drop_nulls())
    for row in frame.filter(counts).iter_rows(named=True):
        if row["type"] in ("sale", "rebill"):
            events[row["opportunity_key"]].append((row["occurred_at"], 0, row["amount"]))
            if row["type"] == "sale":
                opened.add(row["opportunity_key"])
        elif row["adjusts_evidence"] == "subscription" and (
            row["processor_transaction_id"] in excused
        ):
            continue
        elif row["adjusts_key"]:
            events[row["adjusts_key"]].append((row["occurred_at"], 1, -row["amount"]))
    for key in opened:
        balance = Decimal(0)
        for _, _, amount in sorted(events[key]):
            balance += amount
            assert balance >= 0
