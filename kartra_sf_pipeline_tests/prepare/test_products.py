from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.products import (
    PRODUCT_SCHEMA,
    derive_products,
    product_key,
    slug,
)
from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, raw, transaction


def catalogue(*rows: dict[str, Any]) -> pl.DataFrame:
    return derive_products(
        prepare_transactions(raw("transactions", *rows), raw("subscriptions"), PEOPLE, zone=ZONE)
    )


@pytest.mark.parametrize(
    ("name", "point", "key"),
    [
        ("Gold Course", "Monthly", "gold-course--monthly"),
        ("  gold   COURSE ", None, "gold-course"),
        ("Курс", "1", "курс--1"),
    ],
)
def test_keys_are_slugs_of_product_and_price_point(name: str, point: str | None, key: str) -> None:
    assert product_key(name, point) == key


def test_names_that_differ_in_signs_alone_have_different_keys() -> None:
    names = ["C course", "C++ course", "C# course", "C-course", "C_course", "!", "?"]
    assert len({slug(name) for name in names}) == len(names)


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_share_a_slug_if_case_and_spaces_alone_tell_them_apart(a: str, b: str) -> None:
    same = [" ".join(unicodedata.normalize("NFC", text.casefold()).split()) for text in (a, b)]
    assert (slug(a) == slug(b)) == (same[0] == same[1])
    assert len(slug(a)) <= 110


def test_the_list_price_is_the_modal_base_price_of_sales() -> None:
    frame = catalogue(
        transaction("Sale", "1", base_price="97.00", amount="50.00"),
        transaction("Sale", "2", base_price="97.00", amount="50.00"),
        transaction("Sale", "3", base_price="120.00", amount="50.00"),
        transaction("Rebill", "4", base_price="10.00", subscription_id="9"),
        transaction("Rebill", "5", base_price="10.00", subscription_id="9"),
        transaction("Rebill", "6", base_price="10.00", subscription_id="9"),
    )
    assert frame.schema == PRODUCT_SCHEMA
    assert frame.select("product_key", "list_price", "currency", "sales").rows() == [
        ("gold--monthly", Decimal("97.00"), "USD", 3)
    ]


def test_without_base_prices_the_modal_amount_counts() -> None:
    frame = catalogue(*[transaction("Sale", str(n), base_price=None) for n in range(2)])
    assert frame["list_price"].to_list() == [Decimal("100.00")]


def test_spellings_of_one_product_are_one_named_as_first_sold() -> None:
    frame = catalogue(
        transaction("Sale", "1", product="GOLD", date="2026-02-01"),
        transaction("Sale", "2", product="Gold", date="2026-01-01"),
    )
    assert frame.select("name", "sales", "source_line").rows() == [("Gold", 2, 3)]


def test_rows_held_back_and_rows_without_product_sell_nothing() -> None:
    assert catalogue(
        transaction("Sale", "1", product="N/A"), transaction("Sale", "2", date="1/1/26")
    ).is_empty()


def test_products_that_only_subscriptions_name_are_in_the_catalogue() -> None:
    source = raw(
        "subscriptions",
        {
            "subscription_id": "9",
            "status": "Active",
            "product": "Silver",
            "buyer_email": "ann@example.com",
            "next_payment_amount": "19.00",
            "start_date": "10 Jan 2026",
        },
    )
    money = prepare_transactions(raw("transactions"), source, PEOPLE, zone=ZONE)
    subscriptions, _ = prepare_subscriptions(source, money, PEOPLE, zone=ZONE)
    frame = derive_products(money, subscriptions)
    assert frame.select("product_key", "list_price", "sales").rows() == [
        ("silver", Decimal("19.00"), 0)
    ]
