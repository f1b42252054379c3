"""Reading a folder of exports: frames of verbatim text with lineage, and nothing lost.

Each record of each file ends in its export's frame or in the quarantine; each file has a report. A
file that cannot be read at all does not stop the others: all such files are named in one error.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.exports import EXPORTS, UNKNOWN_PREFIX, raw_columns
from kartra_sf_pipeline.kartra.files import MANIFEST_NAME, find
from kartra_sf_pipeline.kartra.manifest import FileRule, Manifest, load_manifest
from kartra_sf_pipeline.kartra.model import (
    QUARANTINE_SCHEMA,
    ExportSet,
    FileReport,
    SpooledSet,
    raw_schema,
)
from kartra_sf_pipeline.kartra.one_file import Sink, read_file


def read_folder(
    folder: Path, manifest: Manifest | None = None, *, strict: bool = True
) -> ExportSet:
    """Read every export in a folder and below into memory.

    `manifest` overrides what would be detected, by path relative to the folder; without one, the
    folder's own `exports.yaml` is used if there is one. Raises ExportError when the folder is
    missing or empty, when nothing in it can be read, and, if `strict`, when any file of it cannot:
    one error that names them all. Otherwise such a file has its `problem` in its report.
    """
    batches: dict[str, list[pl.DataFrame]] = {}

    def keep(report: FileReport, rows: pl.DataFrame) -> None:
        batches.setdefault(report.path, []).append(rows)

    files, quarantine, notes = _walk(folder, manifest, keep, strict=strict)
    frames: dict[str, pl.DataFrame] = {}
    for export in EXPORTS:
        parts: list[pl.DataFrame] = [pl.DataFrame(schema=raw_schema(export))]
        for report in files:
            if report.export == export:
                parts.extend(
                    part.drop(report.idle_columns) for part in batches.pop(report.path, [])
                )
        joined = pl.concat(parts, how="diagonal", rechunk=False)
        frames[export] = joined.select(_ordered(joined.columns, export))
    return ExportSet(frames, quarantine, files, notes)


def spool_folder(
    folder: Path, target: Path, manifest: Manifest | None = None, *, strict: bool = True
) -> SpooledSet:
    """Like `read_folder`, but rows go to Parquet files under `target` as they are read.

    Memory stays flat whatever the size of the exports; `target` is made, and must hold nothing
    from before that is still of use.
    """
    spooled: dict[str, list[Path]] = {}

    def write(report: FileReport, rows: pl.DataFrame) -> None:
        place = target / (report.export or "")
        place.mkdir(parents=True, exist_ok=True)
        number = sum(len(paths) for paths in spooled.values())
        path = place / f"{number:06}.parquet"
        rows.write_parquet(path, statistics=False)
        spooled.setdefault(report.path, []).append(path)

    files, quarantine, notes = _walk(folder, manifest, write, strict=strict)
    frames: dict[str, pl.LazyFrame] = {}
    for export in EXPORTS:
        parts: list[pl.LazyFrame] = [pl.LazyFrame(schema=raw_schema(export))]
        parts.extend(
            pl.scan_parquet(spooled[report.path]).drop(report.idle_columns)
            for report in files
            if report.export == export and report.path in spooled
        )
        joined = pl.concat(parts, how="diagonal", rechunk=False)
        columns = joined.collect_schema().names()
        frames[export] = joined.select(_ordered(columns, export))
    return SpooledSet(frames, quarantine, files, notes)


def _walk(
    folder: Path, manifest: Manifest | None, sink: Sink, *, strict: bool
) -> tuple[list[FileReport], pl.DataFrame, list[str]]:
    """Read all files: their reports in the order that their rows take, quarantine, notes."""
    listing = find(folder)
    own = folder / MANIFEST_NAME
    if manifest is None:
        manifest = load_manifest(own) if own.is_file() else {}
    reports: list[FileReport] = []
    quarantined: dict[str, pl.DataFrame] = {}
    ignored = {path for path, rule in manifest.items() if rule.ignore}
    for path, problem in listing.problems:
        if path not in ignored:
            reports.append(FileReport(path, problem=problem))
    for found in listing.files:
        if found.path not in ignored:
            rule = manifest.get(found.path, FileRule())
            report, quarantined[found.path] = read_file(found, rule, sink)
            reports.append(report)
    if not reports:
        raise ExportError(
            "the manifest leaves every file aside",
            file=own,
            next_step="Take `ignore` from the files that are to be read.",
        )
    _raise_problems(reports, folder, strict=strict)
    reports.sort(key=_file_order)
    present = {found.path for found in listing.files} | {path for path, _ in listing.problems}
    notes = [
        *listing.notes,
        *(f"{path}: left aside by the manifest" for path in sorted(ignored & present)),
        *(f"{path}: in the manifest, but not in the folder" for path in manifest.keys() - present),
        *_repeated(reports),
    ]
    parts = [quarantined[report.path] for report in reports if report.path in quarantined]
    return reports, pl.concat([pl.DataFrame(schema=QUARANTINE_SCHEMA), *parts]), notes


def _ordered(columns: list[str], export: str) -> list[str]:
    """Columns of a frame in the order of `raw_columns`, the `x__` ones before the reader's own."""
    own = EXPORTS[export].column_names
    unknown = [column for column in columns if column.startswith(UNKNOWN_PREFIX)]
    return [*own, *unknown, *raw_columns(export)[len(own) :]]


def _file_order(report: FileReport) -> tuple[str, str, str]:
    """By the day of the extract, then Kartra's own clock, then the path; undated ones first."""
    day = report.extract_date.isoformat() if report.extract_date else ""
    return day, report.stamp or "", report.path


def _raise_problems(reports: list[FileReport], folder: Path, *, strict: bool) -> None:
    problems = [report.problem for report in reports if report.problem is not None]
    if not problems or (not strict and len(problems) < len(reports)):
        return
    if len(problems) == 1:
        raise problems[0]
    listed = "\n".join(f"  - {problem}" for problem in problems)
    raise ExportError(
        f"{len(problems)} of {len(reports)} files cannot be read:\n{listed}\n",
        file=folder,
        next_step="Mend or remove each, then start again.",
    ) from problems[0]


def _repeated(reports: list[FileReport]) -> list[str]:
    """Files of the same content: each is read, and the overlap is told."""
    first: dict[str, str] = {}
    notes: list[str] = []
    for report in reports:
        if report.sha256 is None or report.problem is not None:
            continue
        if report.sha256 in first:
            notes.append(f"{report.path}: same content as {first[report.sha256]}")
        else:
            first[report.sha256] = report.path
    return notes
