from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.salesforce.csv_upload import as_cells, csv_bytes, pack
from kartra_sf_pipeline.salesforce.jobs import read_csv
from kartra_sf_pipeline.salesforce.row_errors import with_error_parts

CELLS = st.one_of(
    st.none(),
    st.text(st.sampled_from('a",\n\r \t;#\\é漢😀\u2028\u0085\x0b'), min_size=1, max_size=8),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    st.just("#N/A"),
)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12))
def test_what_is_written_is_read_back_by_us_and_by_the_standard_reader(
    rows: list[tuple[str | None, str | None]],
) -> None:
    frame = pl.DataFrame(rows, schema={"A__c": pl.String, "B__c": pl.String}, orient="row")
    body = csv_bytes(frame)
    assert read_csv(body).rows() == rows
    plain = list(csv.reader(io.StringIO(body.decode(), newline="")))
    assert [tuple(cell or None for cell in row) for row in plain[1:]] == rows


def test_cells_are_spelt_as_the_platform_reads_them() -> None:
    frame = pl.DataFrame(
        {
            "B": [True, False, None],
            "D": [date(2024, 2, 29), None, None],
            "T": [datetime(2024, 2, 29, 23, 5, 6, 789_000), None, None],
            "Z": [datetime(2024, 2, 29, 23, 5, tzinfo=UTC), None, None],
            "M": [Decimal("-1234.50"), Decimal("0.00"), None],
            "N": [12, -1, None],
            "F": [1.5, 100000.0, None],
            "L": [["a", "b c"], [], None],
            "S": [" x ", "#N/A", None],
        }
    ).with_columns(pl.col("Z").dt.convert_time_zone("America/New_York"))
    assert as_cells(frame).rows() == [
        (
            "true",
            "2024-02-29",
            "2024-02-29T23:05:06.789Z",
            "2024-02-29T23:05:00.000Z",
            "-1234.50",
            "12",
            "1.5",
            "a;b c",
            " x ",
        ),
        ("false", None, None, None, "0.00", "-1", "100000.0", "", "#N/A"),
        (None,) * 9,
    ]


def test_line_breaks_in_texts_become_those_of_the_file() -> None:
    frame = pl.DataFrame({"A": ["a\r\nb\rc\n\r\n", None], "B": ["x", "y"], "L": [["p\r\nq"], []]})
    assert as_cells(frame).rows() == [("a\nb\nc\n\n", "x", "p\nq"), (None, "y", "")]


def test_a_row_of_nulls_is_not_a_blank_line() -> None:
    body = csv_bytes(pl.DataFrame({"A": [None, "x"]}, schema={"A": pl.String}))
    assert body == b'"A"\n""\n"x"\n'


@settings(max_examples=60)
@given(
    st.lists(st.text(st.sampled_from('a"é\n,'), max_size=40), max_size=80),
    st.integers(20, 300),
    st.integers(1, 20),
)
def test_packs_keep_order_and_stay_within_bytes_and_rows(
    values: list[str], max_bytes: int, max_rows: int
) -> None:
    cells = pl.DataFrame({"K": values, "V": values[::-1]}, schema={"K": pl.String, "V": pl.String})
    packs = list(pack(cells, max_bytes=max_bytes, max_rows=max_rows))
    assert sum(packed.height for packed in packs) == cells.height
    assert not packs or pl.concat(packs).equals(cells)
    for index, packed in enumerate(packs):
        size = len(csv_bytes(packed))
        assert packed.height <= max_rows
        assert size <= max_bytes or packed.height == 1
        if index + 1 < len(packs) and packed.height < max_rows:
            more = pl.concat([packed, packs[index + 1].head(1)])
            assert len(csv_bytes(more)) > max_bytes


def test_results_with_other_habits_are_read_too() -> None:
    assert read_csv(b"").is_empty()
    assert read_csv(b'"sf__Id","A"\n').columns == ["sf__Id", "A"]
    assert read_csv(b'\xef\xbb\xbf"A","B"\r\n"1","x\r\ny"\r\n2,\r\n').rows() == [
        ("1", "x\r\ny"),
        ("2", None),
    ]


def test_row_errors_are_split_into_code_message_and_fields() -> None:
    texts = [
        "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
        "INVALID_FIELD:Foreign key external ID: x not found for field K__c in entity Account:--",
        'FIELD_CUSTOM_VALIDATION_EXCEPTION:At 10:30, say "no"\nplease:A__c B__c --',
        "STRING_TOO_LONG:Name: data value too large: ab:cd (max length=3):Name --",
        "something else",
        None,
    ]
    frame = pl.DataFrame(
        {"sf__Id": texts, "sf__Error": texts, "K": texts}, schema_overrides={"sf__Error": pl.String}
    )
    parts = with_error_parts(frame)
    assert parts.columns == [
        "sf__Id",
        "sf__Error",
        "error_code",
        "error_message",
        "error_fields",
        "K",
    ]
    assert parts.select("error_code", "error_message", "error_fields").rows() == [
        ("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName"),
        (
            "INVALID_FIELD",
            "Foreign key external ID: x not found for field K__c in entity Account",
            None,
        ),
        ("FIELD_CUSTOM_VALIDATION_EXCEPTION", 'At 10:30, say "no"\nplease', "A__c,B__c"),
        ("STRING_TOO_LONG", "Name: data value too large: ab:cd (max length=3)", "Name"),
        (None, "something else", None),
        (None, None, None),
    ]
