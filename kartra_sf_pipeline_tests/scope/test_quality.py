from __future__ import annotations

from kartra_sf_pipeline.scope.quality import SCHEMA, data_quality
from kartra_sf_pipeline_tests.scope.account import frames


def test_each_column_is_measured() -> None:
    frame = data_quality(frames())
    rows = {(row[0], row[1]): row[2:] for row in frame.iter_rows()}
    assert rows["contacts", "email"] == (3, 0.75, 2, 15)
    assert rows["contacts", "last_name"] == (2, 0.5, 1, 3)
    assert rows["contacts", "phone"] == (0, 0.0, 0, None)
    assert rows["contacts", "x__size"] == (1, 0.25, 1, 1)
    assert ("contacts", "source_file") not in rows
    assert ("transactions", "currency") not in rows


def test_an_export_without_rows_has_no_fill_rate() -> None:
    frame = data_quality(frames())
    assert ("lists", "list", 0, None, 0, None) in frame.rows()


def test_prepared_frames_are_not_exports() -> None:
    assert set(data_quality(frames())["export"]) == {
        name.removeprefix("raw_") for name in frames() if name.startswith("raw_")
    }
    assert data_quality({}).schema == SCHEMA
