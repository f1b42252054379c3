"""What people and machines read after a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from kartra_sf_pipeline_tests.end_to_end.accounts import small_account
from kartra_sf_pipeline_tests.end_to_end.homes import Home
from kartra_sf_pipeline_tests.end_to_end.story import Story


@pytest.mark.xdist_group("story")
@pytest.mark.slow
def test_a_command_for_machines_prints_one_document_and_nothing_else(story: Story) -> None:
    for chapter in (story.first, story.second, story.undone):
        assert chapter.ended.json["schema"] == 1
        assert chapter.ended.err == ""


@pytest.mark.xdist_group("story")
@pytest.mark.slow
def test_status_lists_the_runs_newest_first(story: Story) -> None:
    assert story.undone
    status = story.home.run("status", "--json").json
    assert list(status) == ["home", "local_org", "runs", "latest_phases"]
    assert status["home"] == str(story.home.path)
    started = [run["started_at"] for run in status["runs"]]
    assert started == sorted(started, reverse=True)
    first = next(r for r in status["runs"] if r["run_id"] == story.first_ledger_run)
    outcomes = story.first.outcomes
    made = sum(counts["created"] for counts in outcomes.values())
    changed = sum(counts["updated"] for counts in outcomes.values())
    assert (first["created"], first["updated"]) == (made, changed)
    assert first["unknown"] == 0


@pytest.mark.xdist_group("story")
@pytest.mark.slow
def test_status_for_people_names_runs_and_how_they_ended(story: Story) -> None:
    assert story.undone
    said = story.home.run("status").said
    assert story.first_ledger_run in said
    assert "rolled_back" in said
    assert story.home.address.access_token not in said


@pytest.mark.xdist_group("story")
@pytest.mark.slow
def test_a_dry_rollback_says_what_would_go_and_deletes_nothing(story: Story) -> None:
    assert story.undone_again
    counts = story.home.counts()
    number = story.home.last_request()
    ended = story.home.run("rollback", story.second.summary["ledger_run"], "--dry-run", "--json")
    assert ended.code == 0, ended.said
    assert story.home.counts() == counts
    assert story.home.writes_since(number) == []


def test_a_home_without_runs_says_how_to_start(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert "kartra-sf rehearse" in home.run("status").said
    assert home.run("status", "--json").json["runs"] == []


@pytest.mark.xdist_group("scope")
@pytest.mark.slow
def test_a_scope_shows_what_moves_and_asks_no_org(tmp_path: Path) -> None:
    exports = small_account(tmp_path / "exports", contacts=60)
    home = Home(tmp_path / "home")
    ended = home.run("scope", "--exports", exports)
    assert ended.code == 0, ended.said
    for word in ("Scope succeeded", "Contacts", "Sequences", "Opportunity", "Report"):
        assert word in ended.said
    assert not (home.path / "org").exists(), "no org was started"
    (run,) = (home.path / "runs").iterdir()
    summary = home.summary(run.name)
    assert summary["job"] == "scope"
    assert summary["objects"] == {}
    assert summary["ledger_run"] is None
    assert all(c["not_reached"] <= c["rows"] for c in summary["sources"].values())
    assert (run / "will_not_migrate.csv").exists()
