"""Activities, files, teams and territories there, read back, once more, and all the way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from kartra_sf_pipeline.localorg import process
from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.strategies import Strategies
from kartra_sf_pipeline.sample.account import write_account
from kartra_sf_pipeline.sample.extras import SELLER, write_extras
from kartra_sf_pipeline_tests.end_to_end.homes import Home, temporary_home

pytestmark = [pytest.mark.xdist_group("hand_made"), pytest.mark.slow]

HAND_MADE = ("activities", "attachments", "account_team", "opportunity_team", "territories")
MADE = (
    "Event",
    "Task",
    "ContentVersion",
    "AccountTeamMember",
    "OpportunityTeamMember",
    "ObjectTerritory2Association",
)


@dataclass(frozen=True)
class Told:
    """What two rehearsals and a rollback said, and what the org held after the first."""

    home: Home
    first: dict[str, Any]
    second: dict[str, Any]
    undone: dict[str, Any]
    held: dict[str, pl.DataFrame]
    left: dict[str, int]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    base = tmp_path_factory.mktemp("hand_made")
    exports = base / "exports"
    write_account(exports, contacts=40, seed=5)
    write_extras(exports, 5)
    chosen = Strategies(files=True, notes="content_note", teams=True, territories=True)
    settings = {"KARTRA_SF_MAP": str(_map(base / "map.yaml", chosen))}
    with temporary_home(base / "home") as home:
        process.switch_on(home.address, ["territory-management"])
        _territory(home)
        first = home.run("rehearse", "--exports", exports, "--json", **settings)
        assert first.code == 0, first.said[-2000:]
        held = _held(home)
        second = home.run("rehearse", "--exports", exports, "--json", **settings)
        assert second.code == 0, second.said[-2000:]
        undone = home.run("rollback", first.json["ledger_run"], "--json")
        assert undone.code == 0, undone.said
        left = {name: home.org.count(f"SELECT COUNT() FROM {name}") for name in MADE}
        yield Told(home, first.json, second.json, undone.json, held, left)


def _map(path: Path, chosen: Strategies) -> Path:
    content = yaml.safe_load(default_map().model_copy(update={"strategies": chosen}).to_yaml())
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def _territory(home: Home) -> None:
    kind = {"MasterLabel": "Region", "DeveloperName": "Region", "Priority": 1}
    model = home.org.create("Territory2Model", {"Name": "2026", "DeveloperName": "Y2026"})
    home.org.create(
        "Territory2",
        {
            "Name": "North America",
            "DeveloperName": "North_America",
            "Territory2TypeId": home.org.create("Territory2Type", kind),
            "Territory2ModelId": model,
        },
    )
    home.org.update("Territory2Model", model, {"State": "Active"})


def _held(home: Home) -> dict[str, pl.DataFrame]:
    queries = {
        "Task": "SELECT Kartra_Id__c, TaskSubtype, Status, CallDisposition, ActivityDate, "
        "Owner.Username, CreatedDate FROM Task",
        "Event": "SELECT Kartra_Id__c, IsAllDayEvent, StartDateTime, DurationInMinutes FROM Event",
        "ContentVersion": "SELECT Kartra_Id__c, Title, FileType, ContentSize, Checksum, "
        "ContentDocumentId FROM ContentVersion",
        "AccountTeamMember": "SELECT User.Username, TeamMemberRole FROM AccountTeamMember",
        "OpportunityTeamMember": "SELECT User.Username FROM OpportunityTeamMember",
        "ObjectTerritory2Association": "SELECT Territory2.DeveloperName, AssociationCause FROM "
        "ObjectTerritory2Association",
    }
    return {name: home.org.query(soql) for name, soql in queries.items()}


def test_every_row_of_the_hand_made_files_has_one_fate(told: Told) -> None:
    for export in HAND_MADE:
        counts = told.first["sources"][export]
        fates = sum(counts[fate] for fate in ("loaded", "merged", "suppressed", "quarantined"))
        assert counts["rows"] == fates > 0, (export, counts)
        assert counts["loaded"] > 0, export
        assert counts["rejected"] == counts["not_reached"] == 0, export


def test_what_cannot_go_is_held_back_with_its_reason(told: Told) -> None:
    fates = told.home.frame("dispositions").filter(pl.col("export").is_in(HAND_MADE))
    assert set(fates.filter(pl.col("disposition") != "loaded")["reason"]) == {
        "contact_not_found",
        "file_missing",
        "listed_twice",
        "account_not_found",
        "user_inactive",
        "user_not_found",
        "opportunity_not_found",
    }


def test_all_of_it_is_read_back_without_a_difference(told: Told) -> None:
    assert told.first["read_back"]["differences"] == 0
    assert told.first["read_back"]["coverage"] == 1.0
    for name in MADE:
        counts = told.first["objects"][name]
        assert counts["created"] == counts["planned"] == told.held[name].height > 0, name


def test_calls_and_emails_are_of_their_kind_and_keep_day_owner_and_time(told: Told) -> None:
    rows = told.home.frame("activities_prepared").filter(
        (pl.col("disposition") == "keep") & pl.col("type").is_in(["call", "email"])
    )
    held = told.held["Task"].rename({"Kartra_Id__c": "activity_key"})
    joined = rows.join(held, on="activity_key")
    assert joined.height == rows.height
    assert (joined["TaskSubtype"].str.to_lowercase() == joined["type"]).all()
    assert (joined["Status"] == "Completed").all()
    assert (joined["ActivityDate"].cast(pl.String) == joined["on_day"].cast(pl.String)).all()
    calls = joined.filter(pl.col("type") == "call")
    assert calls["CallDisposition"].equals(calls["outcome"].alias("CallDisposition"))
    owned = joined.filter(pl.col("owner") == SELLER)
    assert owned.height
    assert set(owned["Owner.Username"]) == {SELLER}


def test_meetings_are_events_and_some_last_all_day(told: Told) -> None:
    events = told.held["Event"].filter(pl.col("Kartra_Id__c").str.starts_with("A"))
    assert (
        events.height
        == told.home.frame("activities_prepared")
        .filter((pl.col("type") == "meeting") & (pl.col("disposition") == "keep"))
        .height
    )
    days = events.filter(pl.col("IsAllDayEvent").cast(pl.String) == "true")
    assert days.height
    assert set(days["DurationInMinutes"].cast(pl.Int64)) == {1440}


def test_notes_and_attachments_are_files_with_their_content(told: Told) -> None:
    held = told.held["ContentVersion"].rename({"Kartra_Id__c": "file_key"})
    attached = told.home.frame("attachments_prepared").filter(pl.col("disposition") == "keep")
    joined = attached.join(held, on="file_key")
    assert joined.height == attached.height > 0
    assert (joined["ContentSize"].cast(pl.Int64) == joined["size"]).all()
    notes = held.filter(pl.col("file_key").str.starts_with("F").not_())
    assert set(notes["FileType"]) == {"SNOTE"}


def test_teams_and_territories_are_the_org_s_own(told: Told) -> None:
    for name in ("AccountTeamMember", "OpportunityTeamMember"):
        assert set(told.held[name]["User.Username"]) == {SELLER}
    assert set(told.held["ObjectTerritory2Association"].row(0)) >= {"North_America"}


def test_files_in_the_folder_that_nobody_names_are_told(told: Told) -> None:
    losses = told.home.frame("will_not_migrate")
    [named] = losses.filter(pl.col("item").str.contains("does not name"))["count"]
    assert named == 1


def test_the_same_files_again_change_nothing(told: Told) -> None:
    for name, counts in told.second["objects"].items():
        assert (counts["created"], counts["updated"], counts["rejected"]) == (0, 0, 0), name


def test_a_rollback_leaves_none_of_it(told: Told) -> None:
    assert told.undone["left"] == 0
    assert told.left == dict.fromkeys(MADE, 0)
