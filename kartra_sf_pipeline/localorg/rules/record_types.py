"""Record types in a save: which one a row may have, and which picklist values it allows then."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.localorg.record_types import (
    MASTER,
    allowed_values,
    record_type_field,
    record_types,
)
from kartra_sf_pipeline.localorg.rules.batch import Batch
from kartra_sf_pipeline.localorg.rules.lookups import normalise_ids
from kartra_sf_pipeline.localorg.schema import Field

FIELD = "RecordTypeId"


def resolve_record_type(batch: Batch, field: Field, cells: pl.Series) -> None:
    """Refuse what is no record type of the object that the user has; the master means none."""
    given = cells.is_not_null()
    if not given.any():
        batch.values[field.name] = cells
        return
    ids = normalise_ids(cells)
    wrong = ids.is_null() | (ids.str.slice(0, 3) != "012")
    text = pl.DataFrame({"c": cells}).select(
        pl.format("{}: id value of incorrect type: {}", pl.lit(field.label), pl.col("c"))
    )
    batch.fail(given & wrong, "MALFORMED_ID", text.to_series(), [field.name])
    usable = [r.id for r in record_types(batch.store, batch.sobject.name) if r.available]
    master = (ids == MASTER).fill_null(False)
    refused = pl.DataFrame({"c": ids}).select(
        pl.format(
            "{}: this ID value isn't valid for the user: {}", pl.lit(field.label), pl.col("c")
        )
    )
    batch.fail(
        given & ~master & ~ids.is_in(usable).fill_null(False),
        "INVALID_CROSS_REFERENCE_KEY",
        refused.to_series(),
        [field.name],
    )
    if master.any():
        cleared = batch.cleared.get(field.name)
        batch.cleared[field.name] = master if cleared is None else cleared | master
        ids = pl.DataFrame({"i": ids, "m": master}).select(pl.when(~pl.col("m")).then("i"))["i"]
    batch.values[field.name] = ids


def apply_record_types(batch: Batch) -> None:
    """Give new rows the user's default record type, and hold rows to their record type's values.

    Only restricted picklists are held to them: an unrestricted one, such as the stage of an
    opportunity, takes any value through the API, its sales process or not.
    """
    if batch.sobject.field(FIELD) is None:
        return
    _set_default(batch)
    allowed = allowed_values(batch.store, batch.sobject.name)
    limited = {field for _, field in allowed}
    fields = [
        f
        for f in batch.sobject.fields
        if f.restricted_picklist and f.name.casefold() in limited and batch.given(f.name).any()
    ]
    if not fields:
        return
    own = _of_rows(batch)
    for field in fields:
        _check_values(batch, field, own, allowed)


def after_record_type(batch: Batch) -> None:
    """An object has the field from its first record type on, deployed or made as a record."""
    catalog = batch.store.catalog
    for name in batch.value("SobjectType").drop_nulls().unique().to_list():
        sobject = catalog.schema.object(name)
        if sobject is not None and sobject.field(FIELD) is None:
            catalog.put_field(sobject.name, record_type_field())


def _set_default(batch: Batch) -> None:
    blank = batch.creating & ~batch.given(FIELD)
    if FIELD in batch.cleared:
        blank = blank & ~batch.cleared[FIELD]
    if not blank.any():
        return
    default = next((r.id for r in record_types(batch.store, batch.sobject.name) if r.default), None)
    if default is not None:
        batch.fill(FIELD, pl.repeat(default, len(batch), dtype=pl.String, eager=True), blank)


def _of_rows(batch: Batch) -> pl.Series:
    """The record type that each row will have."""
    given = batch.value(FIELD).cast(pl.String)
    held = batch.look_up(batch.sobject.name, batch.ids, [FIELD])[FIELD]
    return (
        pl.DataFrame({"given": given, "held": held.cast(pl.String)})
        .select(pl.coalesce("given", "held").alias("own"))
        .to_series()
    )


def _check_values(
    batch: Batch, field: Field, own: pl.Series, allowed: dict[tuple[str, str], set[str]]
) -> None:
    values = batch.value(field.name)
    folded = values.str.to_lowercase().str.split(";")
    for record_type in own.drop_nulls().unique().to_list():
        known = allowed.get((record_type, field.name.casefold()))
        if known is None:
            continue
        frame = pl.DataFrame({"own": own, "parts": folded, "values": values.str.split(";")})
        bad = frame.select(
            (pl.col("own") == record_type)
            & (pl.col("parts").list.set_difference(pl.lit(list(known))).list.len() > 0)
        ).to_series()
        text = pl.DataFrame({"v": values}).select(
            pl.format(
                "{}: bad value for restricted picklist field: {}", pl.lit(field.label), pl.col("v")
            )
        )
        batch.fail(bad, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text.to_series(), [field.name])
