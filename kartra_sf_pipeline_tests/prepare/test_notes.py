from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.notes import prepare_notes
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, fates, raw


def note(**cells: Any) -> dict[str, Any]:
    return {
        "contact_email": "bob@example.com",
        "created_at": "2026-01-05 09:30:00",
        "author": "Support",
        "note": "Called back.\r\nAll fine.",
        **cells,
    }


def prepared(*rows: dict[str, Any]) -> pl.DataFrame:
    return prepare_notes(raw("notes", *rows), PEOPLE, zone=ZONE)


def test_a_note_keeps_its_lines_its_time_and_its_person() -> None:
    frame = prepared(note(note_id="3"))
    assert fates(frame) == [("keep", None)]
    facts = frame.row(0, named=True)
    assert facts["note_key"] == "N3"
    assert facts["note"] == "Called back.\nAll fine."
    assert facts["created_at"] == datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
    assert facts["contact_key"] == "2"


def test_the_contact_id_counts_before_the_address() -> None:
    assert prepared(note(contact_id="11"))["contact_key"].to_list() == ["1"]


@pytest.mark.parametrize(
    ("cells", "fate"),
    [
        ({"note": " "}, ("quarantine", "empty_note")),
        ({"created_at": "5/1/26"}, ("quarantine", "bad_date")),
        ({"created_at": None}, ("keep", None)),
        ({"contact_email": "no@example.com"}, ("quarantine", "contact_not_found")),
    ],
)
def test_every_note_has_its_disposition(
    cells: dict[str, Any], fate: tuple[str, str | None]
) -> None:
    assert fates(prepared(note(**cells))) == [fate]


def test_a_note_without_id_is_known_by_what_it_says() -> None:
    frame = prepared(
        note(extract_date=date(2026, 1, 6)),
        note(extract_date=date(2026, 1, 7)),
        note(note="Something else"),
    )
    assert fates(frame) == [("merge", "older_extract"), ("keep", None), ("keep", None)]
    assert frame["note_key"].n_unique() == 2
