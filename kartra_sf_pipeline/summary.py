"""summary.json: what a run did, in a shape that is a contract (schema 1; docs/summary.md)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from dagster import DagsterEventType as Event
from dagster import DagsterInstance

from kartra_sf_pipeline.errors import PipelineError, UserError
from kartra_sf_pipeline.forecast.score import score
from kartra_sf_pipeline.io import read_frame
from kartra_sf_pipeline.load_order import OPTIONAL_PHASES
from kartra_sf_pipeline.migration.phases import PHASES
from kartra_sf_pipeline.settings import Settings

SCHEMA_VERSION = 1
DISPOSITIONS = ("loaded", "merged", "suppressed", "quarantined", "rejected")
OUTCOMES = ("created", "updated", "unchanged", "rejected")
SUMMARY_FILE = "summary.json"


def write_summary(instance: DagsterInstance, run_id: str, settings: Settings) -> Path:
    """Gather what a finished run left in the event log and its frames; returns the file."""
    summary = summarise(instance, run_id, settings)
    folder = settings.runs_folder() / run_id
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SUMMARY_FILE
    path.write_text(json.dumps(summary, indent=2, default=str), encoding="utf-8")
    return path


def summarise(instance: DagsterInstance, run_id: str, settings: Settings) -> dict[str, Any]:
    """The summary as plain data. Frames of earlier runs are never counted for this one."""
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise KeyError(run_id)
    log = RunLog(instance, run_id)
    frames = {
        name: frame
        for name in log.materialized
        if (frame := read_frame(settings, name)) is not None
    }
    note = settings.runs_folder() / run_id / "ledger_run"
    return {
        "schema": SCHEMA_VERSION,
        "run_id": run_id,
        "job": run.job_name,
        "target": settings.target.value,
        "status": "succeeded" if run.is_success else "failed",
        "sources": _sources(frames),
        "objects": _objects(frames),
        "gates": log.gates,
        "existing_records": _existing(frames),
        "original_dates": _dated(frames),
        "read_back": _read_back(frames),
        "forecast": _forecast(frames),
        "scoreboard": _scoreboard(frames),
        "loaded_apart": _loaded_apart(frames),
        "memberships_left_out": _left_out(frames),
        "awaiting_a_decision": _awaiting(frames),
        "timings": log.timings,
        "peak_memory_mb": log.peak_memory_mb,
        "ledger_run": note.read_text(encoding="utf-8").strip() if note.exists() else None,
        "reports": f"runs/{run_id}/index.html",
        "errors": log.errors,
    }


class RunLog:
    """What the event log says of one run."""

    def __init__(self, instance: DagsterInstance, run_id: str) -> None:
        self.materialized: list[str] = []
        self.gates: list[dict[str, Any]] = []
        self.timings: dict[str, float] = {}
        self.errors: list[str] = []
        self.peak_memory_mb = 0
        last: dict[str, float] = {}
        wanted = {
            Event.STEP_START,
            Event.STEP_SUCCESS,
            Event.STEP_FAILURE,
            Event.ASSET_MATERIALIZATION,
            Event.ASSET_CHECK_EVALUATION,
        }
        for entry in instance.all_logs(run_id, of_type=wanted):
            event = entry.get_dagster_event()
            step = event.step_key or ""
            if event.event_type is Event.STEP_START:
                last[step] = entry.timestamp
            elif event.event_type is Event.ASSET_MATERIALIZATION:
                self._materialized(event, entry.timestamp - last.get(step, entry.timestamp))
                last[step] = entry.timestamp
            elif event.event_type is Event.ASSET_CHECK_EVALUATION:
                self._checked(event)
            else:
                if step.startswith("gate_") or step == "roll_back":
                    self.timings[step] = round(entry.timestamp - last.get(step, entry.timestamp), 3)
                if event.event_type is Event.STEP_FAILURE:
                    error = event.step_failure_data.error
                    message = cause_of(step, error)[1] if error else f"{step} failed"
                    if message not in self.errors:
                        self.errors.append(message)

    def _materialized(self, event: dg.DagsterEvent, seconds: float) -> None:
        key = event.asset_key
        if key is None:
            return
        name = key.to_user_string()
        self.materialized.append(name)
        self.timings[name] = round(seconds, 3)
        peak = event.step_materialization_data.materialization.metadata.get("peak_memory_mb")
        if peak is not None:
            self.peak_memory_mb = max(self.peak_memory_mb, int(peak.value))  # pyright: ignore[reportArgumentType]

    def _checked(self, event: dg.DagsterEvent) -> None:
        found = event.asset_check_evaluation_data
        self.gates.append(
            {
                "phase": found.asset_key.to_user_string(),
                "check": found.check_name,
                "passed": found.passed,
                # A check may stop a run elsewhere and only warn here.
                "blocking": found.blocking
                and (found.passed or found.severity is dg.AssetCheckSeverity.ERROR),
            }
        )


def cause_of(step: str, error: Any) -> tuple[str, str]:
    """Class and message of the error that ended a step, without a traceback.

    The first error that this package raised on purpose speaks for what lies beneath it; any other
    one names its step: somebody must look there.
    """
    ours = _class_names(PipelineError)
    while error.cls_name not in ours and error.cause is not None:
        error = error.cause
    name = error.cls_name or ""
    message = error.message.strip().split(f"{name}: ", 1)[-1]
    return name, message if name in ours else f"{step}: {name}: {message}"


def is_user_error(name: str) -> bool:
    """Whether the class of that name is a mistake that the user can mend."""
    return name in _class_names(UserError)


def _class_names(cls: type) -> set[str]:
    """Names of an error class and of all below it: what crosses Dagster is only the name."""
    return {cls.__name__}.union(*(_class_names(sub) for sub in cls.__subclasses__()))


def _sources(frames: dict[str, pl.DataFrame]) -> dict[str, dict[str, int]]:
    files = frames.get("export_files")
    if files is None:
        return {}
    became: dict[str, dict[str, int]] = defaultdict(dict)
    final = frames.get("dispositions")
    if final is not None:
        for export, disposition, rows in final.group_by("export", "disposition").len().iter_rows():
            became[export][disposition] = rows
    sources = {}
    read = files.filter(pl.col("export").is_not_null()).group_by("export").agg(
        files=pl.len(), rows=pl.col("rows").sum() + pl.col("quarantined").sum()
    )  # fmt: skip
    for export, count, rows in read.sort("export").iter_rows():
        counts = {name: became[export].get(name, 0) for name in DISPOSITIONS}
        sources[export] = {
            "files": count,
            "rows": rows,
            **counts,
            "not_reached": rows - sum(counts.values()),
        }
    return sources


def _objects(frames: dict[str, pl.DataFrame]) -> dict[str, dict[str, int]]:
    """Counts per object; a record that a later phase completes counts once, as it was made.

    An object that belongs to one strategy alone is told where it was written.
    """
    objects: dict[str, dict[str, int]] = {}
    for phase in PHASES:
        outcomes = frames.get(f"loaded_{phase.name}")
        if outcomes is None or (outcomes.is_empty() and phase.name in OPTIONAL_PHASES):
            continue
        name = f"{phase.object} ({phase.name})" if phase.update_only else phase.object
        totals = objects.setdefault(name, dict.fromkeys(("planned", *OUTCOMES), 0))
        totals["planned"] += outcomes.height
        for outcome, rows in outcomes.group_by("outcome").len().iter_rows():
            totals[outcome] += rows
    return objects


def _read_back(frames: dict[str, pl.DataFrame]) -> dict[str, Any]:
    summary = frames.get("read_back")
    if summary is None:
        return {"records": 0, "fields": 0, "coverage": 0.0, "differences": 0, "explained": 0}
    taken = sum(
        outcomes.filter(pl.col("outcome") != "rejected").height
        for name in _names("loaded_")
        if (outcomes := frames.get(name)) is not None
    )
    records = int(summary["records"].sum())
    found = records - int(summary["missing"].sum())
    return {
        "records": records,
        "fields": int(summary["fields"].sum()),
        "coverage": round(found / taken, 6) if taken else 1.0,
        "differences": int(summary["differences"].sum()),
        "explained": int(summary["explained"].sum()),
    }


def _dated(frames: dict[str, pl.DataFrame]) -> list[str]:
    """Objects whose records are created on their original day; a field of their own keeps the
    others' date.
    """
    found = frames.get("field_map")
    if found is None:
        return []
    dated = found.filter(pl.col("target") == "CreatedDate")
    return sorted(dated["object"].unique())


def _existing(frames: dict[str, pl.DataFrame]) -> dict[str, int]:
    """Rows that met records which people had made in the org, by what was decided on them."""
    found = frames.get("existing_records")
    made = {} if found is None else dict(found.group_by("decision").len().iter_rows())
    return {decision: int(made.get(decision, 0)) for decision in ("stamp", "review")}


def _forecast(frames: dict[str, pl.DataFrame]) -> dict[str, Any]:
    predicted = frames.get("forecast")
    outcomes = [frames[name] for name in _names("loaded_") if name in frames]
    if predicted is None or not outcomes:
        return {"predicted": 0, "actual": 0, "precision": None, "recall": None}
    found = score(predicted, pl.concat(outcomes))
    return {
        "predicted": found.predicted,
        "actual": found.actual,
        "precision": found.precision,
        "recall": found.recall,
    }


def _scoreboard(frames: dict[str, pl.DataFrame]) -> dict[str, Any]:
    """Both scores, the grades and Kartra's twelve objects; nothing where the run got nowhere."""
    scored, board = frames.get("migration_scores"), frames.get("object_scoreboard")
    if scored is None or board is None:
        return {"vendor_style_score": None, "honest_score": None, "grades": {}, "objects": []}
    points = dict(scored.select("measure", "score").iter_rows())
    graded = scored.filter(pl.col("grade").is_not_null()).select("measure", "grade")
    shown = (
        "object", "destination", "cardinality", "support", "rows_in", "rows_moved", "rows_left",
        "records",
    )  # fmt: skip
    return {
        "vendor_style_score": points["vendor_style_score"],
        "honest_score": points["honest_score"],
        "grades": dict(graded.iter_rows()),
        "objects": board.select(shown).to_dicts(),
    }


def _left_out(frames: dict[str, pl.DataFrame]) -> dict[str, int]:
    """Memberships of lists that no campaign and no group takes, by reason."""
    left = frames.get("memberships_left_out")
    if left is None:
        return {}
    return dict(left.group_by("reason").len().sort("reason").iter_rows())


def _loaded_apart(frames: dict[str, pl.DataFrame]) -> int:
    """Records that were loaded on their own, are one with others now, and await a person's word."""
    pairs = frames.get("records_loaded_apart")
    return 0 if pairs is None else pairs.filter(pl.col("decision") != "ignore").height


def _awaiting(frames: dict[str, pl.DataFrame]) -> int:
    """Pairs of contacts and of companies in match_review.csv that nobody has decided on yet."""
    return sum(
        pairs.filter(pl.col("decision") == "review").height
        for name in ("contact_matches", "company_matches")
        if (pairs := frames.get(name)) is not None
    )


def _names(prefix: str) -> Iterable[str]:
    return (f"{prefix}{phase.name}" for phase in PHASES)
