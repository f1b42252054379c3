"""Records that people made in the org before the migration: found, and met as our own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from kartra_sf_pipeline.migration.current import MATCH, ORG, read_each, read_in_bulk
from kartra_sf_pipeline.migration.fields import BoundColumn
from kartra_sf_pipeline.migration.phases import KEY_FIELD, STAMP_FIELD
from kartra_sf_pipeline.migration.queries import (
    REST_KEYS,
    count,
    select,
    select_each,
    select_in_bulk,
)
from kartra_sf_pipeline.salesforce import soql
from kartra_sf_pipeline.salesforce.org import Org

EXISTING_SCHEMA: Final[dict[str, pl.DataType]] = {
    "object": pl.String(),
    "key": pl.String(),
    "sf_id": pl.String(),
    "matched_by": pl.String(),
    "decision": pl.String(),
    "candidates": pl.Int64(),
}
#: The row is loaded into the org's record; or it becomes a record of its own, and a person is told.
STAMP, REVIEW = "stamp", "review"

Normalise = Callable[[pl.Series], pl.Series]


@dataclass(frozen=True, slots=True)
class Likeness:
    """By which field the records of an object are recognised; `normalise` makes values alike."""

    object: str
    field: str
    normalise: Normalise


def find_existing(org: Org, likeness: Likeness, wanted: pl.DataFrame) -> pl.DataFrame:
    """The org's records without a key of ours that hold what a row holds, in `EXISTING_SCHEMA`.

    `wanted`: key and value, the value normalised already. Rows whose key the org has are passed
    over: they are found by it. A row and a record belong together (`stamp`) where nobody else on
    either side holds the value. Otherwise all rows of the value get `review` without an id;
    `candidates` counts the org's records that hold it. Asks for no more than ids, keys and values.
    """
    key, field = KEY_FIELD, soql.name(likeness.field)
    sobject = likeness.object
    nothing = pl.DataFrame(schema=EXISTING_SCHEMA)
    rows = wanted.filter(pl.col("value").is_not_null()).select("key", "value")
    foreign = f"{key} = null AND {field} != null"
    strangers = count(org, sobject, foreign) if rows.height else 0
    if strangers == 0:
        return nothing
    ask = select_in_bulk if strangers > REST_KEYS else select
    theirs = _valued(ask(org, sobject, ["Id", field], foreign), likeness)
    met = rows.join(theirs.select("value").unique(), on="value", how="semi", maintain_order="left")
    met = met.join(_keyed(org, sobject, "key", met), on="key", how="anti", maintain_order="left")
    if met.is_empty():
        return nothing
    sharing = _ours_of_value(org, likeness, met)
    found = (
        met.with_columns(rows_alike=pl.len().over("value"))
        .join(
            theirs.group_by("value").agg(pl.col("Id").first(), strangers=pl.len()),
            on="value",
            maintain_order="left",
        )
        .join(sharing, on="value", how="left", maintain_order="left")
        .with_columns(candidates=pl.col("strangers") + pl.col("ours").fill_null(0))
    )
    alone = (pl.col("candidates") == 1) & (pl.col("rows_alike") == 1)
    return found.select(
        "key",
        object=pl.lit(sobject),
        sf_id=pl.when(alone).then("Id"),
        matched_by=pl.lit(likeness.field),
        decision=pl.when(alone).then(pl.lit(STAMP)).otherwise(pl.lit(REVIEW)),
        candidates=pl.col("candidates").cast(pl.Int64),
    ).select(*EXISTING_SCHEMA)


def with_existing(
    org: Org,
    sobject: str,
    columns: Sequence[BoundColumn],
    rows: pl.DataFrame,
    current: pl.DataFrame,
    existing: pl.DataFrame,
    more_fields: Iterable[str],
) -> pl.DataFrame:
    """`read_current`'s answer with the records that rows are to be loaded into, by id.

    A record that has got a key of ours since it was found is left out, and so is one whose row the
    org has under its own key by now.
    """
    fated = existing.filter((pl.col("decision") == STAMP) & (pl.col("object") == sobject))
    fated = fated.join(rows.select("_key", MATCH), left_on="key", right_on="_key").join(
        current.select(MATCH), on=MATCH, how="anti"
    )
    if fated.is_empty():
        return current
    more = list(more_fields)
    if fated.height > REST_KEYS:
        found = read_in_bulk(org, sobject, columns, f"{KEY_FIELD} = null", more)
    else:
        found = read_each(org, sobject, columns, fated["sf_id"], more)
    free = found.filter(pl.col(KEY_FIELD + ORG).is_null() & pl.col(STAMP_FIELD + ORG).is_null())
    named = free.join(fated.select("sf_id", MATCH), left_on="Id", right_on="sf_id")
    return pl.concat([current, named.select(current.columns)])


def _valued(found: pl.DataFrame, likeness: Likeness) -> pl.DataFrame:
    values = likeness.normalise(found[likeness.field]).alias("value")
    return found.select("Id").with_columns(values).drop_nulls("value")


def _keyed(org: Org, sobject: str, name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Which of the rows' keys the org has."""
    if rows.height > REST_KEYS:
        found = select_in_bulk(org, sobject, [KEY_FIELD], f"{KEY_FIELD} != null")
    else:
        found = select_each(org, sobject, [KEY_FIELD], KEY_FIELD, rows["key"])
    return found.select(pl.col(KEY_FIELD).alias(name)).unique()


def _ours_of_value(org: Org, likeness: Likeness, met: pl.DataFrame) -> pl.DataFrame:
    """How many records with a key of ours hold the values: `value`, `ours`."""
    keyed = f"{KEY_FIELD} != null AND {likeness.field} != null"
    ask = select_in_bulk if count(org, likeness.object, keyed) > REST_KEYS else select
    found = _valued(ask(org, likeness.object, ["Id", likeness.field], keyed), likeness)
    return (
        found.join(met.select("value").unique(), on="value", how="semi")
        .group_by("value")
        .agg(ours=pl.len())
    )
