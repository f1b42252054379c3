"""Reading a folder of exports: frames of verbatim text with lineage, and nothing lost.

Each record of each file ends in its export's frame or in the quarantine; each file has a report. A
file that cannot be read at all does not stop the others: all such files are named in one error.

All files are opened first, so that the columns of each export are known before its rows are read;
then the rows go by in blocks, and memory stays flat whatever the size of the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import polars as pl
from polars.io.plugins import register_io_source

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.exports import EXPORTS, UNKNOWN_PREFIX, raw_columns
from kartra_sf_pipeline.kartra.files import MANIFEST_NAME, Folder, Found, Unpacked, find
from kartra_sf_pipeline.kartra.manifest import FileRule, Manifest, load_manifest
from kartra_sf_pipeline.kartra.model import (
    QUARANTINE_SCHEMA,
    ExportSet,
    FileReport,
    SpooledSet,
    raw_schema,
)
from kartra_sf_pipeline.kartra.one_file import Opened, cannot_open, open_file, read_batches
from kartra_sf_pipeline.kartra.rows import NotUtf8

Schema = dict[str, type[pl.DataType]]
Taken = TypeVar("Taken")
Given = Manifest | Mapping[str, FileRule] | None


def read_folder(folder: Path, manifest: Given = None, *, strict: bool = True) -> ExportSet:
    """Read every export in a folder and below into memory.

    `manifest` (or its files alone) overrides what would be detected, by path relative to the
    folder; without one, the folder's own `exports.yaml` is used if there is one. Raises ExportError
    when the folder is missing or empty, when nothing in it can be read, and, if `strict`, when any
    file of it cannot: one error that names them all. Otherwise such a file has its `problem` in its
    report.
    """

    def gather(export: str, rows: Iterator[pl.DataFrame], schema: Schema) -> pl.DataFrame:
        return pl.concat([pl.DataFrame(schema=schema), *rows], rechunk=False)

    with Unpacked() as unpacked:
        reading = _Reading(folder, manifest, unpacked, strict=strict)
        frames = reading.exports(gather)
        for export, frame in frames.items():
            frames[export] = frame.drop(reading.idle(export))
        aside = pl.concat([pl.DataFrame(schema=QUARANTINE_SCHEMA), *reading.quarantine()])
        return ExportSet(reading.reports, reading.notes(), frames, aside)


def spool_folder(
    folder: Path, target: Path, manifest: Given = None, *, strict: bool = True
) -> SpooledSet:
    """Like `read_folder`, but rows go to `<target>/<export>.parquet` as they are read, and what is
    set aside to `<target>/quarantine.parquet`.

    Memory stays flat whatever the size of the exports; `target` is made if need be.
    """
    target.mkdir(parents=True, exist_ok=True)

    def spool(export: str, rows: Iterator[pl.DataFrame], schema: Schema) -> Path:
        path = target / f"{export}.parquet"
        _sink(rows, schema, path)
        return path

    with Unpacked(target) as unpacked:
        reading = _Reading(folder, manifest, unpacked, strict=strict)
        paths = reading.exports(spool)
        for export, path in paths.items():
            idle = reading.idle(export)
            if idle:
                partial = path.with_suffix(".partial")
                pl.scan_parquet(path).drop(idle).sink_parquet(partial)
                partial.replace(path)
        aside = target / "quarantine.parquet"
        _sink(reading.quarantine(), QUARANTINE_SCHEMA, aside)
        return SpooledSet(reading.reports, reading.notes(), paths, aside)


def _sink(rows: Iterator[pl.DataFrame], schema: Schema, path: Path) -> None:
    """Write frames to one Parquet file as they come."""
    failed: list[Exception] = []

    def source(
        columns: list[str] | None, _where: pl.Expr | None, _rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        try:
            for frame in rows:
                yield frame if columns is None else frame.select(columns)
        except Exception as error:
            failed.append(error)
            raise

    try:
        register_io_source(source, schema=schema).sink_parquet(path)
    except Exception:
        # Polars wraps what a source raises.
        if failed:
            raise failed[0] from None
        raise


class _Interrupted(Exception):
    """A file proved to be something else than its beginning said."""

    def __init__(self, opened: Opened, problem: ExportError | None) -> None:
        self.opened = opened
        self.problem = problem
        super().__init__()


@dataclass
class _Reading:
    """All files of a folder: opened when it is made, read by `exports`."""

    folder: Path
    given: Given
    unpacked: Unpacked
    strict: bool = field(kw_only=True)
    reports: list[FileReport] = field(init=False)

    def __post_init__(self) -> None:
        self._listing: Folder = find(self.folder)
        own = self.folder / MANIFEST_NAME
        given = self.given
        if given is None:
            given = load_manifest(own) if own.is_file() else Manifest()
        self._manifest = given if isinstance(given, Manifest) else Manifest(given)
        self._ignored = {path for path, rule in self._manifest.files.items() if rule.ignore}
        self._opened: list[Opened] = []
        self.reports = [
            FileReport(path, problem=problem)
            for path, problem in self._listing.problems
            if path not in self._ignored
        ]
        for found in self._listing.files:
            if found.path not in self._ignored:
                opened = self._open(found)
                if isinstance(opened, Opened):
                    self._opened.append(opened)
                    self.reports.append(opened.report)
                else:
                    self.reports.append(opened)
        if not self.reports:
            raise ExportError(
                "the manifest leaves every file aside",
                file=own,
                next_step="Take `ignore` from the files that are to be read.",
            )
        self._opened.sort(key=lambda opened: _file_order(opened.report))
        self._check()

    def exports(
        self, take: Callable[[str, Iterator[pl.DataFrame], Schema], Taken]
    ) -> dict[str, Taken]:
        """Read all rows; `take` is given an export, its rows and their schema."""
        taken = {export: self._one(export, take) for export in EXPORTS}
        self._check()
        self.reports.sort(key=_file_order)
        return taken

    def idle(self, export: str) -> list[str]:
        """Columns without a header and without a cell in any file of the export."""
        opened = self._of(export)
        filled = {name for each in opened for name in each.names if name not in each.idle}
        return sorted({name for each in opened for name in each.idle} - filled)

    def quarantine(self) -> Iterator[pl.DataFrame]:
        """What was set aside, in the order of files and lines."""
        for opened in self._opened:
            yield from opened.aside.frames()

    def notes(self) -> list[str]:
        """What the whole folder has to say for itself."""
        listing = self._listing
        present = {found.path for found in listing.files} | {path for path, _ in listing.problems}
        missing = self._manifest.files.keys() - present
        return [
            *listing.notes,
            *(f"{path}: left aside by the manifest" for path in sorted(self._ignored & present)),
            *(f"{path}: in the manifest, but not in the folder" for path in sorted(missing)),
            *_repeated(self.reports),
        ]

    def _open(self, found: Found, *, thorough: bool = False) -> Opened | FileReport:
        rule = self._manifest.files.get(found.path, FileRule())
        opened = open_file(found, rule, self.unpacked, thorough=thorough)
        if isinstance(opened, Opened):
            opened.separators = self._manifest.separators_of(rule, opened.export.name)
        return opened

    def _of(self, export: str) -> list[Opened]:
        return [opened for opened in self._opened if opened.export.name == export]

    def _one(
        self, export: str, take: Callable[[str, Iterator[pl.DataFrame], Schema], Taken]
    ) -> Taken:
        while True:
            opened = self._of(export)
            schema = _schema(export, opened)
            try:
                return take(export, self._rows(opened, schema), schema)
            except _Interrupted as interrupted:
                self._open_again(interrupted)

    def _rows(self, opened: list[Opened], schema: Schema) -> Iterator[pl.DataFrame]:
        for each in opened:
            try:
                yield from read_batches(each, self.unpacked, schema)
            except NotUtf8:
                raise _Interrupted(each, None) from None
            except ExportError as problem:
                raise _Interrupted(each, problem) from None
            except OSError as error:
                raise _Interrupted(each, cannot_open(each.found, error)) from error

    def _open_again(self, interrupted: _Interrupted) -> None:
        """Open the files of an export once more: their rows are to be read from the start."""
        export = interrupted.opened.export.name
        for position, each in enumerate(self._opened):
            if each.export.name != export:
                continue
            again: Opened | FileReport
            if each is interrupted.opened and interrupted.problem is not None:
                again = FileReport(each.report.path, problem=interrupted.problem)
            else:
                known = each is interrupted.opened or each.encoding.proven
                again = self._open(each.found, thorough=known)
            old = self.reports.index(each.report)
            if isinstance(again, Opened):
                self._opened[position] = again
                self.reports[old] = again.report
            else:
                self.reports[old] = again
        gone = {id(report) for report in self.reports}
        self._opened = [each for each in self._opened if id(each.report) in gone]

    def _check(self) -> None:
        _raise_problems(self.reports, self.folder, strict=self.strict)


def _schema(export: str, opened: list[Opened]) -> Schema:
    """The export's columns, those of its files that no export defines before the reader's own."""
    own = EXPORTS[export].column_names
    unknown = dict.fromkeys(
        name for each in opened for name in each.names if name.startswith(UNKNOWN_PREFIX)
    )
    kinds = raw_schema(export)
    order = [*own, *unknown, *raw_columns(export)[len(own) :]]
    return {name: kinds.get(name, pl.String) for name in order}


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
