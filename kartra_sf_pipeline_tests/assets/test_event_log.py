"""What a run leaves in Dagster's event log: figures, never a person or a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from dagster._serdes import serialize_value

from kartra_sf_pipeline.commands.context import prepare_dagster_home
from kartra_sf_pipeline.settings import Settings
from kartra_sf_pipeline_tests.end_to_end.command_line import settings_in_force
from kartra_sf_pipeline_tests.end_to_end.story import Story

pytestmark = [pytest.mark.xdist_group("story"), pytest.mark.slow]

EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*[a-z]")


@pytest.fixture(scope="module")
def events(story: Story) -> list[str]:
    """Every event of the first rehearsal as Dagster stores it."""
    run_id = story.first.summary["run_id"]
    with (
        settings_in_force({"KARTRA_SF_HOME": str(story.home.path)}),
        instance_of(Settings.load()) as instance,
    ):
        return [serialize_value(entry) for entry in instance.all_logs(run_id)]


def instance_of(settings: Settings) -> dg.DagsterInstance:
    prepare_dagster_home(settings)
    return dg.DagsterInstance.get()


def people(story: Story) -> Iterator[str]:
    """Addresses and last names of the account, as the files have them."""
    for file in story.exports.glob("contacts_kartra_*.csv"):
        yield from pl.read_csv(file, infer_schema=False, truncate_ragged_lines=True)[
            "email"
        ].drop_nulls()


def test_no_address_of_a_person_is_in_the_event_log(story: Story, events: list[str]) -> None:
    assert len(events) > 500
    found = {address for event in events for address in EMAIL.findall(event)}
    assert found == set()
    text = "\n".join(events)
    assert not [address for address in people(story) if address in text]


def test_no_token_is_in_the_event_log_or_in_what_a_run_leaves(
    story: Story, events: list[str]
) -> None:
    token = story.home.address.access_token
    assert token not in "\n".join(events)
    left = [
        path
        for path in (*story.home.path.glob("runs/**/*"), *story.home.path.glob("dagster/**/*"))
        if path.is_file()
    ]
    assert left
    assert not [path for path in left if token.encode() in path.read_bytes()]


def test_every_asset_tells_its_rows(story: Story) -> None:
    with (
        settings_in_force({"KARTRA_SF_HOME": str(story.home.path)}),
        instance_of(Settings.load()) as instance,
    ):
        entries = instance.all_logs(
            story.first.summary["run_id"], of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        )
    told = 0
    for entry in entries:
        event = entry.get_dagster_event()
        metadata = event.step_materialization_data.materialization.metadata
        assert "dagster/row_count" in metadata, event.asset_key
        told += 1
    assert told > 60


def test_the_ledger_and_the_audit_keep_no_address_in_a_path(story: Story) -> None:
    requests = story.home._admin("requests?since_seq=0")["requests"]
    assert not [r for r in requests if EMAIL.search(r["path"])]


@pytest.fixture
def recorded(story: Story) -> Path:
    """The folder of a run that succeeded, without what its record held."""
    folder = story.home.run_folder(story.undone.summary["run_id"])
    for name in ("summary.json", "index.html"):
        (folder / name).unlink()
    return folder


def test_the_sensor_records_a_run_that_nobody_waited_for(story: Story, recorded: Path) -> None:
    from kartra_sf_pipeline.automation import record_succeeded_run

    run_id = recorded.name
    with (
        settings_in_force({"KARTRA_SF_HOME": str(story.home.path)}),
        instance_of(Settings.load()) as instance,
    ):
        (entry,) = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_SUCCESS)
        run = instance.get_run_by_id(run_id)
        assert run is not None
        context = dg.build_run_status_sensor_context(
            sensor_name="record_succeeded_run",
            dagster_instance=instance,
            dagster_run=run,
            dagster_event=entry.get_dagster_event(),
        )
        record_succeeded_run(context)
    assert (recorded / "index.html").is_file()
    printed = {k: v for k, v in story.undone.summary.items() if k not in EXTRA}
    assert story.home.summary(run_id) == printed


EXTRA = ("problems", "actions", "left", "not_restored")


def test_the_sensor_leaves_a_run_alone_that_is_recorded(story: Story) -> None:
    from kartra_sf_pipeline.automation import leave_record

    assert story.undone_again
    run_id = story.first.summary["run_id"]
    before = (story.home.run_folder(run_id) / "summary.json").read_bytes()
    with (
        settings_in_force({"KARTRA_SF_HOME": str(story.home.path)}),
        instance_of(Settings.load()) as instance,
    ):
        leave_record(instance, run_id)
    assert (story.home.run_folder(run_id) / "summary.json").read_bytes() == before
