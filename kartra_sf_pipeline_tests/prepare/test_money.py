from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.money import MONEY, parse_money, unreadable


def parsed(*texts: str | None) -> list[Decimal | None]:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    return frame.select(parse_money(pl.col("text"))).to_series().to_list()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "12.00"),
        ("12.5", "12.50"),
        ("0.00", "0.00"),
        ("-12.34", "-12.34"),
        ("1,234.50", "1234.50"),
        ("1,234", "1234.00"),
        ("12,345,678.90", "12345678.90"),
        ("1,23,456.10", "123456.10"),
        ("$12", "12.00"),
        ("-$12", "-12.00"),
        ("$-12", "-12.00"),
        ("US$12.00", "12.00"),
        ("12.00 USD", "12.00"),
        ("€ 1 234,50", "1234.50"),
        ("(12.00)", "-12.00"),
        ("($12.00)", "-12.00"),
        ("12.00-", "-12.00"),
        ("\u221212.00", "-12.00"),
        ("+12.00", "12.00"),
        ("12,5", "12.50"),
        ("1.234,50", "1234.50"),
        ("1.234.567", "1234567.00"),
        ("1'234.50", "1234.50"),
        ("  7.10 ", "7.10"),
        (".5", "0.50"),
        ("12.3000", "12.30"),
        ("0.500", "0.50"),
        ("1234567890123456.78", "1234567890123456.78"),
    ],
)
def test_money_is_read_exactly(text: str, value: str) -> None:
    assert parsed(text) == [Decimal(value)]


@pytest.mark.parametrize(
    "text",
    [
        "12.345",  # not exact to the cent, or twelve thousand
        "1.234",
        "12.3456",
        "1,2,3",
        "1,2345",
        "1.2.3",
        "12,",
        "12 34",
        "1,234.50.1",
        "--12",
        "-(12)",
        "(12",
        "12)",
        "$12 USD",
        "1e3",
        "4.47E+11",
        "12:30",
        "twelve",
        "12 apples",
        "12345678901234567",
    ],
)
def test_money_that_is_not_certain_is_null_and_unreadable(text: str) -> None:
    frame = pl.DataFrame({"text": [text]})
    assert parsed(text) == [None]
    assert frame.select(unreadable(pl.col("text"), parse_money(pl.col("text")))).item() is True


def test_blank_money_is_null_but_not_unreadable() -> None:
    frame = pl.DataFrame({"text": [None, "", " ", "N/A", "n/a", "null", "-"]})
    amounts = parse_money(pl.col("text"))
    assert frame.select(amounts).to_series().to_list() == [None] * 7
    assert not frame.select(unreadable(pl.col("text"), amounts)).to_series().any()


def test_plain_and_unusual_rows_stay_in_their_places() -> None:
    assert parsed("1.00", "$2", None, "x", "3", "$2") == [
        Decimal("1.00"),
        Decimal("2.00"),
        None,
        None,
        Decimal("3.00"),
        Decimal("2.00"),
    ]


@pytest.mark.parametrize(
    ("text", "currency", "value"),
    [
        ("€12.00", "USD", None),
        ("€12.00", "EUR", "12.00"),
        ("$12.00", "USD", "12.00"),
        ("$12.00", "CAD", "12.00"),
        ("$12.00", "EUR", None),
        ("12.00 EUR", "USD", None),
        ("USD 12.00", "USD", "12.00"),
        ("€12.00", None, "12.00"),
        ("12.00", "USD", "12.00"),
    ],
)
def test_an_amount_in_another_currency_than_the_column_is_not_taken(
    text: str, currency: str | None, value: str | None
) -> None:
    frame = pl.DataFrame({"text": [text], "currency": [currency]})
    amount = frame.select(parse_money(pl.col("text"), pl.col("currency"))).item()
    assert amount == (Decimal(value) if value else None)


cents = st.integers(min_value=-(10**15), max_value=10**15)


@given(cents)
def test_any_amount_survives_every_way_of_writing_it(value: int) -> None:
    amount = Decimal(value).scaleb(-2)
    size = abs(amount)
    sign = "-" if amount < 0 else ""
    english = f"{size:,.2f}"
    continental = english.translate(str.maketrans(",.", ".,"))
    spaced = english.replace(",", "\u202f")
    written = [
        f"{amount:.2f}",
        f"{sign}{english}",
        f"{sign}${english}",
        f"{sign}{continental} €",
        f"{sign}{spaced}",
        f"({english})" if amount < 0 else english,
        f"{english}{sign}",
    ]
    assert parsed(*written) == [amount] * len(written)


@given(st.text(alphabet="0123456789.,-()$€ '\u00a0eE+USD", max_size=14))
def test_what_is_read_has_the_digits_that_were_written(text: str) -> None:
    [value] = parsed(text)
    if value is None:
        return
    digits = "".join(character for character in text if character.isdigit())
    # Only leading and trailing zeros may differ.
    assert str(abs(value)).replace(".", "").strip("0") == digits.strip("0")
    assert (value < 0) <= any(mark in text for mark in "-(")


@given(st.lists(cents, max_size=50))
def test_sums_are_exact(values: list[int]) -> None:
    texts = [f"{Decimal(value).scaleb(-2):,.2f}" for value in values]
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    amounts = frame.select(parse_money(pl.col("text"))).to_series()
    assert amounts.dtype == MONEY
    assert amounts.sum() == Decimal(sum(values)).scaleb(-2)
