"""Ids in an upload: well-formed, of the right object, existing; and parents named by a key."""

from __future__ import annotations

import json

import polars as pl

from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.ids import to_18, well_formed
from kartra_sf_pipeline.localorg.rules.batch import Batch, fetch, keys
from kartra_sf_pipeline.localorg.rules.header import Column
from kartra_sf_pipeline.localorg.schema import Field, SObject


def normalise_ids(cells: pl.Series) -> pl.Series:
    """The 18-character form of each id; null where the text is no id at all."""
    plain = well_formed(cells)
    odd = cells.filter(~plain).drop_nulls().unique()
    if odd.is_empty():
        return cells
    repaired = pl.Series([to_18(v.strip()) for v in odd], dtype=pl.String)
    return cells.replace_strict(odd, repaired, default=cells, return_dtype=pl.String)


def resolve_reference(batch: Batch, field: Field, cells: pl.Series) -> None:
    """Check a lookup given by id, and store the 18-character form."""
    given = cells.is_not_null()
    if not given.any():
        batch.values[field.name] = cells
        return
    ids = normalise_ids(cells)
    text = _message(f"{field.label}: id value of incorrect type: {{}}", cells)
    batch.fail(given & ids.is_null(), "MALFORMED_ID", text, [field.name])
    schema = batch.store.schema
    targets = [o for o in (schema.object(n) for n in field.reference_to) if o is not None]
    prefixes = [o.key_prefix for o in targets if o.key_prefix]
    prefix = ids.str.slice(0, 3)
    if len(targets) == len(field.reference_to):
        # Otherwise the lookup may point at objects this org does not have: the id is unknown.
        batch.fail(ids.is_not_null() & ~prefix.is_in(prefixes), "MALFORMED_ID", text, [field.name])
    known = pl.repeat(False, len(ids), dtype=pl.Boolean, eager=True)
    deleted = known
    for target in targets:
        mine = prefix == target.key_prefix
        if not mine.any():
            continue
        state = _state(batch, target, ids.filter(mine))
        found = pl.DataFrame({"Id": ids}).join(state, on="Id", how="left", maintain_order="left")
        known = known | found["IsDeleted"].is_not_null()
        deleted = deleted | (found["IsDeleted"] == 1).fill_null(False)
    batch.fail(
        ids.is_not_null() & ~known, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"
    )
    batch.fail(deleted, "ENTITY_IS_DELETED", "entity is deleted")
    batch.values[field.name] = ids


def resolve_parent_key(batch: Batch, column: Column, cells: pl.Series) -> None:
    """Turn a relationship column (`Account.Kartra_Id__c`) into ids of the parent."""
    assert column.parent is not None
    assert column.parent_field is not None
    given = cells.is_not_null()
    found = find_by_key(batch, column.parent, column.parent_field, cells)
    batch.fail(
        given & (found["matches"] == 0),
        "INVALID_FIELD",
        _message(
            f"Foreign key external ID: {{}} not found for field {column.parent_field.name} "
            f"in entity {column.parent.name}",
            cells,
        ),
    )
    batch.fail(
        given & (found["matches"] > 1),
        "INVALID_FIELD",
        _message(
            f"More than one record found for external id field: {column.parent_field.name} "
            "with value: {}",
            cells,
        ),
    )
    name = column.field.name
    batch.fill(name, found["Id"], given)


def find_by_key(batch: Batch, sobject: SObject, field: Field, cells: pl.Series) -> pl.DataFrame:
    """Columns `Id` (first match) and `matches`, aligned with `cells`; text ignores case."""
    if field.type == "id":
        ids = normalise_ids(cells)
        state = _state(batch, sobject, ids).filter(pl.col("IsDeleted") == 0)
        joined = pl.DataFrame({"Id": ids}).join(state, on="Id", how="left", maintain_order="left")
        return joined.select(
            pl.when(pl.col("IsDeleted").is_not_null()).then("Id").alias("Id"),
            pl.col("IsDeleted").is_not_null().cast(pl.UInt32).alias("matches"),
        )
    numeric = field.type in {"double", "int", "currency", "percent"}
    wanted = cells.str.strip_chars()
    if numeric:
        wanted = wanted.cast(pl.Float64, strict=False)
    # Text keys compare by the column's own collation, so the number of the asked key comes back
    # instead of its text.
    asked = wanted.drop_nulls().unique()
    rows = fetch(
        batch.connection,
        f"SELECT k.key, t.Id FROM json_each(?) k CROSS JOIN {quote(sobject.name)} t "
        f"ON t.{quote(field.name)} = k.value WHERE t.IsDeleted = 0",
        {"number": pl.Int64, "Id": pl.String},
        (json.dumps(asked.to_list(), ensure_ascii=False),),
    )
    found = rows.group_by("number").agg(pl.col("Id").min(), pl.len().alias("matches"))
    numbered = pl.DataFrame({"key": asked}).with_row_index("number").cast({"number": pl.Int64})
    joined = (
        pl.DataFrame({"key": wanted})
        .join(numbered, on="key", how="left", maintain_order="left")
        .join(found, on="number", how="left", maintain_order="left")
    )
    return joined.select("Id", pl.col("matches").fill_null(0))


def _state(batch: Batch, sobject: SObject, ids: pl.Series) -> pl.DataFrame:
    return fetch(
        batch.connection,
        f"SELECT t.Id, t.IsDeleted FROM json_each(?) k CROSS JOIN {quote(sobject.name)} t "
        "ON t.Id = k.value",
        {"Id": pl.String, "IsDeleted": pl.Int64},
        (keys(ids),),
    )


def resolve_own_ids(batch: Batch, cells: pl.Series, missing: str) -> None:
    """Fill `batch.ids` of an update from the Id column; refuses what is not a live record."""
    label = f"{batch.sobject.label} ID"
    given = cells.is_not_null()
    batch.fail(~given, "MISSING_ARGUMENT", missing)
    ids = normalise_ids(cells)
    text = _message(f"{label}: id value of incorrect type: {{}}", cells)
    wrong = ids.is_null() | (ids.str.slice(0, 3) != batch.sobject.key_prefix)
    batch.fail(given & wrong, "MALFORMED_ID", text, ["Id"])
    found = pl.DataFrame({"Id": ids}).join(
        _state(batch, batch.sobject, ids), on="Id", how="left", maintain_order="left"
    )
    state = found["IsDeleted"]
    batch.fail(state.is_null(), "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    batch.fail(state == 1, "ENTITY_IS_DELETED", "entity is deleted")
    batch.ids = ids


def _message(pattern: str, cells: pl.Series) -> pl.Series:
    head, _, tail = pattern.partition("{}")
    return (
        pl.DataFrame({"c": cells})
        .select(pl.concat_str(pl.lit(head), pl.col("c").fill_null(""), pl.lit(tail)))
        .to_series()
    )
