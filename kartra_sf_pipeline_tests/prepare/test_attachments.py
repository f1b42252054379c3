from __future__ import annotations

import hashlib
import os
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.attached_files import LARGEST
from kartra_sf_pipeline.prepare.attachments import prepare_attachments
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, fates, raw

CONTENT = b"%PDF-1.4 a contract"


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports" / "attachments" / "scans"
    folder.mkdir(parents=True)
    (folder / "contract.pdf").write_bytes(CONTENT)
    (folder / "nothing.txt").touch()
    (tmp_path / "secret.txt").write_text("outside")
    return tmp_path / "exports"


def listed(**cells: Any) -> dict[str, Any]:
    return {"file": "scans/contract.pdf", "contact_email": "bob@example.com", **cells}


def prepared(exports: Path, *rows: dict[str, Any]) -> pl.DataFrame:
    frame, _ = prepare_attachments(raw("attachments", *rows), PEOPLE, exports, zone=ZONE)
    return frame


def test_a_file_is_known_by_its_person_its_path_and_its_content(exports: Path) -> None:
    [row] = prepared(exports, listed()).to_dicts()
    assert (row["disposition"], row["contact_key"], row["path"]) == (
        "keep",
        "2",
        "scans/contract.pdf",
    )
    assert (row["size"], row["sha256"]) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    other = prepared(exports, listed(contact_email="ann@example.com"))["file_key"].item()
    (exports / "attachments/scans/contract.pdf").write_bytes(b"another contract")
    changed = prepared(exports, listed())["file_key"].item()
    assert len({row["file_key"], other, changed}) == 3


@pytest.mark.parametrize(
    "path",
    ["scans\\contract.pdf", "./scans/contract.pdf", "attachments/scans/contract.pdf"],
)
def test_paths_are_read_as_people_write_them(exports: Path, path: str) -> None:
    frame = prepared(exports, listed(file=path), listed())
    assert frame["file_key"].n_unique() == 1


def test_accents_may_be_spelled_in_either_form(exports: Path) -> None:
    name = unicodedata.normalize("NFD", "résumé.txt")
    (exports / "attachments" / name).write_text("one")
    [row] = prepared(exports, listed(file="résumé.txt")).to_dicts()
    assert (row["disposition"], row["path"]) == ("keep", name)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"file": "lost.pdf"}, "file_missing"),
        ({"file": "manifest.csv"}, "file_missing"),
        ({"file": "scans"}, "file_missing"),
        ({"file": None}, "file_not_named"),
        ({"file": "scans/nothing.txt"}, "empty_file"),
        ({"file": "../../secret.txt"}, "outside_the_folder"),
        ({"file": "scans/../../../secret.txt"}, "outside_the_folder"),
        ({"file": "/etc/passwd"}, "outside_the_folder"),
        ({"file": "C:\\secret.txt"}, "outside_the_folder"),
        ({"date": "4/3/25"}, "bad_date"),
        ({"contact_email": "no@example.com"}, "contact_not_found"),
    ],
)
def test_files_that_cannot_go_are_held_back_with_the_reason(
    exports: Path, cells: dict[str, Any], reason: str
) -> None:
    frame = prepared(exports, listed(**cells))
    assert fates(frame) == [("quarantine", reason)]
    assert frame["detail"].null_count() == 0
    assert frame["source_line"].item() == 2


def test_a_link_out_of_the_folder_is_not_followed(exports: Path) -> None:
    (exports / "attachments/link.txt").symlink_to(exports.parent / "secret.txt")
    assert fates(prepared(exports, listed(file="link.txt"))) == [
        ("quarantine", "outside_the_folder")
    ]


def test_a_file_over_the_platform_s_limit_is_held_back(exports: Path) -> None:
    # The file is sparse: it says its size, and takes no room.
    with (exports / "attachments/film.mov").open("wb") as film:
        os.truncate(film.fileno(), LARGEST + 1)
    assert fates(prepared(exports, listed(file="film.mov"))) == [("quarantine", "file_too_large")]


def test_a_file_that_is_listed_twice_goes_once(exports: Path) -> None:
    frame = prepared(exports, listed(), listed(title="Again"))
    assert fates(frame) == [("merge", "listed_twice"), ("keep", None)]
    both = prepared(exports, listed(), listed(contact_email="ann@example.com"))
    assert fates(both) == [("keep", None)] * 2


def test_files_that_no_row_names_are_told(exports: Path) -> None:
    rows = raw("attachments", listed(extract_date=date(2026, 1, 1)))
    _, files = prepare_attachments(rows, PEOPLE, exports, zone=ZONE)
    assert files.rows() == [
        ("scans/contract.pdf", len(CONTENT), True),
        ("scans/nothing.txt", 0, False),
    ]


def test_without_a_folder_every_row_is_held_back(tmp_path: Path) -> None:
    assert fates(prepared(tmp_path, listed())) == [("quarantine", "file_missing")]
