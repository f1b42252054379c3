from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.migration.equivalence import canonical, differs


def different(
    wanted: str | None, found: str | None, kind: str, scale: int = 0, fold: bool = False
) -> bool:
    frame = pl.DataFrame({"w": [wanted], "f": [found]}, schema={"w": pl.String, "f": pl.String})
    result = frame.select(differs(pl.col("w"), pl.col("f"), kind, scale, fold=fold)).item()
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("wanted", "found", "kind", "scale"),
    [
        ("12.50", "12.5", "currency", 2),
        ("12.5", "12.50000", "double", 2),
        ("1e3", "1000.0", "int", 0),
        ("10000000", "1.0E7", "currency", 2),
        ("0.125", "0.13", "currency", 2),
        ("-0.00", "0.0", "currency", 2),
        ("12345678901234567.89", "12345678901234567.89", "currency", 2),
        ("1", "true", "boolean", 0),
        ("FALSE", None, "boolean", 0),
        ("2024-05-01", "2024-05-01", "date", 0),
        ("2024-05-01T10:00:00.000Z", "2024-05-01T10:00:00.000+0000", "datetime", 0),
        ("2024-05-01T06:00:00-04:00", "2024-05-01T10:00:00Z", "datetime", 0),
        ("2024-05-01T10:00:00.400Z", "2024-05-01T10:00:00.000Z", "datetime", 0),
        ("b;a; a", "a;b", "multipicklist", 0),
        ("Anna@Example.com", "anna@example.com", "email", 0),
        ("name ", "name", "string", 0),
        ("two\r\nlines", "two\nlines", "textarea", 0),
        ("001000000000001AAA", "001000000000001", "reference", 0),
        ("", "kept", "string", 0),
        (None, "kept", "string", 0),
        ("   ", "kept", "string", 0),
        ("#N/A", None, "string", 0),
        ("#N/A", "", "string", 0),
        ("#N/A", "false", "boolean", 0),
    ],
)
def test_same_meaning_is_no_difference(
    wanted: str | None, found: str | None, kind: str, scale: int
) -> None:
    assert not different(wanted, found, kind, scale)


@pytest.mark.parametrize(
    ("wanted", "found", "kind", "scale"),
    [
        ("12.51", "12.5", "currency", 2),
        ("12.51", None, "currency", 2),
        ("abc", "0", "currency", 2),
        ("true", None, "boolean", 0),
        ("2024-05-01", "2024-05-02", "date", 0),
        ("2024-05-01T10:00:01Z", "2024-05-01T10:00:00Z", "datetime", 0),
        ("a;b", "a", "multipicklist", 0),
        ("Name", "name", "string", 0),
        ("0100", "100", "phone", 0),
        ("#N/A", "still here", "string", 0),
        ("001000000000001AAA", "001000000000002AAA", "reference", 0),
    ],
)
def test_other_meaning_is_a_difference(
    wanted: str | None, found: str | None, kind: str, scale: int
) -> None:
    assert different(wanted, found, kind, scale)


def test_case_counts_in_keys_unless_the_org_ignores_it() -> None:
    assert different("domain:Acme.com", "domain:acme.com", "string")
    assert not different("domain:Acme.com", "domain:acme.com", "string", fold=True)


def one(text: str, kind: str, scale: int = 0) -> str | None:
    return pl.DataFrame({"a": [text]}).select(canonical(pl.col("a"), kind, scale)).item()


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=4), st.integers(0, 4))
def test_numbers_round_half_away_from_zero_at_the_fields_scale(value: Decimal, scale: int) -> None:
    expected = value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    found = one(format(value, "f"), "currency", scale)
    assert found is not None
    assert Decimal(found) == expected


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_moments_are_the_same_in_every_zone(moment: datetime, minutes: int) -> None:
    utc = moment.replace(tzinfo=UTC, microsecond=0)
    local = utc.astimezone(timezone(timedelta(minutes=minutes)))
    assert one(local.isoformat(), "datetime") == one(utc.strftime("%Y-%m-%dT%H:%M:%SZ"), "datetime")


@given(st.text(), st.sampled_from(["string", "currency", "date", "datetime", "multipicklist"]))
def test_any_text_equals_itself(text: str, kind: str) -> None:
    assert not different(text, text, kind, 2) or text == "#N/A"
