"""A rebill without a subscription's id is known by the gateway's."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, fates, raw, transaction

LATER = "2026-02-10 12:00:00"
GATEWAY = {"processor_subscription_id": "sub_A"}
OTHERS = {"lead_id": "2", "buyer_email": "bob@example.com"}


def plan(number: str, **cells: Any) -> dict[str, Any]:
    return {
        "subscription_id": number,
        "status": "Active",
        "lead_id": "1",
        "product": "Gold",
        "price_point": "Monthly",
        **cells,
    }


def prepared(*rows: dict[str, Any], plans: tuple[dict[str, Any], ...] = ()) -> pl.DataFrame:
    return prepare_transactions(
        raw("transactions", *rows), raw("subscriptions", *plans), PEOPLE, zone=ZONE
    )


def test_an_exported_subscription_is_found_by_the_gateway_s_id() -> None:
    frame = prepared(
        transaction("Rebill", "1", date=LATER, **GATEWAY),
        transaction("Rebill", "2", date=LATER, subscription_id="9", **GATEWAY),
        plans=(plan("9", **GATEWAY),),
    )
    assert fates(frame) == [("merge", "rebill_rolled_up")] * 2
    assert frame["subscription_key"].to_list() == ["S9", "S9"]
    assert frame["opportunity_key"].to_list() == ["S9", "S9"]
    assert frame["subscription_evidence"].to_list() == ["processor_subscription", None]


def test_a_subscription_that_only_payments_show_is_found_and_counts_the_rebill() -> None:
    rows = raw(
        "transactions",
        transaction("Sale", "1", subscription_id="9", **GATEWAY),
        transaction("Rebill", "2", date=LATER, **GATEWAY),
    )
    none = raw("subscriptions")
    frame = prepare_transactions(rows, none, PEOPLE, zone=ZONE)
    assert fates(frame) == [("keep", None), ("merge", "rebill_rolled_up")]
    _, derived = prepare_subscriptions(none, frame, PEOPLE, zone=ZONE)
    assert derived.select("opportunity_key", "rebill_count").rows() == [("S9", 1)]


@pytest.mark.parametrize(
    ("rebill", "plans"),
    [
        (GATEWAY, (plan("8", **GATEWAY), plan("9", **GATEWAY))),
        (GATEWAY, (plan("9", processor_subscription_id="sub_B"),)),
        (GATEWAY, (plan("9", **GATEWAY, next_payment_amount="twelve"),)),
        ({**GATEWAY, **OTHERS}, (plan("9", **GATEWAY),)),
        ({"processor_subscription_id": "N/A"}, (plan("9", processor_subscription_id="N/A"),)),
    ],
    ids=["two subscriptions", "another id", "held subscription", "another contact", "no id"],
)
def test_what_the_gateway_s_id_does_not_settle_stays_held(
    rebill: dict[str, Any], plans: tuple[dict[str, Any], ...]
) -> None:
    frame = prepared(transaction("Rebill", "1", date=LATER, **rebill), plans=plans)
    assert fates(frame) == [("quarantine", "no_subscription")]
    assert frame["subscription_evidence"].to_list() == [None]


def test_a_lone_sale_stays_its_own_opportunity_whatever_the_gateway_says() -> None:
    frame = prepared(transaction("Sale", "1", **GATEWAY), plans=(plan("9", **GATEWAY),))
    assert fates(frame) == [("keep", None)]
    assert frame["opportunity_key"].to_list() == ["T1"]
