"""Notes on contacts, from a file that people assemble by hand."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.prepare.codes import clean_id
from kartra_sf_pipeline.prepare.contact_lookup import contact_lookup
from kartra_sf_pipeline.prepare.dates import parse_datetime
from kartra_sf_pipeline.prepare.dispositions import (
    QUARANTINE,
    ROW,
    Rule,
    dispose,
    newest_rows,
    older_extract,
    unreadable_value,
)
from kartra_sf_pipeline.prepare.nulls import clean, tidy_lines
from kartra_sf_pipeline.prepare.stable_keys import with_key
from kartra_sf_pipeline.prepare.wording import worded


def prepare_notes(
    raw: pl.DataFrame,
    contacts_unified: pl.DataFrame,
    *,
    zone: str,
) -> pl.DataFrame:
    """`notes_prepared`: one row per raw row, each with one disposition.

    `created_on` is the day in `zone`. `note_key` is `N<note id>`, else a hash of person, time and
    text. A note without a date is kept; a date that cannot be read holds the row back.
    """
    facts = raw.select(
        clean_id(pl.col("note_id")),
        clean_id(pl.col("contact_id")),
        clean(pl.col("contact_email")),
        parse_datetime(pl.col("created_at"), zone).alias("created_at"),
        clean(pl.col("author")),
        tidy_lines(pl.col("note")),
        "extract_date",
        "source_file",
        "source_line",
        pl.col("^x__.*$"),
    ).with_row_index(ROW)
    facts = facts.with_columns(
        unreadable_value(raw, facts, {"created_at": "created_at"}).alias("_bad_date"),
        _when=pl.col("created_at").dt.epoch("us").cast(pl.String),
    )
    facts = contact_lookup(contacts_unified).resolve(
        facts, email="contact_email", lead_id="contact_id"
    )
    facts = with_key(
        facts.with_columns(
            pl.col("created_at").dt.convert_time_zone(zone).dt.date().alias("created_on")
        ),
        "note_key",
        own=worded("N{}", pl.col("note_id")),
        content=["contact_key", "_when", "note"],
    )
    problems = [
        Rule(pl.col("note").is_null(), QUARANTINE, "empty_note", pl.lit("The note has no text.")),
        Rule(pl.col("_bad_date").is_not_null(), QUARANTINE, "bad_date", pl.col("_bad_date")),
        Rule(
            pl.col("contact_key").is_null(),
            QUARANTINE,
            "contact_not_found",
            pl.lit("Neither the row's contact id nor its e-mail address is among the contacts."),
        ),
    ]
    sound = ~pl.any_horizontal([problem.when for problem in problems])
    facts = newest_rows(facts, "note_key", among=sound)
    return dispose(facts, [*problems, older_extract()]).select(
        "note_key",
        "note_id",
        "contact_key",
        "contact_evidence",
        "created_at",
        "created_on",
        "author",
        "note",
        pl.col("^x__.*$"),
        "extract_date",
        "source_file",
        "source_line",
        "disposition",
        "reason",
        "detail",
    )
