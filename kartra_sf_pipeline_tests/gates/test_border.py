import polars as pl

from kartra_sf_pipeline.gates.bridge import gate_frame_type
from kartra_sf_pipeline.gates.runner import border_frame
from kartra_sf_pipeline.gates.suites import SUITES

READ_BACK = next(suite for suite in SUITES if suite.asset == "read_back")


def test_only_the_columns_that_a_suite_reads_cross_into_pandas():
    frame = pl.DataFrame({"object": ["A"], "missing": [0], "differences": [0], "email": ["x@y.z"]})
    assert list(border_frame(READ_BACK, frame).columns) == ["object", "missing", "differences"]


def test_the_border_type_takes_what_the_suite_was_written_for():
    frame = pl.DataFrame({"object": ["A"], "missing": [0], "differences": [0]})
    check = gate_frame_type(READ_BACK).type_check(None, border_frame(READ_BACK, frame))
    assert check.success


def test_the_border_type_refuses_a_frame_without_a_column_of_the_suite():
    frame = pl.DataFrame({"object": ["A"], "missing": [0]})
    check = gate_frame_type(READ_BACK).type_check(None, border_frame(READ_BACK, frame))
    assert not check.success
    assert "differences" in str(check.description)
