from __future__ import annotations

import contextlib
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.localorg.soql import ast
from kartra_sf_pipeline.localorg.soql.conditions import unescape
from kartra_sf_pipeline.localorg.soql.csv_export import java_double
from kartra_sf_pipeline.localorg.soql.dates import date_range, stored_literal
from kartra_sf_pipeline.localorg.soql.errors import SoqlError
from kartra_sf_pipeline.localorg.soql.parser import parse

TODAY = date(2026, 5, 14)  # a Thursday


def quoted(value: str) -> str:
    for plain, escaped in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(plain, escaped)
    return f"'{value}'"


# The first parse builds the grammar.
@settings(deadline=None)
@given(st.text())
def test_any_text_survives_as_a_quoted_literal(value: str) -> None:
    query = parse(f"SELECT Id FROM Contact WHERE Name = {quoted(value)}")
    assert isinstance(query.where, ast.Comparison)
    assert unescape(query.where.value.text) == value


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    # Anything but SoqlError fails the test.
    with contextlib.suppress(SoqlError):
        parse(text)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["Id", "Name", "Account.Name", "Group.Name", "Limit", "Order"])),
    st.booleans(),
)
def test_keywords_are_case_blind_and_may_be_names(names: list[str], upper: bool) -> None:
    select, source = ("SELECT", "FROM") if upper else ("select", "from")
    query = parse(f"{select} {', '.join(['Id', *names])} {source} Account")
    assert [s.expr.text for s in query.select if isinstance(s, ast.Selected)] == ["Id", *names]


@pytest.mark.parametrize(
    ("soql", "message"),
    [
        ("selec Id from Account", "unexpected token: 'selec'"),
        (
            "SELECT Id, FROM Account",
            "\nSELECT Id, FROM Account\n           ^\nERROR at Row:1:Column:12\n"
            "unexpected token: 'FROM'",
        ),
        (
            "SELECT Id FROM Account\nWHERE A = 1 AND B = 2 OR C = 3",
            "\nWHERE A = 1 AND B = 2 OR C = 3\n                      ^\n"
            "ERROR at Row:2:Column:23\nunexpected token: 'OR'",
        ),
        ("SELECT Id FROM Account WHERE Name = :name", "Bind variables only allowed in Apex code"),
        ("", "unexpected token: '<EOF>'"),
    ],
)
def test_a_malformed_query_is_told_with_its_place(soql: str, message: str) -> None:
    with pytest.raises(SoqlError) as caught:
        parse(soql)
    assert (caught.value.code, caught.value.message) == ("MALFORMED_QUERY", message)


@pytest.mark.parametrize(
    ("literal", "first", "after"),
    [
        ("TODAY", date(2026, 5, 14), date(2026, 5, 15)),
        ("YESTERDAY", date(2026, 5, 13), date(2026, 5, 14)),
        ("THIS_WEEK", date(2026, 5, 10), date(2026, 5, 17)),
        ("LAST_MONTH", date(2026, 4, 1), date(2026, 5, 1)),
        ("NEXT_QUARTER", date(2026, 7, 1), date(2026, 10, 1)),
        ("LAST_FISCAL_YEAR", date(2025, 1, 1), date(2026, 1, 1)),
        ("LAST_N_DAYS:7", date(2026, 5, 7), date(2026, 5, 15)),
        ("NEXT_N_DAYS:2", date(2026, 5, 15), date(2026, 5, 17)),
        ("LAST_N_MONTHS:2", date(2026, 3, 1), date(2026, 5, 1)),
        ("N_WEEKS_AGO:1", date(2026, 5, 3), date(2026, 5, 10)),
        ("N_YEARS_AGO:2", date(2024, 1, 1), date(2025, 1, 1)),
    ],
)
def test_a_date_literal_is_a_range_of_days(literal: str, first: date, after: date) -> None:
    assert date_range(literal, TODAY) == (first, after)


@given(st.dates(date(1990, 1, 1), date(2090, 1, 1)), st.integers(1, 40))
def test_longer_ranges_end_where_the_current_unit_starts(today: date, count: int) -> None:
    for unit in ("WEEK", "MONTH", "QUARTER", "YEAR"):
        current = date_range(f"THIS_{unit}", today)
        before = date_range(f"LAST_N_{unit}S:{count}", today)
        after = date_range(f"NEXT_N_{unit}S:{count}", today)
        assert current is not None
        assert before is not None
        assert after is not None
        assert before[1] == current[0] <= today < current[1] == after[0]
        assert before[0] < before[1] <= before[0] + timedelta(days=367 * count)


def test_datetimes_are_compared_in_utc() -> None:
    assert stored_literal("2026-05-01T09:00:00+02:00") == "2026-05-01T07:00:00.000+0000"
    assert stored_literal("2026-02-30T09:00:00Z") is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_of_a_bulk_result_read_back_exactly(value: float) -> None:
    text = java_double(value)
    assert float(text) == value
    assert "." in text
