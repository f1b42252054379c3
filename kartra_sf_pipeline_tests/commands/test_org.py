"""The local org as a process: started once, found again, emptied, stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline_tests.end_to_end.command_line import kartra_sf
from kartra_sf_pipeline_tests.end_to_end.homes import Home, temporary_home

pytestmark = pytest.mark.xdist_group("org")

KEYS = ["running", "url", "tls_url", "ca_file", "access_token", "api_version", "pid"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with temporary_home(tmp_path_factory.mktemp("org") / "home") as home:
        yield home


def org(home: Home, verb: str, *words: str) -> dict[str, object]:
    ended = home.run("org", verb, *words, "--json")
    assert ended.code == 0, ended.said
    assert ended.err == ""
    return ended.json


def test_status_of_an_org_that_does_not_run(tmp_path: Path) -> None:
    status = org(Home(tmp_path), "status")
    assert list(status) == KEYS
    assert status["running"] is False
    assert status["url"] is None
    assert status["access_token"] is None


def test_start_is_found_by_a_second_start_and_by_status(home: Home) -> None:
    started = org(home, "start")
    assert list(started) == KEYS
    assert started["running"] is True
    assert org(home, "start") == started
    assert org(home, "status") == started
    assert str(started["url"]).startswith("http://127.0.0.1:")


def test_any_client_can_use_what_status_prints(home: Home) -> None:
    started = org(home, "start")
    client = connect(AccessToken(str(started["url"]), str(started["access_token"])))
    assert client.count("SELECT COUNT() FROM Account") == 0
    assert client.api_version == started["api_version"]


def test_reset_empties_it_and_leaves_it_running(home: Home) -> None:
    before = org(home, "start")
    home.org.create("Account", {"Name": "Gone soon"})
    assert org(home, "reset") == {"reset": True}
    assert org(home, "status") == before
    assert home.org.count("SELECT COUNT() FROM Account") == 0


def test_data_outlive_a_stop(tmp_path: Path) -> None:
    with temporary_home(tmp_path / "home") as other:
        other.org.create("Account", {"Name": "Stays"})
        assert org(other, "stop") == {"running": False, "stopped": True}
        assert org(other, "stop") == {"running": False, "stopped": False}
        assert org(other, "status")["running"] is False
        again = org(other, "start")
        client = connect(AccessToken(str(again["url"]), str(again["access_token"])))
        assert client.count("SELECT COUNT() FROM Account WHERE Name = 'Stays'") == 1


def test_the_token_is_for_machines_alone(home: Home) -> None:
    token = str(org(home, "start")["access_token"])
    for verb in ("start", "status"):
        assert token not in home.run("org", verb).said


def test_a_home_from_the_environment_is_the_same_home(home: Home) -> None:
    org(home, "start")
    by_option = kartra_sf("org", "status", "--home", home.path, "--json").json
    assert by_option == org(home, "status")
