"""Jobs that a load which died has left behind in the org: ended, and their rows settled."""

from __future__ import annotations

from typing import Any

import polars as pl

from kartra_sf_pipeline.errors import OrgError
from kartra_sf_pipeline.migration import results
from kartra_sf_pipeline.migration.fields import bind_columns, key_columns, match_key
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.salesforce import bulk
from kartra_sf_pipeline.salesforce.org import Org

_ABSENT = 404
_OPEN = "Open"
_GONE = "Gone"


def end_open_jobs(org: Org, ledger: Ledger) -> None:
    """Leave no job of an earlier load under way in this org: one of them would write beside ours.

    A job that was never closed is aborted: it has written nothing. Any other is waited for. Its
    rows are settled where its results tell which they are: updates by id, new records by our key.
    For the holder of the ledger's lease. Raises OrgError and OrgUnavailable.
    """
    for job in ledger.open_jobs(org.org_id).iter_rows(named=True):
        job_id = str(job["job_id"])
        if is_open(org, job_id):
            bulk.abort(org, job_id)
        ended = results_if_kept(org, job_id)
        if ended is None:
            ledger.finish_job(job_id, _GONE, 0, "the org knows this job no more")
            continue
        _settle(org, ledger, job, ended)
        ledger.finish_job(job_id, ended.state, ended.uploaded, ended.error_message)


def is_open(org: Org, job_id: str) -> bool:
    """Whether the job waits for its rows; of a job that the org has forgotten False."""
    try:
        return bulk.job_state(org, job_id) == _OPEN
    except OrgError as error:
        if error.status != _ABSENT:
            raise
        return False


def results_if_kept(org: Org, job_id: str) -> bulk.IngestResult | None:
    """The results of a job once it has ended, or None where the org has forgotten it."""
    try:
        return bulk.results_of(org, job_id)
    except OrgError as error:
        if error.status != _ABSENT:
            raise
        return None


def _settle(org: Org, ledger: Ledger, job: dict[str, Any], ended: bulk.IngestResult) -> None:
    phase = phase_named(job["phase"])
    intent = "update" if job["operation"] == "update" else "create"
    noted = ledger.records(job["run_id"]).filter(
        pl.col("phase") == phase.name, pl.col("intent") == intent, pl.col("action").is_null()
    )
    if noted.is_empty() or (intent == "create" and phase.external_id is None):
        return
    if intent == "update":
        said = results.answers([ended], None)
        rows = noted.select("record_id", pl.col("sf_id").alias(results.RESULT), known="sf_id")
    else:
        assert phase.external_id is not None
        bound = bind_columns(org, phase.object, [phase.external_id])
        keys = key_columns(bound, [phase.external_id])
        said = results.answers([ended], keys)
        named = noted.with_columns(pl.col("key").alias(phase.external_id))
        rows = named.select("record_id", match_key(keys).alias(results.RESULT), known="sf_id")
    settled = rows.join(said, on=results.RESULT).with_columns(sf_id=pl.coalesce("sf_id", "known"))
    ledger.settle(settled.drop("known", results.RESULT))
