from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.activities import prepare_activities
from kartra_sf_pipeline.prepare.durations import parse_seconds
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, fates, raw


def activity(**cells: Any) -> dict[str, Any]:
    return {
        "activity_id": "7",
        "type": "Call",
        "subject": "Renewal",
        "body": "Asked for an offer.",
        "date": "2026-01-16",
        "time": "15:00",
        "contact_email": "bob@example.com",
        "owner": "seller@acme.example",
        **cells,
    }


def prepared(*rows: dict[str, Any]) -> pl.DataFrame:
    return prepare_activities(raw("activities", *rows), PEOPLE, zone=ZONE)


def only(**cells: Any) -> dict[str, Any]:
    [row] = prepared(activity(**cells)).to_dicts()
    assert (row["disposition"], row["reason"]) == ("keep", None), row["detail"]
    return row


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("call", "call"),
        ("Phone Call", "call"),
        ("E-Mail", "email"),
        ("EMAIL", "email"),
        ("meeting", "meeting"),
        ("To-do", "task"),
        ("Note", "note"),
    ],
)
def test_kinds_are_known_by_their_usual_words(word: str, kind: str) -> None:
    assert only(type=word)["type"] == kind


@pytest.mark.parametrize(
    ("cells", "instant"),
    [
        ({}, datetime(2026, 1, 16, 20, tzinfo=UTC)),
        ({"timezone": "Europe/Berlin"}, datetime(2026, 1, 16, 14, tzinfo=UTC)),
        ({"time": "3 pm"}, datetime(2026, 1, 16, 20, tzinfo=UTC)),
        ({"date": "2026-01-16T15:00:00Z", "time": None}, datetime(2026, 1, 16, 15, tzinfo=UTC)),
        # Half past two does not exist on the night of the change, and half past one is twice.
        ({"date": "2026-03-08", "time": "2:30"}, datetime(2026, 3, 8, 7, 30, tzinfo=UTC)),
        ({"date": "2026-11-01", "time": "1:30"}, datetime(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ({"date": "2026-11-01", "time": "2:30"}, datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_time_of_day_is_read_in_its_zone(cells: dict[str, Any], instant: datetime) -> None:
    row = only(**cells)
    assert row["starts_at"] == instant
    assert row["created_at"] == instant


def test_the_day_is_the_one_that_was_written_not_that_of_utc() -> None:
    row = only(time="23:30")
    assert row["on_day"] == date(2026, 1, 16)
    assert row["starts_at"] == datetime(2026, 1, 17, 4, 30, tzinfo=UTC)


def test_a_meeting_without_a_time_lasts_whole_days() -> None:
    row = only(type="Meeting", time=None)
    assert (row["all_day"], row["starts_at"], row["minutes"]) == (True, None, None)
    assert only(type="Meeting", time=None, end="2026-01-18")["minutes"] == 3 * 24 * 60
    assert not only(time=None)["all_day"]


@pytest.mark.parametrize(
    ("cells", "minutes"),
    [
        ({"duration": "45"}, 45),
        ({"duration": "1 h 30 min"}, 90),
        ({"duration": "90 sec"}, 2),
        ({"end": "16:15"}, 75),
        ({"end": "2026-01-17 15:00"}, 24 * 60),
        ({"end": "4:30 PM", "duration": "20 min"}, 20),
        ({}, None),
    ],
)
def test_a_length_is_the_duration_else_until_the_end(
    cells: dict[str, Any], minutes: int | None
) -> None:
    assert only(type="Meeting", **cells)["minutes"] == minutes


def test_a_meeting_over_a_clock_change_lasts_as_long_as_it_did() -> None:
    row = only(type="Meeting", date="2026-03-08", time="1:30", end="3:30")
    assert row["minutes"] == 60


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 1800),
        ("1.5 hours", 5400),
        ("1h30m", 5400),
        ("5 minutes 30 seconds", 330),
        ("0:12:34", 754),
        ("1:30", None),
        ("soon", None),
        ("", None),
    ],
)
def test_durations_are_read_where_they_are_certain(text: str, seconds: int | None) -> None:
    assert pl.select(parse_seconds(pl.lit(text))).item() == seconds


@given(st.integers(0, 200), st.integers(0, 59), st.integers(0, 59))
def test_hours_minutes_and_seconds_add_up(hours: int, minutes: int, seconds: int) -> None:
    text = pl.lit(f"{hours}:{minutes:02}:{seconds:02}")
    assert pl.select(parse_seconds(text)).item() == hours * 3600 + minutes * 60 + seconds


@given(st.text(max_size=12))
def test_no_text_breaks_the_reading_of_durations(text: str) -> None:
    found = pl.select(parse_seconds(pl.lit(text, pl.String))).item()
    assert found is None or found >= 0


def test_what_is_over_is_completed_and_says_what_came_of_it() -> None:
    call = only(status="No answer")
    assert (call["status"], call["outcome"]) == ("Completed", "No answer")
    assert only(status="done")["outcome"] is None
    assert only(type="task", status="open")["status"] == "Not Started"
    assert only(type="task")["status"] == "Completed"
    assert only(type="meeting", status="Held")["status"] == "completed"


def test_a_task_was_not_made_on_the_day_that_it_is_due() -> None:
    assert only(type="task")["created_at"] is None
    made = only(type="task", created_at="2026-01-02 09:00:00")["created_at"]
    assert made == datetime(2026, 1, 2, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"type": "Webinar"}, "unknown_type"),
        ({"type": None}, "unknown_type"),
        ({"date": None}, "bad_date"),
        ({"date": "01/16/2026"}, "bad_date"),
        ({"time": "15"}, "bad_date"),
        ({"created_at": "lately"}, "bad_date"),
        ({"timezone": "Mars/Olympus"}, "bad_time_zone"),
        ({"duration": "1:30"}, "bad_duration"),
        ({"type": "meeting", "end": "14:00"}, "bad_end"),
        ({"end": "later"}, "bad_end"),
        ({"type": "meeting", "duration": "400 h"}, "meeting_too_long"),
        ({"type": "task", "status": "Perhaps"}, "unknown_status"),
        ({"type": "note", "subject": None, "body": " "}, "empty_note"),
        ({"contact_email": "no@example.com"}, "contact_not_found"),
    ],
)
def test_activities_that_cannot_be_trusted_are_held_back(
    cells: dict[str, Any], reason: str
) -> None:
    frame = prepared(activity(**cells))
    assert fates(frame) == [("quarantine", reason)]
    assert frame["detail"].null_count() == 0


def test_keys_are_the_own_id_else_the_content_and_never_a_note_s_or_a_booking_s() -> None:
    assert only()["activity_key"] == "A7"
    first, again = only(activity_id=None), only(activity_id="N/A", body="Asked for an offer.\r\n")
    assert first["activity_key"] == again["activity_key"]
    assert first["activity_key"].startswith("AH")
    assert only(activity_id=None, type="email")["activity_key"] != first["activity_key"]


def test_the_newest_copy_of_an_activity_counts() -> None:
    frame = prepared(
        activity(extract_date=date(2026, 2, 1), status="No answer"),
        activity(extract_date=date(2026, 3, 1), status="Connected"),
    )
    assert fates(frame) == [("merge", "older_extract"), ("keep", None)]


def test_each_of_several_people_of_one_activity_has_a_record_whatever_the_order() -> None:
    both = [activity(contact_email=None, contact_id=one) for one in ("1", "2")]
    # The first one's other id: the same person once more.
    again = activity(contact_email=None, contact_id="11")
    frame = prepared(*both, again)
    assert fates(frame)[1] == ("keep", None)
    assert sorted(str(reason) for _, reason in fates(frame)) == ["None", "None", "older_extract"]
    keys = dict(frame.select("contact_key", "activity_key").iter_rows())
    assert keys["1"] == "A7"
    assert keys["2"].startswith("A7-")
    turned = prepared(*reversed(both))
    assert dict(turned.select("contact_key", "activity_key").iter_rows()) == keys
    alone = prepared(both[1], activity(contact_email=None, contact_id="99"))
    assert alone["activity_key"].to_list()[0] == "A7"
