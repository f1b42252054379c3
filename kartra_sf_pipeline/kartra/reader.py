"""Reading a folder of exports: frames of verbatim text with lineage, and nothing lost.

Each record of each file ends in its export's frame or in the quarantine; each file has a report. A
file that cannot be read at all does not stop the others: all such files are named in one error.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra import encoding as encodings
from kartra_sf_pipeline.kartra.exports import (
    CURRENCY,
    EXPORTS,
    EXTRACT_DATE,
    LINEAGE,
    UNKNOWN_PREFIX,
    Export,
)
from kartra_sf_pipeline.kartra.files import MANIFEST_NAME, Found, find, local_file
from kartra_sf_pipeline.kartra.head import read_head, refuse_other_formats
from kartra_sf_pipeline.kartra.headers import map_headers
from kartra_sf_pipeline.kartra.manifest import FileRule, Manifest, load_manifest
from kartra_sf_pipeline.kartra.model import (
    QUARANTINE_SCHEMA,
    ExportSet,
    FileReport,
    empty_frames,
    raw_schema,
)
from kartra_sf_pipeline.kartra.naming import parse_name
from kartra_sf_pipeline.kartra.recognise import recognise, require
from kartra_sf_pipeline.kartra.rows import read_rows

_HASH_CHUNK = 4 << 20


def read_folder(
    folder: Path, manifest: Manifest | None = None, *, strict: bool = True
) -> ExportSet:
    """Read every export in a folder and below.

    `manifest` overrides what would be detected, by path relative to the folder; without one, the
    folder's own `exports.yaml` is used if there is one. Raises ExportError when the folder is
    missing or empty, when nothing in it can be read, and, if `strict`, when any file of it cannot:
    one error that names them all. Otherwise such a file has its `problem` in its report.
    """
    listing = find(folder)
    own = folder / MANIFEST_NAME
    if manifest is None:
        manifest = load_manifest(own) if own.is_file() else {}
    notes = list(listing.notes)
    reports: list[FileReport] = []
    frames: dict[str, list[tuple[FileReport, pl.DataFrame]]] = {name: [] for name in EXPORTS}
    quarantined: list[pl.DataFrame] = []
    for path, problem in listing.problems:
        if _rule(manifest, path).ignore:
            notes.append(f"{path}: left aside by the manifest")
        else:
            reports.append(FileReport(path, problem=problem))
    for found in listing.files:
        rule = _rule(manifest, found.path)
        if rule.ignore:
            notes.append(f"{found.path}: left aside by the manifest")
            continue
        report, frame, broken = read_file(found, rule)
        reports.append(report)
        if report.export is not None and frame is not None:
            frames[report.export].append((report, frame))
            quarantined.append(broken)
    _raise_problems(reports, folder, strict=strict)
    notes.extend(_repeated(reports))
    notes.extend(
        f"{path}: named in the manifest, not in the folder"
        for path in _unmet(manifest, reports, notes)
    )
    reports.sort(key=_file_order)
    empty = empty_frames()
    return ExportSet(
        frames={name: _join(name, parts, empty[name]) for name, parts in frames.items()},
        quarantine=pl.concat([pl.DataFrame(schema=QUARANTINE_SCHEMA), *quarantined]),
        files=reports,
        notes=notes,
    )


def read_file(
    found: Found, rule: FileRule | None = None
) -> tuple[FileReport, pl.DataFrame | None, pl.DataFrame]:
    """Read one file: its report, its frame (None if the report has a problem), its quarantine."""
    rule = rule or FileRule()
    name = parse_name(found.path)
    report = FileReport(found.path, extract_date=name.date, stamp=name.stamp)
    if name.note:
        report.notes.append(name.note)
    nothing = pl.DataFrame(schema=QUARANTINE_SCHEMA)
    try:
        with local_file(found) as file, encodings.mapped(file) as buffer:
            frame, broken = _read(buffer, report, rule)
    except ExportError as problem:
        report.problem = problem
        report.rows = report.quarantined = 0
        return report, None, nothing
    return report, frame, broken


def _read(
    buffer: encodings.Buffer, report: FileReport, rule: FileRule
) -> tuple[pl.DataFrame, pl.DataFrame]:
    path = report.path
    report.bytes = len(buffer)
    report.sha256 = _sha256(buffer)
    if not len(buffer):
        raise ExportError(
            "the file is empty (0 bytes)",
            file=path,
            next_step="Export it from Kartra again, or remove it from the folder.",
        )
    refuse_other_formats(buffer, path)
    encoding = (
        encodings.checked(buffer, rule.encoding, path)
        if rule.encoding
        else encodings.detect(buffer, path)
    )
    report.encoding, report.encoding_assumed = encoding.name, encoding.assumed
    if encoding.note:
        report.notes.append(encoding.note)
    with encodings.as_utf8(buffer, encoding, path) as (text, start):
        head = read_head(text, start, path, rule.delimiter)
        report.delimiter, report.line_ending = head.delimiter, head.line_ending
        report.notes.extend(head.notes)
        export = _export(head.headers, path, rule)
        mapping = map_headers(head.headers, export)
        report.export = export.name
        report.header_columns = list(head.headers)
        report.currency = mapping.currency
        report.notes.extend(mapping.notes)
        frame, broken = read_rows(text, head, mapping.names)
    spare = [
        column
        for column, header in zip(mapping.names, head.headers, strict=True)
        if not header.strip() and frame[column].null_count() == frame.height
    ]
    frame = frame.drop(spare)
    report.unknown_columns = [column for column in mapping.unknown if column not in spare]
    report.rows, report.quarantined = frame.height, broken.height
    return _dressed(frame, export, report), broken.select(
        pl.lit(export.name).alias("export"),
        pl.lit(path).alias("source_file"),
        *[column for column in QUARANTINE_SCHEMA if column not in {"export", "source_file"}],
    )


def _export(headers: list[str], path: str, rule: FileRule) -> Export:
    if rule.export is None:
        return recognise(headers, path)
    export = EXPORTS[rule.export]
    require(headers, path, export)
    return export


def _dressed(frame: pl.DataFrame, export: Export, report: FileReport) -> pl.DataFrame:
    """The frame with the columns that every file of its export has, in their order."""
    schema = raw_schema(export.name)
    given: dict[str, pl.Expr] = {
        CURRENCY: pl.lit(report.currency, pl.String),
        EXTRACT_DATE: pl.lit(report.extract_date, pl.Date),
        LINEAGE[0]: pl.lit(report.path, pl.String),
    }
    present = set(frame.columns)
    columns: list[pl.Expr] = []
    for column, dtype in schema.items():
        if column in present:
            columns.append(pl.col(column))
        else:
            columns.append(given.get(column, pl.lit(None, dtype)).alias(column))
    own = len(export.columns)
    unknown = [pl.col(column) for column in frame.columns if column.startswith(UNKNOWN_PREFIX)]
    return frame.select(*columns[:own], *unknown, *columns[own:])


def _join(
    export: str, parts: list[tuple[FileReport, pl.DataFrame]], empty: pl.DataFrame
) -> pl.DataFrame:
    """All files of an export below each other, oldest extract first."""
    if not parts:
        return empty
    parts = sorted(parts, key=lambda part: _file_order(part[0]))
    frame = pl.concat([part for _, part in parts], how="diagonal")
    own = EXPORTS[export].column_names
    tail = [column for column in empty.columns if column not in own]
    unknown = [column for column in frame.columns if column.startswith(UNKNOWN_PREFIX)]
    return frame.select(*own, *unknown, *tail)


def _file_order(report: FileReport) -> tuple[str, str, str]:
    """By the day of the extract, then Kartra's own clock, then the path; undated ones first."""
    day = report.extract_date.isoformat() if report.extract_date else ""
    return day, report.stamp or "", report.path


def _rule(manifest: Manifest, path: str) -> FileRule:
    return manifest.get(path, FileRule())


def _sha256(buffer: encodings.Buffer) -> str:
    digest = hashlib.sha256()
    view = memoryview(buffer)
    try:
        for start in range(0, len(view), _HASH_CHUNK):
            digest.update(view[start : start + _HASH_CHUNK])
    finally:
        view.release()
    return digest.hexdigest()


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


def _unmet(manifest: Manifest, reports: list[FileReport], notes: list[str]) -> list[str]:
    met = {report.path for report in reports} | {note.partition(":")[0] for note in notes}
    return [path for path in manifest if path not in met]
