"""Insert, update and upsert: from the text of an upload to committed rows and an outcome per row.

Call inside `store.write()`: the caller decides how much is committed at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import polars as pl

from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.rules import lookups, record_types
from kartra_sf_pipeline.localorg.rules.auto_numbers import apply_auto_numbers, name_by_id
from kartra_sf_pipeline.localorg.rules.batch import Batch, outcome
from kartra_sf_pipeline.localorg.rules.constraints import (
    check_audit_dates,
    check_required,
    check_unique,
    check_writable,
)
from kartra_sf_pipeline.localorg.rules.derive import AFTER_SAVE, BEFORE_CHECKS, BEFORE_SAVE
from kartra_sf_pipeline.localorg.rules.header import Column
from kartra_sf_pipeline.localorg.rules.ownership import check_owner
from kartra_sf_pipeline.localorg.rules.prepare import NULL_MARK, Prepared, prepare
from kartra_sf_pipeline.localorg.schema import AUDIT_FIELDS, Field, SObject
from kartra_sf_pipeline.localorg.store import Store

# The platform works through a batch in chunks of this many rows: a key that comes twice in one
# chunk is an error, a key that comes again in a later one updates the row of the earlier.
CHUNK = 200


def save(
    store: Store,
    connection: sqlite3.Connection,
    sobject: SObject,
    operation: str,
    columns: Sequence[Column],
    cells: pl.DataFrame,
    *,
    key: Field | None = None,
    null_mark: str = NULL_MARK,
    prepared: Prepared | None = None,
) -> pl.DataFrame:
    """Write rows; returns `row, id, created, code, message, fields`, one line per row in order.

    `cells` holds text, one column per entry of `columns` (named by its header); null leaves a
    field alone and `null_mark` empties it. `operation` is insert, update or upsert; `key` is the
    field that an upsert matches by (the Id field included). `prepared` may bring what `prepare`
    made of the same rows.
    """
    frame = cells.with_row_index("__row")

    def write(part: pl.DataFrame) -> pl.DataFrame:
        ready = prepared
        if ready is None or part.height < frame.height:
            ready = prepare(columns, part, null_mark)
        return _save_round(store, connection, sobject, operation, columns, part, key, ready)

    if operation == "insert":
        return write(frame)
    own = key.name if key else "Id"
    header = next((c.header for c in columns if c.parent is None and c.field.name == own), None)
    if header is None:
        return write(frame)
    twice, rounds = _repeats(frame, header, fold=own != "Id" and not (key and key.case_sensitive))
    outcomes = []
    if twice.any():
        again = frame.filter(twice)
        if operation == "upsert" and key is not None and key.type != "id":
            message = pl.format("Duplicate external id specified: {}", pl.col(header))
        else:
            message = pl.format("duplicate id in list: {}", pl.col(header))
        outcomes.append(
            again.select(
                pl.col("__row").alias("row"),
                pl.lit(None, dtype=pl.String).alias("id"),
                pl.lit(False).alias("created"),
                pl.lit("DUPLICATE_VALUE").alias("code"),
                message.alias("message"),
                pl.lit([key.name if key else "Id"], dtype=pl.List(pl.String)).alias("fields"),
            )
        )
    for number in rounds.unique().sort():
        part = frame.filter((rounds == number) & ~twice)
        if part.height:
            outcomes.append(write(part))
    return pl.concat(outcomes).sort("row")


def _repeats(frame: pl.DataFrame, header: str, *, fold: bool) -> tuple[pl.Series, pl.Series]:
    """Which rows repeat a key within their chunk, and in which pass each row is written."""
    text = pl.col(header).str.strip_chars()
    if fold:
        text = text.str.to_lowercase()
    marks = frame.select(text.alias("key"), (pl.col("__row") // CHUNK).alias("chunk"))
    marks = marks.with_columns(
        ((pl.len().over("key", "chunk") > 1) & pl.col("key").is_not_null()).alias("twice")
    )
    return marks["twice"], marks.select(
        pl.when(pl.col("key").is_not_null() & ~pl.col("twice"))
        .then(pl.int_range(pl.len(), dtype=pl.UInt32).over("key", "twice"))
        .otherwise(0)
    ).to_series()


def _save_round(
    store: Store,
    connection: sqlite3.Connection,
    sobject: SObject,
    operation: str,
    columns: Sequence[Column],
    frame: pl.DataFrame,
    key: Field | None,
    prepared: Prepared,
) -> pl.DataFrame:
    height = frame.height
    batch = Batch(
        store=store,
        connection=connection,
        sobject=sobject,
        rows=frame["__row"],
        creating=pl.repeat(operation == "insert", height, dtype=pl.Boolean, eager=True),
        ids=pl.repeat(None, height, dtype=pl.String, eager=True),
        now=now_text(),
    )
    cells = prepared.cells
    batch.cleared = dict(prepared.cleared)
    batch.values = dict(prepared.values)
    _identify(batch, operation, key, cells)
    for found in prepared.findings:
        batch.fail(found.mask, found.code, found.message, [found.field])
    for column in columns:
        name = column.field.name
        if column.parent is not None:
            lookups.resolve_parent_key(batch, column, cells[column.header])
        elif name == record_types.FIELD:
            record_types.resolve_record_type(batch, column.field, cells[name])
        elif column.field.type == "reference":
            lookups.resolve_reference(batch, column.field, cells[name])
    upsert = operation == "upsert"
    check_writable(batch, columns, key.name if key else None, upsert=upsert)
    check_audit_dates(batch)
    check_owner(batch)
    _set_defaults(batch)
    record_types.apply_record_types(batch)
    for rule in BEFORE_CHECKS.get(sobject.name, ()):
        rule(batch)
    check_required(batch)
    for rule in BEFORE_SAVE.get(sobject.name, ()):
        rule(batch)
    apply_auto_numbers(batch)
    made = int((batch.creating & batch.live).sum())
    if made:
        new = pl.DataFrame({"row": (batch.creating & batch.live).arg_true()}).with_columns(
            store.new_ids(sobject.name, made).alias("new")
        )
        batch.ids = (
            pl.DataFrame({"id": batch.ids})
            .with_row_index("row")
            .join(new, on="row", how="left", maintain_order="left")
            .select(pl.coalesce("new", "id"))
            .to_series()
        )
    name_by_id(batch)
    check_unique(batch, key.name if key and operation == "upsert" else None)
    _insert(batch)
    _update(batch, key.name if key else None)
    if batch.live.any():
        for rule in AFTER_SAVE.get(sobject.name, ()):
            rule(batch)
    return outcome(batch)


def _identify(batch: Batch, operation: str, key: Field | None, cells: pl.DataFrame) -> None:
    """Decide for each row whether it creates a record or which one it changes."""
    if operation == "insert":
        if "Id" in cells.columns:
            batch.fail(
                cells["Id"].is_not_null(),
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                "cannot specify Id in an insert call",
                ["Id"],
            )
        return
    if operation == "update":
        own = cells["Id"] if "Id" in cells.columns else batch.ids
        lookups.resolve_own_ids(batch, own, "Id not specified in an update call")
        return
    assert key is not None
    own = cells[key.name] if key.name in cells.columns else batch.ids
    if key.type == "id":
        batch.creating = own.is_null()
        present = own.is_not_null()
        if present.any():
            lookups.resolve_own_ids(batch, own.fill_null(""), "")
            # A blank Id creates; the check above must not have refused it.
            batch.failures = [
                f.filter(~pl.col("row").is_in(batch.rows.filter(~present).implode()))
                for f in batch.failures
            ]
            batch.failed = batch.failed & present
        return
    batch.fail(own.is_null(), "MISSING_ARGUMENT", f"{key.name} not specified", [key.name])
    found = lookups.find_by_key(batch, batch.sobject, key, own)
    batch.fail(
        found["matches"] > 1,
        "DUPLICATE_EXTERNAL_ID",
        f"{key.name}: more than one record found for external id field",
        [key.name],
    )
    batch.ids = found["Id"]
    batch.creating = found["Id"].is_null()


def _set_defaults(batch: Batch) -> None:
    if not batch.creating.any():
        return
    # A field that the user cannot see has its default all the same.
    described = batch.store.schema.object(batch.sobject.name) or batch.sobject
    for field in described.stored_fields:
        default: object = field.default_value
        if field.type == "picklist":
            default = field.default_picklist_value or default
        elif field.type == "boolean":
            default = 1 if str(default).lower() == "true" else None
        if field.name == "OwnerId":
            default = batch.store.user_id
        if default is None or field.name == "Id":
            continue
        blank = batch.creating & ~batch.given(field.name)
        if blank.any():
            if field.name not in batch.values:
                batch.values[field.name] = batch.value(field.name)
            new = pl.repeat(default, len(batch), eager=True)
            batch.fill(field.name, new, blank)


def _insert(batch: Batch) -> None:
    mask = batch.creating & batch.live
    count = int(mask.sum())
    if not count:
        return
    described = batch.store.schema.object(batch.sobject.name) or batch.sobject
    columns = [batch.ids.alias("Id")]
    for name, series in batch.values.items():
        field = described.field(name)
        if field is None or not field.stored or name == "Id":
            continue
        if name in AUDIT_FIELDS:
            own = batch.store.user_id if field.type == "reference" else batch.now
            series = series.fill_null(own)
        columns.append(series.fill_null(0) if field.type == "boolean" else series)
    frame = pl.DataFrame([s.alias(n.name) for s, n in zip(columns, columns, strict=True)])
    frame = frame.filter(mask)
    frame = frame.drop([c for c in frame.columns if frame[c].null_count() == count])
    constants: dict[str, str] = {
        "CreatedDate": batch.now,
        "CreatedById": batch.store.user_id,
        "LastModifiedDate": batch.now,
        "LastModifiedById": batch.store.user_id,
        "SystemModstamp": batch.now,
    }
    constants = {
        k: v
        for k, v in constants.items()
        if described.field(k) is not None and k not in frame.columns
    }
    batch.store.insert_frame(batch.connection, batch.sobject.name, frame, constants)


def _update(batch: Batch, key: str | None) -> None:
    mask = ~batch.creating & batch.live
    count = int(mask.sum())
    if not count:
        return
    described = batch.store.schema.object(batch.sobject.name) or batch.sobject
    assignments: list[str] = []
    bound: list[pl.Series] = []
    for name, series in batch.values.items():
        field = described.field(name)
        if field is None or not field.stored or name in {"Id", key, *AUDIT_FIELDS}:
            continue
        new = series.filter(mask)
        cleared = batch.cleared[name].filter(mask) if name in batch.cleared else None
        clears = cleared is not None and bool(cleared.any())
        if new.null_count() == count and not clears:
            continue
        column = quote(name)
        empty = "0" if field.type == "boolean" else "NULL"
        if clears and cleared is not None:
            assignments.append(
                f"{column} = CASE WHEN ? THEN {empty} ELSE coalesce(?, {column}) END"
            )
            bound.append(cleared.cast(pl.Int64).alias(f"clear {name}"))
        elif new.null_count():
            assignments.append(f"{column} = coalesce(?, {column})")
        else:
            assignments.append(f"{column} = ?")
        bound.append(new.alias(name))
    stamps = {
        "LastModifiedDate": batch.now,
        "LastModifiedById": batch.store.user_id,
        "SystemModstamp": batch.now,
    }
    # The stamps are the same for all rows and hold no quotes: bound values cost time per row.
    assignments += [f"{quote(k)} = '{v}'" for k, v in stamps.items() if described.field(k)]
    if not assignments:
        return
    frame = pl.DataFrame([*bound, batch.ids.filter(mask).alias("the id")])
    sql = f"UPDATE {quote(batch.sobject.name)} SET {', '.join(assignments)} WHERE Id = ?"
    for part in frame.iter_slices(20_000):
        batch.connection.executemany(sql, part.rows())
