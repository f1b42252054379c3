"""Names that nobody gave: automatic numbers such as `P-{0000}`, and the id in place of a name."""

from __future__ import annotations

import re
import sqlite3

import polars as pl

from kartra_sf_pipeline.localorg.rules.batch import Batch
from kartra_sf_pipeline.localorg.schema import Field, SObject

DIGITS = re.compile(r"\{(0+)\}")


def sequence_name(object_name: str, field_name: str) -> str:
    """Under which name a field's counter is kept."""
    return f"number {object_name}.{field_name}"


def start_number(
    connection: sqlite3.Connection, object_name: str, field_name: str, first: int
) -> None:
    """Let the next record of the object have the number `first`."""
    connection.execute(
        "INSERT OR REPLACE INTO _sequence VALUES (?, ?)",
        (sequence_name(object_name, field_name), first),
    )


def apply_auto_numbers(batch: Batch) -> None:
    """Number the rows that will be created, in their order."""
    described = batch.store.schema.object(batch.sobject.name) or batch.sobject
    for field in described.fields:
        if field.display_format is not None:
            _number(batch, described, field, field.display_format)


def name_by_id(batch: Batch) -> None:
    """A new record of a custom object without a name is called by its id; after ids are given."""
    name = batch.sobject.name_field
    if not batch.sobject.custom or name is None or name.display_format is not None:
        return
    nameless = batch.creating & batch.live & ~batch.given(name.name)
    if nameless.any():
        batch.fill(name.name, batch.ids, nameless)


def _number(batch: Batch, sobject: SObject, field: Field, form: str) -> None:
    making = batch.creating & batch.live
    count = int(making.sum())
    if not count:
        return
    (after,) = batch.connection.execute(
        "INSERT INTO _sequence VALUES (?, ?) ON CONFLICT(prefix) DO UPDATE SET next = next + ? "
        "RETURNING next",
        (sequence_name(sobject.name, field.name), 1 + count, count),
    ).fetchone()
    found = DIGITS.search(form)
    width = len(found[1]) if found else 1
    head, tail = (form[: found.start()], form[found.end() :]) if found else (form, "")
    numbers = pl.DataFrame({"m": making}).select(
        pl.format(
            "{}{}{}",
            pl.lit(head),
            (pl.col("m").cum_sum().cast(pl.Int64) + (after - count - 1))
            .cast(pl.String)
            .str.zfill(width),
            pl.lit(tail),
        ).alias(field.name)
    )
    batch.fill(field.name, numbers.to_series(), making)
