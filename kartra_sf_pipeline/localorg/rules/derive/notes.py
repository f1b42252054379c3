"""Notes: documents whose content is a piece of HTML."""

from __future__ import annotations

import re

import polars as pl

from kartra_sf_pipeline.localorg import contents
from kartra_sf_pipeline.localorg.rules.batch import Batch, keys
from kartra_sf_pipeline.localorg.rules.derive import files
from kartra_sf_pipeline.localorg.schema import AUDIT_FIELDS

_ENTITY = re.compile(r"&(#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")
_REFUSED = (
    "Note Can't Be Saved Because It Contains HTML Tags Or Unescaped Characters That Are Not "
    "Allowed In A Note."
)


def readable(markup: str) -> bool:
    """True for text that is escaped as HTML and has no tags but those of a note."""
    rest = _ENTITY.sub("", contents.TAG.sub("", markup))
    return not any(letter in rest for letter in "<>&")


def note(batch: Batch) -> None:
    """Content is base64 of escaped HTML."""
    given = batch.given("Content")
    if not given.any():
        return
    kept: list[str | None] = []
    for index, cell in enumerate(batch.value("Content")):
        here = pl.int_range(len(batch), eager=True) == index
        if cell is None:
            kept.append(None)
            continue
        try:
            key, body = contents.received(batch.connection, cell)
            markup = body.decode("utf-8")
        except ValueError as error:
            batch.fail(here, "JSON_PARSER_ERROR", f"Content is no base64 of a text: {error}")
            kept.append(None)
            continue
        if not readable(markup):
            batch.fail(here, "FIELD_INTEGRITY_EXCEPTION", _REFUSED, ["Content"])
        kept.append(contents.KEPT + key)
    batch.values["Content"] = pl.Series("Content", kept, dtype=pl.String)


def after_note(batch: Batch) -> None:
    """A new note or new content is a version; a new title or owner changes the latest one."""
    versions = batch.live & (batch.creating | batch.given("Content"))
    if versions.any():
        _put_versions(batch, versions)
    for name in ("Title", "OwnerId"):
        changed = batch.live & ~batch.creating & batch.given(name)
        for record_id, value in zip(
            batch.ids.filter(changed), batch.value(name).filter(changed), strict=True
        ):
            batch.connection.execute(
                f"UPDATE ContentDocument SET {name} = ? WHERE Id = ?", (value, record_id)
            )
            batch.connection.execute(
                f"UPDATE ContentVersion SET {name} = ? WHERE ContentDocumentId = ? "
                "AND IsLatest = 1",
                (value, record_id),
            )
    changed = batch.ids.filter(batch.live & ~batch.creating)
    batch.connection.execute(
        "UPDATE ContentDocument SET LastModifiedDate = ?, LastModifiedById = ?, "
        "SystemModstamp = ? WHERE Id IN (SELECT value FROM json_each(?))",
        (batch.now, batch.store.user_id, batch.now, keys(changed)),
    )


def _put_versions(batch: Batch, mask: pl.Series) -> None:
    """One version per row of the mask, with the title that the note has now."""
    held = pl.DataFrame(batch.look_up("ContentNote", batch.ids, ["Title", "OwnerId"]))
    columns = {
        "Title": batch.value("Title"),
        "OwnerId": batch.value("OwnerId"),
        "SharingPrivacy": batch.value("SharingPrivacy").fill_null("N"),
        "VersionData": batch.value("Content").fill_null(_empty(batch)),
        "ContentDocumentId": batch.ids,
        **{name: batch.value(name) for name in AUDIT_FIELDS},
    }
    frame = pl.DataFrame([s.alias(n) for n, s in columns.items()]).with_columns(
        pl.coalesce("Title", held["Title"]).alias("Title"),
        pl.coalesce("OwnerId", held["OwnerId"]).alias("OwnerId"),
    )
    frame = frame.filter(mask).with_columns(
        pl.format("{}.snote", pl.col("Title")).alias("PathOnClient"),
        pl.lit("S").alias("ContentLocation"),
        pl.lit("H").alias("Origin"),
    )
    sobject = batch.store.schema.object("ContentVersion")
    assert sobject is not None
    made = Batch(
        store=batch.store,
        connection=batch.connection,
        sobject=sobject,
        rows=pl.int_range(frame.height, eager=True, dtype=pl.UInt32),
        creating=pl.repeat(True, frame.height, dtype=pl.Boolean, eager=True),
        ids=batch.store.new_ids("ContentVersion", frame.height),
        now=batch.now,
        values={name: frame[name] for name in frame.columns},
    )
    files.version(made)
    stored = pl.DataFrame([s.alias(n) for n, s in made.values.items()]).with_columns(
        made.ids.alias("Id"),
        pl.col("CreatedDate").fill_null(batch.now),
        pl.col("CreatedById").fill_null(batch.store.user_id),
        pl.col("LastModifiedDate").fill_null(batch.now),
        pl.col("LastModifiedById").fill_null(batch.store.user_id),
        pl.lit(batch.now).alias("SystemModstamp"),
    )
    batch.store.insert_frame(batch.connection, "ContentVersion", stored)
    files.after_version(made)


def _empty(batch: Batch) -> str:
    return contents.KEPT + contents.keep(batch.connection, b"")
