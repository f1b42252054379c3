from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.errors import OrgError
from kartra_sf_pipeline.migration.fields import BoundColumn
from kartra_sf_pipeline.migration.results import answers
from kartra_sf_pipeline.salesforce.bulk import IngestResult

KEY = BoundColumn("Kartra_Id__c", "Kartra_Id__c", "string", 0, True, True, True)


def table(columns: str, *rows: tuple[str | None, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=dict.fromkeys(columns.split(), pl.String), orient="row")


def result(
    successful: pl.DataFrame | None = None,
    failed: pl.DataFrame | None = None,
    unprocessed: pl.DataFrame | None = None,
    state: str = "JobComplete",
    error_message: str | None = None,
) -> IngestResult:
    none = pl.DataFrame()
    return IngestResult(
        job_id="750000000000001AAA",
        object="Contact",
        operation="upsert",
        state=state,
        error_message=error_message,
        uploaded=3,
        successful=none if successful is None else successful,
        failed=none if failed is None else failed,
        unprocessed=none if unprocessed is None else unprocessed,
    )


def by_key(found: pl.DataFrame) -> dict[str, dict[str, str | None]]:
    return {row["_result"]: row for row in found.to_dicts()}


def test_rows_find_their_outcome_by_key_in_whatever_order_they_come() -> None:
    found = by_key(
        answers(
            [
                result(
                    table(
                        "sf__Id sf__Created Kartra_Id__c",
                        ("003B", "false", "b"),
                        ("003A", "true", "A"),
                    ),
                    table(
                        "sf__Id sf__Error error_code error_message error_fields Kartra_Id__c",
                        (None, "…", "STRING_TOO_LONG", "too long", "LastName", "c"),
                    ),
                )
            ],
            [KEY],
        )
    )
    assert found["a"]["action"] == "created"
    assert found["a"]["sf_id"] == "003A"
    assert found["b"]["action"] == "updated"
    assert found["c"]["action"] == "rejected"
    assert (found["c"]["error_code"], found["c"]["error_fields"]) == (
        "STRING_TOO_LONG",
        "LastName",
    )


def test_a_repeated_result_counts_once_and_success_first() -> None:
    failed = table(
        "sf__Id sf__Error error_code error_message error_fields Kartra_Id__c",
        (None, "…", "UNABLE_TO_LOCK_ROW", "locked", None, "a"),
    )
    done = table("sf__Id sf__Created Kartra_Id__c", ("003A", "true", "a"), ("003A", "true", "a"))
    found = answers([result(failed=failed), result(done)], [KEY])
    assert found["action"].to_list() == ["created"]


def test_rows_of_a_failed_job_carry_the_jobs_own_message() -> None:
    message = "InvalidBatch : Field name not found : Foo__c"
    failed_job = result(unprocessed=table("Kartra_Id__c", ("a",)), state="Failed",
                        error_message=message)  # fmt: skip
    found = by_key(answers([failed_job], [KEY]))
    assert found["a"]["action"] == "rejected"
    assert found["a"]["error_code"] == "JOB_FAILED"
    assert found["a"]["error_message"] == message


def test_updates_are_told_apart_by_record_id() -> None:
    done = table("sf__Id sf__Created Id Phone", ("003A", "false", "003A", "+1"))
    assert answers([result(done)], None)["_result"].to_list() == ["003A"]


def test_results_without_the_key_column_are_refused() -> None:
    with pytest.raises(OrgError, match="without Kartra_Id__c"):
        answers([result(table("sf__Id sf__Created", ("003A", "true")))], [KEY])
