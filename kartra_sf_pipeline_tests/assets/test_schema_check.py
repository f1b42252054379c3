from __future__ import annotations

import dagster as dg
import polars as pl
import pytest

from kartra_sf_pipeline.assets.schema import schema_is_as_planned

PLAN = pl.DataFrame(
    {
        "component": ["CustomField", "PermissionSet"],
        "name": ["Contact.Kartra_Id__c", "Kartra_Migration"],
        "action": ["create", "create"],
        "detail": ["", ""],
    }
)
PRESENT = PLAN.with_columns(action=pl.lit("present"))


def judged(read_back: pl.DataFrame) -> dg.AssetCheckResult:
    result = schema_is_as_planned(read_back, PLAN)
    assert isinstance(result, dg.AssetCheckResult)
    return result


def test_all_present_passes() -> None:
    assert judged(PRESENT).passed


@pytest.mark.parametrize(
    ("read_back", "said"),
    [
        (PRESENT.head(1), "not read back"),
        (
            PRESENT.with_columns(
                action=pl.Series(["extend", "present"]), detail=pl.Series(["length 20 to 80", ""])
            ),
            "extend: length 20 to 80",
        ),
    ],
)
def test_what_is_missing_or_differs_blocks(read_back: pl.DataFrame, said: str) -> None:
    result = judged(read_back)
    assert not result.passed
    assert result.severity.value == "ERROR"
    rows = result.metadata["failing_rows"]
    assert isinstance(rows, dg.TableMetadataValue)
    assert [row.data["detail"] for row in rows.records] == [said]
