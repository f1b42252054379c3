from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.prepare.dates import parse_date, parse_datetime

NEW_YORK = "America/New_York"


def instants(*texts: str | None, zone: str = NEW_YORK) -> list[datetime | None]:
    frame = pl.DataFrame({"t": list(texts)}, schema={"t": pl.String})
    return frame.select(parse_datetime(pl.col("t"), zone)).to_series().to_list()


def days(*texts: str | None) -> list[date | None]:
    frame = pl.DataFrame({"t": list(texts)}, schema={"t": pl.String})
    return frame.select(parse_date(pl.col("t"))).to_series().to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-04-05 19:00:01", datetime(2026, 4, 5, 23, 0, 1, tzinfo=UTC)),
        ("2026-04-05 19:00", datetime(2026, 4, 5, 23, 0, tzinfo=UTC)),
        ("2026-01-05", datetime(2026, 1, 5, 5, 0, tzinfo=UTC)),
        (" 2026-04-05T19:00:01 ", datetime(2026, 4, 5, 23, 0, 1, tzinfo=UTC)),
        ("2026-04-05T19:00", datetime(2026, 4, 5, 23, 0, tzinfo=UTC)),
        ("14 Aug 2025 11:42:00", datetime(2025, 8, 14, 15, 42, tzinfo=UTC)),
        ("3 Mar 2026", datetime(2026, 3, 3, 5, 0, tzinfo=UTC)),
        ("03 March 2026", datetime(2026, 3, 3, 5, 0, tzinfo=UTC)),
        ("Sun, 5 Apr 2026, 07:00 PM", datetime(2026, 4, 5, 23, 0, tzinfo=UTC)),
        ("Apr 5, 2026", datetime(2026, 4, 5, 4, 0, tzinfo=UTC)),
        ("Sun, April 5, 2026 7:00 PM", datetime(2026, 4, 5, 23, 0, tzinfo=UTC)),
        ("5-Apr-2026", datetime(2026, 4, 5, 4, 0, tzinfo=UTC)),
        ("5 Apr 2026, 12:30am", datetime(2026, 4, 5, 4, 30, tzinfo=UTC)),
        ("2026-04-05T19:00:00Z", datetime(2026, 4, 5, 19, 0, tzinfo=UTC)),
        ("2026-04-05T19:00Z", datetime(2026, 4, 5, 19, 0, tzinfo=UTC)),
        ("2026-04-05T19:00:00.250+02:00", datetime(2026, 4, 5, 17, 0, 0, 250000, tzinfo=UTC)),
        ("2026-04-05 19:00:00-0400", datetime(2026, 4, 5, 23, 0, tzinfo=UTC)),
        ("2026-04-05 19:00:00+02", datetime(2026, 4, 5, 17, 0, tzinfo=UTC)),
        ("2026-04-05 19:00:00 UTC", datetime(2026, 4, 5, 19, 0, tzinfo=UTC)),
    ],
)
def test_each_documented_form_becomes_the_instant_it_names(text: str, expected: datetime) -> None:
    assert instants(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        None, "", "N/A", "n/a", "null", "-", "0000-00-00", "0000-00-00 00:00:00",
        "-0001-11-30 00:00:00", "04/05/2026", "05-04-2026", "2026/04/05", "5/4/26 7:00 PM",
        "2026-02-30", "2026-13-01 00:00:00", "31 Foo 2026", "tomorrow", "20260405", "1712345678",
        "5 Apr 26", "2026-04-05 25:00:00", "2026-04-05 19:00:00 EST", "0026-04-05",
    ],
)  # fmt: skip
def test_what_is_no_certain_date_is_null(text: str | None) -> None:
    assert instants(text) == [None]
    if text != "2026-04-05 25:00:00":
        assert days(text) == [None]


def test_forms_may_be_mixed_in_one_column() -> None:
    texts = ["2026-04-05", None, "Sun, 5 Apr 2026, 07:00 PM", "x", "2026-04-05T01:00:00+05:00"]
    assert days(*texts) == [date(2026, 4, 5), None, date(2026, 4, 5), None, date(2026, 4, 5)]


def test_skipped_hour_is_read_with_the_offset_before_the_change() -> None:
    assert instants("2026-03-08 02:30:00") == [datetime(2026, 3, 8, 7, 30, tzinfo=UTC)]
    # Lord Howe skips half an hour only.
    assert instants("2026-10-04 02:15:00", zone="Australia/Lord_Howe") == [
        datetime(2026, 10, 3, 15, 45, tzinfo=UTC)
    ]


def test_hour_that_occurs_twice_is_the_first_one() -> None:
    assert instants("2025-11-02 01:30:00") == [datetime(2025, 11, 2, 5, 30, tzinfo=UTC)]


def test_fixed_offset_zone_is_a_choice() -> None:
    assert instants("2026-07-01 12:00:00", zone="Etc/GMT+5") == [
        datetime(2026, 7, 1, 17, 0, tzinfo=UTC)
    ]


def test_unknown_zone_names_the_mistake() -> None:
    with pytest.raises(SettingsError, match="Mars/Olympus"):
        parse_datetime(pl.col("t"), "Mars/Olympus")


def test_empty_column_keeps_its_type() -> None:
    frame = pl.DataFrame(schema={"t": pl.String}).select(
        a=parse_datetime(pl.col("t"), NEW_YORK), b=parse_date(pl.col("t"))
    )
    assert frame.schema == {"a": pl.Datetime("us", "UTC"), "b": pl.Date}


@settings(deadline=None)
@given(
    st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2099, 12, 31)),
    st.sampled_from([NEW_YORK, "Europe/London", "Asia/Kolkata", "Pacific/Auckland"]),
)
def test_agrees_with_the_standard_library(moment: datetime, zone: str) -> None:
    moment = moment.replace(microsecond=0)
    expected = moment.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    iso = f"{moment:%Y-%m-%d %H:%M:%S}"
    prose = f"{moment:%d} {moment:%b} {moment.year} {moment:%H:%M:%S}"
    assert instants(iso, prose, zone=zone) == [expected, expected]
    assert days(iso, prose) == [moment.date()] * 2


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_a_date_or_null_and_never_an_error(text: str) -> None:
    (instant,) = instants(text)
    assert instant is None or timedelta(0) <= instant - datetime(1899, 12, 31, tzinfo=UTC)
