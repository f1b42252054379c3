"""A gate that fails stops what is downstream, and a load refuses data that no gate has passed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from kartra_sf_pipeline.commands.context import prepare_dagster_home
from kartra_sf_pipeline.resources import LedgerResource
from kartra_sf_pipeline.settings import Settings
from kartra_sf_pipeline.summary import cause_of
from kartra_sf_pipeline_tests.end_to_end.accounts import (
    blank_most_emails,
    rewrite,
    small_account,
)
from kartra_sf_pipeline_tests.end_to_end.command_line import Ended, settings_in_force
from kartra_sf_pipeline_tests.end_to_end.homes import Home, temporary_home
from kartra_sf_pipeline_tests.end_to_end.story import Story

spoiling = pytest.mark.xdist_group("spoiled")
telling = pytest.mark.xdist_group("story")


@dataclass(frozen=True)
class Stopped:
    """A run that a gate has stopped."""

    home: Home
    ended: Ended
    writes: list[dict[str, Any]]
    records: int

    @property
    def summary(self) -> dict[str, Any]:
        return self.ended.json


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stopped]:
    exports = small_account(tmp_path_factory.mktemp("blank"), contacts=60)
    for file in exports.glob("contacts_kartra_*.csv"):
        rewrite(file, blank_most_emails)
    with temporary_home(tmp_path_factory.mktemp("stopped") / "home") as home:
        number = home.last_request()
        ended = home.run("rehearse", "--exports", exports, "--json")
        records = sum(home.counts().values())
        yield Stopped(home, ended, home.writes_since(number), records)


@spoiling
def test_a_failed_gate_ends_the_command_with_1_and_its_name(stopped: Stopped) -> None:
    assert stopped.ended.code == 1
    assert stopped.summary["status"] == "failed"
    (problem,) = stopped.summary["problems"]
    assert problem.startswith("Gate not passed: raw_contacts: contacts_mostly_have_email.")
    assert re.search(r"\d+ of \d+ rows fail", problem)
    assert re.search(r"contacts_kartra_\S+\.csv:\d+", problem), "it names lines to look at"
    assert "Traceback" not in stopped.ended.out + stopped.ended.err


@spoiling
def test_nothing_downstream_of_a_failed_gate_runs(stopped: Stopped) -> None:
    reached = stopped.summary["timings"]
    assert "raw_contacts" in reached
    assert "contacts_prepared" not in reached
    assert not [name for name in reached if name.startswith("loaded_")]
    assert stopped.summary["objects"] == {}


@spoiling
def test_a_failed_gate_leaves_the_org_untouched(stopped: Stopped) -> None:
    assert stopped.writes == []
    assert stopped.records == 0


@spoiling
def test_rows_that_a_stopped_run_did_not_reach_are_counted(stopped: Stopped) -> None:
    contacts = stopped.summary["sources"]["contacts"]
    assert contacts["not_reached"] == contacts["rows"] > 0


@spoiling
def test_the_page_of_a_stopped_run_names_the_gate(stopped: Stopped) -> None:
    page = (stopped.home.path / stopped.summary["reports"]).read_text(encoding="utf-8")
    assert "stopped the run" in page
    assert "contacts mostly have email" in page
    assert "failed" in page.split("</h1>")[0]


@spoiling
def test_other_checks_of_the_same_asset_still_tell_what_they_found(stopped: Stopped) -> None:
    passed = {
        gate["check"]: gate["passed"]
        for gate in stopped.summary["gates"]
        if gate["phase"] == "raw_contacts"
    }
    assert passed.pop("contacts_mostly_have_email") is False
    assert passed
    assert all(passed.values())


# Law 9: whatever was selected


def load_accounts_alone(home: Home, exports: Path) -> tuple[bool, list[str]]:
    """Run only `loaded_accounts`, as somebody may in the UI: success, and why it failed."""
    env = {"KARTRA_SF_HOME": str(home.path), "KARTRA_SF_EXPORTS": str(exports)}
    with settings_in_force(env):
        from kartra_sf_pipeline.definitions import defs

        prepare_dagster_home(Settings.load())
        with dg.DagsterInstance.get() as instance:
            result = defs.resolve_job_def("rehearsal").execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey("loaded_accounts")],
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
            failed = [
                cause_of(event.step_key or "", event.step_failure_data.error)[1]
                for event in result.all_events
                if event.event_type is dg.DagsterEventType.STEP_FAILURE
                and event.step_failure_data.error
            ]
        # What the sensor of the UI says when a run has ended.
        LedgerResource().close_run(result.run_id, "succeeded" if result.success else "failed")
    return result.success, failed


@telling
def test_a_load_refuses_data_whose_gate_has_not_passed(story: Story) -> None:
    assert story.undone_again.ended.code == 0
    path = story.home.path / "frames" / "accounts.parquet"
    sound = pl.read_parquet(path)
    changed = sound.with_columns(
        Name=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("Changed")).otherwise("Name")
    )
    number = story.home.last_request()
    try:
        changed.write_parquet(path)
        success, why = load_accounts_alone(story.home, story.exports)
    finally:
        sound.write_parquet(path)
    assert not success
    assert len(why) == 1
    assert "gate of accounts has not passed for this data" in why[0]
    assert story.home.writes_since(number) == []


@telling
def test_a_load_takes_data_whose_gate_passed_in_an_earlier_run(story: Story) -> None:
    assert story.undone_again.ended.code == 0
    success, why = load_accounts_alone(story.home, story.exports)
    assert (success, why) == (True, [])
    rows = story.home.frame("accounts").height
    stamped = "SELECT COUNT() FROM Account WHERE Kartra_Migration_Run__c != null"
    assert story.home.org.count(stamped) == rows
    assert story.home.run("rollback").code == 0
    assert story.home.org.count(stamped) == 0
