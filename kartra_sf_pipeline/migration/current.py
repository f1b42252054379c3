"""What the org holds now of the records that a frame, or a ledger, names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import polars as pl

from kartra_sf_pipeline.migration.fields import BoundColumn, match_key
from kartra_sf_pipeline.migration.queries import (
    REST_KEYS,
    modified_after,
    select_each,
    select_in_bulk,
)
from kartra_sf_pipeline.salesforce import soql
from kartra_sf_pipeline.salesforce.org import Org

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
    paths = _paths(columns, more_fields)
    asked = [column for column in keys if not column.apart]
    if wanted.height > REST_KEYS:
        found = select_in_bulk(org, sobject, paths, keyed(keys))
    else:
        # The part of the key with the most values finds the fewest records nobody asked for.
        best = max(asked, key=lambda column: wanted[column.name].n_unique())
        found = select_each(org, sobject, paths, best.path, wanted[best.name])
    return (
        _shaped(org, found, columns, paths)
        .with_columns(match_key(keys, ORG).alias(MATCH))
        .filter(pl.col(MATCH).is_not_null())
        .sort("Id")
        .unique(MATCH, keep="first", maintain_order=True)
    )


def read_by_id(
    org: Org, sobject: str, columns: Sequence[BoundColumn], ids: pl.Series, since: datetime
) -> pl.DataFrame:
    """Like `read_current` for records known by id, without `_match`.

    Most of them have been modified since then: the others cost more.
    """
    if ids.len() <= REST_KEYS:
        return read_each(org, sobject, columns, ids)
    seen = read_in_bulk(org, sobject, columns, modified_after(since))
    found = seen.filter(pl.col("Id").is_in(ids.implode()))
    rest = ids.filter(~ids.is_in(found["Id"].implode()))
    if rest.is_empty():
        return found
    if rest.len() <= REST_KEYS:
        return pl.concat([found, read_each(org, sobject, columns, rest)])
    unseen = read_in_bulk(org, sobject, columns, "Id != null")
    return pl.concat([found, unseen.filter(pl.col("Id").is_in(rest.implode()))])


def read_in_bulk(
    org: Org,
    sobject: str,
    columns: Sequence[BoundColumn],
    condition: str,
    more_fields: Iterable[str] = (),
) -> pl.DataFrame:
    """Like `read_by_id` for all records of a SOQL condition, always through a bulk query."""
    paths = _paths(columns, more_fields)
    return _shaped(org, select_in_bulk(org, sobject, paths, condition), columns, paths)


def read_each(
    org: Org,
    sobject: str,
    columns: Sequence[BoundColumn],
    ids: pl.Series,
    more_fields: Iterable[str] = (),
) -> pl.DataFrame:
    """Like `read_by_id`, whenever they were modified; through REST, so for thousands at most."""
    paths = _paths(columns, more_fields)
    return _shaped(org, select_each(org, sobject, paths, "Id", ids), columns, paths)


def keyed(keys: Sequence[BoundColumn]) -> str:
    """The condition that holds for records which have all parts of a key."""
    return " AND ".join(f"{column.path} != null" for column in keys if not column.apart)


def _paths(columns: Sequence[BoundColumn], more_fields: Iterable[str]) -> list[str]:
    lookups = [column.lookup for column in columns if column.lookup]
    paths = ["Id", *(column.path for column in columns), *lookups, *more_fields]
    return list(dict.fromkeys(soql.name(path) for path in paths))


def _shaped(
    org: Org, found: pl.DataFrame, columns: Sequence[BoundColumn], paths: Sequence[str]
) -> pl.DataFrame:
    """The answer under the columns' names with the suffix `ORG`, parents by their keys."""
    named = {column.name: column.path for column in columns}
    named |= {path: path for path in paths if path not in named and path != "Id"}
    shaped = found.select("Id", *(pl.col(path).alias(n + ORG) for n, path in named.items()))
    for column in columns:
        if column.apart:
            shaped = _with_parent_keys(org, shaped, column)
    return shaped


def _with_parent_keys(org: Org, found: pl.DataFrame, column: BoundColumn) -> pl.DataFrame:
    """Replace the parents' ids by their keys; a parent of another object has none."""
    assert column.parent is not None
    assert column.parent_key is not None
    name = column.name + ORG
    ids = found[name].drop_nulls().unique()
    paths = ["Id", column.parent_key]
    if ids.len() > REST_KEYS:
        parents = select_in_bulk(org, column.parent, paths, f"{column.parent_key} != null")
    else:
        parents = select_each(org, column.parent, paths, "Id", ids)
    named = parents.select(pl.col("Id").alias("_id"), pl.col(column.parent_key).alias("_key"))
    return (
        found.join(named, left_on=name, right_on="_id", how="left", maintain_order="left")
        .with_columns(pl.col("_key").alias(name))
        .drop("_key")
    )
