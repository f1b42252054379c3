from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.salesforce.query_frame import frame_of_records


def test_parents_are_flattened_and_a_missing_parent_is_null() -> None:
    records = [
        {
            "attributes": {},
            "Id": "1",
            "Account": {"attributes": {}, "Name": "A", "Owner": {"attributes": {}, "Name": "O"}},
        },
        {"attributes": {}, "Id": "2", "Account": None},
    ]
    frame = frame_of_records(records, ["Id", "account.name", "Account.Owner.Name"])
    assert frame.rows() == [("1", "A", "O"), ("2", None, None)]
    assert frame.columns == ["Id", "account.name", "Account.Owner.Name"]


def test_values_keep_the_type_that_json_gave_them() -> None:
    records = [
        {"S": "007", "B": True, "I": 3, "F": 1, "N": None, "A": {"city": "Köln"}},
        {"S": None, "B": None, "I": None, "F": 2.5, "N": None, "A": None},
    ]
    frame = frame_of_records(records, ["S", "B", "I", "F", "N", "A"])
    assert frame.schema == {
        "S": pl.String,
        "B": pl.Boolean,
        "I": pl.Int64,
        "F": pl.Float64,
        "N": pl.String,
        "A": pl.String,
    }
    assert frame.row(0) == ("007", True, 3, 1.0, None, '{"city": "Köln"}')


def test_no_rows_still_have_every_column() -> None:
    frame = frame_of_records([], ["Id", "Account.Name"])
    assert (frame.columns, frame.height) == (["Id", "Account.Name"], 0)
