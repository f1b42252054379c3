"""Files that belong to contacts, from the attachments folder and its manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.attached_files import AttachmentsFolder, Looked
from kartra_sf_pipeline.prepare.codes import clean_id
from kartra_sf_pipeline.prepare.contact_lookup import contact_lookup
from kartra_sf_pipeline.prepare.dates import parse_datetime
from kartra_sf_pipeline.prepare.dispositions import (
    MERGE,
    QUARANTINE,
    ROW,
    Rule,
    dispose,
    newest_rows,
    superseded,
    unreadable_value,
)
from kartra_sf_pipeline.prepare.nulls import clean, tidy, tidy_lines
from kartra_sf_pipeline.prepare.stable_keys import with_key
from kartra_sf_pipeline.prepare.wording import worded

FILES_SCHEMA: Final = {"file": pl.String, "size": pl.Int64, "named": pl.Boolean}
_LOOKED: Final = {
    "path": pl.String,
    "size": pl.Int64,
    "sha256": pl.String,
    "_held": pl.String,
    "_why": pl.String,
}


def prepare_attachments(
    raw: pl.DataFrame, contacts_unified: pl.DataFrame, exports: Path, *, zone: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`(attachments_prepared, attachment_files)`.

    The first has one row per row of the manifest, each with one disposition. `path` leads to the
    file from the attachments folder; `size` and `sha256` are its content's, as it was read now.
    `file_key` is `F` and a hash of person, path and content: another content is another file. The
    second has one row per file of the folder (`FILES_SCHEMA`), `named` where a row names it.
    """
    folder = AttachmentsFolder(exports)
    facts = raw.select(
        tidy(pl.col("file")).alias("file"),
        clean_id(pl.col("contact_id")),
        clean(pl.col("contact_email")),
        tidy(clean(pl.col("title"))).alias("title"),
        tidy_lines(pl.col("description")),
        parse_datetime(pl.col("date"), zone).alias("created_at"),
        "extract_date",
        "source_file",
        "source_line",
        pl.col("^x__.*$"),
    ).with_row_index(ROW)
    facts = facts.with_columns(
        unreadable_value(raw, facts, {"created_at": "date"}).alias("_bad_date"),
        *_looked(facts["file"], folder),
    )
    facts = contact_lookup(contacts_unified).resolve(
        facts, email="contact_email", lead_id="contact_id"
    )
    facts = with_key(
        facts,
        "file_key",
        own=pl.lit(None, pl.String),
        content=["contact_key", "path", "sha256"],
        prefix="F",
    )
    problems = [
        Rule(
            pl.col("file").is_null(),
            QUARANTINE,
            "file_not_named",
            pl.lit("The row names no file."),
        ),
        *(_held(reason) for reason in facts["_held"].drop_nulls().unique().sort()),
        Rule(pl.col("_bad_date").is_not_null(), QUARANTINE, "bad_date", pl.col("_bad_date")),
        Rule(
            pl.col("contact_key").is_null(),
            QUARANTINE,
            "contact_not_found",
            pl.lit("Neither the row's contact id nor its e-mail address is among the contacts."),
        ),
    ]
    sound = ~pl.any_horizontal([problem.when.fill_null(False) for problem in problems])
    facts = newest_rows(facts, "file_key", among=sound)
    twice = Rule(
        superseded(), MERGE, "listed_twice", worded("The same file is in {}.", "newest_place")
    )
    prepared = dispose(facts, [*problems, twice]).select(
        "file_key",
        "file",
        "path",
        "size",
        "sha256",
        "title",
        "description",
        "created_at",
        "contact_key",
        "contact_evidence",
        pl.col("^x__.*$"),
        "extract_date",
        "source_file",
        "source_line",
        "disposition",
        "reason",
        "detail",
    )
    return prepared, _files(folder, prepared["path"])


def _held(reason: str) -> Rule:
    return Rule(pl.col("_held") == reason, QUARANTINE, reason, pl.col("_why"))


def _looked(named: pl.Series, folder: AttachmentsFolder) -> list[pl.Series]:
    found: dict[str, Looked] = {name: folder.look(name) for name in named.drop_nulls().unique()}
    rows = [found.get(name, Looked()) for name in named]
    table = pl.DataFrame(
        [(row.path, row.size, row.sha256, row.reason, row.detail) for row in rows],
        schema=_LOOKED,
        orient="row",
    )
    return table.get_columns()


def _files(folder: AttachmentsFolder, named: pl.Series) -> pl.DataFrame:
    known = set(named.drop_nulls())
    there = [(path, size, path in known) for path, size in folder.files.items()]
    return pl.DataFrame(there, schema=FILES_SCHEMA, orient="row")
