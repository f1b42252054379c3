"""Query jobs of Bulk API 2.0: created, polled, paged, aborted, deleted; they survive a restart."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.errors import RouterError
from kartra_sf_pipeline.localorg.soql import ast
from kartra_sf_pipeline.localorg.soql.csv_export import DELIMITERS, LINE_ENDINGS, ResultFiles
from kartra_sf_pipeline.localorg.soql.errors import SoqlError
from kartra_sf_pipeline.localorg.soql.parser import parse
from kartra_sf_pipeline.localorg.soql.plan import Plan
from kartra_sf_pipeline.localorg.soql.service import QueryService
from kartra_sf_pipeline.localorg.store import Store

DEFAULT_PAGE_RECORDS = 100_000
# A finished job keeps saying InProgress for this long, or for one poll: clients must poll.
_SHOWN_RUNNING_SECONDS = 0.1
_CSV = "with CSV content type"

_TABLE = "CREATE TABLE IF NOT EXISTS _query_job (id TEXT PRIMARY KEY, job TEXT)"


@dataclass(frozen=True)
class QueryJob:
    """One job as it is kept."""

    id: str
    operation: str
    object: str
    query: str
    created_by: str
    created: str
    version: float
    state: str = "UploadComplete"
    modified: str = ""
    delimiter: str = "COMMA"
    line_ending: str = "LF"
    records: int = 0
    milliseconds: int = 0
    error: str | None = None

    def info(self, *, created: bool = False) -> dict[str, Any]:
        """The job info of a reply; the reply of the create call is shorter."""
        info: dict[str, Any] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.created_by,
            "createdDate": self.created,
            "systemModstamp": self.modified or self.created,
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": self.version,
        }
        if not created:
            info["jobType"] = "V2Query"
        info |= {"lineEnding": self.line_ending, "columnDelimiter": self.delimiter}
        if not created:
            info |= {
                "numberRecordsProcessed": self.records,
                "retries": 0,
                "totalProcessingTime": self.milliseconds,
            }
            if self.error is not None:
                info["errorMessage"] = self.error
            info["isPkChunkingSupported"] = True
        return info


@dataclass(frozen=True)
class ResultPage:
    """One page of results; `locator` is None on the last."""

    body: Iterator[bytes]
    records: int
    locator: str | None


class QueryJobs:
    """The query jobs of one store."""

    def __init__(self, store: Store, queries: QueryService) -> None:
        self._store = store
        self._queries = queries
        self._directory = store.directory / "query_results"
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="bulk-query")
        self._polls: dict[str, int] = {}
        self._started: dict[str, float] = {}
        self._lock = threading.Lock()
        with store.write() as connection:
            connection.execute(_TABLE)
        for job in self.list():
            if job.state in {"UploadComplete", "InProgress"}:
                self._submit(job)

    def create(self, request: dict[str, Any], version: float) -> QueryJob:
        """A new job from the body of the create call; it starts at once.

        Raises:
            RouterError: for a query that a bulk job cannot run, or an unknown option.

        """
        operation = request.get("operation")
        soql = request.get("query")
        if operation not in {"query", "queryAll"}:
            raise RouterError(400, "API_ERROR", f"operation is not supported: {operation}")
        if not isinstance(soql, str):
            raise RouterError(400, "API_ERROR", "query is required")
        delimiter = str(request.get("columnDelimiter") or "COMMA").upper()
        line_ending = str(request.get("lineEnding") or "LF").upper()
        content_type = str(request.get("contentType") or "CSV").upper()
        if delimiter not in DELIMITERS or line_ending not in LINE_ENDINGS or content_type != "CSV":
            raise RouterError(
                400,
                "API_ERROR",
                "contentType, columnDelimiter or lineEnding has a value that is not supported",
            )
        plan = self._checked(soql, deleted=operation == "queryAll")
        with self._store.write():
            job = QueryJob(
                id=self._store.new_ids_for_prefix("750", 1).item(),
                operation=operation,
                object=plan.entity,
                query=soql,
                created_by=self._store.user_id,
                created=now_text(),
                version=version,
                delimiter=delimiter,
                line_ending=line_ending,
            )
            self._save(job)
        self._submit(job)
        return job

    def _checked(self, soql: str, *, deleted: bool) -> Plan:
        try:
            query = parse(soql)
            refusal = _refusal_of_text(query)
            if refusal is None:
                plan = self._queries.compile(soql, deleted=deleted)
                refusal = _refusal_of_plan(plan)
                if refusal is None:
                    return plan
        except SoqlError as error:
            raise RouterError(400, error.code, error.message) from error
        raise RouterError(400, "API_ERROR", refusal)

    def get(self, job_id: str) -> QueryJob:
        """The job as a poll sees it."""
        job = self._load(job_id)
        if job.state != "JobComplete":
            return job
        with self._lock:
            polls = self._polls[job_id] = self._polls.get(job_id, 0) + 1
            age = time.monotonic() - self._started.get(job_id, 0.0)
        if job_id in self._started and polls < 2 and age < _SHOWN_RUNNING_SECONDS:
            return replace(job, state="InProgress", records=0, milliseconds=0)
        return job

    def list(self) -> list[QueryJob]:
        """All jobs, oldest first."""
        rows = self._store.query("SELECT job FROM _query_job ORDER BY rowid")
        return [QueryJob(**json.loads(row[0])) for row in rows]

    def abort(self, job_id: str) -> QueryJob:
        """Stops a job that has not finished."""
        job = self._load(job_id)
        if job.state in {"JobComplete", "Failed"}:
            raise RouterError(400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
        aborted = replace(job, state="Aborted", modified=now_text())
        self._save(aborted)
        return aborted

    def delete(self, job_id: str) -> None:
        """Removes a finished job with its results."""
        job = self._load(job_id)
        if job.state not in {"JobComplete", "Failed", "Aborted"}:
            raise RouterError(
                400, "INVALIDJOBSTATE", "Deleting a job that is not done is not allowed"
            )
        with self._store.write() as connection:
            connection.execute("DELETE FROM _query_job WHERE id = ?", (job_id,))
        self._files(job_id).remove()

    def results(
        self, job_id: str, version: float, *, locator: str | None, max_records: int | None
    ) -> ResultPage:
        """A page of a finished job's CSV; every page starts with the header line.

        Raises:
            RouterError: when the job is not finished, or the locator is not one of its own.

        """
        job = self._load(job_id)
        if job.state != "JobComplete":
            raise RouterError(
                400, "INVALIDJOBSTATE", f"Results are not available: the job's state is {job.state}"
            )
        if job.version != version:
            raise RouterError(
                409,
                "API_ERROR",
                f"Results of a job of version {job.version} cannot be read with {version}",
            )
        first = _position(locator)
        if first is None or first > job.records:
            raise RouterError(400, "API_ERROR", f"Invalid locator: {locator}")
        count = max_records if max_records is not None else DEFAULT_PAGE_RECORDS
        records, body = self._files(job_id).page(first, count)
        reached = first + records
        following = _locator(reached) if reached < job.records else None
        return ResultPage(body, records, following)

    def close(self) -> None:
        """Waits for running jobs."""
        self._pool.shutdown(wait=True)

    def _files(self, job_id: str) -> ResultFiles:
        return ResultFiles(self._directory, job_id)

    def _load(self, job_id: str) -> QueryJob:
        rows = self._store.query(
            "SELECT job FROM _query_job WHERE id = ? OR substr(id, 1, 15) = ?", (job_id, job_id)
        )
        if not rows:
            raise RouterError(404, "NOT_FOUND", "The requested resource does not exist")
        return QueryJob(**json.loads(rows[0][0]))

    def _save(self, job: QueryJob) -> None:
        with self._store.write() as connection:
            connection.execute(
                "INSERT INTO _query_job VALUES (?, ?) "
                "ON CONFLICT(id) DO UPDATE SET job = excluded.job",
                (job.id, json.dumps(asdict(job))),
            )

    def _submit(self, job: QueryJob) -> None:
        with self._lock:
            self._started[job.id] = time.monotonic()
            self._polls.pop(job.id, None)
        self._pool.submit(self._run, job.id)

    def _run(self, job_id: str) -> None:
        started = time.monotonic()
        with self._store.write():
            job = self._load(job_id)
            if job.state == "Aborted":
                return
            self._save(replace(job, state="InProgress", modified=now_text()))
        try:
            records = self._export(job)
            done = {"state": "JobComplete", "records": records}
        except Exception as error:
            # Whatever went wrong belongs to the job, as it would in a real org.
            message = error.message if isinstance(error, SoqlError) else type(error).__name__
            done = {"state": "Failed", "error": message}
        elapsed = int((time.monotonic() - started) * 1000)
        with self._store.write():
            if self._load(job_id).state == "Aborted":
                self._files(job_id).remove()
                return
            self._save(replace(job, **done, milliseconds=elapsed, modified=now_text()))

    def _export(self, job: QueryJob) -> int:
        plan = self._queries.compile(job.query, deleted=job.operation == "queryAll")
        with self._store.read() as connection:
            self._queries.connection_functions(connection, self._queries.clock())
            return self._files(job.id).write(
                connection,
                plan,
                delimiter=DELIMITERS[job.delimiter],
                line_ending=LINE_ENDINGS[job.line_ending],
            )


def _refusal_of_text(query: ast.Query) -> str | None:
    if any(isinstance(item, ast.SelectedChildren) for item in query.select):
        return f"Aggregate Relationships not supported in Bulk V2 Query {_CSV}"
    if any(isinstance(item, ast.TypeOf) for item in query.select):
        return f"TYPEOF not supported in Bulk V2 Query {_CSV}"
    if query.offset is not None:
        return f"OFFSET not supported in Bulk V2 Query {_CSV}"
    return None


def _refusal_of_plan(plan: Plan) -> str | None:
    if plan.aggregate or plan.counts_only or plan.grouped:
        return f"Aggregate functions and GROUP BY not supported in Bulk V2 Query {_CSV}"
    if plan.has_compound:
        return "Selecting compound data not supported in Bulk Query"
    blob = next((o for o in plan.outputs if o.field.type in {"blob", "base64"}), None)
    if blob is not None:
        return f"Blob field not supported in Bulk V2 Query {_CSV}"
    return None


def _locator(position: int) -> str:
    return base64.b64encode(str(position).encode()).decode().rstrip("=")


def _position(locator: str | None) -> int | None:
    if not locator or locator == "null":
        return 0
    try:
        text = base64.b64decode(locator + "=" * (-len(locator) % 4), validate=True).decode()
    except ValueError:
        return None
    return int(text) if text.isdigit() else None
