"""Bulk 2.0 ingest: many rows out, each row's fate back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from kartra_sf_pipeline.errors import OrgError, OrgUnavailable
from kartra_sf_pipeline.salesforce import soql
from kartra_sf_pipeline.salesforce.csv_upload import MAX_BYTES, MAX_ROWS, as_cells, csv_bytes, pack
from kartra_sf_pipeline.salesforce.jobs import Poll, read_csv, wait_for_job
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline.salesforce.row_errors import with_error_parts

logger = logging.getLogger(__name__)

Operation = Literal["insert", "update", "upsert", "delete", "hardDelete"]

SENT = "UploadComplete"
_UPLOADS = 3


@dataclass(frozen=True, slots=True)
class IngestResult:
    """One job's end. The three frames hold the uploaded columns as strings, rows in any order.

    Join them by a text column such as the external id: the platform may spell a number anew
    (`912260031.00` comes back as `9.12260031E8`).
    `successful`: sf__Id, sf__Created ("true" or "false"), ...; `failed`: sf__Id, sf__Error,
    error_code, error_message, error_fields (comma-separated), ...; `unprocessed`: the columns
    alone. `state` is JobComplete, Failed or Aborted: a complete job may have failed rows.
    `unaccounted` counts uploaded rows that no result file holds: their fate must be asked of the
    org. It is 0 in every normal end.
    """

    job_id: str
    object: str
    operation: str
    state: str
    error_message: str | None
    uploaded: int
    successful: pl.DataFrame
    failed: pl.DataFrame
    unprocessed: pl.DataFrame

    @property
    def unaccounted(self) -> int:
        """Uploaded rows less those in the three result files."""
        return self.uploaded - self.successful.height - self.failed.height - self.unprocessed.height


def ingest(
    org: Org,
    object: str,
    operation: Operation,
    frame: pl.DataFrame,
    *,
    external_id: str | None = None,
    on_job: Callable[[str], None] | None = None,
    poll: Poll | None = None,
    max_bytes: int = MAX_BYTES,
    max_rows: int = MAX_ROWS,
) -> list[IngestResult]:
    """Send the frame (API names as columns, nothing else) as jobs, one after the other.

    Nulls are empty cells, which leave a field alone; the text `#N/A` empties it; CRLF in a text
    becomes LF. `external_id` is
    the key field of an upsert. `on_job` hears each job's id before its rows are uploaded; after a
    broken upload it hears a second id, and the first job never ran. Failed jobs are reported in
    the result, not raised. Raises OrgUnavailable when contact is lost after rows may have been
    taken: the last id heard tells `results_of` where to look.
    """
    if (operation == "upsert") != (external_id is not None):
        raise ValueError("external_id belongs to an upsert, and an upsert needs it")
    if operation in {"delete", "hardDelete"} and frame.columns != ["Id"]:
        raise ValueError("a delete takes the column Id alone")
    request: dict[str, Any] = {
        "object": soql.name(object),
        "operation": operation,
        "contentType": "CSV",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    if external_id is not None:
        request["externalIdFieldName"] = soql.name(external_id)
    results: list[IngestResult] = []
    for cells in pack(as_cells(frame), max_bytes=max_bytes, max_rows=max_rows):
        job_id = _send(org, request, csv_bytes(cells), on_job)
        results.append(results_of(org, job_id, uploaded=cells.height, poll=poll))
    return results


def delete(
    org: Org,
    object: str,
    ids: Iterable[str],
    *,
    on_job: Callable[[str], None] | None = None,
    poll: Poll | None = None,
) -> list[IngestResult]:
    """Delete records by id into the Recycle Bin; the rows of the results have the column `Id`."""
    frame = pl.DataFrame({"Id": list(ids)}, schema={"Id": pl.String})
    return ingest(org, object, "delete", frame, on_job=on_job, poll=poll)


def results_of(
    org: Org, job_id: str, *, uploaded: int | None = None, poll: Poll | None = None
) -> IngestResult:
    """Wait for a job that was sent, by this process or an earlier one, and read its results.

    Without `uploaded` the org's own count of the rows that it processed is taken.
    """
    path = f"jobs/ingest/{job_id}"
    action = "Waiting for a bulk job"
    info = wait_for_job(org, path, poll=poll, action=action)
    successful = _result(org, path, "successfulResults", ("sf__Id", "sf__Created"))
    failed = _result(org, path, "failedResults", ("sf__Id", "sf__Error"))
    unprocessed = _result(org, path, "unprocessedrecords", ())
    if uploaded is None:
        found = successful.height + failed.height + unprocessed.height
        uploaded = max(found, int(info.get("numberRecordsProcessed") or 0))
    result = IngestResult(
        job_id=job_id,
        object=str(info.get("object", "")),
        operation=str(info.get("operation", "")),
        state=str(info["state"]),
        error_message=info.get("errorMessage") or None,
        uploaded=uploaded,
        successful=successful,
        failed=with_error_parts(failed),
        unprocessed=unprocessed,
    )
    if result.unaccounted:
        logger.warning(
            "job %s (%s of %s) ended as %s; %d of %d rows are in no result file",
            job_id,
            result.operation,
            result.object,
            result.state,
            result.unaccounted,
            result.uploaded,
        )
    return result


def job_state(org: Org, job_id: str) -> str:
    """The job's state now."""
    info = org.json("GET", f"jobs/ingest/{job_id}", action="Asking for a bulk job")
    return str(info["state"])


def abort(org: Org, job_id: str) -> None:
    """Abort a job that has not finished; rows already taken stay taken."""
    org.json(
        "PATCH",
        f"jobs/ingest/{job_id}",
        action="Aborting a bulk job",
        content={"state": "Aborted"},
    )


def _send(
    org: Org, request: dict[str, Any], body: bytes, on_job: Callable[[str], None] | None
) -> str:
    """Create, upload and close a job. Until it is closed no row is taken, so that a job whose
    upload broke can be aborted and begun anew without writing anything twice.
    """
    action = f"Sending {request['object']} records in bulk"
    for attempt in range(_UPLOADS):
        job_id = str(
            org.json("POST", "jobs/ingest", action=action, content=request, retry=True)["id"]
        )
        if on_job is not None:
            on_job(job_id)
        try:
            org.request(
                "PUT",
                f"jobs/ingest/{job_id}/batches",
                action=action,
                body=body,
                headers={"Content-Type": "text/csv; charset=UTF-8"},
            )
        except OrgError as error:
            _abandon(org, job_id)
            if not error.retryable or attempt + 1 == _UPLOADS:
                raise
            logger.warning("upload of job %s broke, beginning anew", job_id)
            continue
        _close(org, job_id, action)
        return job_id
    raise AssertionError("unreachable")


def _close(org: Org, job_id: str, action: str) -> None:
    """Close the job; when the answer is lost, the job's state tells whether it was."""
    path = f"jobs/ingest/{job_id}"
    try:
        org.json("PATCH", path, action=action, content={"state": SENT})
    except OrgUnavailable:
        if job_state(org, job_id) == "Open":
            org.json("PATCH", path, action=action, content={"state": SENT})


def _abandon(org: Org, job_id: str) -> None:
    """Abort a half-sent job as a courtesy; an open one expires by itself within a day."""
    try:
        abort(org, job_id)
    except OrgError:
        logger.debug("job %s could not be aborted", job_id)


def _result(org: Org, path: str, kind: str, leading: tuple[str, ...]) -> pl.DataFrame:
    response = org.request("GET", f"{path}/{kind}", action="Reading a bulk job's results")
    frame = read_csv(response.content)
    missing = [pl.lit(None, pl.String).alias(name) for name in leading if name not in frame.columns]
    if not frame.width:
        return pl.DataFrame(schema=dict.fromkeys(leading, pl.String))
    return frame.with_columns(missing) if missing else frame
