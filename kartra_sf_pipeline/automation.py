"""Sensors: what happens by itself once a run has ended."""

import dagster as dg

from kartra_sf_pipeline.jobs import JOBS
from kartra_sf_pipeline.reports.site import write_site
from kartra_sf_pipeline.settings import Settings
from kartra_sf_pipeline.summary import write_summary


def leave_record(instance: dg.DagsterInstance, run_id: str) -> None:
    """Write summary.json and the report of a finished run, whatever its end."""
    settings = Settings.load()
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
