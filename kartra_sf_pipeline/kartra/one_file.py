"""Reading one file: first what it is, then its records in batches of its export's schema."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra import encoding as encodings
from kartra_sf_pipeline.kartra.aside import Aside
from kartra_sf_pipeline.kartra.damage import Damage
from kartra_sf_pipeline.kartra.exports import (
    CURRENCY,
    EXPORTS,
    EXTRACT_DATE,
    LINEAGE,
    Export,
)
from kartra_sf_pipeline.kartra.files import Found, Unpacked
from kartra_sf_pipeline.kartra.head import Head, read_head, refuse_other_formats
from kartra_sf_pipeline.kartra.headers import HeaderMap, map_headers
from kartra_sf_pipeline.kartra.manifest import FileRule
from kartra_sf_pipeline.kartra.model import QUARANTINE_SCHEMA, FileReport
from kartra_sf_pipeline.kartra.naming import parse_name
from kartra_sf_pipeline.kartra.recognise import recognise, require
from kartra_sf_pipeline.kartra.rows import Batch, NotUtf8, iter_rows
from kartra_sf_pipeline.kartra.separators import DELIMITERS, JOINED, chosen, counted

_HASH_CHUNK = 4 << 20


@dataclass
class Opened:
    """A file whose header has been read.

    `names` are its columns in the frame, in the order of the file; `aside` gathers, as its rows are
    read, those that cannot be. `separators` are what the manifest says that joins names, by column.
    """

    found: Found
    report: FileReport
    export: Export
    encoding: encodings.Encoding
    head: Head
    mapping: HeaderMap
    idle: set[str]
    aside: Aside
    separators: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The file's columns as the frame calls them."""
        return self.mapping.names


def open_file(
    found: Found, rule: FileRule, unpacked: Unpacked, *, thorough: bool = False
) -> Opened | FileReport:
    """Find out what a file is; its report alone, with a `problem`, if it cannot be read.

    The encoding is taken from the file's beginning unless it must be `thorough`.
    """
    name = parse_name(found.path)
    report = FileReport(found.path, extract_date=name.date, stamp=name.stamp)
    if name.note:
        report.notes.append(name.note)
    try:
        with encodings.mapped(unpacked.path(found)) as buffer:
            return _open(buffer, found, rule, report, unpacked, thorough=thorough)
    except ExportError as problem:
        report.problem = problem
    except OSError as error:
        report.problem = cannot_open(found, error)
    return report


def cannot_open(found: Found, error: OSError) -> ExportError:
    """The error of a file that the system does not give."""
    return ExportError(
        f"the file cannot be opened ({error.strerror or error})",
        file=found.path,
        next_step="Let the user who runs this read it, or remove it from the folder.",
    )


def read_batches(
    opened: Opened, unpacked: Unpacked, schema: dict[str, type[pl.DataType]]
) -> Iterator[pl.DataFrame]:
    """The file's rows with the columns of `schema`; completes its report when it is through.

    Raises ExportError or OSError where it cannot be read after all, and NotUtf8 when it must be
    opened again, thoroughly.
    """
    report = opened.report
    columns = _columns(opened, schema)
    damage = Damage(opened.export.name, opened.names, opened.head.delimiter)
    joined = [
        name
        for name in JOINED.get(opened.export.name, ())
        if name in opened.names and name not in opened.separators
    ]
    marks: dict[str, Counter[str]] = {name: Counter() for name in joined}
    digest = hashlib.sha256()
    with encodings.mapped(unpacked.path(opened.found)) as buffer:
        hashed = 0
        with encodings.as_utf8(buffer, opened.encoding, report.path) as (text, _):
            for batch in iter_rows(text, opened.head, opened.names, proven=opened.encoding.proven):
                if text is buffer:
                    # While the bytes are still at hand.
                    _digest(digest, buffer, hashed, batch.block.stop)
                    hashed = batch.block.stop
                encodings.release(text, batch.block.stop)
                rows = batch.rows
                opened.idle = {
                    name for name in opened.idle if rows[name].null_count() == rows.height
                }
                for name, counts in marks.items():
                    counts.update(counted(rows[name]))
                broken = damage.look(rows)
                aside = batch.aside
                if broken is not None:
                    damaged = _damaged(batch, broken).select(aside.columns)
                    aside = pl.concat([aside, damaged]).sort("source_line", maintain_order=True)
                    rows = rows.filter(~broken)
                opened.aside.add(_lineage(aside, opened))
                if rows.height:
                    report.rows += rows.height
                    yield rows.select(columns)
        _digest(digest, buffer, hashed, len(buffer))
    _complete(opened, digest.hexdigest(), damage, marks)


def _open(
    buffer: encodings.Buffer,
    found: Found,
    rule: FileRule,
    report: FileReport,
    unpacked: Unpacked,
    *,
    thorough: bool,
) -> Opened:
    path = report.path
    report.bytes = len(buffer)
    if not len(buffer):
        raise ExportError(
            "the file is empty (0 bytes)",
            file=path,
            next_step="Export it from Kartra again, or remove it from the folder.",
        )
    refuse_other_formats(buffer, path)
    detect = encodings.detect if thorough else encodings.first_look
    encoding = (
        encodings.checked(buffer, rule.encoding, path) if rule.encoding else detect(buffer, path)
    )
    report.encoding, report.encoding_assumed = encoding.name, encoding.assumed
    if encoding.note:
        report.notes.append(encoding.note)
    with encodings.head_as_utf8(buffer, encoding, path) as (text, start):
        head = read_head(text, start, path, rule.delimiter)
    report.delimiter, report.line_ending = head.delimiter, head.line_ending
    report.notes.extend(head.notes)
    export = _export(head.headers, path, rule)
    mapping = map_headers(head.headers, export)
    report.export = export.name
    report.header_columns = list(head.headers)
    report.currency = mapping.currency
    report.notes.extend(mapping.notes)
    # A spreadsheet's idle columns: no header, and as it may turn out, no cell.
    idle = {
        column
        for column, header in zip(mapping.names, head.headers, strict=True)
        if not header.strip()
    }
    return Opened(found, report, export, encoding, head, mapping, idle, Aside(unpacked.room))


def _export(headers: list[str], path: str, rule: FileRule) -> Export:
    if rule.export is None:
        return recognise(headers, path)
    export = EXPORTS[rule.export]
    require(headers, path, export)
    return export


def _columns(opened: Opened, schema: dict[str, type[pl.DataType]]) -> list[pl.Expr]:
    """The columns that every file of the export has, in their order."""
    report = opened.report
    given: dict[str, pl.Expr] = {
        CURRENCY: pl.lit(report.currency, pl.String),
        EXTRACT_DATE: pl.lit(report.extract_date, pl.Date),
        LINEAGE[0]: pl.lit(report.path, pl.String),
    }
    present = {*opened.names, LINEAGE[1]}
    return [
        pl.col(column)
        if column in present
        else given.get(column, pl.lit(None, dtype)).alias(column)
        for column, dtype in schema.items()
    ]


def _lineage(aside: pl.DataFrame, opened: Opened) -> pl.DataFrame:
    return aside.with_columns(
        pl.lit(opened.export.name).alias("export"),
        pl.lit(opened.report.path).alias("source_file"),
    ).select(list(QUARANTINE_SCHEMA))


def _damaged(batch: Batch, broken: pl.Series) -> pl.DataFrame:
    lines = batch.rows[LINEAGE[1]].filter(broken)
    raw = [
        batch.block.record(index).decode("utf-8", "replace")
        for index in broken.arg_true().to_list()
    ]
    return pl.DataFrame({LINEAGE[1]: lines, "raw": pl.Series(raw, dtype=pl.String)}).with_columns(
        pl.lit("damaged_id").alias("reason"),
        pl.lit("a spreadsheet has changed the number that the row is known by").alias("detail"),
    )


def _complete(opened: Opened, digest: str, damage: Damage, marks: dict[str, Counter[str]]) -> None:
    report = opened.report
    report.sha256 = digest
    report.quarantined = opened.aside.rows
    report.idle_columns = sorted(opened.idle)
    report.unknown_columns = [name for name in opened.mapping.unknown if name not in opened.idle]
    report.damage = damage.findings(report.path, report.rows + report.quarantined)
    report.notes.extend(_said(found) for found in report.damage.iter_rows(named=True))
    for name, mark in opened.separators.items():
        if name in opened.names:
            report.separators[name] = mark
        else:
            report.notes.append(
                f"the manifest names a separator for {name}, which the file has not"
            )
    filled = {name: counts for name, counts in marks.items() if counts.total()}
    if not filled:
        return
    choice = chosen(
        pl.DataFrame(
            [
                {"column": name, **{m: counts[m] for m in DELIMITERS}}
                for name, counts in filled.items()
            ]
        )
    )
    for found in choice.iter_rows(named=True):
        report.separators[found["column"]] = found["delimiter"]
        if found["ambiguous"]:
            report.notes.append(
                f"{found['column']} are taken to be joined by {found['delimiter']!r}, "
                "but another delimiter recurs in them, too"
            )


def _said(found: dict[str, Any]) -> str:
    rows = "1 row" if found["rows"] == 1 else f"{found['rows']} rows"
    place = f" in {found['column']}" if found["column"] else ""
    return f"{rows}: {found['kind'].replace('_', ' ')}{place}. {found['what_to_do']}"


def _digest(digest: hashlib._Hash, buffer: encodings.Buffer, start: int, stop: int) -> None:
    with memoryview(buffer) as view:
        for place in range(start, stop, _HASH_CHUNK):
            with view[place : min(stop, place + _HASH_CHUNK)] as part:
                digest.update(part)


__all__ = ["NotUtf8", "Opened", "cannot_open", "open_file", "read_batches"]
