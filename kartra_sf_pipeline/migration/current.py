"""What the org holds now of the records that a frame names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from kartra_sf_pipeline.migration.fields import BoundColumn, match_key
from kartra_sf_pipeline.salesforce import soql
from kartra_sf_pipeline.salesforce.org import Org

#: Up to here a few REST queries are faster than a bulk query job; beyond, far slower.
REST_KEYS = 2_000
#: What the names of the org's columns end in once they stand beside the frame's own.
ORG = "\x1eorg"
MATCH = "_match"


def read_current(
    org: Org,
    sobject: str,
    columns: Sequence[BoundColumn],
    keys: Sequence[BoundColumn],
    wanted: pl.DataFrame,
    more_fields: Iterable[str] = (),
) -> pl.DataFrame:
    """One row per record that the org has under a key of `wanted`, all text.

    Columns: `_match` (see `match_key`), `Id`, and with the suffix `ORG` each bound column, the
    lookup behind each parent column, and `more_fields`. May hold further records, too. Where
    several records share a key the first by id stands for all.
    """
    lookups = [column.lookup for column in columns if column.lookup]
    paths = dict.fromkeys(
        ["Id", *(column.path for column in columns), *lookups, *more_fields]
    )
    select = f"SELECT {', '.join(soql.name(path) for path in paths)} FROM {soql.name(sobject)}"
    found = _query(org, select, keys, wanted)
    renamed = found.select(
        "Id",
        *(pl.col(column.path).alias(column.name + ORG) for column in columns),
        *(pl.col(name).alias(name + ORG) for name in dict.fromkeys([*lookups, *more_fields])
          if name not in {column.name for column in columns}),
    )  # fmt: skip
    for column in columns:
        if column.parent:
            renamed = _with_parent_keys(org, renamed, column)
    return (
        renamed.with_columns(match_key(keys, ORG).alias(MATCH))
        .filter(pl.col(MATCH).is_not_null())
        .sort("Id")
        .unique(MATCH, keep="first", maintain_order=True)
    )


def _query(
    org: Org, select: str, keys: Sequence[BoundColumn], wanted: pl.DataFrame
) -> pl.DataFrame:
    asked = [column for column in keys if column.parent is None]
    if wanted.height <= REST_KEYS:
        # The key part with the most values leaves the fewest records that nobody asked for.
        best = max(asked, key=lambda column: wanted[column.name].n_unique())
        values = wanted[best.name].drop_nulls().unique(maintain_order=True)
        conditions = list(soql.in_chunks(best.path, values))
        if not conditions:
            conditions = [f"{best.path} = null AND Id = null"]
        frames = [as_text(org.query(f"{select} WHERE {condition}")) for condition in conditions]
        return pl.concat(frames)
    condition = " AND ".join(f"{column.path} != null" for column in asked)
    return as_text(org.bulk_query(f"{select} WHERE {condition}"))


def _with_parent_keys(org: Org, found: pl.DataFrame, column: BoundColumn) -> pl.DataFrame:
    """Replace the parents' ids by their keys; a parent of another object has none."""
    assert column.parent is not None
    assert column.parent_key is not None
    name = column.name + ORG
    ids = found[name].drop_nulls().unique(maintain_order=True)
    select = f"SELECT Id, {soql.name(column.parent_key)} FROM {soql.name(column.parent)}"
    if ids.len() <= REST_KEYS:
        pages = [as_text(org.query(f"{select} WHERE {c}")) for c in soql.in_chunks("Id", ids)]
        parents = pl.concat(pages) if pages else None
    else:
        parents = as_text(org.bulk_query(f"{select} WHERE {column.parent_key} != null"))
    if parents is None:
        return found.with_columns(pl.lit(None, pl.String).alias(name))
    named = parents.select(pl.col("Id").alias("_id"), pl.col(column.parent_key).alias("_key"))
    return (
        found.join(named, left_on=name, right_on="_id", how="left", maintain_order="left")
        .with_columns(pl.col("_key").alias(name))
        .drop("_key")
    )


def as_text(answer: pl.DataFrame) -> pl.DataFrame:
    """Query answers as text, whichever API gave them."""
    return answer.select(pl.all().cast(pl.String))
