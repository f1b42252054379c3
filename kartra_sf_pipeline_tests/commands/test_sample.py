"""A sample account from the command line: same seed, same bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from kartra_sf_pipeline_tests.end_to_end.command_line import kartra_sf


def written(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def sample(folder: Path, *words: str) -> dict[str, int]:
    ended = kartra_sf("sample", "--contacts", "80", "--out", folder, *words, "--json")
    assert ended.code == 0, ended.said
    assert ended.json["out"] == str(folder)
    return ended.json["files"]


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    first = sample(tmp_path / "a", "--seed", "3")
    assert sample(tmp_path / "b", "--seed", "3") == first
    assert written(tmp_path / "a") == written(tmp_path / "b")


def test_another_seed_writes_another_account(tmp_path: Path) -> None:
    sample(tmp_path / "a", "--seed", "3")
    sample(tmp_path / "b", "--seed", "4")
    assert written(tmp_path / "a") != written(tmp_path / "b")


def test_every_file_written_is_named_with_its_rows(tmp_path: Path) -> None:
    files = sample(tmp_path / "a")
    written = {file.name for file in (tmp_path / "a").iterdir()}
    assert written == {*files, "control_totals.yaml"}
    assert sum(rows for name, rows in files.items() if name.startswith("contacts")) >= 80


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    ended = kartra_sf("sample", "--contacts", "10", "--out", blocked)
    assert ended.code == 2
    assert "file" in ended.err
    assert "Traceback" not in ended.said


def test_what_people_assemble_is_written_only_when_asked_for(tmp_path: Path) -> None:
    plain = sample(tmp_path / "a", "--seed", "3")
    more = sample(tmp_path / "b", "--seed", "3", "--with-extras")
    assert more.keys() - plain.keys() == {
        "activities.csv",
        "attachments/manifest.csv",
        "account_team.csv",
        "opportunity_team.csv",
        "territories.csv",
    }
    for name in (*plain, "control_totals.yaml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    sample(tmp_path / "c", "--seed", "3", "--with-extras")
    files = [file for file in (tmp_path / "b").rglob("*") if file.is_file()]
    for file in files:
        twin = tmp_path / "c" / file.relative_to(tmp_path / "b")
        assert twin.read_bytes() == file.read_bytes(), file
