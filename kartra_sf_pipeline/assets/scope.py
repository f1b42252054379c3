"""Scope: what there is, how good it is, what moves and what does not."""

from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import REVOPS, SCOPE
from kartra_sf_pipeline.assets.previews import table
from kartra_sf_pipeline.kartra.exports import EXPORTS
from kartra_sf_pipeline.scope.audit import audit
from kartra_sf_pipeline.scope.behavioural import behavioural_tags
from kartra_sf_pipeline.scope.losses import will_not_migrate
from kartra_sf_pipeline.scope.plan import migration_scope
from kartra_sf_pipeline.scope.quality import data_quality

Frame = pl.DataFrame
Result = dg.MaterializeResult[pl.DataFrame]

_COMMON: dict[str, Any] = {"group_name": SCOPE, "kinds": {"polars"}, "owners": REVOPS}


def _figures(frame: Frame, rows: int = 250) -> Result:
    return dg.MaterializeResult(
        value=frame, metadata={"rows": frame.height, "figures": table(frame, rows)}
    )


_RAW = {f"raw_{export}": dg.AssetIn() for export in EXPORTS}
_TAGS = {"behavioural_tags": dg.AssetIn()}
_PREPARED = {
    name: dg.AssetIn()
    for name in (
        "contacts_prepared",
        "contacts_unified",
        "contact_rows",
        "contact_matches",
        "parsed_tags",
        "parsed_lists",
        "companies_prepared",
        "company_rows",
        "transactions_prepared",
        "subscriptions_prepared",
        "subscriptions_derived",
        "affiliates_prepared",
        "affiliates_derived",
        "bookings_prepared",
        "notes_prepared",
        "products_derived",
        "quarantine",
    )
}


@dg.asset(ins=_RAW | _PREPARED, **_COMMON)
def account_audit(**frames: Frame) -> Result:
    """Counts of everything; the raw count beside the clean active count."""
    return _figures(audit(frames))


@dg.asset(name="behavioural_tags", **_COMMON)
def behavioural(parsed_tags: Frame) -> Result:
    """Tags that look like events: all that is left of form, webinar and course history."""
    return _figures(behavioural_tags(parsed_tags))


@dg.asset(name="data_quality", ins=_RAW, **_COMMON)
def quality(**frames: Frame) -> Result:
    """How full, how varied and how long each column of each export is."""
    return _figures(data_quality(frames), rows=300)


@dg.asset(name="migration_scope", ins=_RAW | _PREPARED | _TAGS, **_COMMON)
def scope_of_migration(**frames: Frame) -> Result:
    """Kartra's twelve objects: rows, destination, cardinality, support, planned records."""
    return _figures(migration_scope(frames))


@dg.asset(name="will_not_migrate", ins=_RAW | _PREPARED | _TAGS, **_COMMON)
def losses(**frames: Frame) -> Result:
    """What is lost or stays behind, why, and what to do about it."""
    return _figures(will_not_migrate(frames))
