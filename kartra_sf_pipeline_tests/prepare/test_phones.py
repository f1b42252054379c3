from __future__ import annotations

import phonenumbers
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.phones import prepare_phones

Row = tuple[str | None, str | None, str | None]


def phones(*rows: Row) -> list[tuple[str | None, str | None]]:
    columns = ["phone", "phone_country_code", "country_iso2"]
    frame = pl.DataFrame(list(rows), schema=dict.fromkeys(columns, pl.String), orient="row")
    return prepare_phones(frame).select("phone_e164", "phone_raw").rows()


@pytest.mark.parametrize(
    ("row", "e164"),
    [
        (("(212) 555-0123", "+1", None), "+12125550123"),
        (("12125550123", "1", "US"), "+12125550123"),
        (("212.555.0123", None, "US"), "+12125550123"),
        (("416 555 0123", None, "CA"), "+14165550123"),
        (("020 7946 0958", "44", "GB"), "+442079460958"),
        (("447911123456", "+44", None), "+447911123456"),
        (("+44 (0)20 7946 0958", None, None), "+442079460958"),
        (("0044 20 7946 0958", None, "US"), "+442079460958"),
        (("06 12 34 56 78", None, "FR"), "+33612345678"),
        (("+34 (0)612 345 678", "34", "ES"), "+34612345678"),
        (("+39 (0)6 698 12345", None, "IT"), "+390669812345"),
        (("447911123456.0", "44", "GB"), "+447911123456"),
        (("011 44 20 7946 0958", None, "US"), "+442079460958"),
        (("927-1234", "+1 876", None), "+18769271234"),
        # Valid as a German landline, too: the code in front of a mobile number is the likelier.
        (("4917530815479", "49", "DE"), "+4917530815479"),
        # The number's own code counts more than the column's.
        (("+33 6 12 34 56 78", "+1", "US"), "+33612345678"),
    ],
)
def test_numbers_with_a_known_plan_become_e164(row: Row, e164: str) -> None:
    assert phones(row)[0][0] == e164


@pytest.mark.parametrize(
    "row",
    [
        ("4.47E+11", "44", "GB"),
        ("555-0123", None, "US"),
        ("1-800-FLOWERS", None, "US"),
        ("212-555-0123 x5", "1", "US"),
        ("2125550123", None, None),
        ("2125550123 / 2125550199", "1", "US"),
        ("000000000", "1", "US"),
        ("+999 12345678", None, None),
        ("1112223333", "1", "US"),
    ],
)
def test_an_unsure_number_stays_as_it_was_written(row: Row) -> None:
    ((e164, raw),) = phones(row)
    assert e164 is None
    assert row[0] is not None
    assert raw is not None
    assert raw.endswith(row[0])


def test_the_verdict_tells_damage_from_doubt() -> None:
    columns = ["phone", "phone_country_code", "country_iso2"]
    texts = ["4.47E+11", "4,47e+11", "555-0123", "+442079460958", "-", None]
    rows = [(text, None, None) for text in texts]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    verdicts = prepare_phones(frame)["phone_verdict"].to_list()
    assert verdicts == ["damaged", "damaged", "unsure", "valid", "missing", "missing"]


def test_digits_with_two_mobile_readings_stay_as_they_were_written() -> None:
    ((e164, _),) = phones(("5540041234", "+55", "BR"))
    assert e164 is None


def test_verbatim_text_carries_the_code_column() -> None:
    raws = [
        raw
        for _, raw in phones(("020 7946", "44", None), ("+44 20", "44", None), ("5", None, None))
    ]
    assert raws == ["+44 020 7946", "+44 20", "5"]


def test_no_phone_is_null_whatever_the_code_says() -> None:
    assert phones(("N/A", "+1", "US"), (None, "+1", "US")) == [(None, None)] * 2


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=2_000_000_000, max_value=9_999_999_999))
def test_american_numbers_get_the_librarys_verdict(number: int) -> None:
    parsed = phonenumbers.PhoneNumber(country_code=1, national_number=number)
    expected = f"+1{number}" if phonenumbers.is_valid_number(parsed) else None
    assert phones((str(number), "1", "US"))[0][0] == expected
