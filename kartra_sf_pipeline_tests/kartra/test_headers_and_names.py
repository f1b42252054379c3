from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.kartra.exports import CONTACTS, EXPORTS, SUBSCRIPTIONS, TRANSACTIONS
from kartra_sf_pipeline.kartra.headers import map_headers, normalise
from kartra_sf_pipeline.kartra.naming import parse_name


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("\ufeffFirst Name ", "first_name"),
        ("Next payment date", "next_payment_date"),
        ("T-Shirt__ Size", "t_shirt_size"),
        ("TrackingID1", "trackingid1"),
    ],
)
def test_headers_are_normalised(header: str, expected: str) -> None:
    assert normalise(header) == expected


@given(st.lists(st.text(max_size=8), min_size=1, max_size=12))
def test_every_header_gets_a_name_of_its_own(headers: list[str]) -> None:
    for export in EXPORTS.values():
        names = map_headers(headers, export).names
        assert len(set(names)) == len(names) == len(headers)
        assert all(name in export.column_names or name.startswith("x__") for name in names)


def test_the_canonical_spelling_wins_over_an_alias() -> None:
    mapping = map_headers(["id", "Booking ID", "date"], EXPORTS["calendar_bookings"])
    assert mapping.names == ("x__id", "booking_id", "date")


def test_a_repeated_custom_field_is_numbered() -> None:
    mapping = map_headers(["email", "size", "Size", "x__size_2"], CONTACTS)
    assert mapping.names == ("email", "x__size", "x__size_2", "x__x_size_2")
    assert len(mapping.notes) == 1


def test_several_currencies_are_told() -> None:
    mapping = map_headers(["ID", "Amount (EUR)", "Revenue (USD)"], TRANSACTIONS)
    assert mapping.currency == "EUR"
    assert "several currencies (EUR, USD)" in mapping.notes[0]


def test_parentheses_in_a_contact_s_custom_field_are_no_currency() -> None:
    assert map_headers(["email", "Score (NPS)"], CONTACTS).names == ("email", "x__score_(nps)")


def test_the_mixed_styles_of_subscriptions_are_known() -> None:
    headers = ["Status", "Recurrence_Term", "Next payment amount (GBP)", "Buyer_Email"]
    mapping = map_headers(headers, SUBSCRIPTIONS)
    assert mapping.names == ("status", "recurrence_term", "next_payment_amount", "buyer_email")
    assert mapping.currency == "GBP"


@pytest.mark.parametrize(
    ("path", "day", "stamp"),
    [
        ("contacts_kartra_09-06-2026_6a2803f884d5c.csv", date(2026, 6, 9), "6a2803f884d5c"),
        ("a b report_11-06-2026_6a2b3d5d42805 (1).csv", date(2026, 6, 11), "6a2b3d5d42805"),
        ("all.zip/contacts_31-12-2025.csv", date(2025, 12, 31), None),
        ("contacts 2026-06-09.csv", date(2026, 6, 9), None),
        ("contacts_6a2803f884d5c.csv", date(2026, 6, 9), "6a2803f884d5c"),
        ("contacts_12-31-2025.csv", None, None),
        ("contacts.csv", None, None),
    ],
)
def test_file_names_give_the_day_of_the_extract(
    path: str, day: date | None, stamp: str | None
) -> None:
    name = parse_name(path)
    assert (name.date, name.stamp) == (day, stamp)


def test_a_month_first_date_is_not_guessed() -> None:
    assert "not a day-month-year date" in (parse_name("contacts_12-31-2025.csv").note or "")
