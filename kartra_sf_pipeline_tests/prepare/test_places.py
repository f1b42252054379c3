from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.places import prepare_places


def place(country: str | None, state: str | None = None) -> tuple[str | None, ...]:
    frame = pl.DataFrame(
        {"country": [country], "state": [state]}, schema={"country": pl.String, "state": pl.String}
    )
    return prepare_places(frame).row(0)


@pytest.mark.parametrize(
    ("written", "name", "code"),
    [
        ("United States", "United States", "US"),
        ("USA", "United States", "US"),
        ("U.S.A.", "United States", "US"),
        ("us", "United States", "US"),
        ("England", "United Kingdom", "GB"),
        ("Korea, Republic of", "South Korea", "KR"),
        ("Viet Nam", "Vietnam", "VN"),
        ("cote d'ivoire", "Côte d'Ivoire", "CI"),
        ("DEU", "Germany", "DE"),
        ("Türkiye", "Turkey", "TR"),
        ("Czech Republic", "Czechia", "CZ"),
        ("Hong Kong SAR", "Hong Kong", "HK"),
    ],
)
def test_spellings_of_a_country_meet_in_one_name(written: str, name: str, code: str) -> None:
    assert place(written)[:2] == (name, code)


def test_unknown_country_stays_as_written_without_a_code() -> None:
    assert place("Narnia", "Winter") == ("Narnia", None, "Winter")
    assert place("N/A") == (None, None, None)


def test_state_is_looked_up_in_its_country_alone() -> None:
    assert place("USA", "ca")[2] == "California"
    assert place("Canada", "ON")[2] == "Ontario"
    assert place("Australia", "NSW")[2] == "New South Wales"
    assert place("Germany", "CA")[2] == "CA"
    assert place(None, "CA")[2] == "CA"
