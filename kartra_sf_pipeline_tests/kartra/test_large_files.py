"""Files whose beginning does not tell all: late bytes, late rows, other columns in later parts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.aside import Aside
from kartra_sf_pipeline.kartra.reader import read_folder, spool_folder
from kartra_sf_pipeline.kartra.separators import DELIMITERS, chosen

HEAD = b"id,email,first_name\n"
# Past what the first look takes in.
FILLER = b"".join(b"%d,p%d@example.com,Ann\n" % (n, n) for n in range(50_000))


@pytest.mark.parametrize("spooled", [True, False])
def test_late_western_bytes_make_the_whole_file_cp1252(tmp_path: Path, spooled: bool) -> None:
    late = "".join(f"{n},j{n}@example.com,José\n" for n in range(90_000, 90_030))
    (tmp_path / "contacts.csv").write_bytes(HEAD + FILLER + late.encode("cp1252"))
    (tmp_path / "contacts_2.csv").write_bytes(HEAD + "1,x@y.co,Zoë\n".encode())
    read = spool_folder(tmp_path, tmp_path / "out") if spooled else read_folder(tmp_path)
    frame = read.frames["contacts"].lazy().collect()
    report = read.files[0]
    assert (report.encoding, report.encoding_assumed) == ("cp1252", True)
    assert (report.rows, report.quarantined) == (50_030, 0)
    assert frame.height == 50_031
    assert set(frame["first_name"]) == {"Ann", "José", "Zoë"}


def test_a_few_late_bytes_that_are_not_utf8_cost_their_rows_only(tmp_path: Path) -> None:
    late = "".join(f"{n},j{n}@example.com,José\n" for n in range(90_000, 92_000)).encode()
    (tmp_path / "contacts.csv").write_bytes(HEAD + FILLER + late + b"7,q@example.com,Jos\xe9\n")
    read = read_folder(tmp_path)
    assert read.files[0].encoding == "utf-8"
    assert read.quarantine.select("source_line", "reason").rows() == [(52_002, "bad_encoding")]
    assert read.frames["contacts"].height == 52_000


def test_late_bytes_of_no_known_encoding_refuse_the_file_and_no_other(tmp_path: Path) -> None:
    late = "".join(f"{n},j{n}@example.com,Фёдор Иванович\n" for n in range(90_000, 90_300))
    (tmp_path / "contacts.csv").write_bytes(HEAD + FILLER + late.encode("cp1251"))
    (tmp_path / "contacts_2.csv").write_bytes(HEAD + b"1,x@y.co,Zoe\n")
    with pytest.raises(ExportError, match=r"contacts\.csv, line 50002: the bytes are neither"):
        read_folder(tmp_path)
    read = read_folder(tmp_path, strict=False)
    assert read.frames["contacts"]["first_name"].to_list() == ["Zoe"]
    assert [report.problem is None for report in read.files] == [False, True]


def test_rows_short_and_long_by_as_much_are_both_set_aside(tmp_path: Path) -> None:
    spoilt = b"60000,a@b.co\n60001,a@b.co,Ann,more\n"
    (tmp_path / "contacts.csv").write_bytes(HEAD + FILLER + spoilt + FILLER)
    read = read_folder(tmp_path)
    assert read.quarantine.select("source_line", "reason").rows() == [
        (50_002, "ragged"),
        (50_003, "ragged"),
    ]
    assert read.frames["contacts"].height == 100_000
    assert read.frames["contacts"]["source_line"].to_list()[-1] == 100_003


def test_part_files_of_other_columns_share_one_frame(tmp_path: Path) -> None:
    (tmp_path / "contacts_01-06-2026.csv").write_bytes(b"id,email,shoe\n1,a@b.co,42\n")
    (tmp_path / "contacts_02-06-2026.csv").write_bytes(b"email,hat,id,\nc@d.co,L,2,\n")
    spooled = spool_folder(tmp_path, tmp_path / "out")
    frame = spooled.frames["contacts"].collect()
    assert frame.select("id", "email", "x__shoe", "x__hat").rows() == [
        ("1", "a@b.co", "42", None),
        ("2", "c@d.co", None, "L"),
    ]
    assert [column for column in frame.columns if column.startswith("x__")] == [
        "x__shoe",
        "x__hat",
    ]
    assert frame.equals(read_folder(tmp_path).frames["contacts"])


def test_what_joins_tags_is_told_for_each_file_and_column(tmp_path: Path) -> None:
    header = "id,email,tags,lists\n"
    (tmp_path / "contacts_a.csv").write_text(
        header + '1,a@b.co,"vip,hot &amp; new","x;y"\n2,c@d.co,"hot,old","x;z"\n'
    )
    (tmp_path / "contacts_b.csv").write_text(header + "1,a@b.co,vip|hot,\n2,c@d.co,hot|old|cold,\n")
    reports = read_folder(tmp_path).files
    assert [report.separators for report in reports] == [
        {"tags": ",", "lists": ";"},
        {"tags": "|"},
    ]


def test_two_delimiters_that_recur_are_said_to_be_unsure() -> None:
    counts = pl.DataFrame([dict(zip(DELIMITERS, (40, 0, 30), strict=True))])
    assert chosen(counts).select("delimiter", "ambiguous").row(0) == (";", True)


def test_a_file_that_is_spoilt_throughout_is_set_aside_in_parts_and_whole(tmp_path: Path) -> None:
    spoilt = b"".join(b"%d,p%d@example.com\n" % (n, n) for n in range(60_000))
    (tmp_path / "contacts.csv").write_bytes(HEAD + b"1,a@b.co,Ann\n" * 3 + spoilt)
    (tmp_path / "contacts_2.csv").write_bytes(HEAD + b"1.5E+9,a@b.co,Ann\n2,b@c.co\n")
    spooled = spool_folder(tmp_path, tmp_path / "out")
    whole = read_folder(tmp_path).quarantine
    assert spooled.quarantine.collect().equals(whole)
    assert [report.quarantined for report in spooled.files] == [60_000, 2]
    assert whole.height == 60_002
    lines = whole.filter(pl.col("source_file") == "contacts.csv")["source_line"]
    assert lines.to_list() == list(range(5, 60_005))
    assert whole["reason"].to_list()[-2:] == ["damaged_id", "ragged"]
    # What was put aside on the way is gone.
    assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".parquet"}


def test_records_set_aside_keep_their_order_in_memory_and_on_disk(tmp_path: Path) -> None:
    places = iter(tmp_path / f"{n}.parquet" for n in range(9))
    aside = Aside(lambda: next(places), held=200)
    frames = [pl.DataFrame({"source_line": [n, n + 1], "raw": ["x" * 40] * 2}) for n in (1, 3, 5)]
    for frame in (*frames, frames[0].clear()):
        aside.add(frame)
    assert len(list(tmp_path.iterdir())) >= 1
    assert aside.rows == 6
    assert pl.concat(aside.frames())["source_line"].to_list() == [1, 2, 3, 4, 5, 6]
