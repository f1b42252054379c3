from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.scope.audit import SCHEMA, audit
from kartra_sf_pipeline_tests.prepare.commerce_frames import raw
from kartra_sf_pipeline_tests.scope.account import frames, person


def metrics(**more: int) -> dict[str, int]:
    frame = audit(frames(), **more)
    assert frame["metric"].is_unique().all()
    return dict(frame.select("metric", "value").iter_rows())


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("contact_rows", 4),
        ("contact_rows_older_extract", 1),
        ("contacts", 3),
        ("contacts_to_review", 1),
        ("contacts_bounced", 1),
        ("contacts_blocklisted", 1),
        ("contacts_without_valid_email", 1),
        ("contacts_clean_active", 1),
        ("contacts_mailable", 1),
        ("contacts_name_to_review", 1),
        ("contact_rows_with_email", 3),
        ("contact_rows_with_phone", 0),
        ("contact_rows_without_last_name", 2),
        ("contact_rows_without_email", 1),
        ("tags", 2),
        ("tag_assignments", 3),
        ("lists", 1),
        ("list_memberships", 1),
        ("custom_fields", 1),
        ("accounts", 1),
        ("transaction_rows", 5),
        ("transactions_sale", 3),
        ("transactions_set_aside_failed_payment", 1),
        ("transactions_set_aside_buyer_not_found", 1),
        ("products", 1),
        ("subscription_rows", 0),
        ("subscriptions_derived", 1),
        ("affiliate_rows", 1),
        ("affiliates_derived", 1),
        ("booking_rows", 1),
        ("note_rows", 1),
        ("sequences", 1),
        ("rows_not_readable", 2),
    ],
)
def test_the_account_is_counted(metric: str, value: int) -> None:
    assert metrics()[metric] == value


def test_the_plan_is_assumed_unless_it_is_given() -> None:
    assert metrics()["kartra_plan_headroom"] == 2_497
    assert metrics(plan_contacts=100)["kartra_plan_headroom"] == 97


@pytest.mark.parametrize(
    ("limit", "words"), [(3, "may reach its limit"), (2, "Above it already"), (1_000, None)]
)
def test_a_plan_that_is_nearly_full_is_a_warning(limit: int, words: str | None) -> None:
    frame = audit(frames(), plan_contacts=limit)
    note = frame.filter(pl.col("metric") == "kartra_plan_headroom")["note"].item()
    assert words in note if words else note is None


def test_a_trial_extract_is_asked_for_above_ten_thousand_rows() -> None:
    many = raw("contacts", {"email": "a@example.com"}).clear(10_001)
    metric = audit({"raw_contacts": many})["metric"]
    assert "trial_extract_needed" in metric
    assert "trial_extract_needed" not in audit(frames())["metric"]


def test_an_empty_account_is_counted_too() -> None:
    frame = audit({})
    assert frame.schema == SCHEMA
    assert frame.filter(pl.col("metric") == "contacts")["value"].to_list() == [0]


def test_unsubscribed_and_complaining_people_are_not_clean_active() -> None:
    unified = pl.DataFrame(
        [
            person("1", "a@example.com", None),
            person("2", "b@example.com", "unsubscribed"),
            person("3", "c@example.com", "spam_complaint"),
        ]
    )
    frame = audit({"contacts_unified": unified})
    found = frame.filter(pl.col("metric") == "contacts_clean_active")["value"].item()
    assert found == 1


def test_an_address_that_the_org_refuses_is_neither_clean_nor_hidden() -> None:
    people = [
        person("1", "a@example.com", None),
        person("2", "b@example.com", None, email_verdict="unsupported"),
        person("3", None, None, email_verdict="unsupported"),
    ]
    found = dict(audit({"contacts_unified": pl.DataFrame(people)}).select("metric", "value").rows())
    assert found["contacts_clean_active"] == 1
    assert found["contacts_email_unsupported"] == 2


def test_unreadable_cells_are_counted_by_row_and_by_cell() -> None:
    rows = pl.DataFrame({"unreadable_cells": [None, "score", "date_joined, score", None]})
    found = dict(audit({"contacts_prepared": rows}).select("metric", "value").rows())
    assert found["contact_rows_with_unreadable_cells"] == 2
    assert found["contact_rows_unreadable_score"] == 2
    assert found["contact_rows_unreadable_date_joined"] == 1
    assert audit({})["metric"].str.starts_with("contact_rows_unreadable_").sum() == 0


def test_spreadsheet_damage_is_counted_by_kind() -> None:
    damage = pl.DataFrame({"kind": ["slash_date", "rounded", "slash_date"], "rows": [3, 1, 2]})
    found = dict(audit({"spreadsheet_damage": damage}).select("metric", "value").rows())
    assert found["rows_with_spreadsheet_damage"] == 6
    assert found["rows_with_spreadsheet_damage_slash_date"] == 5
    assert found["rows_with_spreadsheet_damage_rounded"] == 1
