from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.affiliates import prepare_affiliates
from kartra_sf_pipeline_tests.prepare.commerce_frames import fates, raw, transaction


def sold_by(username: str | None, **cells: Any) -> dict[str, Any]:
    return transaction("Sale", "1", affiliate_username=username, **cells)


def prepared(
    *rows: dict[str, Any], transactions: tuple[dict[str, Any], ...] = ()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    return prepare_affiliates(raw("affiliates", *rows), raw("transactions", *transactions))


@pytest.mark.parametrize(
    ("cells", "key"),
    [
        ({"username": "JaneSells", "email": "j@example.com"}, "affiliate:janesells"),
        ({"email": "J@Example.com", "name": "Jane"}, "affiliate:j@example.com"),
        ({"name": " Jane  Doe "}, "affiliate:jane doe"),
    ],
)
def test_the_key_is_user_name_else_email_else_name(cells: dict[str, Any], key: str) -> None:
    frame = prepared(cells)[0]
    assert fates(frame) == [("keep", None)]
    assert frame["affiliate_key"].to_list() == [key]


def test_amounts_are_exact_and_statuses_lower_case() -> None:
    facts = prepared(
        {"username": "jane", "status": "Approved", "earned": "$1,234.50", "due": "(5.00)"}
    )[0].row(0, named=True)
    assert facts["status"] == "approved"
    assert (facts["earned"], facts["due"], facts["paid"]) == (
        Decimal("1234.50"),
        Decimal("-5.00"),
        None,
    )


@pytest.mark.parametrize(
    ("cells", "reason"),
    [({"earned": "5"}, "no_identity"), ({"username": "jane", "paid": "lots"}, "bad_amount")],
)
def test_rows_that_cannot_be_trusted_are_held_back(cells: dict[str, Any], reason: str) -> None:
    assert fates(prepared(cells)[0]) == [("quarantine", reason)]


def test_the_newest_extract_of_an_affiliate_counts() -> None:
    frame = prepared(
        {"username": "jane", "extract_date": date(2026, 1, 1)},
        {"username": "JANE", "extract_date": date(2026, 2, 1)},
    )[0]
    assert fates(frame) == [("merge", "older_extract"), ("keep", None)]


def test_namesakes_in_one_file_are_not_merged() -> None:
    frame = prepared({"name": "Jane Doe"}, {"name": "Jane Doe"})[0]
    assert fates(frame) == [("quarantine", "ambiguous_name"), ("keep", None)]


def test_affiliates_that_only_transactions_name_are_derived_once() -> None:
    frame, derived = prepared(
        {"username": "jane"},
        transactions=(
            sold_by("Jane"),
            sold_by("N/A"),
            sold_by("joe", affiliate_name="Joe"),
            sold_by("JOE", affiliate_email="joe@example.com"),
        ),
    )
    assert derived.schema == frame.schema
    assert derived["affiliate_key"].to_list() == ["affiliate:joe"]
    facts = derived.row(0, named=True)
    assert (facts["name"], facts["email"]) == ("Joe", "joe@example.com")
    assert (facts["source_file"], facts["source_line"]) == ("transactions.csv", 4)
    assert facts["earned"] is None
    assert facts["derived"] is True


def test_a_row_without_user_name_takes_the_one_that_sales_name_for_its_address() -> None:
    frame, derived = prepared(
        {"email": "joe@example.com"},
        transactions=(sold_by("joe", affiliate_email="Joe@example.com"),),
    )
    assert frame["affiliate_key"].to_list() == ["affiliate:joe"]
    assert derived.is_empty()
