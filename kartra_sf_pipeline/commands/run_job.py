"""Runs a job in this process on the project's Dagster instance, with progress on a terminal."""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import dataclass
from typing import Any

from dagster import AssetCheckEvaluation, AssetCheckSeverity, TableMetadataValue
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kartra_sf_pipeline.commands.context import (
    OK,
    SAID_NO,
    USED_WRONGLY,
    console,
    prepare_dagster_home,
)
from kartra_sf_pipeline.settings import Settings
from kartra_sf_pipeline.summary import cause_of, is_user_error

NAMED_ROWS = 3


@dataclass(frozen=True)
class Ended:
    """How a job ended: its summary, the exit code, and what to tell the user."""

    summary: dict[str, Any]
    exit_code: int
    problems: list[str]


def run_job(name: str, settings: Settings, *, config: dict[str, Any], quiet: bool) -> Ended:
    """Execute the job and leave its summary and report."""
    prepare_dagster_home(settings)
    from dagster import DagsterEventType

    from kartra_sf_pipeline.automation import leave_record
    from kartra_sf_pipeline.definitions import defs
    from kartra_sf_pipeline.event_log import instance_for_a_run

    run_id = str(uuid.uuid4())
    job = defs.resolve_job_def(name)
    with instance_for_a_run() as instance:
        with _progress(instance, run_id, len(job.nodes), quiet=quiet):
            result = job.execute_in_process(
                instance=instance,
                run_id=run_id,
                raise_on_error=False,
                # The terminal shows progress and the end; the log is in the UI.
                run_config={
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                    **config,
                },
            )
        leave_record(instance, run_id)
        failures = [
            (event.step_key or "", event.step_failure_data.error)
            for event in result.all_events
            if event.event_type is DagsterEventType.STEP_FAILURE
        ]
    path = settings.runs_folder() / run_id / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    causes = [cause_of(step, error) for step, error in failures if error is not None]
    refused = [
        _refusal(check)
        for check in result.get_asset_check_evaluations()
        if check.blocking and not check.passed and check.severity is AssetCheckSeverity.ERROR
    ]
    problems = [
        message
        for cls, message in causes
        if not (refused and cls == "DagsterAssetCheckFailedError")
    ]
    problems += refused
    if result.success:
        code = OK
    else:
        code = USED_WRONGLY if causes and all(is_user_error(cls) for cls, _ in causes) else SAID_NO
    return Ended(summary, code, list(dict.fromkeys(problems)))


def _refusal(check: AssetCheckEvaluation) -> str:
    """A gate that did not pass: which, how many rows, why it matters, and the first rows."""
    said = f"Gate not passed: {check.asset_key.to_user_string()}: {check.check_name}."
    rows = check.metadata.get("failing_rows")
    records = rows.records if isinstance(rows, TableMetadataValue) else []
    first = ", ".join(str(record.data.get("row")) for record in records[:NAMED_ROWS])
    return " ".join(
        part for part in (said, check.description, first and f"First: {first}.") if part
    )


class _progress:
    """A bar that counts finished steps by asking the instance; silent when not on a terminal."""

    def __init__(self, instance: Any, run_id: str, steps: int, *, quiet: bool) -> None:
        self._instance = instance
        self._run_id = run_id
        self._steps = steps
        self._on = console.is_terminal and not quiet
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        if self._on:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._on:
            self._thread.join()

    def _watch(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task("starting", total=self._steps)
            while not self._done.wait(0.4):
                started = [
                    step.step_key for step in self._instance.get_run_step_stats(self._run_id)
                ]
                if started:
                    bar.update(task, completed=len(started), description=started[-1])
