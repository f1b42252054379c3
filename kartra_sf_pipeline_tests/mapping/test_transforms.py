from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.mapping.transforms import TRANSFORMS, was_rounded


def wire(name: str, values: list, dtype=None, length=None) -> list:
    frame = pl.DataFrame({"v": pl.Series(values, dtype=dtype)})
    return frame.select(TRANSFORMS[name](pl.col("v"), length).alias("v"))["v"].to_list()


@pytest.mark.parametrize(
    ("name", "values", "dtype", "expected"),
    [
        ("text", [" a ", "", None], pl.String, ["a", None, None]),
        ("integer", [7, None], pl.Int64, ["7", None]),
        ("decimal", [Decimal("12.5"), None], pl.Decimal(18, 2), ["12.50", None]),
        ("date", [date(2026, 1, 2), None], pl.Date, ["2026-01-02", None]),
        (
            "datetime",
            [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None],
            pl.Datetime("us", "UTC"),
            ["2026-01-02T03:04:05.000Z", None],
        ),
        ("boolean", [True, False, None], pl.Boolean, ["true", "false", None]),
        ("label", ["not_subject", None], pl.String, ["Not subject", None]),
        ("multi", [["a", "b"], [], None], pl.List(pl.String), ["a;b", None, None]),
    ],
)
def test_values_take_the_form_that_the_bulk_api_reads(name, values, dtype, expected):
    assert wire(name, values, dtype) == expected


def test_a_number_keeps_the_digits_that_its_field_takes_and_further_ones_are_seen():
    cells = ["0.125", "3.14159", "5", "7.100", "x", None]
    assert wire("decimal", cells, pl.String, 3) == ["0.125", "3.142", "5.000", "7.100", None, None]
    assert wire("decimal", ["2.5"], pl.String, 0) in (["2"], ["3"])
    frame = pl.DataFrame({"v": cells})
    seen = {n: frame.select(was_rounded(pl.col("v"), n)).to_series().to_list() for n in (1, 3)}
    assert seen[3] == [False, True, False, False, False, False]
    assert seen[1] == [True, True, False, False, False, False]


@given(st.text(max_size=60), st.integers(min_value=1, max_value=40))
def test_text_never_exceeds_its_field_and_is_marked_where_cut(text, length):
    [out] = wire("text", [text], pl.String, length)
    if out is None:
        assert not text.strip()
        return
    assert len(out) <= length
    if len(out) < len(text.strip()) and len(text.strip()) > length:
        assert out.endswith("…")
