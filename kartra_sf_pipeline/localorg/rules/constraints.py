"""What makes a row unacceptable whatever its object: required, read-only and unique fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.rules.batch import Batch, fetch, keys, stored_dtype
from kartra_sf_pipeline.localorg.rules.header import Column
from kartra_sf_pipeline.localorg.schema import AUDIT_FIELDS, Field

READ_ONLY = (
    "Unable to create/update fields: {}. Please check the security settings of this field and "
    "verify that it is read/write for your profile or permission set."
)
MISSING = "Required fields are missing: [{}]"


def check_required(batch: Batch) -> None:
    """A create needs every required field, an update may not empty one."""
    missing = {}
    for field in batch.sobject.fields:
        if not field.required:
            continue
        absent = batch.creating & ~batch.given(field.name)
        if field.name in batch.cleared:
            absent = absent | (~batch.creating & batch.cleared[field.name])
        missing[field.name] = absent
    fail_listing(batch, missing, "REQUIRED_FIELD_MISSING", MISSING)


def check_writable(
    batch: Batch, columns: Sequence[Column], key: str | None, *, upsert: bool = False
) -> None:
    """Refuse values for fields that this user or this operation may not write.

    Audit fields are for inserts alone: an upsert may not set them even where it creates.
    """
    refused = {}
    for column in columns:
        field = column.field
        if field.name in {"Id", key} or field.name not in batch.values:
            continue
        touched = batch.given(field.name)
        if field.name in batch.cleared:
            touched = touched | batch.cleared[field.name]
        mask = pl.repeat(False, len(batch), dtype=pl.Boolean, eager=True)
        if not field.createable or (upsert and field.name in AUDIT_FIELDS):
            mask = mask | (batch.creating & touched)
        if not field.updateable:
            mask = mask | (~batch.creating & touched)
        refused[field.name] = mask
    fail_listing(batch, refused, "INVALID_FIELD_FOR_INSERT_UPDATE", READ_ONLY)


def fail_listing(batch: Batch, masks: Mapping[str, pl.Series], code: str, message: str) -> None:
    """Refuse each row with one message that lists all the fields whose mask holds for it."""
    hit = {name: mask for name, mask in masks.items() if mask.any()}
    if not hit:
        return
    listed = pl.DataFrame(hit).select(
        pl.concat_list([pl.when(pl.col(name)).then(pl.lit(name)).otherwise(None) for name in hit])
        .list.drop_nulls()
        .list.join(", ")
        .alias("names")
    )["names"]
    for names in listed.unique().to_list():
        if names:
            batch.fail(listed == names, code, message.format(names), names.split(", "))


def check_audit_dates(batch: Batch) -> None:
    """A record is not changed before it is created; what is not given is now."""
    given = batch.given("CreatedDate") | batch.given("LastModifiedDate")
    if not (given & batch.creating).any():
        return
    dates = pl.DataFrame(
        {n: batch.value(n).fill_null(batch.now) for n in ("CreatedDate", "LastModifiedDate")}
    )
    shown = "%a %b %d %H:%M:%S GMT %Y"
    frame = dates.select(
        (pl.col("LastModifiedDate") < pl.col("CreatedDate")).alias("bad"),
        pl.format(
            "Last Modified Date ({}) before Create Date ({})",
            *(
                pl.col(n).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z").dt.strftime(shown)
                for n in ("LastModifiedDate", "CreatedDate")
            ),
        ).alias("text"),
    )
    batch.fail(
        batch.creating & frame["bad"],
        "FIELD_INTEGRITY_EXCEPTION",
        frame["text"],
        ["LastModifiedDate"],
    )


def check_unique(batch: Batch, key: str | None) -> None:
    """Unique fields: the first row of a batch wins, and records in the org come before rows."""
    for field in batch.sobject.stored_fields:
        # The key of an upsert is resolved already, and comes once in a pass.
        if field.unique and field.name != key and field.name in batch.values:
            _check_unique_field(batch, field)


def _check_unique_field(batch: Batch, field: Field) -> None:
    values = batch.values[field.name]
    if values.dtype == pl.String and not field.case_sensitive:
        values = values.str.to_lowercase()
    live = batch.live & values.is_not_null()
    if not live.any():
        return
    held = fetch(
        batch.connection,
        f"SELECT t.{quote(field.name)}, t.Id FROM json_each(?) k "
        f"CROSS JOIN {quote(batch.sobject.name)} t ON t.{quote(field.name)} = k.value "
        "WHERE t.IsDeleted = 0",
        {"key": pl.Float64 if values.dtype.is_numeric() else pl.String, "other": pl.String},
        (keys(batch.values[field.name].filter(live)),),
    )
    if held["key"].dtype == pl.String and not field.case_sensitive:
        held = held.with_columns(pl.col("key").str.to_lowercase())
    else:
        values = values.cast(held["key"].dtype)
    frame = pl.DataFrame({"key": values, "id": batch.ids}).join(
        held.unique("key"), on="key", how="left", maintain_order="left"
    )
    _fail_duplicate(
        batch, field.name, frame["other"], (frame["other"] != frame["id"]).fill_null(False)
    )
    live = batch.live & values.is_not_null()
    first = pl.DataFrame({"key": values, "id": batch.ids, "live": live}).with_columns(
        pl.when("live").then("id").otherwise(None).drop_nulls().first().over("key").alias("first")
    )
    _fail_duplicate(
        batch, field.name, first["first"], live & (first["first"] != first["id"]).fill_null(False)
    )


def _fail_duplicate(batch: Batch, name: str, others: pl.Series, mask: pl.Series) -> None:
    if mask.any():
        text = pl.DataFrame({"o": others}).select(
            pl.format(
                "duplicate value found: {} duplicates value on record with id: {}",
                pl.lit(name),
                pl.col("o").str.slice(0, 15),
            )
        )
        batch.fail(mask, "DUPLICATE_VALUE", text.to_series())


def check_unique_together(
    batch: Batch,
    names: Sequence[str],
    message: str | pl.Series,
    code: str = "DUPLICATE_VALUE",
    fields: Sequence[str] = (),
) -> None:
    """Refuse rows being created whose values of `names` together are taken already."""
    values = {name: batch.value(name) for name in names}
    live = batch.live & batch.creating
    for series in values.values():
        live = live & series.is_not_null()
    if not live.any():
        return
    # Members of a campaign may be many, campaigns of a person are few: ask by the finer column.
    first = max(names, key=lambda n: values[n].filter(live).n_unique())
    columns = ", ".join(f"t.{quote(n)}" for n in names)
    held = fetch(
        batch.connection,
        f"SELECT DISTINCT {columns} FROM json_each(?) k "
        f"CROSS JOIN {quote(batch.sobject.name)} t ON t.{quote(first)} = k.value "
        "WHERE t.IsDeleted = 0",
        {n: stored_dtype(batch.sobject.field(n)) for n in names},
        (keys(values[first].filter(live)),),
    ).with_columns(pl.lit(True).alias("taken"))
    frame = pl.DataFrame({**values, "live": live})
    joined = frame.join(held, on=list(names), how="left", maintain_order="left")
    batch.fail(live & joined["taken"].fill_null(False), code, message, fields)
    live = live & batch.live
    again = frame.with_columns(live.alias("live")).select(
        pl.col("live").cast(pl.Int32).cum_sum().over(*names).alias("n")
    )["n"]
    batch.fail(live & (again > 1), code, message, fields)
