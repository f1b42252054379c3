"""Forecast: every rejection that the org's describe lets us foresee, before a row is sent."""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import MIGRATION, TRANSFORM
from kartra_sf_pipeline.assets.inputs import scanned
from kartra_sf_pipeline.assets.previews import table
from kartra_sf_pipeline.forecast.row_rules import predict
from kartra_sf_pipeline.mapping.org_facts import snapshot_of
from kartra_sf_pipeline.migration.phases import PHASES
from kartra_sf_pipeline.resources import RunSettings

Frame = pl.DataFrame

# Which phases bring the records that a relationship column points to.
_PARENTS: Mapping[str, tuple[str, ...]] = {
    "Account.Kartra_Id__c": ("accounts", "affiliates"),
    "Product2.Kartra_Id__c": ("products",),
    "Opportunity.Kartra_Id__c": ("opportunities",),
    "Kartra_Adjusts__r.Kartra_Id__c": ("opportunities",),
    "Contact.Kartra_Id__c": ("contacts",),
    "Contact:Who.Kartra_Id__c": ("contacts",),
    "Campaign.Kartra_Id__c": ("campaigns",),
}


@dg.asset(
    group_name=TRANSFORM,
    kinds={"polars", "salesforce"},
    owners=MIGRATION,
    ins=scanned(*(phase.name for phase in PHASES)),
    deps=["schema_deployed"],
)
def forecast(settings: RunSettings, **planned: pl.LazyFrame) -> dg.MaterializeResult[Frame]:
    """Planned rows that the org would refuse, with the code, the field and the fix."""
    objects = snapshot_of(settings.load().home).objects
    arriving: dict[str, pl.Series] = {}
    verdicts = []
    planned_rows = 0
    # In load order, so that a record whose parent is refused is foreseen to be refused, too.
    for phase in PHASES:
        rows = planned[phase.name].collect()
        planned_rows += rows.height
        parents = {
            column: pl.concat([arriving.get(name, rows["_key"]) for name in makers])
            for column, makers in _PARENTS.items()
        }
        found = predict(
            phase.name, rows, objects[phase.object], parents, completes=phase.update_only
        )
        verdicts.append(found)
        arriving[phase.name] = rows["_key"].filter(~rows["_key"].is_in(found["key"].implode()))
    frame = pl.concat(verdicts)
    by_code = frame.group_by("object", "code", "field").len("rows").sort("rows", descending=True)
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "predicted_rejections": frame.select("object", "key").unique().height,
            "planned_rows": planned_rows,
            "by_code": table(by_code),
        },
    )
