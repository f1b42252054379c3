"""Jobs: what people launch, from the command line, the UI or a schedule."""

import dagster as dg

from kartra_sf_pipeline.assets.groups import EXTRACT, LOAD, MAP, PREPARE, PROVE, SCOPE, TRANSFORM
from kartra_sf_pipeline.assets.previews import table
from kartra_sf_pipeline.errors import GateFailed, UserError
from kartra_sf_pipeline.migration.rollback import RollbackReport
from kartra_sf_pipeline.resources import LedgerResource, SalesforceResource
from kartra_sf_pipeline.settings import Settings

scope = dg.define_asset_job(
    "scope",
    selection=dg.AssetSelection.groups(EXTRACT, PREPARE, SCOPE),
    description="Reads the exports and says what is there: no org is asked for anything.",
    executor_def=dg.in_process_executor,
)

rehearsal = dg.define_asset_job(
    "rehearsal",
    selection=dg.AssetSelection.groups(EXTRACT, PREPARE, SCOPE, MAP, TRANSFORM, LOAD, PROVE),
    description="The whole migration into the target's org, the local org by default, with proof.",
    executor_def=dg.in_process_executor,
)


class RollbackConfig(dg.Config):
    """Which run to take back; the latest one that loaded anything when left empty."""

    run: str = ""
    dry_run: bool = False


@dg.op(
    description="Deletes by ID, children first, what the run created; proves that none is left.",
    pool="salesforce",
    tags={"dagster/compute_kind": "salesforce"},
)
def roll_back(
    context: dg.OpExecutionContext,
    config: RollbackConfig,
    ledger: LedgerResource,
    salesforce: SalesforceResource,
) -> None:
    """The undo of one run. Records that the run only updated are never deleted."""
    org = salesforce.org()
    books = ledger.open()
    target = Settings.load().target.value
    run = config.run or books.latest_loaded_run(target, org.org_id)
    if not run:
        raise UserError(
            "There is no run to take back: the ledger knows of none that loaded this org.",
            next_step="See the runs with `kartra-sf status`.",
        )
    books.run(run)  # raises UnknownRun
    # The summary of this job then names the run that it takes back, even if it fails half-way.
    folder = ledger.note(context.run_id, run)
    report = salesforce.rollback(books, run, dry_run=config.dry_run)
    report.records.write_parquet(folder / "rollback.parquet")
    by_action = report.records.group_by("object", "action").len("records").sort("object", "action")
    context.log_event(
        dg.AssetObservation(
            asset_key="rollback", metadata={"ledger_run": run, "actions": table(by_action)}
        )
    )
    if not config.dry_run and not report.complete:
        raise GateFailed(_incomplete(run, report))


def _incomplete(run: str, report: RollbackReport) -> str:
    """What a rollback could not do, in a sentence each."""
    said: list[str] = []
    left = ", ".join(f"{count} {name}" for name, count in report.left_by_id.items() if count)
    if not report.clean:
        said.append(
            f"Records of run {run} are still in the org after the rollback: {left or 'by stamp'}."
        )
    elif unknown := report.counts["failed"]:
        said.append(f"Of {unknown} records of run {run} nobody can tell whether the org has them.")
    if refused := report.counts["not_restored"]:
        said.append(
            f"Records that run {run} had updated were not restored ({refused}): the org refused "
            "their old values."
        )
    said.append(
        "They are listed with their reasons in the run's rollback.parquet. "
        "Mend what is named there and roll back again."
    )
    return " ".join(said)


@dg.job(
    description="Deletes by ID what a run created, children first, and proves that it is gone.",
    executor_def=dg.in_process_executor,
)
def rollback() -> None:
    """Takes one run back."""
    roll_back()


JOBS = (scope, rehearsal, rollback)
