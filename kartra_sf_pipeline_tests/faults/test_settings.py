"""Settings, maps and ledgers that cannot work: named, with what to change."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from kartra_sf_pipeline_tests.end_to_end.homes import Home, temporary_home
from kartra_sf_pipeline_tests.faults.refusals import nothing_written, refused

pytestmark = pytest.mark.xdist_group("faults")


def rehearse(home: Home, account: Path, **env: str) -> object:
    with nothing_written(home):
        return home.run("rehearse", "--exports", account, **env)


def test_a_zone_that_does_not_exist_is_named(fault_home: Home, account: Path) -> None:
    ended = rehearse(fault_home, account, KARTRA_SF_ZONE="Mars/Olympus")
    refused(ended, "Mars/Olympus", "KARTRA_SF_ZONE", "America/New_York")


def test_a_target_that_does_not_exist_is_named(fault_home: Home, account: Path) -> None:
    ended = rehearse(fault_home, account, KARTRA_SF_TARGET="moon")
    refused(ended, "KARTRA_SF_TARGET", "sandbox")


def test_a_map_that_is_not_there_is_named(fault_home: Home, account: Path) -> None:
    ended = rehearse(fault_home, account, KARTRA_SF_MAP=str(account / "no_map.yaml"))
    refused(ended, "no_map.yaml")


@pytest.mark.parametrize(
    "content",
    ["phases: [", "just text", "version: 1\nphases: {}\n", "\x00\x01", ""],
    ids=["broken yaml", "no mapping", "no phases", "binary", "empty"],
)
def test_a_map_that_is_no_map_is_named(fault_home: Home, account: Path, content: str) -> None:
    bad = account.parent / "bad_map.yaml"
    bad.write_text(content, encoding="utf-8")
    ended = rehearse(fault_home, account, KARTRA_SF_MAP=str(bad))
    refused(ended, "bad_map.yaml")


def test_a_port_in_use_is_named(account: Path, tmp_path: Path) -> None:
    with temporary_home(tmp_path / "home") as home, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = home.run("rehearse", "--exports", account, KARTRA_SF_ORG_PORT=port)
        refused(ended, f"Port {port}", "Choose another port")


def test_a_ledger_that_is_no_ledger_is_named(account: Path, tmp_path: Path) -> None:
    with temporary_home(tmp_path / "home") as home:
        (home.path / "ledger.sqlite").write_bytes(b"this is no database at all " * 50)
        for verb in ("status", "rollback"):
            refused(home.run(verb), "ledger.sqlite")


def test_a_corrupt_ledger_stops_a_load_before_the_first_write(
    account: Path, tmp_path: Path
) -> None:
    with temporary_home(tmp_path / "home") as home:
        (home.path / "ledger.sqlite").write_bytes(b"this is no database at all " * 50)
        with nothing_written(home):
            ended = home.run("rehearse", "--exports", account)
        refused(ended, "ledger.sqlite")


def test_a_home_that_is_a_file_is_named(tmp_path: Path, account: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    ended = Home(tmp_path / "file").run("status")
    refused(ended, "file")


def test_a_rollback_without_a_run_says_that_there_is_none(fault_home: Home) -> None:
    with nothing_written(fault_home):
        ended = fault_home.run("rollback")
    refused(ended, "no run to take back", "kartra-sf status")


def test_a_rollback_of_an_unknown_run_names_it(fault_home: Home) -> None:
    with nothing_written(fault_home):
        ended = fault_home.run("rollback", "20200101T000000-dead")
    refused(ended, "20200101T000000-dead", "kartra-sf status")
