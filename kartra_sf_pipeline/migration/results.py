"""From the org's result files to one outcome per record that was sent, joined by key."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from kartra_sf_pipeline.errors import OrgError
from kartra_sf_pipeline.migration.fields import BoundColumn, match_key
from kartra_sf_pipeline.salesforce.bulk import IngestResult

#: Codes of this project's own, beside Salesforce's.
UNPROCESSED = "UNPROCESSED"
NO_RESULT = "NO_RESULT"
NOT_CONFIRMED = "RECORD_NOT_CONFIRMED"
PARENT_NOT_FOUND = "PARENT_NOT_FOUND"
LOADED_AS_OTHER_KIND = "LOADED_AS_OTHER_KIND"
CONTENT_NOT_READ = "CONTENT_NOT_READ"

#: Of the ledger's records those whose fate the org never told.
UNHEARD = pl.col("action").is_null() | (
    (pl.col("action") == "rejected") & pl.col("error_code").eq_missing(pl.lit(NO_RESULT))
)

RESULT = "_result"
_ANSWER = {
    RESULT: pl.String,
    "sf_id": pl.String,
    "action": pl.String,
    "error_code": pl.String,
    "error_fields": pl.String,
    "error_message": pl.String,
}


def answers(results: Sequence[IngestResult], keys: Sequence[BoundColumn] | None) -> pl.DataFrame:
    """What the org said of each row.

    Columns: `_result`, sf_id, action, error_code, error_fields, error_message. `_result` is the
    row's match key, or its record id when `keys` is None (updates and deletes). Each appears once:
    of repeated results a success counts first. Rows that no file mentions are absent.
    """
    parts = [part for result in results for part in _of_job(result, keys)]
    if not parts:
        return pl.DataFrame(schema=_ANSWER)
    rank = pl.col("action").replace_strict({"created": 0, "updated": 1}, default=2)
    return (
        pl.concat(parts)
        .sort(rank, maintain_order=True)
        .unique(RESULT, keep="first", maintain_order=True)
    )


def _of_job(result: IngestResult, keys: Sequence[BoundColumn] | None) -> list[pl.DataFrame]:
    none = pl.lit(None, pl.String)
    job_error = result.error_message or "the job ended before this row's turn"
    code = UNPROCESSED if result.state == "JobComplete" else f"JOB_{result.state.upper()}"
    made = pl.when(pl.col("sf__Created") == "true").then(pl.lit("created"))
    selections = (
        (result.successful, {
            "sf_id": pl.col("sf__Id"), "action": made.otherwise(pl.lit("updated")),
            "error_code": none, "error_fields": none, "error_message": none,
        }),
        (result.failed, {
            "sf_id": pl.col("sf__Id"), "action": pl.lit("rejected"),
            "error_code": pl.col("error_code").fill_null("UNKNOWN_EXCEPTION"),
            "error_fields": pl.col("error_fields"), "error_message": pl.col("error_message"),
        }),
        (result.unprocessed, {
            "sf_id": none, "action": pl.lit("rejected"), "error_code": pl.lit(code),
            "error_fields": none, "error_message": pl.lit(job_error),
        }),
    )  # fmt: skip
    return [
        frame.select(_key_of(frame, keys, result).alias(RESULT), **columns).cast(pl.Schema(_ANSWER))
        for frame, columns in selections
        if frame.height
    ]


def _key_of(
    frame: pl.DataFrame, keys: Sequence[BoundColumn] | None, result: IngestResult
) -> pl.Expr:
    names = ["Id"] if keys is None else [column.name for column in keys]
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise OrgError(
            f"The results of job {result.job_id} came without {', '.join(missing)}: "
            "its rows cannot be told apart. Load again: what has arrived will be recognised."
        )
    return pl.col("Id") if keys is None else match_key(keys)
