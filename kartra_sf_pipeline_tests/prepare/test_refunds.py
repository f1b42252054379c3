from __future__ import annotations

from typing import Any

import pytest

from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, fates, raw, transaction

REFUND_DAY = "2026-03-01 09:00:00"


def link(*rows: dict[str, Any], **refund: Any) -> tuple[str | None, str | None]:
    frame = prepare_transactions(
        raw("transactions", *rows, transaction("Refund", "999", **{"date": REFUND_DAY, **refund})),
        raw("subscriptions"),
        PEOPLE,
        zone=ZONE,
    )
    key, evidence = frame.select("adjusts_key", "adjusts_evidence").row(-1)
    expected = ("quarantine", "sale_not_found") if key is None else ("keep", None)
    assert fates(frame)[-1] == expected
    return key, evidence


def test_a_refund_of_a_subscription_adjusts_the_subscription() -> None:
    sale = transaction("Sale", "1", subscription_id="9")
    assert link(sale, transaction("Sale", "2"), subscription_id="9") == ("S9", "subscription")


def test_the_same_gateway_transaction_beats_a_later_sale() -> None:
    first = transaction("Sale", "1", processor_transaction_id="ch_1")
    second = transaction("Sale", "2", processor_transaction_id="ch_2", date="2026-02-01")
    assert link(first, second, processor_transaction_id="ch_1") == (
        "T1",
        "contact_product_processor",
    )


def test_the_same_amount_beats_a_later_larger_sale() -> None:
    same = transaction("Sale", "1", amount="100.00")
    larger = transaction("Sale", "2", amount="300.00", date="2026-02-01")
    assert link(same, larger) == ("T1", "contact_product_amount")


def test_of_equal_sales_the_latest_before_the_refund_counts() -> None:
    sales = [transaction("Sale", str(n), date=f"2026-0{n}-05") for n in (1, 2, 4)]
    assert link(*sales) == ("T2", "contact_product_amount")


def test_a_partial_refund_finds_a_larger_sale() -> None:
    assert link(transaction("Sale", "1"), amount="30.00") == ("T1", "contact_product")


def test_a_one_off_refund_prefers_a_one_off_sale() -> None:
    one_off = transaction("Sale", "1", amount="150.00")
    recurring = transaction("Sale", "2", subscription_id="9", date="2026-02-01")
    assert link(one_off, recurring) == ("T1", "contact_product")


def test_a_refund_may_take_back_a_payment_of_a_subscription_that_it_does_not_name() -> None:
    assert link(transaction("Sale", "2", subscription_id="9")) == ("S9", "contact_product_amount")


@pytest.mark.parametrize(
    ("column", "evidence"),
    [
        ("processor_transaction_id", "processor_transaction"),
        ("processor_subscription_id", "processor_subscription"),
    ],
)
def test_a_gateway_id_finds_the_sale_of_another_product(column: str, evidence: str) -> None:
    sale = transaction("Sale", "1", product="Silver", **{column: "gw-1"})
    assert link(sale, **{column: "gw-1"}) == ("T1", evidence)


def test_a_gateway_id_that_leads_to_two_sales_proves_nothing() -> None:
    sales = [
        transaction("Sale", n, product="Silver", processor_transaction_id="gw-1") for n in "12"
    ]
    assert link(*sales, processor_transaction_id="gw-1") == (None, None)


@pytest.mark.parametrize(
    "sale",
    [
        {"date": "2026-04-01"},
        {"amount": "99.99"},
        {"product": "Silver"},
        {"lead_id": "2", "buyer_email": "bob@example.com"},
        {"transaction_type": "Failed"},
    ],
)
def test_a_sale_that_does_not_fit_is_not_taken(sale: dict[str, Any]) -> None:
    assert link({**transaction("Sale", "1"), **sale}) == (None, None)


@pytest.mark.parametrize("kind", ["Refund", "Partial refund", "Chargeback"])
def test_every_adjustment_is_its_own_opportunity(kind: str) -> None:
    frame = prepare_transactions(
        raw("transactions", transaction("Sale", "1"), transaction(kind, "2", date=REFUND_DAY)),
        raw("subscriptions"),
        PEOPLE,
        zone=ZONE,
    )
    assert frame["opportunity_key"].to_list() == ["T1", "T2"]
