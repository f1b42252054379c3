"""Exports that cannot be read: the file, the line or column, and the next step."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kartra_sf_pipeline_tests.end_to_end.accounts import newest
from kartra_sf_pipeline_tests.end_to_end.homes import Home
from kartra_sf_pipeline_tests.faults.refusals import nothing_written, refused

pytestmark = pytest.mark.xdist_group("faults")


def empty_file(folder: Path) -> tuple[str, ...]:
    file = newest(folder, "notes.csv")
    file.write_bytes(b"")
    return file.name, "empty", "Export it from Kartra again"


def unknown_header(folder: Path) -> tuple[str, ...]:
    (folder / "planets.csv").write_text("planet,moons\nMars,2\n", encoding="utf-8")
    return "planets.csv, line 1", "planet, moons", "Remove the file"


def header_without_emails(folder: Path) -> tuple[str, ...]:
    file = newest(folder, "contacts_kartra_*.csv")
    text = file.read_text(encoding="utf-8-sig")
    file.write_text(text.replace("email", "e-post", 1), encoding="utf-8")
    return f"{file.name}, line 1, column email", "Export contacts from Kartra again"


def wrong_encoding(folder: Path) -> tuple[str, ...]:
    file = newest(folder, "affiliates_*.csv")
    text = file.read_text(encoding="utf-8-sig")
    file.write_bytes(text.encode("utf-16-le")[:-1] + bytes(range(128, 256)) * 20)
    return (file.name,)


def transactions_without_keys(folder: Path) -> tuple[str, ...]:
    file = newest(folder, "report_all_transactions_*.csv")
    text = file.read_text(encoding="utf-8-sig")
    file.write_text(text.replace("ID,Transaction_Type,", "Nr,Kind,", 1), encoding="utf-8")
    return f"{file.name}, line 1", "Nearest is transactions", "again with all columns"


def spreadsheet(folder: Path) -> tuple[str, ...]:
    (folder / "bookings.csv").write_bytes(b"PK\x03\x04" + bytes(200))
    return "bookings.csv", "CSV"


SPOILERS = (
    empty_file,
    unknown_header,
    header_without_emails,
    wrong_encoding,
    transactions_without_keys,
    spreadsheet,
)


@pytest.fixture(scope="session")
def spoiled(
    fault_home: Home, sound_account: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """The summary of a run on an account with every kind of fault, and the words of each."""
    folder = tmp_path_factory.mktemp("spoiled")
    for file in sound_account.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    words = {spoil.__name__: spoil(folder) for spoil in SPOILERS}
    with nothing_written(fault_home):
        ended = fault_home.run("rehearse", "--exports", folder, "--json")
    assert ended.code == 2
    assert ended.err == ""
    assert "Traceback" not in ended.out
    return ended.json, words


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda spoil: spoil.__name__)
def test_a_file_that_cannot_be_read_is_named_with_its_place_and_the_way_out(
    spoil: Callable[[Path], tuple[str, ...]],
    spoiled: tuple[dict[str, Any], dict[str, tuple[str, ...]]],
) -> None:
    summary, words = spoiled
    (problem,) = summary["problems"]
    lines = [re.sub(r"\s+", " ", line) for line in problem.splitlines()]
    name = words[spoil.__name__][0]
    (about,) = [line for line in lines if name in line]
    for word in words[spoil.__name__]:
        assert word in about


def test_a_run_that_read_nothing_says_so_and_loads_nothing(
    fault_home: Home, spoiled: tuple[dict[str, Any], dict[str, tuple[str, ...]]]
) -> None:
    summary, words = spoiled
    assert summary["status"] == "failed"
    assert summary["objects"] == {}
    assert summary["ledger_run"] is None
    assert not [name for name in summary["timings"] if name.startswith("loaded_")]
    page = (fault_home.path / summary["reports"]).read_text(encoding="utf-8")
    assert "Why it ended" in page
    assert words["unknown_header"][0] in page
    assert "Traceback" not in page


def test_one_file_that_cannot_be_read_stops_everything(fault_home: Home, account: Path) -> None:
    words = transactions_without_keys(account)
    with nothing_written(fault_home):
        ended = fault_home.run("rehearse", "--exports", account)
    refused(ended, *words)


def test_a_missing_folder_is_named(fault_home: Home, tmp_path: Path) -> None:
    with nothing_written(fault_home):
        ended = fault_home.run("rehearse", "--exports", tmp_path / "nowhere")
    refused(ended, "nowhere: there is no such folder", "Put Kartra's CSV downloads into")


def test_an_empty_folder_is_named(fault_home: Home, tmp_path: Path) -> None:
    with nothing_written(fault_home):
        ended = fault_home.run("scope", "--exports", tmp_path)
    refused(ended, tmp_path.name, "Put Kartra's CSV downloads into")
