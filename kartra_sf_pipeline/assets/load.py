"""Load: one asset per phase, in the order that the org's references ask for."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.existing import conflicts_of
from kartra_sf_pipeline.assets.extract import exports_hash
from kartra_sf_pipeline.assets.groups import LOAD, MIGRATION
from kartra_sf_pipeline.assets.map import map_at, refuse_unready_load
from kartra_sf_pipeline.assets.previews import counts, table
from kartra_sf_pipeline.kartra.files import ATTACHMENTS_FOLDER
from kartra_sf_pipeline.migration.contents import Contents
from kartra_sf_pipeline.migration.ledger import OUTCOME_SCHEMA
from kartra_sf_pipeline.migration.loader import Meeting, load_phase
from kartra_sf_pipeline.migration.phases import PHASES, Phase
from kartra_sf_pipeline.prepare.account_names import account_aliases_to_note
from kartra_sf_pipeline.prepare.identity import contact_aliases
from kartra_sf_pipeline.resources import LedgerResource, RunSettings, SalesforceResource

Frame = pl.DataFrame

# Where a phase's records may be known by more than their key: the asset that tells it, and how.
_ALIASES = {
    "accounts": ("account_names", account_aliases_to_note),
    "contacts": ("contacts_unified", contact_aliases),
}
_LAZY = dg.PythonObjectDagsterType(pl.LazyFrame)


def _loaded(phase: Phase, after: str | None) -> dg.AssetsDefinition:
    told_by, aliases_of = _ALIASES.get(phase.name, (None, None))
    # Who is known by more than a key may be in the org already, made by people.
    known_by = (
        {
            "known_by": dg.AssetIn(key=told_by, dagster_type=_LAZY),
            "existing": dg.AssetIn(key="existing_records", dagster_type=_LAZY),
        }
        if told_by
        else {}
    )
    deps = ["schema_deployed", "forecast", *([f"loaded_{after}"] if after else [])]

    @dg.asset(
        name=f"loaded_{phase.name}",
        group_name=LOAD,
        kinds={"salesforce"},
        owners=MIGRATION,
        pool="salesforce",
        ins={"frame": dg.AssetIn(key=phase.name), "export_files": dg.AssetIn(), **known_by},
        deps=deps,
        description=_describe(phase),
    )
    def loaded(
        context: dg.AssetExecutionContext,
        settings: RunSettings,
        ledger: LedgerResource,
        salesforce: SalesforceResource,
        frame: Frame,
        export_files: Frame,
        **told: pl.LazyFrame,
    ) -> dg.MaterializeResult[Frame]:
        given = settings.load()
        chosen = map_at(given.home)
        if phase.name not in chosen.wanted():
            return dg.MaterializeResult(
                value=pl.DataFrame(schema=OUTCOME_SCHEMA),
                metadata={"planned": 0, "strategy": "not chosen in the field map"},
            )
        given.refuse_unready_target()
        org = salesforce.org()
        refuse_unready_load(given, org)
        run = ledger.run_of(context.run.run_id, context.job_name, org, exports_hash(export_files))
        aliases = aliases_of(told["known_by"]).collect() if aliases_of else None
        meeting = Meeting(
            conflicts_of(chosen, phase.name),
            told["existing"].collect() if told else None,
            Contents(Path(given.exports_folder()) / ATTACHMENTS_FOLDER),
        )
        result = load_phase(org, ledger.open(), run, phase, frame, aliases=aliases, meeting=meeting)
        return dg.MaterializeResult(value=result.outcomes, metadata=_about(run, phase, result))

    return loaded


def _describe(phase: Phase) -> str:
    if phase.update_only:
        return f"Completes {phase.object} records that the org has confirmed."
    key = phase.external_id or " + ".join(phase.natural_key)
    return f"{phase.object} records in the org by {key}: created, updated, unchanged or rejected."


def _about(run: str, phase: Phase, result: Any) -> dict[str, Any]:
    outcomes = result.outcomes
    rejected = outcomes.filter(pl.col("outcome") == "rejected")
    return {
        **{name: int(count) for name, count in result.counts.items()},
        "object": phase.object,
        "ledger_run": run,
        "seconds": round(result.seconds, 2),
        "outcomes": counts(outcomes, "outcome"),
        "rejects_by_code": counts(rejected, "error_code"),
        "reject_lines": table(
            rejected.select("error_code", "error_fields", "source_file", "source_line")
        ),
    }


LOADED = [
    _loaded(phase, PHASES[number - 1].name if number else None)
    for number, phase in enumerate(PHASES)
]
