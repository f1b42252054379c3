"""Forecast: every rejection that the org's describe lets us foresee, before a row is sent."""

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import MIGRATION, TRANSFORM
from kartra_sf_pipeline.assets.inputs import scanned
from kartra_sf_pipeline.assets.previews import table
from kartra_sf_pipeline.forecast.row_rules import predict
from kartra_sf_pipeline.mapping.org_facts import snapshot_of
from kartra_sf_pipeline.migration.phases import PHASES
from kartra_sf_pipeline.resources import RunSettings
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

Frame = pl.DataFrame


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
        if rows.is_empty():
            arriving[phase.name] = rows["_key"]
            continue
        parents = {
            column: pl.concat([arriving.get(name, rows["_key"]) for name in makers])
            for column in rows.columns
            if (makers := _makers(column, objects[phase.object]))
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


def _makers(column: str, described: ObjectDescribe) -> list[str]:
    """Phases that bring the records which a relationship column points to by their key."""
    relation, dot, key = column.partition(".")
    named, colon, _ = relation.partition(":")
    if not dot:
        return []
    lookup = described.by_relationship(relation.rpartition(":")[2])
    parents = (named,) if colon else lookup.reference_to if lookup else ()
    return [
        phase.name
        for phase in PHASES
        if phase.object in parents
        and not phase.update_only
        and key in (phase.external_id, *phase.natural_key)
    ]
