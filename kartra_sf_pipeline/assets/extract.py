"""Extract: a folder of Kartra exports becomes one raw frame per export."""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import DATA_ENGINEERING, EXTRACT
from kartra_sf_pipeline.assets.previews import PREVIEW_ROWS, counts, preview, table
from kartra_sf_pipeline.io import StoredFrame
from kartra_sf_pipeline.kartra.exports import EXPORTS
from kartra_sf_pipeline.kartra.model import FilesRead, SpooledSet
from kartra_sf_pipeline.kartra.reader import spool_folder
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
    "activities": "Calls, e-mails, meetings, tasks and notes, from a hand-assembled file.",
    "attachments": "The manifest of the attachments folder: which file belongs to whom.",
    "account_team": "Who works which account, from a hand-assembled file.",
    "opportunity_team": "Who works which opportunity, from a hand-assembled file.",
    "territories": "Which territory an account is in, from a hand-assembled file.",
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
        "spreadsheet_damage": _out(
            "What a spreadsheet has spoilt in the files: column, kind, rows, what to do."
        ),
        "export_files": _out("Each file read: encoding, delimiter, rows, hash, unknown columns."),
    },
)
def kartra_exports(settings: RunSettings) -> Iterator[dg.Output[StoredFrame | pl.DataFrame]]:
    """Reads the folder once, block by block into files, and yields every export."""
    given = settings.load()
    folder = given.exports_folder()
    with tempfile.TemporaryDirectory(dir=_beside(given.frames_folder())) as spool:
        read = spool_folder(folder, Path(spool))
        for export in EXPORTS:
            yield dg.Output(
                StoredFrame(read.paths[export]),
                output_name=f"raw_{export}",
                metadata=_about(read, export),
            )
        # Only the reasons: the text of what was set aside may be as large as the exports.
        reasons = read.quarantine.select("reason").collect()
        yield dg.Output(
            StoredFrame(read.quarantine_path),
            output_name="quarantine",
            metadata={"rows": reasons.height, "by_reason": counts(reasons, "reason")},
        )
    damage = read.damage
    yield dg.Output(
        damage,
        output_name="spreadsheet_damage",
        metadata={"rows": int(damage["rows"].sum()), "findings": table(damage)},
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


def file_frame(read: FilesRead) -> pl.DataFrame:
    """One row per file that was read."""
    return pl.DataFrame(
        [
            {
                "file": report.path,
                "export": report.export,
                "rows": report.rows,
                "quarantined": report.quarantined,
                "encoding": report.encoding,
                "encoding_assumed": report.encoding_assumed,
                "delimiter": report.delimiter,
                "line_ending": report.line_ending,
                "tag_separator": report.separators.get("tags"),
                "list_separator": report.separators.get("lists"),
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
            "encoding_assumed": pl.Boolean,
            "delimiter": pl.String,
            "line_ending": pl.String,
            "tag_separator": pl.String,
            "list_separator": pl.String,
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


def _beside(frames: str) -> str | None:
    """A folder on the disk that the frames go to, where moving a file costs nothing."""
    if "://" in frames:
        return None
    Path(frames).mkdir(parents=True, exist_ok=True)
    return frames


def _about(read: SpooledSet, export: str) -> dict[str, Any]:
    files = read.files_of(export)
    about: dict[str, Any] = {
        "rows": sum(report.rows for report in files),
        "files": len(files),
        "quarantined": sum(report.quarantined for report in files),
        "preview": preview(read.frames[export].head(PREVIEW_ROWS).collect()),
    }
    if not files:
        about["note"] = "No file of this export is in the folder: the frame is empty."
    unknown = sorted({column for report in files for column in report.unknown_columns})
    if unknown:
        about["unknown_columns"] = ", ".join(unknown)
    return about
