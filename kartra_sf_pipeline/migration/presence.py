"""Which of a run's records the org still holds."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from kartra_sf_pipeline.migration.phases import Phase
from kartra_sf_pipeline.migration.queries import (
    REST_KEYS,
    count,
    modified_after,
    select,
    select_each,
    select_in_bulk,
)
from kartra_sf_pipeline.salesforce import soql
from kartra_sf_pipeline.salesforce.org import Org


def still_there(org: Org, sobject: str, ids: pl.Series, since: datetime) -> pl.Series:
    """Those of the ids whose records exist and are not in the Recycle Bin.

    `since` is when the run began: whatever it wrote has been modified after that.
    """
    wanted = ids.drop_nulls().unique(maintain_order=True)
    if wanted.len() > REST_KEYS:
        found = select_in_bulk(org, sobject, ["Id"], modified_after(since))
    else:
        found = select_each(org, sobject, ["Id"], "Id", wanted)
    return wanted.filter(wanted.is_in(found["Id"].implode()))


def count_stamped(org: Org, sobject: str, stamp_field: str, run_id: str) -> int:
    """How many records carry the run's stamp."""
    return count(org, sobject, _stamped(stamp_field, run_id))


def stamped(
    org: Org, sobject: str, stamp_field: str, run_id: str, key_field: str | None
) -> pl.DataFrame:
    """sf_id and key of all records that carry the run's stamp; the key is null without a field."""
    few = count_stamped(org, sobject, stamp_field, run_id) <= REST_KEYS
    paths = ["Id", *([soql.name(key_field)] if key_field else [])]
    ask = select if few else select_in_bulk
    found = ask(org, sobject, paths, _stamped(stamp_field, run_id))
    key = pl.col(key_field) if key_field else pl.lit(None, pl.String)
    return found.select(sf_id="Id", key=key)


def later_versions(org: Org, phase: Phase, ids: pl.Series) -> dict[str, str]:
    """Records among `ids` that could go only together with a record which is not among them."""
    if phase.deleted_with is None or ids.is_empty():
        return {}
    _, lookup = phase.deleted_with
    wholes = select_each(org, phase.object, ["Id", lookup], "Id", ids)
    parts = select_each(org, phase.object, ["Id", lookup], lookup, wholes[lookup])
    foreign = parts.filter(~pl.col("Id").is_in(ids.implode()))
    kept = wholes.join(foreign.select(lookup), on=lookup, how="semi")["Id"]
    return dict.fromkeys(kept, "a later version of it was not made by this run")


def _stamped(stamp_field: str, run_id: str) -> str:
    return f"{soql.name(stamp_field)} = {soql.quote(run_id)}"
