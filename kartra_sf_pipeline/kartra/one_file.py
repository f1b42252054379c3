"""Reading one file: what it is, and its records in batches of its export's schema."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

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
from kartra_sf_pipeline.kartra.files import Found, local_file
from kartra_sf_pipeline.kartra.head import read_head, refuse_other_formats
from kartra_sf_pipeline.kartra.headers import map_headers
from kartra_sf_pipeline.kartra.manifest import FileRule
from kartra_sf_pipeline.kartra.model import QUARANTINE_SCHEMA, FileReport, raw_schema
from kartra_sf_pipeline.kartra.naming import parse_name
from kartra_sf_pipeline.kartra.recognise import recognise, require
from kartra_sf_pipeline.kartra.rows import iter_rows

_HASH_CHUNK = 4 << 20

Sink = Callable[[FileReport, pl.DataFrame], None]


def read_file(found: Found, rule: FileRule, sink: Sink) -> tuple[FileReport, pl.DataFrame]:
    """Read a file, handing its batches to `sink`; its report and its quarantine.

    A batch has the columns of `raw_schema` and the file's `x__` ones. What cannot be read at all
    gives a report with a `problem`, and no batch.
    """
    name = parse_name(found.path)
    report = FileReport(found.path, extract_date=name.date, stamp=name.stamp)
    if name.note:
        report.notes.append(name.note)
    try:
        with local_file(found) as file, encodings.mapped(file) as buffer:
            return report, _read(buffer, report, rule, sink)
    except ExportError as problem:
        report.problem = problem
    except OSError as error:
        report.problem = ExportError(
            f"the file cannot be opened ({error.strerror or error})",
            file=found.path,
            next_step="Let the user who runs this read it, or remove it from the folder.",
        )
    return report, pl.DataFrame(schema=QUARANTINE_SCHEMA)


def _read(buffer: encodings.Buffer, report: FileReport, rule: FileRule, sink: Sink) -> pl.DataFrame:
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
        # A spreadsheet's idle columns: no header, and as it turns out, no cell.
        idle = {
            column
            for column, header in zip(mapping.names, head.headers, strict=True)
            if not header.strip()
        }
        broken = [pl.DataFrame(schema=QUARANTINE_SCHEMA)]
        for rows, aside in iter_rows(text, head, mapping.names):
            idle = {column for column in idle if rows[column].null_count() == rows.height}
            report.rows += rows.height
            report.quarantined += aside.height
            broken.append(_lineage(aside, export, path))
            if rows.height:
                sink(report, _dressed(rows, export, report))
    report.idle_columns = sorted(idle)
    report.unknown_columns = [column for column in mapping.unknown if column not in idle]
    return pl.concat(broken)


def _export(headers: list[str], path: str, rule: FileRule) -> Export:
    if rule.export is None:
        return recognise(headers, path)
    export = EXPORTS[rule.export]
    require(headers, path, export)
    return export


def _lineage(aside: pl.DataFrame, export: Export, path: str) -> pl.DataFrame:
    return aside.with_columns(
        pl.lit(export.name).alias("export"), pl.lit(path).alias("source_file")
    ).select(list(QUARANTINE_SCHEMA))


def _dressed(rows: pl.DataFrame, export: Export, report: FileReport) -> pl.DataFrame:
    """The rows with the columns that every file of their export has, in their order."""
    given: dict[str, pl.Expr] = {
        CURRENCY: pl.lit(report.currency, pl.String),
        EXTRACT_DATE: pl.lit(report.extract_date, pl.Date),
        LINEAGE[0]: pl.lit(report.path, pl.String),
    }
    present = set(rows.columns)
    columns = [
        pl.col(column)
        if column in present
        else given.get(column, pl.lit(None, dtype)).alias(column)
        for column, dtype in raw_schema(export.name).items()
    ]
    own = len(export.columns)
    unknown = [pl.col(column) for column in rows.columns if column.startswith(UNKNOWN_PREFIX)]
    return rows.select(*columns[:own], *unknown, *columns[own:])


def _sha256(buffer: encodings.Buffer) -> str:
    digest = hashlib.sha256()
    view = memoryview(buffer)
    try:
        for start in range(0, len(view), _HASH_CHUNK):
            digest.update(view[start : start + _HASH_CHUNK])
    finally:
        view.release()
    return digest.hexdigest()
