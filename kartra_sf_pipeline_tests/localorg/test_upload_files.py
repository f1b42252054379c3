from __future__ import annotations

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.localorg.bulk import files

_TEXT = st.text(
    alphabet=st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\x00"),
    max_size=12,
)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    said = ""
    columns = read = 0
    try:
        header = files.read_header(data, "COMMA")
        columns = len(header)
        read = files.read_rows(data, header, "COMMA").width
    except files.UploadError as error:
        said = str(error)
    assert read == columns or said.startswith(("ClientInputError : ", "InvalidBatch : "))


@given(
    st.lists(st.tuples(_TEXT, _TEXT), min_size=1, max_size=8),
    st.sampled_from(list(files.DELIMITERS)),
)
def test_what_was_written_is_read_and_written_again(
    rows: list[tuple[str, str]], delimiter: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(
        out, delimiter=files.DELIMITERS[delimiter], lineterminator="\n", quoting=csv.QUOTE_ALL
    )
    writer.writerow(["A", "B"])
    writer.writerows(rows)
    data = out.getvalue().encode()
    frame = files.read_rows(data, files.read_header(data, delimiter), delimiter)
    assert [tuple(v or "" for v in r) for r in frame.rows()] == rows
    again = files.quoted(frame, delimiter, "LF", header=True)
    assert again == data


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("912260031", "9.12260031E8"),
        ("5", "5.0"),
        ("1500.50", "1500.5"),
        ("0.0001", "1.0E-4"),
        ("-12345678.25", "-1.234567825E7"),
        ("1e21", "1.0E21"),
        ("0", "0.0"),
        ("x", "x"),
        (None, None),
    ],
)
def test_numbers_in_the_form_of_the_server(given: str | None, kept: str | None) -> None:
    assert files.server_number(pl.Series([given], dtype=pl.String)).item() == kept


def test_line_ends_have_to_be_those_announced_even_inside_quotes() -> None:
    files.check_line_ends(b"a\nb\n", "LF")
    files.check_line_ends(b"a\r\nb\r\n", "CRLF")
    for data, setting in ((b"a\r\nb\r\n", "LF"), (b"a\nb\n", "CRLF"), (b'a\r\n"x\ny"\r\n', "CRLF")):
        with pytest.raises(files.UploadError, match=f"Current LineEnding setting is {setting}"):
            files.check_line_ends(data, setting)


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    data = "\ufeffName,City\nA,B\n".encode()
    assert files.read_header(data, "COMMA") == ["Name", "City"]
    assert files.read_rows(data, ["Name", "City"], "COMMA").rows() == [("A", "B")]


def test_an_empty_quoted_cell_is_empty_and_white_space_is_kept() -> None:
    data = b'A,B\n"", x \n'
    assert files.read_rows(data, ["A", "B"], "COMMA").rows() == [(None, " x ")]
