"""Attachments, and notes that stay notes, as files.

The content stays where it is: `content` says where, `text:` and the HTML of a note, or `file:` and
the path below the attachments folder. It is read when the file is sent.
"""

from __future__ import annotations

import hashlib
from typing import Final

import polars as pl

from kartra_sf_pipeline.mapping.rows.choices import Choices, Frames
from kartra_sf_pipeline.mapping.rows.lineage import LINEAGE

FILES: Final = ("notes_prepared", "activities_prepared", "attachments_prepared")
TEXT, FILE = "text:", "file:"
"""What a reference to a content begins with."""
CARRIED: Final = ("_size", "_sha256")
"""Bytes and SHA-256 of the content as it was planned, for the loader to hold against it."""

_TITLE: Final = 120
_UNFIT: Final = r'[\\/:*?"<>|\x00-\x1f\s]+'


def file_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Notes where the map keeps them as notes, then attachments where it takes files."""
    chosen = choices.field_map.strategies
    # What is not chosen is not read either, but for its columns.
    notes_kept = _when(frames, "notes_prepared", chosen.notes == "content_note")
    told = _when(frames, "activities_prepared", chosen.notes == "content_note")
    written = notes(notes_kept, told)
    attached = attachments(_when(frames, "attachments_prepared", chosen.files))
    return pl.concat([written, attached], how="diagonal_relaxed")


def _when(frames: Frames, name: str, chosen: bool) -> pl.DataFrame:
    return (frames[name] if chosen else frames[name].head(0)).collect()


def notes(prepared: pl.DataFrame, activities: pl.DataFrame) -> pl.DataFrame:
    """One note file per note of the notes export and of the activities file."""
    own = prepared.filter(pl.col("disposition") == "keep").select(
        "contact_key",
        "created_at",
        *LINEAGE,
        file_key="note_key",
        owner="author",
        title=pl.lit(None, pl.String),
        text="note",
    )
    told = activities.filter((pl.col("disposition") == "keep") & (pl.col("type") == "note")).select(
        "contact_key",
        "created_at",
        *LINEAGE,
        file_key="activity_key",
        owner="owner",
        title="subject",
        text=pl.coalesce("body", "subject"),
    )
    rows = pl.concat([own, told])
    first = pl.col("text").str.split("\n").list.first().str.strip_chars()
    title = pl.coalesce("title", first).str.slice(0, _TITLE).str.strip_chars()
    rows = rows.with_columns(
        title=pl.when(title.str.len_chars() > 0).then(title).otherwise(pl.lit("Note")),
        content=pl.lit(TEXT) + _html(pl.col("text")),
    )
    name = pl.col("title").str.replace_all(_UNFIT, " ").str.strip_chars(" .")
    return _with_sums(
        rows.with_columns(
            file_name=pl.when(name == "").then(pl.lit("Note")).otherwise(name) + ".snote",
            description=pl.lit(None, pl.String),
        ).drop("text")
    )


def attachments(prepared: pl.DataFrame) -> pl.DataFrame:
    """One file per row of the manifest that is kept."""
    name = pl.col("path").str.split("/").list.last()
    bare = name.str.replace(r"(.)\.[^.]+$", "${1}")
    return prepared.filter(pl.col("disposition") == "keep").select(
        "file_key",
        "contact_key",
        "created_at",
        *LINEAGE,
        pl.col("^x__.*$"),
        "description",
        title=pl.coalesce("title", bare),
        owner=pl.lit(None, pl.String),
        file_name=name,
        content=pl.lit(FILE) + pl.col("path"),
        _size="size",
        _sha256="sha256",
    )


def _html(text: pl.Expr) -> pl.Expr:
    """A text as a note shows it: a paragraph per line, nothing of it taken for markup."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.str.replace_all(sign, entity, literal=True)
    lines = text.str.replace_all("'", "&#39;", literal=True).str.replace_all("\n", "</p><p>")
    return pl.lit("<p>") + lines + "</p>"


def _with_sums(rows: pl.DataFrame) -> pl.DataFrame:
    contents = [text.removeprefix(TEXT).encode() for text in rows["content"]]
    return rows.with_columns(
        pl.Series("_size", [len(content) for content in contents], dtype=pl.Int64),
        pl.Series(
            "_sha256",
            [hashlib.sha256(content).hexdigest() for content in contents],
            dtype=pl.String,
        ),
    )
