"""Schema: what the map needs the org to have, deployed and read back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import MAP, MIGRATION
from kartra_sf_pipeline.assets.map import confirmed_map, refuse_unready_load
from kartra_sf_pipeline.assets.previews import counts, table
from kartra_sf_pipeline.mapping.org_facts import snapshot_objects, snapshot_of
from kartra_sf_pipeline.mapping.schema_deployment import deploy_plan
from kartra_sf_pipeline.mapping.schema_plan import ask_plan, not_as_planned
from kartra_sf_pipeline.resources import LedgerResource, RunSettings, SalesforceResource

Frame = pl.DataFrame
Result = dg.MaterializeResult[pl.DataFrame]

_COMMON: dict[str, Any] = {"group_name": MAP, "kinds": {"salesforce"}, "owners": MIGRATION}


@dg.asset(deps=["org_snapshot"], **_COMMON)
def schema_plan(settings: RunSettings, salesforce: SalesforceResource, field_map: Frame) -> Result:
    """What the map needs: what is there, what must be created or extended, what clashes."""
    home = settings.load().home
    content = confirmed_map(home, field_map)
    plan = ask_plan(salesforce.org(), content, snapshot_of(home).objects)
    frame = plan.to_frame()
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "actions": counts(frame, "action"),
            "components": counts(frame, "component"),
            "to_do": table(frame.filter(pl.col("action") != "present").select(_SHOWN), rows=250),
        },
    )


_SHOWN = ("component", "name", "type", "action", "detail")


# Nothing is written to an org while the exports are known to be incomplete.
@dg.asset(pool="salesforce", deps=["control_totals", "schema_plan"], **_COMMON)
def schema_deployed(
    settings: RunSettings,
    ledger: LedgerResource,
    salesforce: SalesforceResource,
    field_map: Frame,
) -> Result:
    """The planned schema, validated, deployed, granted, and read back.

    Nothing is deployed where the org has everything already.
    """
    given = settings.load()
    # The schema is the first thing that a run writes: not into an org that may not be loaded yet,
    # and not without a ledger to record what follows.
    given.refuse_unready_target()
    org = salesforce.org()
    refuse_unready_load(given, org)
    ledger.open()
    home = given.home
    content = confirmed_map(home, field_map)
    # Asked anew: the plan that people saw may be older than what the org has now.
    deployed = deploy_plan(org, ask_plan(org, content, snapshot_of(home).objects), home)
    org.forget_describes()
    facts = replace(snapshot_of(home), snapshot=snapshot_objects(org, content))
    facts.write(home)
    frame = ask_plan(org, content, facts.objects).to_frame()
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "deployed": deployed,
            "read_back": counts(frame, "action"),
            "differences": table(frame.filter(pl.col("action") != "present").select(_SHOWN)),
        },
    )


@dg.multi_asset_check(
    name="gate_schema_deployed",
    specs=[
        dg.AssetCheckSpec(
            "schema_is_as_planned",
            asset="schema_deployed",
            additional_deps=["schema_plan"],
            description="Every planned component reads back from the org as planned, by metadata "
            "and by describe; see field-level security of the migration user where one does not.",
            blocking=True,
        )
    ],
    ins={
        "schema_deployed": dg.AssetIn("schema_deployed"),
        "schema_plan": dg.AssetIn("schema_plan"),
    },
    compute_kind="salesforce",
)
def schema_is_as_planned(schema_deployed: Frame, schema_plan: Frame) -> dg.AssetCheckResult:
    """Compares what was read back with the plan."""
    missed = not_as_planned(schema_plan, schema_deployed)
    metadata: Mapping[str, Any] = {
        "planned": schema_plan.height,
        "failing": missed.height,
        "failing_rows": table(missed),
    }
    return dg.AssetCheckResult(
        check_name="schema_is_as_planned",
        asset_key="schema_deployed",
        passed=not missed.height,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=metadata,
    )
