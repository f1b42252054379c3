from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.migration.versions import data_version


def frame_of_every_kind() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "text": ["a", None, ""],
            "number": [1, None, 3],
            "amount": [Decimal("1.20"), None, Decimal("-3.00")],
            "flag": [True, None, False],
            "day": [date(2024, 2, 29), None, date(2024, 3, 1)],
            "moment": [datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC), None, None],
            "values": [["x", "y"], None, []],
        }
    )


def test_version_survives_a_trip_through_parquet(tmp_path: Path) -> None:
    frame = frame_of_every_kind()
    frame.write_parquet(tmp_path / "frame.parquet")
    assert data_version(pl.read_parquet(tmp_path / "frame.parquet")) == data_version(frame)


def test_version_is_the_same_in_another_process(tmp_path: Path) -> None:
    frame = frame_of_every_kind()
    path = tmp_path / "frame.parquet"
    frame.write_parquet(path)
    code = (
        "import sys, polars as pl;"
        "from kartra_sf_pipeline.migration.versions import data_version;"
        "sys.stdout.write(data_version(pl.read_parquet(sys.argv[1])))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert other.stdout == data_version(frame)


def test_version_ignores_how_the_frame_lies_in_memory() -> None:
    frame = pl.DataFrame({"key": [f"k{i}" for i in range(120_000)]})
    pieces = pl.concat([frame[:7], frame[7:100_001], frame[100_001:]], rechunk=False)
    assert data_version(pieces) == data_version(frame)


@pytest.mark.parametrize(
    "change",
    [
        pl.col("text").fill_null(""),
        pl.col("number").cast(pl.Int32),
        pl.col("amount") + Decimal("0.01"),
        pl.col("moment").dt.offset_by("1us"),
        pl.col("values").list.reverse(),
        pl.col("flag").fill_null(value=False),
        pl.col("text").reverse(),
    ],
)
def test_version_changes_with_any_cell_type_or_order(change: pl.Expr) -> None:
    frame = frame_of_every_kind()
    assert data_version(frame.with_columns(change)) != data_version(frame)


def test_version_changes_with_a_column_name() -> None:
    frame = frame_of_every_kind()
    assert data_version(frame.rename({"text": "texts"})) != data_version(frame)
    assert data_version(pl.DataFrame()) != data_version(pl.DataFrame({"a": []}))


def test_a_stored_frame_read_in_pieces_has_the_version_of_the_whole(tmp_path):
    rows = 120_001
    frame = pl.DataFrame(
        {
            "_key": [f"k{n}" for n in range(rows)],
            "empty": [None if n % 3 else "" for n in range(rows)],
            "list": [["a", None] if n % 2 else None for n in range(rows)],
        }
    )
    path = tmp_path / "frame.parquet"
    frame.write_parquet(path, row_group_size=7_000)
    assert data_version(pl.scan_parquet(path)) == data_version(frame)
    assert data_version(pl.scan_parquet(path).head(rows - 1)) != data_version(frame)
