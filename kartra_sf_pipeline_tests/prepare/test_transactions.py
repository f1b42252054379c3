from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.dispositions import DISPOSITIONS
from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.transaction_rules import TRANSACTION_RULES, transaction_type
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline_tests.prepare.commerce_frames import (
    PEOPLE,
    ZONE,
    fates,
    people,
    raw,
    transaction,
)

NO_SUBSCRIPTIONS = raw("subscriptions")
LATER = "2026-03-01 09:00:00"


def prepared(*rows: dict[str, Any], subscriptions: pl.DataFrame = NO_SUBSCRIPTIONS) -> pl.DataFrame:
    return prepare_transactions(raw("transactions", *rows), subscriptions, PEOPLE, zone=ZONE)


def exported(*ids: str, **cells: Any) -> pl.DataFrame:
    return raw("subscriptions", *[{"subscription_id": n, "status": "Active", **cells} for n in ids])


def test_a_lone_sale_is_an_opportunity() -> None:
    frame = prepared(transaction("Sale", "100"))
    assert fates(frame) == [("keep", None)]
    row = frame.row(0, named=True)
    assert row["opportunity_key"] == "T100"
    assert row["signed_amount"] == Decimal("100.00")
    assert row["occurred_at"] == datetime(2026, 1, 10, 17, tzinfo=UTC)
    assert row["product_key"] == "gold--monthly"
    assert (row["contact_key"], row["contact_evidence"]) == ("1", "lead_id")


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("Sale", "sale"),
        (" SALE ", "sale"),
        ("Request Can.", "request_cancellation"),
        ("Request cancellation", "request_cancellation"),
        ("revert_can", "revert_cancellation"),
        ("Partial refund", "partial_refund"),
        ("partial-refund", "partial_refund"),
        ("Chargeback", "chargeback"),
        ("Charge", None),
        ("", None),
    ],
)
def test_type_labels_are_read_in_any_spelling(label: str, kind: str | None) -> None:
    assert transaction_type(label) == kind


def test_only_payments_and_adjustments_have_a_stage_and_a_sign() -> None:
    assert {rule.type: rule.sign for rule in TRANSACTION_RULES.values() if rule.stage} == {
        "sale": 1,
        "rebill": 1,
        "refund": -1,
        "partial_refund": -1,
        "chargeback": -1,
    }


def test_payments_of_an_exported_subscription_fold_into_it() -> None:
    frame = prepared(
        transaction("Rebill", "102", subscription_id="9", date="2026-02-10"),
        transaction("Sale", "101", subscription_id="9"),
        transaction("Request Can.", "103", subscription_id="9", amount=None, date=LATER),
        subscriptions=exported("9"),
    )
    assert fates(frame) == [
        ("merge", "rebill_rolled_up"),
        ("merge", "first_payment"),
        ("merge", "status_evidence"),
    ]
    assert frame["opportunity_key"].to_list() == ["S9"] * 3


def test_without_an_exported_row_the_opening_sale_is_the_subscription() -> None:
    frame = prepared(
        transaction("Rebill", "102", subscription_id="9", date="2026-01-01"),
        transaction("Sale", "101", subscription_id="9"),
        transaction("Cancellation", "103", subscription_id="9", date=LATER),
    )
    assert fates(frame) == [
        ("merge", "rebill_rolled_up"),
        ("keep", None),
        ("merge", "status_evidence"),
    ]
    assert frame["opportunity_key"].to_list() == ["S9"] * 3


def test_without_any_sale_the_earliest_rebill_is_the_subscription() -> None:
    frame = prepared(
        transaction("Rebill", "102", subscription_id="9", date="2026-02-10"),
        transaction("Rebill", "101", subscription_id="9", date="2026-01-10"),
    )
    assert fates(frame) == [("merge", "rebill_rolled_up"), ("keep", None)]


def test_a_subscription_row_that_is_held_back_does_not_swallow_its_payments() -> None:
    broken = exported("9", next_payment_amount="twelve")
    frame = prepared(transaction("Sale", "101", subscription_id="9"), subscriptions=broken)
    assert fates(frame) == [("keep", None)]
    assert frame["opportunity_key"].to_list() == ["S9"]


@pytest.mark.parametrize(
    ("cells", "fate"),
    [
        ({"transaction_id": None}, ("quarantine", "missing_id")),
        ({"transaction_id": "4.47E+11"}, ("quarantine", "damaged_id")),
        ({"transaction_type": None}, ("quarantine", "unknown_type")),
        ({"transaction_type": "Gift"}, ("quarantine", "unknown_type")),
        ({"date": "03/04/2026"}, ("quarantine", "bad_date")),
        ({"date": None}, ("quarantine", "bad_date")),
        ({"amount": "1.234"}, ("quarantine", "bad_amount")),
        ({"amount": "€100.00"}, ("quarantine", "bad_amount")),
        ({"sales_tax": "some"}, ("quarantine", "bad_amount")),
        ({"quantity": "a few"}, ("quarantine", "bad_amount")),
        ({"amount": "N/A"}, ("quarantine", "missing_amount")),
        (
            {"lead_id": "77", "buyer_email": "nobody@example.com"},
            ("quarantine", "buyer_not_found"),
        ),
        ({"transaction_type": "Rebill"}, ("quarantine", "no_subscription")),
        ({"transaction_type": "Cancellation"}, ("quarantine", "no_subscription")),
        (
            {"transaction_type": "Cancellation", "subscription_id": "9"},
            ("quarantine", "no_subscription"),
        ),
        ({"transaction_type": "Refund"}, ("quarantine", "sale_not_found")),
        ({"transaction_type": "Failed"}, ("suppress", "failed_payment")),
        (
            {"transaction_type": "Failed", "lead_id": None, "buyer_email": None},
            ("suppress", "failed_payment"),
        ),
        ({"amount": "0.00"}, ("keep", None)),
    ],
)
def test_every_row_has_its_disposition(cells: dict[str, Any], fate: tuple[str, str | None]) -> None:
    frame = prepared({**transaction("Sale", "100"), **cells})
    assert fates(frame) == [fate]
    held = fate[0] in ("quarantine", "suppress")
    assert frame["opportunity_key"].is_null().to_list() == [held]
    assert frame["detail"].is_null().to_list() == [fate[0] != "quarantine"]


def test_the_newest_extract_of_a_transaction_counts() -> None:
    frame = prepared(
        transaction("Sale", "100", extract_date=date(2026, 6, 1), source_file="new.csv"),
        transaction("Sale", "100", extract_date=date(2026, 5, 1), source_file="old.csv"),
    )
    assert fates(frame) == [("keep", None), ("merge", "older_extract")]
    assert frame["opportunity_key"].to_list() == ["T100", "T100"]
    assert frame["detail"].to_list() == [None, "The newest copy is new.csv, line 2."]


def test_a_broken_newer_copy_does_not_hide_a_sound_older_one() -> None:
    frame = prepared(
        transaction("Sale", "100", extract_date=date(2026, 6, 1), amount="oops"),
        transaction("Sale", "100", extract_date=date(2026, 5, 1)),
    )
    assert fates(frame) == [("quarantine", "bad_amount"), ("keep", None)]


def test_the_type_gives_the_sign_whatever_the_file_says() -> None:
    for amount in ("-40.00", "40.00", "(40.00)"):
        frame = prepared(
            transaction("Sale", "100"), transaction("Refund", "101", amount=amount, date=LATER)
        )
        assert frame["amount"].to_list() == [Decimal("100.00"), Decimal("40.00")]
        assert frame["signed_amount"].to_list() == [Decimal("100.00"), Decimal("-40.00")]


def test_no_money_moves_in_failed_and_status_rows() -> None:
    frame = prepared(
        transaction("Sale", "1", subscription_id="9"),
        transaction("Failed", "2", subscription_id="9"),
        transaction("Cancellation", "3", subscription_id="9", amount=None),
    )
    assert frame["signed_amount"].to_list()[1:] == [Decimal("0.00")] * 2


def test_the_close_date_is_the_local_day_of_the_sale() -> None:
    frame = prepared(transaction("Sale", "100", date="2026-01-31 23:30:00"))
    row = frame.row(0, named=True)
    assert row["occurred_at"].date() == date(2026, 2, 1)
    assert row["close_date"] == date(2026, 1, 31)


@pytest.mark.parametrize(
    ("lead_id", "email", "contact", "evidence"),
    [
        ("1", "bob@example.com", "1", "lead_id"),
        ("11", None, "1", "lead_id"),
        ("77", "bob@example.com", "2", "email"),
        (None, "BOB@Example.com ", "2", "email"),
        ("N/A", "ann@old.example", "1", "email"),
        (None, "cid@example.com", "email:cid@example.com", "email"),
    ],
)
def test_buyers_are_found_by_lead_id_first_and_through_merges(
    lead_id: str | None, email: str | None, contact: str, evidence: str
) -> None:
    frame = prepared(transaction("Sale", "100", lead_id=lead_id, buyer_email=email))
    assert frame.select("contact_key", "contact_evidence").row(0) == (contact, evidence)


def test_an_address_of_an_older_extract_finds_its_person() -> None:
    contacts = PEOPLE.with_columns(
        merged_emails=pl.when(pl.col("contact_key") == "1")
        .then(pl.lit(["ann@maiden.example"]))
        .otherwise(pl.lit([], pl.List(pl.String)))
    )
    sale = transaction("Sale", "100", lead_id=None, buyer_email="Ann@maiden.example")
    frame = prepare_transactions(raw("transactions", sale), NO_SUBSCRIPTIONS, contacts, zone=ZONE)
    assert frame["contact_key"].to_list() == ["1"]


def test_an_address_with_two_owners_goes_to_the_one_who_holds_it_now() -> None:
    contacts = people(("5", "x@example.com", []), ("4", "y@example.com", ["email:x@example.com"]))
    frame = prepare_transactions(
        raw("transactions", transaction("Sale", "1", lead_id=None, buyer_email="x@example.com")),
        NO_SUBSCRIPTIONS,
        contacts,
        zone=ZONE,
    )
    assert frame["contact_key"].to_list() == ["5"]


KINDS = [*(rule.labels[0] for rule in TRANSACTION_RULES.values()), "?", None]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "transaction_type": st.sampled_from(KINDS),
                "transaction_id": st.sampled_from(["1", "2", "3", "4", "5", None]),
                "subscription_id": st.sampled_from(["N/A", "7", "8"]),
                "lead_id": st.sampled_from(["1", "2", "99", None]),
                "buyer_email": st.sampled_from(["ann@example.com", "no@example.com", None]),
                "amount": st.sampled_from(["10.00", "25.00", "-25.00", "1.234", None]),
                "date": st.sampled_from(["2026-01-01", "2026-02-01 10:00:00", "1/2/26"]),
                "extract_date": st.sampled_from([date(2026, 3, 1), date(2026, 4, 1), None]),
            }
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_rows_are_conserved_and_lead_somewhere(rows: list[dict[str, Any]], seven: bool) -> None:
    source = raw("transactions", *[{**transaction("Sale", "0"), **row} for row in rows])
    subscriptions = exported("7") if seven else NO_SUBSCRIPTIONS
    frame = prepare_transactions(source, subscriptions, PEOPLE, zone=ZONE)
    assert frame.select("source_file", "source_line").equals(
        source.select("source_file", "source_line")
    )
    assert frame["disposition"].is_in(list(DISPOSITIONS)).all()
    assert (frame["reason"].is_null() == (frame["disposition"] == "keep")).all()
    kept = frame.filter(pl.col("disposition") == "keep")
    assert kept["opportunity_key"].null_count() == 0
    assert kept["opportunity_key"].is_unique().all()
    subscribed, derived = prepare_subscriptions(subscriptions, frame, PEOPLE, zone=ZONE)
    in_export = subscribed.filter(pl.col("disposition") == "keep")["opportunity_key"]
    # An opportunity has one home: the export's row or the transaction that was kept for it.
    assert not set(kept["opportunity_key"]) & set(in_export)
    recurring = kept.filter(pl.col("opportunity_key").str.starts_with("S"))
    assert set(derived["opportunity_key"]) == set(recurring["opportunity_key"])
    homes = set(kept["opportunity_key"]) | set(in_export)
    merged = frame.filter(
        (pl.col("disposition") == "merge") & (pl.col("reason") != "older_extract")
    )
    assert set(merged["opportunity_key"]) <= homes
    assert set(kept["adjusts_key"].drop_nulls()) <= homes
