"""What reading a folder of exports gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.damage import DAMAGE_SCHEMA
from kartra_sf_pipeline.kartra.exports import EXTRACT_DATE, LINEAGE, raw_columns

QUARANTINE_SCHEMA: dict[str, type[pl.DataType]] = {
    "export": pl.String,
    "source_file": pl.String,
    "source_line": pl.Int64,
    "reason": pl.String,
    "detail": pl.String,
    "raw": pl.String,
}


@dataclass
class FileReport:
    """One file as it was read.

    Its records are `rows + quarantined`. `encoding_assumed` says that the encoding is a guess;
    `stamp` is Kartra's own, from the file name. `idle_columns` have neither header nor cells and
    are left out of the frame. `problem` is set when the file could not be read
    at all, and then it has neither rows nor quarantined records. `separators` are what joins the
    names in a cell, by column; `damage` is what a spreadsheet has spoilt, in `DAMAGE_SCHEMA`.
    """

    path: str
    export: str | None = None
    rows: int = 0
    quarantined: int = 0
    encoding: str | None = None
    encoding_assumed: bool = False
    delimiter: str | None = None
    line_ending: str | None = None
    currency: str | None = None
    extract_date: date | None = None
    stamp: str | None = None
    bytes: int = 0
    sha256: str | None = None
    header_columns: list[str] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)
    idle_columns: list[str] = field(default_factory=list)
    separators: dict[str, str] = field(default_factory=dict)
    damage: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema=DAMAGE_SCHEMA), compare=False
    )
    notes: list[str] = field(default_factory=list)
    problem: ExportError | None = None


@dataclass
class FilesRead:
    """What reading a folder gives besides the records: files in the order of rows, notes."""

    files: list[FileReport]
    notes: list[str]

    def files_of(self, export: str) -> list[FileReport]:
        """The files of one export, in the order of their rows."""
        return [report for report in self.files if report.export == export]

    @property
    def damage(self) -> pl.DataFrame:
        """Spreadsheet damage of all files, in `DAMAGE_SCHEMA`."""
        return pl.concat(
            [pl.DataFrame(schema=DAMAGE_SCHEMA), *(report.damage for report in self.files)]
        )


@dataclass
class ExportSet(FilesRead):
    """All that a folder held: a frame for each of the exports, the quarantine, the files."""

    frames: dict[str, pl.DataFrame]
    quarantine: pl.DataFrame


@dataclass
class SpooledSet(FilesRead):
    """An `ExportSet` in Parquet files, one per export: `paths`, and one of the quarantine."""

    paths: dict[str, Path]
    quarantine_path: Path

    @property
    def quarantine(self) -> pl.LazyFrame:
        """The records that were set aside."""
        return pl.scan_parquet(self.quarantine_path)

    @property
    def frames(self) -> dict[str, pl.LazyFrame]:
        """The files as lazy frames."""
        return {export: pl.scan_parquet(path) for export, path in self.paths.items()}


def raw_schema(export: str) -> dict[str, type[pl.DataType]]:
    """Schema of `raw_<export>` without `x__` columns: text, but for the date and the line."""
    own: dict[str, type[pl.DataType]] = {EXTRACT_DATE: pl.Date, LINEAGE[1]: pl.Int64}
    return {name: own.get(name, pl.String) for name in raw_columns(export)}
