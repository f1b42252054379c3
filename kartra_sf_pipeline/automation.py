"""Sensors: what happens by itself once a run has ended."""

import dagster as dg

from kartra_sf_pipeline.jobs import JOBS, rollback
from kartra_sf_pipeline.reports.site import write_site
from kartra_sf_pipeline.resources import LedgerResource
from kartra_sf_pipeline.settings import Settings
from kartra_sf_pipeline.summary import SUMMARY_FILE, write_summary


def leave_record(instance: dg.DagsterInstance, run_id: str) -> None:
    """Write summary.json and the report of a finished run, and close its run in the ledger.

    A run is recorded once: by the time that a sensor comes by, the frames may be a later run's.
    """
    settings = Settings.load()
    if (settings.runs_folder() / run_id / SUMMARY_FILE).exists():
        return
    run = instance.get_run_by_id(run_id)
    if run is not None and run.job_name != rollback.name:
        LedgerResource().close_run(run_id, "succeeded" if run.is_success else "failed")
    path = write_summary(instance, run_id, settings)
    write_site(path.parent, settings.frames_folder())


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=list(JOBS),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=15,
)
def record_succeeded_run(context: dg.RunStatusSensorContext) -> None:
    """Leaves summary.json and the report of runs launched from the UI or a schedule."""
    leave_record(context.instance, context.dagster_run.run_id)


@dg.run_failure_sensor(
    monitored_jobs=list(JOBS),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=15,
)
def record_failed_run(context: dg.RunFailureSensorContext) -> None:
    """Leaves summary.json and the report of failed runs, too: what was reached and why it ended."""
    leave_record(context.instance, context.dagster_run.run_id)


SENSORS = (record_succeeded_run, record_failed_run)
