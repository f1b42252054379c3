"""One batch of rows on its way into an object: cells, stored values, and what went wrong."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.schema import Field, SObject

if TYPE_CHECKING:
    from kartra_sf_pipeline.localorg.store import Store

OUTCOME_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.UInt32,
    "id": pl.String,
    "created": pl.Boolean,
    "code": pl.String,
    "message": pl.String,
    "fields": pl.List(pl.String),
}


def fetch(
    connection: sqlite3.Connection,
    sql: str,
    schema: dict[str, type[pl.DataType]],
    parameters: Sequence[object] = (),
) -> pl.DataFrame:
    """The rows of a SELECT as a frame with the given columns."""
    rows = connection.execute(sql, parameters).fetchall()
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pl.DataFrame(
        [
            pl.Series(name, values, dtype=dtype, strict=False)
            for (name, dtype), values in zip(schema.items(), columns, strict=True)
        ]
    )


def keys(values: pl.Series) -> str:
    """Distinct values as a JSON array, which SQL joins to with `json_each(?)`."""
    return json.dumps(values.drop_nulls().unique().to_list(), ensure_ascii=False)


@dataclass
class Batch:
    """Rows of one object; every series has one entry per row, in the order of `rows`.

    `values` holds what will be stored, by field name; null means "not given" unless `cleared`
    marks the row, which means "make it empty". `ids` is filled before the first write.
    """

    store: Store
    connection: sqlite3.Connection
    sobject: SObject
    rows: pl.Series
    creating: pl.Series
    ids: pl.Series
    now: str
    values: dict[str, pl.Series] = field(default_factory=dict)
    cleared: dict[str, pl.Series] = field(default_factory=dict)
    failed: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.Boolean))
    failures: list[pl.DataFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.failed = pl.repeat(False, len(self.rows), dtype=pl.Boolean, eager=True)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def live(self) -> pl.Series:
        """Rows that have not failed."""
        return ~self.failed

    def given(self, name: str) -> pl.Series:
        """Rows with a value for the field."""
        if name not in self.values:
            return pl.repeat(False, len(self), dtype=pl.Boolean, eager=True)
        return self.values[name].is_not_null()

    def value(self, name: str) -> pl.Series:
        """The stored values of a field, all null when the batch does not carry it."""
        if name in self.values:
            return self.values[name]
        described = self.sobject.field(name)
        return pl.repeat(None, len(self), dtype=stored_dtype(described), eager=True).alias(name)

    def fill(self, name: str, series: pl.Series, where: pl.Series) -> None:
        """Set the field to `series` in the rows of `where`, whatever it was."""
        described = self.sobject.field(name)
        if described is None:
            return
        frame = pl.DataFrame(
            [
                self.value(name).alias("old"),
                series.cast(stored_dtype(described)).alias("new"),
                where.alias("w"),
            ]
        )
        self.values[name] = frame.select(
            pl.when("w").then("new").otherwise("old").alias(name)
        ).to_series()

    def fail(
        self,
        mask: pl.Series,
        code: str,
        message: str | pl.Series,
        fields: Sequence[str] = (),
    ) -> None:
        """Refuse the rows of `mask` that nothing refused before."""
        mask = mask.fill_null(False) & ~self.failed
        if not mask.any():
            return
        text = message.filter(mask) if isinstance(message, pl.Series) else pl.lit(message)
        found = pl.DataFrame({"row": self.rows.filter(mask)}).with_columns(
            pl.lit(code).alias("code"),
            text.alias("message"),
            pl.lit(list(fields), dtype=pl.List(pl.String)).alias("fields"),
        )
        self.failures.append(found)
        self.failed = self.failed | mask

    def look_up(
        self, object_name: str, ids: pl.Series, columns: Sequence[str]
    ) -> dict[str, pl.Series]:
        """Columns of the live records with those ids, aligned with `ids` (null when absent)."""
        sobject = self.store.schema.object(object_name)
        assert sobject is not None
        schema: dict[str, type[pl.DataType]] = {"Id": pl.String}
        for name in columns:
            schema[name] = stored_dtype(sobject.field(name))
        selected = ", ".join(f"t.{quote(c)}" for c in schema)
        found = fetch(
            self.connection,
            f"SELECT {selected} FROM json_each(?) k CROSS JOIN {quote(object_name)} t "
            "ON t.Id = k.value WHERE t.IsDeleted = 0",
            schema,
            (keys(ids),),
        )
        joined = pl.DataFrame({"Id": ids}).join(found, on="Id", how="left", maintain_order="left")
        return {name: joined[name] for name in columns}


def stored_dtype(field: Field | None) -> type[pl.DataType]:
    """How a field's stored values are held in a frame."""
    if field is None:
        return pl.String
    if field.type in {"double", "currency", "percent"}:
        return pl.Float64
    if field.type in {"int", "boolean"}:
        return pl.Int64
    return pl.String


def outcome(batch: Batch) -> pl.DataFrame:
    """One line per row, in order, in the columns of `OUTCOME_SCHEMA`."""
    frame = pl.DataFrame(
        {"row": batch.rows, "id": batch.ids, "created": batch.creating & batch.live}
    )
    if batch.failures:
        failures = pl.concat(batch.failures)
    else:
        failures = pl.DataFrame(
            schema={k: OUTCOME_SCHEMA[k] for k in ("row", "code", "message", "fields")}
        )
    joined = frame.join(failures, on="row", how="left", maintain_order="left")
    # A row that was to be created and failed has no record behind it.
    gone = pl.col("code").is_not_null() & batch.creating
    return joined.with_columns(pl.when(~gone).then("id").alias("id")).cast(
        pl.Schema(OUTCOME_SCHEMA)
    )
