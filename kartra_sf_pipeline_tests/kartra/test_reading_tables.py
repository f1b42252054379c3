"""Whatever a CSV writer may write is read back cell for cell, with the lines it stands on."""

from __future__ import annotations

import csv
import io

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.kartra.broken import Dialect
from kartra_sf_pipeline.kartra.head import Head
from kartra_sf_pipeline.kartra.rows import read_rows
from kartra_sf_pipeline.kartra.structure import blocks

TEXT = st.text(
    st.one_of(
        st.sampled_from(list('",;\t|\n\r ab1@é日\u2028\x85\u00a0😀')),
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
    ),
    max_size=12,
)
PLAIN = st.text(st.sampled_from(list("ab1@é日 😀")), max_size=8)


def tables(cells: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    return st.integers(2, 7).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), max_size=12)
    )


def written(
    rows: list[list[str]], delimiter: str, quoting: int, end: str, final: bool
) -> tuple[bytes, list[int]]:
    """The file's bytes and the physical line of each record, the first on line 2."""
    pieces: list[str] = []
    lines: list[int] = []
    line = 2
    for row in rows:
        buffer = io.StringIO(newline="")
        csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator=end).writerow(row)
        pieces.append(buffer.getvalue())
        lines.append(line)
        line += pieces[-1].count("\n")
    text = "".join(pieces)
    if not final:
        text = text.removesuffix(end)
    return text.encode(), lines


def read(content: bytes, width: int, delimiter: str = ",") -> tuple[pl.DataFrame, pl.DataFrame]:
    head = Head([""] * width, delimiter, b"\n", "LF", 1, 0, 2)
    return read_rows(content, head, tuple(f"c{index}" for index in range(width)))


@given(
    rows=tables(TEXT),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    final=st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_any_table_is_read_back_cell_for_cell_with_its_lines(
    rows: list[list[str]], delimiter: str, quoting: int, final: bool
) -> None:
    width = len(rows[0]) if rows else 2
    content, lines = written(rows, delimiter, quoting, "\r\n", final)
    frame, broken = read(content, width, delimiter)
    assert broken.height == 0
    assert frame["source_line"].to_list() == lines
    assert frame.drop("source_line").rows() == [tuple(cell or None for cell in row) for row in rows]


@given(rows=tables(PLAIN), end=st.sampled_from(["\n", "\r\n"]), final=st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_table_without_any_quote_is_read_back(
    rows: list[list[str]], end: str, final: bool
) -> None:
    width = len(rows[0]) if rows else 2
    content, lines = written(rows, ",", csv.QUOTE_NONE, end, final)
    frame, broken = read(content, width)
    assert broken.height == 0
    assert frame["source_line"].to_list() == lines
    assert frame.drop("source_line").rows() == [tuple(cell or None for cell in row) for row in rows]


@given(rows=tables(TEXT), size=st.integers(8, 200))
@settings(max_examples=150, deadline=None)
def test_where_blocks_are_cut_makes_no_difference(rows: list[list[str]], size: int) -> None:
    width = len(rows[0]) if rows else 2
    content, lines = written(rows, ",", csv.QUOTE_MINIMAL, "\r\n", True)
    dialect = Dialect(b",", b"\n", width)
    parts = list(blocks(content, 0, 2, dialect, size))
    assert [line for part in parts for line in part.lines.tolist()] == lines
    assert b"".join(part.text for part in parts) == content
    assert not any(part.broken for part in parts)


@given(
    content=st.text(
        st.sampled_from(list('",\n\rab1')) | st.characters(exclude_categories=["Cs"]), max_size=120
    ),
    width=st.integers(2, 5),
    size=st.integers(1, 64),
)
@settings(max_examples=400, deadline=None)
def test_no_byte_of_any_text_disappears(content: str, width: int, size: int) -> None:
    raw = content.encode()
    parts = list(blocks(raw, 0, 2, Dialect(b",", b"\n", width), size))
    kept = b"".join(part.text for part in parts)
    aside = b"".join(record.raw for part in parts for record in part.broken)
    # Ends of lines apart, what is neither in a row nor set aside is a blank line.
    assert sorted((kept + aside).translate(None, b"\r\n")) == sorted(raw.translate(None, b"\r\n"))


@given(
    rows=st.lists(
        st.tuples(st.integers(1, 999), PLAIN.filter(str.strip), TEXT), min_size=8, max_size=60
    ),
    spoil=st.lists(
        st.tuples(
            st.integers(3, 59),
            st.sampled_from(["{}", "{},one", '{},x"y",z', '{},"a"b,c', '{},"open,c', "{},\x00,c"]),
        ),
        max_size=4,
        unique_by=lambda item: item[0],
    ),
    size=st.integers(700, 900),
)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_broken_rows_are_set_aside_one_by_one_and_the_others_are_read(
    rows: list[tuple[int, str, str]], spoil: list[tuple[int, str]], size: int
) -> None:
    broken_rows = {index: text for index, text in spoil if index < len(rows)}
    expected: list[tuple[str, str, str | None]] = []
    pieces: list[str] = []
    for index, (number, name, note) in enumerate(rows):
        if index in broken_rows:
            shape = broken_rows[index].format(number)
            pieces.append(shape + "\r\n")
            continue
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerow([number, name, note])
        pieces.append(buffer.getvalue())
        expected.append((str(number), name, note or None))
    content = "".join(pieces).encode()
    frame, broken = read(content, 3)
    assert frame.drop("source_line").rows() == expected
    assert broken.height == len(broken_rows)
    # Cut into small blocks, it is the same.
    parts = list(blocks(content, 0, 2, Dialect(b",", b"\n", 3, longest=600), size))
    assert [line for part in parts for line in part.lines.tolist()] == frame[
        "source_line"
    ].to_list()
    aside = [(record.line, record.reason) for part in parts for record in part.broken]
    assert aside == broken.select("source_line", "reason").rows()


@given(content=st.text(st.sampled_from(list('""",,\n\nab1')), max_size=60), width=st.integers(2, 4))
@settings(max_examples=200, deadline=None)
def test_a_row_that_is_read_is_what_a_strict_reader_sees_on_its_line(
    content: str, width: int
) -> None:
    frame, _ = read(content.encode(), width)
    lines = content.splitlines(keepends=True)
    for *cells, line in frame.rows():
        seen = next(csv.reader(lines[line - 2 :], strict=True))
        assert cells == [cell or None for cell in seen]


@given(content=st.text(st.sampled_from(list('""",,\n\nab1')), max_size=60), width=st.integers(2, 4))
@settings(max_examples=200, deadline=None)
def test_what_a_strict_reader_accepts_whole_is_read_whole(content: str, width: int) -> None:
    try:
        rows = [row for row in csv.reader(io.StringIO(content, newline=""), strict=True) if row]
    except csv.Error:
        return
    if any(len(row) != width for row in rows):
        return
    frame, broken = read(content.encode(), width)
    if broken.height:
        # A strict reader still takes a quote inside a field that does not begin with one.
        assert set(broken["reason"]) <= {"over_quoted", "unclosed_quote", "truncated"}
        return
    assert frame.drop("source_line").rows() == [tuple(cell or None for cell in row) for row in rows]


def test_an_unclosed_quote_costs_its_own_row_only() -> None:
    rows = [f"{number},name {number},a@b.com,1,2,3\n" for number in range(100, 200)]
    rows[40] = '140,"name 140,a@b.com,1,2,3\n'
    rows[60] = '160,"name ""160""",a@b.com,1,2,3\n'
    frame, broken = read("".join(rows).encode(), 6)
    assert frame.height == 99
    assert broken.select("source_line", "raw").rows() == [(42, rows[40].strip())]


def test_an_unclosed_quote_that_another_happens_to_close_swallows_no_rows() -> None:
    rows = [f"{number},name {number},a@b.com,1,2,3\n" for number in range(100, 200)]
    rows[40] = '140,"name 140,a@b.com,1,2,3\n'
    rows[60] = '160,",name,a@b.com,1,2,3\n'
    frame, broken = read("".join(rows).encode(), 6)
    assert broken.select("source_line", "raw").rows() == [
        (42, rows[40].strip()),
        (62, rows[60].strip()),
    ]
    numbers = [number for number in range(100, 200) if number not in (140, 160)]
    assert frame["c0"].to_list() == [str(number) for number in numbers]
    assert frame["source_line"].to_list() == [number - 98 for number in numbers]


def test_a_file_cut_inside_a_row_says_so() -> None:
    frame, broken = read(b'1,a,b\n2,c,d\n3,"e', 3)
    assert frame.height == 2
    assert broken.select("source_line", "reason").rows() == [(4, "truncated")]
    frame, broken = read(b"1,a,b\n2,c,d\n3,e", 3)
    assert frame.height == 2
    assert broken.select("source_line", "reason").rows() == [(4, "truncated")]


def test_blank_lines_are_no_records_but_count_as_lines() -> None:
    frame, broken = read(b"1,a\n\n\r\n2,b\r\n\n", 2)
    assert frame.rows() == [("1", "a", 2), ("2", "b", 5)]
    assert broken.height == 0


def test_classic_mac_line_ends_are_lines() -> None:
    head = Head(["", ""], ",", b"\r", "CR", 1, 0, 2)
    frame, broken = read_rows(b'1,a\r2,"b\rc"\r3,d\r', head, ("n", "t"))
    assert frame.rows() == [("1", "a", 2), ("2", "b\rc", 3), ("3", "d", 5)]
    assert broken.height == 0


def test_bytes_that_are_not_utf8_cost_their_row_only() -> None:
    frame, broken = read("1,é\n".encode() + b"2,\xff\xfe\n" + "3,ü\n".encode(), 2)
    assert frame["c1"].to_list() == ["é", "ü"]
    assert broken.select("source_line", "reason").rows() == [(3, "bad_encoding")]


@pytest.mark.parametrize("count", [1000])
def test_a_file_of_broken_rows_alone_is_set_aside_row_by_row(count: int) -> None:
    frame, broken = read(b'1,a"b"c,d\n' * count, 3)
    assert frame.height == 0
    assert broken.height == count
    assert broken["source_line"].to_list() == list(range(2, count + 2))


def test_broken_rows_in_a_row_are_counted_each() -> None:
    rows = [f"{number},name,a@b.com,x\n" for number in range(100, 120)]
    for index in (5, 6, 7):
        rows[index] = f'{100 + index},"name,a@b.com,x\n'
    frame, broken = read("".join(rows).encode(), 4)
    assert frame.height == 17
    assert broken.select("source_line", "reason").rows() == [
        (7, "unclosed_quote"),
        (8, "unclosed_quote"),
        (9, "unclosed_quote"),
    ]


def test_a_note_that_holds_rows_of_a_table_is_a_note() -> None:
    rows = [f'{number},a@b.com,"copied:\n1,2,3\n4,5,6"\n' for number in range(100, 110)]
    frame, broken = read("".join(rows).encode(), 3)
    assert broken.height == 0
    assert frame["c2"].unique().to_list() == ["copied:\n1,2,3\n4,5,6"]
    assert frame["source_line"].to_list() == list(range(2, 32, 3))
