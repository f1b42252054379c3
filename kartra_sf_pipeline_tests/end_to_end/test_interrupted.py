"""A run that is killed in the middle of loading, and an org that is only reached by its token."""

from __future__ import annotations

import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.mapping.approval import approve
from kartra_sf_pipeline.mapping.model import load_map
from kartra_sf_pipeline.mapping.org_facts import ask_org
from kartra_sf_pipeline_tests.end_to_end.accounts import small_account
from kartra_sf_pipeline_tests.end_to_end.command_line import PROGRAM, Ended, environment
from kartra_sf_pipeline_tests.end_to_end.homes import OBJECTS, UNSTAMPED, Home, temporary_home

pytestmark = [pytest.mark.xdist_group("interrupted"), pytest.mark.slow]

_WAIT_SECONDS = 240


@dataclass(frozen=True)
class Interrupted:
    """A home whose first run was killed, and the run after it."""

    home: Home
    exports: Path
    there_when_killed: dict[str, int]
    status_when_killed: str
    ended: Ended
    counts: dict[str, int]
    stamps: dict[str, int]
    keys: dict[str, list[str]]
    field_map: str


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interrupted]:
    exports = small_account(tmp_path_factory.mktemp("account"), contacts=150)
    with temporary_home(tmp_path_factory.mktemp("interrupted") / "home") as home:
        kill_while_contacts_are_sent(home, exports)
        there = home.counts()
        (killed,) = home.run("status", "--json").json["runs"]
        ended = home.run("rehearse", "--exports", exports, "--json")
        yield Interrupted(
            home,
            exports,
            there,
            killed["status"],
            ended,
            home.counts(),
            stamps_of_contacts(home),
            {name: keys_in_org(home, name) for name in OBJECTS if name not in UNKEYED},
            (home.path / "field_map.yaml").read_text(encoding="utf-8"),
        )


UNKEYED = (*UNSTAMPED, "CampaignMember")


def kill_while_contacts_are_sent(home: Home, exports: Path) -> None:
    """Start a rehearsal and kill it without warning, once contacts are on their way."""
    said = home.path / "said.txt"
    with said.open("wb") as out:
        running = subprocess.Popen(
            [str(PROGRAM), "rehearse", "--home", str(home.path), "--exports", str(exports)],
            stdout=out,
            stderr=out,
            env=environment({}),
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _WAIT_SECONDS
        while not contacts_noted(home.path / "ledger.sqlite"):
            assert running.poll() is None, said.read_text(encoding="utf-8")
            assert time.monotonic() < deadline, "it never loaded contacts"
            time.sleep(0.01)
    finally:
        running.kill()
        running.wait()


def contacts_noted(ledger: Path) -> bool:
    """Whether the intents of the contacts are in the ledger: they are about to be sent."""
    if not ledger.exists():
        return False
    try:
        with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=5) as connection:
            found = connection.execute(
                "SELECT count(*) FROM records WHERE phase = 'contacts'"
            ).fetchone()
        return bool(found[0])
    except sqlite3.OperationalError:
        return False


def stamps_of_contacts(home: Home) -> dict[str, int]:
    """How many contacts carry each run's stamp."""
    rows = home.org.query("SELECT Kartra_Migration_Run__c FROM Contact")
    return dict(rows.group_by("Kartra_Migration_Run__c").len().iter_rows())


def keys_in_org(home: Home, name: str) -> list[str]:
    """The external IDs of an object's records."""
    found = home.org.query(f"SELECT Kartra_Id__c FROM {name}")
    return sorted(found["Kartra_Id__c"].to_list())


def planned_keys(home: Home, name: str) -> list[str]:
    phases = {
        "Account": ("accounts", "affiliates"),
        "Product2": ("products",),
        "Campaign": ("campaigns",),
        "Contact": ("contacts",),
        "Opportunity": ("opportunities",),
        "OpportunityLineItem": ("opportunity_line_items",),
        "Event": ("events",),
        "Task": ("tasks",),
    }[name]
    return sorted(pl.concat([home.frame(phase)["_key"] for phase in phases]).to_list())


def test_the_killed_run_had_begun_to_load(interrupted: Interrupted) -> None:
    assert interrupted.there_when_killed["Account"] > 0
    assert interrupted.there_when_killed["Task"] == 0


def test_a_killed_run_is_not_said_to_be_running(interrupted: Interrupted) -> None:
    assert interrupted.status_when_killed == "interrupted"


def test_the_next_run_succeeds(interrupted: Interrupted) -> None:
    assert interrupted.ended.code == 0, interrupted.ended.said
    assert interrupted.ended.json["read_back"]["differences"] == 0


def test_each_record_is_there_exactly_once(interrupted: Interrupted) -> None:
    for name, keys in interrupted.keys.items():
        assert keys == planned_keys(interrupted.home, name), name
    objects: dict[str, Any] = interrupted.ended.json["objects"]
    assert interrupted.counts == {name: objects[name]["planned"] for name in OBJECTS}


def test_what_the_killed_run_made_is_not_claimed_by_the_next(interrupted: Interrupted) -> None:
    objects = interrupted.ended.json["objects"]
    for name in ("Account", "Contact"):
        counts = objects[name]
        assert counts["unchanged"] >= interrupted.there_when_killed[name]
        assert counts["created"] == counts["planned"] - counts["unchanged"]
        assert (counts["updated"], counts["rejected"]) == (0, 0)
    assert sum(interrupted.stamps.values()) == objects["Contact"]["planned"]
    assert None not in interrupted.stamps
    last = interrupted.ended.json["ledger_run"]
    assert interrupted.stamps.get(last, 0) == objects["Contact"]["created"]


@pytest.fixture(scope="module")
def taken_back(interrupted: Interrupted) -> list[Ended]:
    """The newer run is taken back, then the killed one."""
    return [interrupted.home.run("rollback", "--json") for _ in range(2)]


def test_the_killed_run_can_be_taken_back_too(
    interrupted: Interrupted, taken_back: list[Ended]
) -> None:
    for ended in taken_back:
        assert ended.code == 0, ended.said
    assert set(interrupted.home.stamped().values()) == {0}
    assert sum(interrupted.home.counts().values()) == 0


def test_an_org_reached_by_token_and_address_is_loaded_by_a_map_that_was_read(
    interrupted: Interrupted, taken_back: list[Ended], tmp_path: Path
) -> None:
    assert taken_back
    address = interrupted.home.address
    read_map = tmp_path / "read_map.yaml"
    read_map.write_text(interrupted.field_map, encoding="utf-8")
    office = Home(tmp_path / "office")
    office.path.mkdir()
    facts = ask_org(interrupted.home.org)
    org_id, content = facts.snapshot.org_id, load_map(read_map)
    approve(office.path, content, org_id, facts.objects, by="Ann", file=read_map)
    ended = office.run(
        "rehearse",
        "--exports",
        interrupted.exports,
        "--json",
        KARTRA_SF_TARGET="sandbox",
        KARTRA_SF_MAP=str(read_map),
        SALESFORCE_INSTANCE_URL=address.url,
        SALESFORCE_ACCESS_TOKEN=address.access_token,
    )
    assert ended.code == 0, ended.said
    assert ended.json["target"] == "sandbox"
    assert ended.json["read_back"]["differences"] == 0
    assert interrupted.home.counts() == interrupted.counts
    assert not (office.path / "org").exists(), "no local org is started for a sandbox"
