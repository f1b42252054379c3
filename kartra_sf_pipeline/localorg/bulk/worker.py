"""Works through closed jobs in threads: parse, check, write and answer, chunk by chunk.

Rows, counters and the sizes of the result files are committed together, so that a job that was
cut off goes on where the last commit left it.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from kartra_sf_pipeline.localorg.bulk import files
from kartra_sf_pipeline.localorg.bulk.jobs import Job, Jobs
from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.errors import where
from kartra_sf_pipeline.localorg.rules.header import Column, HeaderError, resolve
from kartra_sf_pipeline.localorg.rules.prepare import Prepared, prepare
from kartra_sf_pipeline.localorg.rules.remove import remove
from kartra_sf_pipeline.localorg.rules.save import save
from kartra_sf_pipeline.localorg.schema import SObject

_log = logging.getLogger(__name__)
# A multiple of the platform's own chunk, so that repeated keys meet in the same way.
ROWS_PER_COMMIT = 50_000


class Worker:
    """Runs jobs of one store, two at a time at most."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ingest")
        self._stop = threading.Event()
        self._busy = 0
        self._lock = threading.Lock()

    @property
    def busy(self) -> bool:
        """True while any job is being worked on."""
        return self._busy > 0

    def resume(self) -> None:
        """Take up jobs that an earlier process left behind."""
        for job in self.jobs.all():
            if job.state in {"UploadComplete", "InProgress"}:
                self.start(job.id)

    def start(self, job_id: str) -> None:
        """Queue a closed job."""
        with self._lock:
            self._busy += 1
        self._pool.submit(self._run, job_id)

    def close(self) -> None:
        """Stop after the chunks under way; the rest goes on at the next start."""
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, job_id: str) -> None:
        try:
            job = self.jobs.get(job_id)
            if job is not None and job.state in {"UploadComplete", "InProgress"}:
                self._work(job)
        except Exception as error:
            _log.error("Job %s ended with %s", job_id, where(error))
            self.jobs.change(
                job_id, state="Failed", error=f"InternalServerError : {type(error).__name__}"
            )
        finally:
            with self._lock:
                self._busy -= 1

    def _work(self, job: Job) -> None:
        started = time.monotonic()
        try:
            data = (self.jobs.folder(job.id) / "upload.csv").read_bytes()
            files.check_line_ends(data, job.line_ending)
            header = files.read_header(data, job.delimiter)
            schema = self.jobs.store.visible_schema()
            sobject = schema.object(job.object)
            if sobject is None:
                raise files.UploadError(f"InvalidBatch : Unable to find object: {job.object}")
            columns = self._columns(job, sobject, header)
            rows = files.read_rows(data, header, job.delimiter)
        except files.UploadError as error:
            self.jobs.change(job.id, state="Failed", error=str(error))
            return
        del data
        if not job.processed:
            self._begin(job, header)
        self.jobs.change(job.id, state="InProgress", total_rows=rows.height)
        parsed = time.monotonic()
        if not self._write(job, sobject, columns, rows):
            return
        ended = time.monotonic()
        self.jobs.change(
            job.id,
            state="JobComplete",
            total_ms=int((ended - started) * 1000),
            active_ms=int((ended - parsed) * 1000),
        )

    def _write(self, job: Job, sobject: SObject, columns: list[Column], rows: pl.DataFrame) -> bool:
        """Write all rows; the next ones are prepared meanwhile. False when told to stop."""

        def ready(start: int) -> tuple[pl.DataFrame, Prepared | None]:
            part = rows.slice(start, ROWS_PER_COMMIT)
            deleting = job.operation in {"delete", "hardDelete"}
            return part, None if deleting else prepare(columns, part)

        with ThreadPoolExecutor(1, thread_name_prefix="prepare") as ahead:
            coming = ahead.submit(ready, job.processed)
            while job.processed < rows.height:
                part, prepared = coming.result()
                current = self.jobs.get(job.id)
                if self._stop.is_set() or current is None or current.state == "Aborted":
                    return False
                coming = ahead.submit(ready, job.processed + part.height)
                self._chunk(job, sobject, columns, part, prepared)
        return True

    def _columns(self, job: Job, sobject: SObject, header: list[str]) -> list[Column]:
        schema = self.jobs.store.visible_schema()
        try:
            columns = resolve(schema, sobject, header)
        except HeaderError as error:
            raise files.UploadError(f"InvalidBatch : {error}") from None
        if any(c.field.type == "blob" for c in columns):
            raise files.UploadError("FeatureNotEnabled : Binary field not supported")
        names = [c.field.name for c in columns if c.parent is None]
        if job.operation in {"delete", "hardDelete"} and names != ["Id"]:
            raise files.UploadError("InvalidBatch : Delete batch must contain only ids")
        if job.operation == "update" and "Id" not in names:
            raise files.UploadError("InvalidBatch : Update batch must contain the Id field")
        key = sobject.field(job.key_field) if job.key_field else None
        if job.operation == "upsert" and (key is None or key.name not in names):
            raise files.UploadError(f"InvalidBatch : Field name not found : {job.key_field}")
        return columns

    def _begin(self, job: Job, header: list[str]) -> None:
        folder = self.jobs.folder(job.id)
        success = files.header_line(
            ["sf__Id", "sf__Created", *header], job.delimiter, job.line_ending
        )
        failed = files.header_line(["sf__Id", "sf__Error", *header], job.delimiter, job.line_ending)
        job.success_end = files.append(folder / "success.csv", success, 0)
        job.failed_end = files.append(folder / "failed.csv", failed, 0)

    def _chunk(
        self,
        job: Job,
        sobject: SObject,
        columns: list[Column],
        part: pl.DataFrame,
        prepared: Prepared | None,
    ) -> None:
        store, folder = self.jobs.store, self.jobs.folder(job.id)
        with store.write() as connection:
            if job.operation in {"delete", "hardDelete"}:
                ids = part.to_series()
                outcome = remove(
                    store, connection, sobject, ids, hard=job.operation == "hardDelete"
                )
            else:
                key = sobject.field(job.key_field) if job.key_field else None
                outcome = save(
                    store,
                    connection,
                    sobject,
                    job.operation,
                    columns,
                    part,
                    key=key,
                    prepared=prepared,
                )
            failed = outcome["code"].is_not_null()
            job.success_end = files.append(
                folder / "success.csv",
                self._success(job, columns, part, outcome, ~failed),
                job.success_end,
            )
            job.failed_end = files.append(
                folder / "failed.csv", self._failures(job, part, outcome, failed), job.failed_end
            )
            job.processed += part.height
            job.failed += int(failed.sum())
            connection.execute(
                "UPDATE _ingest_job SET processed = ?, failed = ?, success_end = ?, "
                "failed_end = ?, modified = ? WHERE id = ?",
                (job.processed, job.failed, job.success_end, job.failed_end, now_text(), job.id),
            )

    def _success(
        self,
        job: Job,
        columns: list[Column],
        part: pl.DataFrame,
        outcome: pl.DataFrame,
        mask: pl.Series,
    ) -> bytes:
        front = outcome.filter(mask).select(
            pl.col("id").alias("sf__Id"), pl.col("created").cast(pl.String).alias("sf__Created")
        )
        cells = files.stored_form(part.filter(mask), columns)
        return self._shuffled(job, pl.concat([front, cells], how="horizontal"))

    def _failures(
        self, job: Job, part: pl.DataFrame, outcome: pl.DataFrame, mask: pl.Series
    ) -> bytes:
        if not mask.any():
            return b""
        front = outcome.filter(mask).select(
            pl.col("id").alias("sf__Id"),
            pl.concat_str(
                "code",
                pl.lit(":"),
                "message",
                pl.lit(":"),
                pl.col("fields").list.join(" "),
                pl.when(pl.col("fields").list.len() > 0)
                .then(pl.lit(" --"))
                .otherwise(pl.lit("--")),
            ).alias("sf__Error"),
        )
        return self._shuffled(job, pl.concat([front, part.filter(mask)], how="horizontal"))

    def _shuffled(self, job: Job, frame: pl.DataFrame) -> bytes:
        """Result rows in an order unlike the upload's: clients have to join by key."""
        if frame.height > 1:
            order = pl.int_range(frame.height, eager=True).shuffle(seed=job.second + job.processed)
            if (order == pl.int_range(frame.height, eager=True)).all():
                order = order.reverse()
            frame = frame[order]
        return files.quoted(frame, job.delimiter, job.line_ending, header=False)
