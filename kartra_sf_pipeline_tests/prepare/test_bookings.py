from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.bookings import prepare_bookings
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, fates, raw


def booking(**cells: Any) -> dict[str, Any]:
    return {
        "booking_id": "5",
        "calendar": "Discovery call",
        "date": "16 Jan 2026",
        "time": "15:00",
        "attendee_email": "ann@example.com",
        "status": "Booked",
        **cells,
    }


def prepared(*rows: dict[str, Any]) -> pl.DataFrame:
    return prepare_bookings(raw("calendar_bookings", *rows), PEOPLE, zone=ZONE)


@pytest.mark.parametrize(
    ("cells", "hour"),
    [
        ({}, 20),
        ({"time": "15:00:00"}, 20),
        ({"time": "3:00 PM"}, 20),
        ({"time": "3pm"}, 20),
        ({"time": "12:00 am"}, 5),
        ({"timezone": "Europe/London"}, 15),
        ({"date": "2026-01-16"}, 20),
        ({"date": "2026-01-16 15:00:00", "time": None}, 20),
        ({"date": "2026-01-16T15:00:00+00:00", "time": None}, 15),
    ],
)
def test_date_time_and_zone_make_one_instant(cells: dict[str, Any], hour: int) -> None:
    frame = prepared(booking(**cells))
    assert fates(frame) == [("keep", None)]
    assert frame["starts_at"].to_list() == [datetime(2026, 1, 16, hour, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"date": None}, "bad_date"),
        ({"date": "01/16/2026"}, "bad_date"),
        ({"time": None}, "bad_date"),
        ({"time": "15"}, "bad_date"),
        ({"time": "25:00"}, "bad_date"),
        ({"time": "13:00 PM"}, "bad_date"),
        ({"timezone": "Mars/Olympus"}, "bad_time_zone"),
        ({"status": "Maybe"}, "unknown_status"),
        ({"attendee_email": "no@example.com"}, "attendee_not_found"),
        ({"attendee_email": None}, "attendee_not_found"),
    ],
)
def test_bookings_that_cannot_be_trusted_are_held_back(cells: dict[str, Any], reason: str) -> None:
    frame = prepared(booking(**cells))
    assert fates(frame) == [("quarantine", reason)]
    assert frame["detail"].null_count() == 0


def test_sessions_of_a_series_are_numbered_by_time() -> None:
    frame = prepared(booking(date="23 Jan 2026"), booking(), booking(date="30 Jan 2026"))
    assert fates(frame) == [("keep", None)] * 3
    assert frame["booking_key"].to_list() == ["B5-2", "B5", "B5-3"]


def test_a_booking_without_id_is_known_by_what_it_says() -> None:
    first = prepared(booking(booking_id=None), booking(booking_id=None, date="17 Jan 2026"))
    again = prepared(booking(booking_id="N/A", calendar="discovery  CALL", time="3 PM"))
    assert first["booking_key"].n_unique() == 2
    assert again["booking_key"].item() == first["booking_key"][0]


def test_the_same_session_in_two_extracts_is_one() -> None:
    frame = prepared(
        booking(extract_date=date(2026, 2, 1), status="Completed"),
        booking(extract_date=date(2026, 1, 1)),
    )
    assert fates(frame) == [("keep", None), ("merge", "older_extract")]
    assert frame["booking_key"].to_list() == ["B5", "B5"]


def test_a_moved_appointment_is_one_booking() -> None:
    frame = prepared(
        booking(extract_date=date(2026, 1, 1)),
        booking(extract_date=date(2026, 2, 1), date="20 Jan 2026"),
    )
    assert fates(frame) == [("merge", "older_extract"), ("keep", None)]
    assert frame["booking_key"].to_list() == ["B5", "B5"]


def test_two_people_at_one_time_are_two_bookings() -> None:
    frame = prepared(
        booking(booking_id=None), booking(booking_id=None, attendee_email="bob@example.com")
    )
    assert fates(frame) == [("keep", None)] * 2
    assert frame["contact_key"].to_list() == ["1", "2"]


def test_no_bookings_are_an_empty_frame_of_the_same_columns() -> None:
    assert prepared().schema == prepared(booking()).schema


@pytest.mark.parametrize(
    ("day", "time", "zone", "instant"),
    [
        # New York on the nights of both changes; an hour that is there twice is the first one.
        ("2026-03-08", "1:59", None, datetime(2026, 3, 8, 6, 59, tzinfo=UTC)),
        ("2026-03-08", "3:00", None, datetime(2026, 3, 8, 7, tzinfo=UTC)),
        ("2026-11-01", "1:30", None, datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        # Europe changes three weeks later: its own clock counts.
        ("2026-03-15", "9:00", "Europe/London", datetime(2026, 3, 15, 9, tzinfo=UTC)),
        ("2026-03-29", "9:00", "Europe/London", datetime(2026, 3, 29, 8, tzinfo=UTC)),
    ],
)
def test_a_booking_near_a_clock_change_keeps_its_time_of_day(
    day: str, time: str, zone: str | None, instant: datetime
) -> None:
    frame = prepared(booking(date=day, time=time, timezone=zone))
    assert frame["starts_at"].to_list() == [instant]
