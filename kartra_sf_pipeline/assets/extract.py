"""Extract: a folder of Kartra exports becomes one raw frame per export."""

import hashlib
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import DATA_ENGINEERING, EXTRACT
from kartra_sf_pipeline.assets.previews import counts, preview, table
from kartra_sf_pipeline.kartra.exports import EXPORTS
from kartra_sf_pipeline.kartra.model import ExportSet
from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.resources import RunSettings

_WHAT = {
    "contacts": "Contacts as exported, all part files together.",
    "companies": "A separate company export, where one was made.",
    "transactions": "One row per billing event.",
    "subscriptions": "One row per recurring payment plan.",
    "affiliates": "Affiliates with what they earned and were paid.",
    "calendar_bookings": "Appointments, from hand-assembled files.",
    "custom_fields": "The account's custom-field schema.",
    "notes": "Notes about contacts.",
    "sequences": "Inventory of automation sequences: never moved as data.",
    "lists": "The account's lists.",
}


def _out(description: str) -> dg.AssetOut:
    return dg.AssetOut(
        description=description,
        group_name=EXTRACT,
        kinds={"csv", "polars"},
        owners=DATA_ENGINEERING,
    )


@dg.multi_asset(
    outs={
        **{
            f"raw_{export}": _out(f"{_WHAT[export]} Text as it stands, with its file and line.")
            for export in EXPORTS
        },
        "quarantine": _out("Records that cannot be read safely: file, line, reason, raw text."),
        "export_files": _out("Each file read: encoding, delimiter, rows, hash, unknown columns."),
    },
)
def kartra_exports(settings: RunSettings) -> Iterator[dg.Output[pl.DataFrame]]:
    """Reads the folder once and yields every export."""
    folder = settings.load().exports_folder()
    read = read_folder(folder)
    for export in EXPORTS:
        yield dg.Output(
            read.frames[export], output_name=f"raw_{export}", metadata=_about(read, export)
        )
    yield dg.Output(
        read.quarantine,
        output_name="quarantine",
        metadata={"rows": read.quarantine.height, "by_reason": counts(read.quarantine, "reason")},
    )
    files = file_frame(read)
    shown = files.select("file", "export", "rows", "quarantined", "encoding", "extract_date")
    yield dg.Output(
        files,
        output_name="export_files",
        metadata={
            "folder": dg.MetadataValue.path(str(folder)),
            "files": table(shown),
            "notes": "\n".join(read.notes) or "none",
        },
    )


def file_frame(read: ExportSet) -> pl.DataFrame:
    """One row per file that was read."""
    return pl.DataFrame(
        [
            {
                "file": report.path,
                "export": report.export,
                "rows": report.rows,
                "quarantined": report.quarantined,
                "encoding": report.encoding,
                "delimiter": report.delimiter,
                "currency": report.currency,
                "extract_date": report.extract_date,
                "sha256": report.sha256,
                "unknown_columns": ", ".join(report.unknown_columns),
                "notes": "; ".join(report.notes),
            }
            for report in read.files
        ],
        schema={
            "file": pl.String,
            "export": pl.String,
            "rows": pl.Int64,
            "quarantined": pl.Int64,
            "encoding": pl.String,
            "delimiter": pl.String,
            "currency": pl.String,
            "extract_date": pl.Date,
            "sha256": pl.String,
            "unknown_columns": pl.String,
            "notes": pl.String,
        },
    )


def exports_hash(files: pl.DataFrame) -> str:
    """One hash over the hashes of all files: which exports a run has read."""
    digests = sorted(files["sha256"].drop_nulls())
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _about(read: ExportSet, export: str) -> dict[str, Any]:
    frame = read.frames[export]
    files = read.files_of(export)
    about: dict[str, Any] = {
        "rows": frame.height,
        "files": len(files),
        "quarantined": sum(report.quarantined for report in files),
        "preview": preview(frame),
    }
    if not files:
        about["note"] = "No file of this export is in the folder: the frame is empty."
    unknown = sorted({column for report in files for column in report.unknown_columns})
    if unknown:
        about["unknown_columns"] = ", ".join(unknown)
    return about
