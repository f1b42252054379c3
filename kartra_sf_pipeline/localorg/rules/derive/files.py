"""Files: versions, the documents that they are versions of, and the links to records."""

from __future__ import annotations

import hashlib

import polars as pl

from kartra_sf_pipeline.localorg import contents
from kartra_sf_pipeline.localorg.rules.batch import Batch, fetch, keys
from kartra_sf_pipeline.localorg.rules.constraints import (
    MISSING,
    READ_ONLY,
    check_unique_together,
)

# What a document repeats of its latest version.
_REPEATED = ("Title", "Description", "OwnerId", "ContentSize", "FileExtension", "FileType")
_STAMPS = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById")
# Links to these carry the rights of a person, links to all others those of the record.
_PEOPLE = ("005", "00G", "0F9")


def version_title(batch: Batch) -> None:
    """A version without a title is called as its file."""
    blank = batch.creating & ~batch.given("Title") & batch.given("PathOnClient")
    if blank.any():
        paths = batch.value("PathOnClient")
        names = pl.Series([contents.title(p) for p in paths], dtype=pl.String)
        batch.fill("Title", names, blank)


def version(batch: Batch) -> None:
    """A new version has a body or a link; what it says of the body is read from the body."""
    _check_body(batch)
    _take_bodies(batch)
    made = batch.creating & batch.live
    if not made.any():
        return
    paths = batch.value("PathOnClient")
    ends = [contents.extension(p) for p in paths]
    linked = batch.given("ContentUrl")
    kinds = pl.Series(
        [
            "LINK" if link else contents.FILE_TYPES.get((end or "").lower(), "UNKNOWN")
            for end, link in zip(ends, linked, strict=True)
        ],
        dtype=pl.String,
    )
    batch.fill("FileExtension", pl.Series(ends, dtype=pl.String), made)
    batch.fill("FileType", kinds, made)
    for name, value in (
        ("IsLatest", 1),
        ("PublishStatus", "P"),
        ("ContentModifiedById", batch.store.user_id),
    ):
        batch.fill(name, pl.repeat(value, len(batch), eager=True), made)
    now = pl.repeat(batch.now, len(batch), eager=True)
    batch.fill("ContentModifiedDate", now, made & ~batch.given("ContentModifiedDate"))
    batch.fill("ContentLocation", pl.repeat("E", len(batch), eager=True), made & linked)
    _preview(batch, made & (kinds == "SNOTE"))
    _number(batch, made)


def _preview(batch: Batch, notes: pl.Series) -> None:
    """What a list of notes shows of each."""
    if not notes.any():
        return
    shown = [
        contents.preview(contents.body_of(batch.connection, key) or b"") if key and note else None
        for key, note in zip(batch.value("VersionData"), notes, strict=True)
    ]
    batch.fill("TextPreview", pl.Series(shown, dtype=pl.String), notes)


def _check_body(batch: Batch) -> None:
    made, body = batch.creating, batch.given("VersionData")
    linked, kept = batch.given("ContentUrl"), batch.given("ContentBodyId")
    batch.fail(
        ~made & body,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        READ_ONLY.format("VersionData"),
        ["VersionData"],
    )
    batch.fail(
        made & body & (linked | kept),
        "FIELD_INTEGRITY_EXCEPTION",
        "Specify only one of these fields: VersionData or ContentBodyId.",
        ["VersionData"],
    )
    batch.fail(
        made & ~body & ~linked,
        "REQUIRED_FIELD_MISSING",
        MISSING.format("VersionData"),
        ["VersionData"],
    )
    batch.fail(
        made & body & ~batch.given("PathOnClient"),
        "REQUIRED_FIELD_MISSING",
        MISSING.format("PathOnClient"),
        ["PathOnClient"],
    )


def _take_bodies(batch: Batch) -> None:
    """Keep the bodies apart; the rows go on with their keys, sizes and checksums."""
    given = batch.given("VersionData") & batch.live
    if not given.any():
        return
    found: list[tuple[str | None, int, str | None]] = []
    for index, (cell, wanted) in enumerate(zip(batch.value("VersionData"), given, strict=True)):
        if not wanted or cell is None:
            found.append((None, 0, None))
            continue
        here = pl.int_range(len(batch), eager=True) == index
        try:
            key, body = contents.received(batch.connection, cell)
        except contents.NotBase64 as error:
            batch.fail(here, "JSON_PARSER_ERROR", f"VersionData is no base64: {error}")
            found.append((None, 0, None))
            continue
        if len(body) > contents.JSON_LIMIT and not cell.startswith(contents.KEPT):
            message = f"Version Data: data value too large: (max length={contents.JSON_LIMIT})"
            batch.fail(here, "STRING_TOO_LONG", message, ["VersionData"])
        checksum = hashlib.md5(body, usedforsecurity=False).hexdigest()
        found.append((key, len(body), checksum))
    frame = pl.DataFrame(
        found, schema={"key": pl.String, "size": pl.Int64, "sum": pl.String}, orient="row"
    )
    every = pl.repeat(True, len(batch), dtype=pl.Boolean, eager=True)
    batch.fill("VersionData", frame["key"], every)
    batch.fill("ContentSize", frame["size"], given)
    batch.fill("Checksum", frame["sum"], given)


def _number(batch: Batch, made: pl.Series) -> None:
    """The document of each new version, and its number among that document's versions."""
    first = made & ~batch.given("ContentDocumentId")
    count = int(first.sum())
    if count:
        new = pl.DataFrame({"row": first.arg_true()}).with_columns(
            batch.store.new_ids("ContentDocument", count).alias("new")
        )
        ids = (
            pl.int_range(len(batch), eager=True, dtype=pl.UInt32)
            .alias("row")
            .to_frame()
            .join(new, on="row", how="left", maintain_order="left")["new"]
        )
        batch.fill("ContentDocumentId", ids, first)
    held = fetch(
        batch.connection,
        "SELECT v.ContentDocumentId, max(cast(v.VersionNumber AS INTEGER)) FROM json_each(?) k "
        "CROSS JOIN ContentVersion v ON v.ContentDocumentId = k.value GROUP BY 1",
        {"document": pl.String, "last": pl.Int64},
        (keys(batch.value("ContentDocumentId")),),
    )
    numbers = (
        pl.DataFrame({"document": batch.value("ContentDocumentId"), "made": made})
        .join(held, on="document", how="left", maintain_order="left")
        .select(
            pl.col("last").fill_null(0) + pl.col("made").cast(pl.Int64).cum_sum().over("document")
        )
        .to_series()
    )
    batch.fill("VersionNumber", numbers.cast(pl.String), made)
    batch.fill("IsMajorVersion", pl.repeat(1, len(batch), eager=True), made)


def after_version(batch: Batch) -> None:
    """Documents appear with their first version and follow their latest one."""
    made = batch.creating & batch.live
    if made.any():
        first = made & (batch.value("VersionNumber") == "1").fill_null(False)
        _put_documents(batch, first)
        batch.connection.execute(
            "UPDATE ContentVersion SET IsLatest = 0 WHERE IsLatest = 1 AND ContentDocumentId IN "
            "(SELECT value FROM json_each(?)) AND EXISTS (SELECT 1 FROM ContentVersion n "
            "WHERE n.ContentDocumentId = ContentVersion.ContentDocumentId "
            "AND cast(n.VersionNumber AS INTEGER) > cast(ContentVersion.VersionNumber AS INTEGER))",
            (keys(batch.value("ContentDocumentId").filter(made)),),
        )
        _link_new(batch, first)
        if batch.given("FirstPublishLocationId").any():
            places = batch.value("FirstPublishLocationId")
            add_links(
                batch,
                batch.value("ContentDocumentId").filter(first),
                places.filter(first),
                "V",
            )
    repeated = ", ".join(f"{c} = v.{c}" for c in (*_REPEATED, "ContentModifiedDate"))
    now, user = batch.now, batch.store.user_id
    stamped = f", LastModifiedDate = '{now}', LastModifiedById = '{user}', SystemModstamp = '{now}'"
    first_ids = batch.ids.filter(made & (batch.value("VersionNumber") == "1").fill_null(False))
    for ids, stamps in (
        (first_ids, ""),
        (batch.ids.filter(batch.live & ~batch.ids.is_in(first_ids.implode())), stamped),
    ):
        batch.connection.execute(
            f"UPDATE ContentDocument SET {repeated}, LatestPublishedVersionId = v.Id{stamps} "
            "FROM json_each(?) k CROSS JOIN ContentVersion v ON v.Id = k.value "
            "WHERE ContentDocument.Id = v.ContentDocumentId AND v.IsLatest = 1",
            (keys(ids),),
        )


def _put_documents(batch: Batch, first: pl.Series) -> None:
    if not first.any():
        return
    stamps = {
        "CreatedDate": batch.now,
        "CreatedById": batch.store.user_id,
        "LastModifiedDate": batch.now,
        "LastModifiedById": batch.store.user_id,
    }
    columns = [batch.value("ContentDocumentId").alias("Id"), batch.ids.alias("version")]
    columns += [batch.value(name).fill_null(stamps[name]).alias(name) for name in _STAMPS]
    columns += [batch.value(name).alias(name) for name in (*_REPEATED, "SharingPrivacy")]
    columns.append(batch.value("ContentModifiedDate"))
    documents = (
        pl.DataFrame(columns)
        .filter(first)
        .rename({"version": "LatestPublishedVersionId"})
        .with_columns(
            pl.lit("P").alias("PublishStatus"),
            pl.lit("A").alias("SharingOption"),
            pl.lit(batch.now).alias("SystemModstamp"),
        )
    )
    batch.store.insert_frame(batch.connection, "ContentDocument", documents)


def _link_new(batch: Batch, first: pl.Series) -> None:
    """Every new file is shared with its owner."""
    owners = batch.value("OwnerId").filter(first)
    add_links(batch, batch.value("ContentDocumentId").filter(first), owners, "I")


def add_links(batch: Batch, documents: pl.Series, entities: pl.Series, share: str) -> None:
    """Link documents and records that are not linked yet; nulls link nothing."""
    pairs = pl.DataFrame({"ContentDocumentId": documents, "LinkedEntityId": entities}).drop_nulls()
    held = fetch(
        batch.connection,
        "SELECT l.ContentDocumentId, l.LinkedEntityId FROM json_each(?) k "
        "CROSS JOIN ContentDocumentLink l ON l.ContentDocumentId = k.value WHERE l.IsDeleted = 0",
        {"ContentDocumentId": pl.String, "LinkedEntityId": pl.String},
        (keys(pairs["ContentDocumentId"]),),
    )
    new = pairs.unique(maintain_order=True).join(held, on=pairs.columns, how="anti")
    if new.is_empty():
        return
    new = new.with_columns(
        pl.lit(share).alias("ShareType"),
        pl.lit("AllUsers").alias("Visibility"),
        pl.lit(batch.now).alias("SystemModstamp"),
    )
    new.insert_column(0, batch.store.new_ids("ContentDocumentLink", new.height))
    batch.store.insert_frame(batch.connection, "ContentDocumentLink", new)


def document_link(batch: Batch) -> None:
    """A document is linked to a record once; a link to a record carries no right of its own."""
    for name, value in (("ShareType", "V"), ("Visibility", "AllUsers")):
        batch.fill(
            name,
            pl.repeat(value, len(batch), eager=True),
            batch.creating & ~batch.given(name),
        )
    share, entity = batch.value("ShareType"), batch.value("LinkedEntityId")
    person = entity.str.slice(0, 3).is_in(_PEOPLE)
    wrong = batch.creating & ((share == "I") & person | (share == "C") & ~person)
    text = pl.DataFrame({"s": share}).select(pl.format("Invalid sharing type {}", "s"))
    batch.fail(wrong, "FIELD_INTEGRITY_EXCEPTION", text.to_series(), ["ShareType"])
    pair = pl.DataFrame({"d": batch.value("ContentDocumentId"), "e": entity}).select(
        pl.format(
            "Document with ID: {} is already linked with the entity with ID: {}",
            pl.col("d").str.slice(0, 15),
            pl.col("e").str.slice(0, 15),
        )
    )
    check_unique_together(
        batch,
        ("ContentDocumentId", "LinkedEntityId"),
        pair.to_series(),
        fields=["LinkedEntityId"],
    )


def after_document(batch: Batch) -> None:
    """What is changed on a document shows on its latest version."""
    batch.connection.execute(
        "UPDATE ContentVersion SET Title = d.Title, Description = d.Description, "
        "OwnerId = d.OwnerId FROM json_each(?) k CROSS JOIN ContentDocument d ON d.Id = k.value "
        "WHERE ContentVersion.Id = d.LatestPublishedVersionId",
        (keys(batch.ids.filter(batch.live)),),
    )
