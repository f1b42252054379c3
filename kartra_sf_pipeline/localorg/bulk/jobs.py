"""Ingest jobs: their rows in the store, their files, and what a poll is told."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.store import Store

TERMINAL = frozenset({"JobComplete", "Failed", "Aborted"})
# A platform never answers at once: a finished job is shown as running until it was asked for
# this often, or for this long.
POLLS_BEFORE_DONE = 2
SECONDS_BEFORE_DONE = 0.1
_DAY = 86_400
_BATCH_ROWS = 10_000

_TABLE = """
CREATE TABLE IF NOT EXISTS _ingest_job (
    id TEXT PRIMARY KEY, object TEXT, operation TEXT, key_field TEXT, state TEXT, version TEXT,
    delimiter TEXT, line_ending TEXT, created_by TEXT, created TEXT, modified TEXT, second INTEGER,
    uploads INTEGER DEFAULT 0, error TEXT, processed INTEGER DEFAULT 0, failed INTEGER DEFAULT 0,
    total_rows INTEGER DEFAULT 0, success_end INTEGER DEFAULT 0, failed_end INTEGER DEFAULT 0,
    total_ms INTEGER DEFAULT 0, active_ms INTEGER DEFAULT 0)
"""


@dataclass
class Job:
    """One ingest job as stored; `success_end` and `failed_end` are sizes of its result files."""

    id: str
    object: str
    operation: str
    key_field: str | None
    state: str
    version: str
    delimiter: str
    line_ending: str
    created_by: str
    created: str
    modified: str
    second: int
    uploads: int = 0
    error: str | None = None
    processed: int = 0
    failed: int = 0
    total_rows: int = 0
    success_end: int = 0
    failed_end: int = 0
    total_ms: int = 0
    active_ms: int = 0


_COLUMNS = tuple(f.name for f in fields(Job))


class Jobs:
    """The jobs of one store; safe from any thread."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._polls: dict[str, tuple[int, float]] = {}
        with store.write() as connection:
            connection.execute(_TABLE)

    def folder(self, job_id: str) -> Path:
        """Where a job's upload and results lie."""
        return self.store.directory / "jobs" / job_id

    def create(
        self,
        *,
        object: str,
        operation: str,
        key_field: str | None,
        version: str,
        delimiter: str,
        line_ending: str,
    ) -> Job:
        """A new open job."""
        now = now_text()
        with self.store.write() as connection:
            job = Job(
                id=self.store.new_ids_for_prefix("750", 1).item(),
                object=object,
                operation=operation,
                key_field=key_field,
                state="Open",
                version=version,
                delimiter=delimiter,
                line_ending=line_ending,
                created_by=self.store.user_id,
                created=now,
                modified=now,
                second=int(time.time()),
            )
            marks = ", ".join("?" * len(_COLUMNS))
            connection.execute(
                f"INSERT INTO _ingest_job ({', '.join(_COLUMNS)}) VALUES ({marks})",
                tuple(getattr(job, c) for c in _COLUMNS),
            )
        self.folder(job.id).mkdir(parents=True, exist_ok=True)
        return job

    def get(self, job_id: str) -> Job | None:
        """The job with that id in its 15- or 18-character form."""
        rows = self.store.query(
            f"SELECT {', '.join(_COLUMNS)} FROM _ingest_job WHERE substr(id, 1, 15) = ?",
            (job_id[:15],),
        )
        return Job(*rows[0]) if rows and len(job_id) in {15, 18} else None

    def all(self) -> list[Job]:
        """Every job, newest first."""
        rows = self.store.query(
            f"SELECT {', '.join(_COLUMNS)} FROM _ingest_job ORDER BY second DESC, id DESC"
        )
        return [Job(*r) for r in rows]

    def change(self, job_id: str, **values: Any) -> None:
        """Set columns of a job, and its modification time."""
        values["modified"] = now_text()
        assignments = ", ".join(f"{c} = ?" for c in values)
        with self.store.write() as connection:
            connection.execute(
                f"UPDATE _ingest_job SET {assignments} WHERE id = ?", (*values.values(), job_id)
            )

    def delete(self, job: Job) -> None:
        """Forget a job and its files."""
        with self.store.write() as connection:
            connection.execute("DELETE FROM _ingest_job WHERE id = ?", (job.id,))
        shutil.rmtree(self.folder(job.id), ignore_errors=True)

    def delete_all(self) -> None:
        """Forget every job, for an org that starts again."""
        with self.store.write() as connection:
            connection.execute("DELETE FROM _ingest_job")
        shutil.rmtree(self.store.directory / "jobs", ignore_errors=True)

    def closed(self, job_id: str) -> None:
        """Start the time in which polls see the job on its way."""
        with self._lock:
            self._polls[job_id] = (0, time.monotonic())

    def shown_state(self, job: Job) -> str:
        """The state that this poll sees."""
        with self._lock:
            seen = self._polls.get(job.id)
            if seen is None or job.state not in {"JobComplete", "Failed", "InProgress"}:
                return job.state
            polls, closed = seen
            polls += 1
            self._polls[job.id] = (polls, closed)
            early = polls <= POLLS_BEFORE_DONE and time.monotonic() - closed < SECONDS_BEFORE_DONE
            if not early:
                if job.state in TERMINAL:
                    del self._polls[job.id]
                return job.state
            return "UploadComplete" if polls == 1 else "InProgress"

    def batches_today(self) -> int:
        """Internal batches of 10,000 records that jobs of the last 24 hours made."""
        rows = self.store.query(
            "SELECT total_rows FROM _ingest_job WHERE second > ?", (int(time.time()) - _DAY,)
        )
        return sum(-(-r[0] // _BATCH_ROWS) for r in rows)


def job_info(job: Job, state: str, *, kind: str) -> dict[str, Any]:
    """The job as a reply shows it: creating, closing and polling tell different sets of keys."""
    version = float(job.version)
    out: dict[str, Any] = {
        "id": job.id,
        "operation": job.operation,
        "object": job.object,
        "createdById": job.created_by,
        "createdDate": job.created,
        "systemModstamp": job.modified,
        "state": state,
    }
    if job.key_field is not None:
        out["externalIdFieldName"] = job.key_field
    out |= {"concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": version}
    if kind == "close":
        return out
    if kind != "create":
        out["jobType"] = "V2Ingest"
    if state == "Open":
        out["contentUrl"] = f"services/data/v{job.version}/jobs/ingest/{job.id}/batches"
    out |= {"lineEnding": job.line_ending, "columnDelimiter": job.delimiter}
    if kind == "get":
        done = state in TERMINAL
        out |= {
            "numberRecordsProcessed": job.processed if done else 0,
            "numberRecordsFailed": job.failed if done else 0,
            "retries": 0,
            "totalProcessingTime": job.total_ms if done else 0,
            "apiActiveProcessingTime": job.active_ms if done else 0,
            "apexProcessingTime": 0,
        }
        if job.error and done:
            out["errorMessage"] = job.error
        if version >= 60:
            out["isPkChunkingSupported"] = False
    return out
