"""The event log that is held open leaves what Dagster's own leaves, for whoever reads it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from kartra_sf_pipeline.commands.context import prepare_dagster_home
from kartra_sf_pipeline.event_log import KeptOpenEventLog
from kartra_sf_pipeline.settings import Settings
from kartra_sf_pipeline_tests.end_to_end.command_line import settings_in_force

pytestmark = pytest.mark.slow

RUN = "11111111-2222-3333-4444-555555555555"

STARTS_A_RUN = f"""
import os, signal, time
from pathlib import Path
import dagster as dg
from kartra_sf_pipeline.event_log import instance_for_a_run

@dg.asset
def first():
    return 1

@dg.asset
def second(first):
    if os.environ.get("THEN") == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if os.environ.get("THEN") == "wait":
        time.sleep(1.2)
    return first

@dg.asset
def third(second):
    if os.environ.get("THEN") == "wait":
        Path(os.environ["DAGSTER_HOME"], "waiting").touch()
        time.sleep(60)
    return second

job = dg.define_asset_job("all_of_it")
defs = dg.Definitions(assets=[first, second, third], jobs=[job])
with instance_for_a_run() as instance:
    defs.resolve_job_def("all_of_it").execute_in_process(instance=instance, run_id="{RUN}")
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A Dagster home as the command line makes it."""
    with settings_in_force({"KARTRA_SF_HOME": str(tmp_path)}):
        return prepare_dagster_home(Settings.load())


def process(home: Path, then: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", STARTS_A_RUN],
        env={**os.environ, "DAGSTER_HOME": str(home), "THEN": then},
    )


def materialised(home: Path) -> list[str]:
    """What Dagster itself finds in the log."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage
        entries = instance.all_logs(RUN, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        found = [str(entry.get_dagster_event().asset_key.to_user_string()) for entry in entries]
        of_all_runs = [
            name
            for name in ("first", "second", "third")
            if instance.get_latest_materialization_event(dg.AssetKey(name))
        ]
        assert of_all_runs == found
        return found


def test_dagster_reads_what_was_left_and_no_write_ahead_log_stays(home: Path) -> None:
    assert process(home, "end").wait(60) == 0
    assert materialised(home) == ["first", "second", "third"]
    assert not list(home.glob("history/runs/*-wal"))


def test_a_killed_process_loses_no_event(home: Path) -> None:
    assert process(home, "die").wait(60) == -signal.SIGKILL
    assert materialised(home) == ["first"]


def test_a_second_process_reads_along_and_sees_the_file_change(home: Path) -> None:
    running = process(home, "wait")
    try:
        while not (home / "waiting").exists():
            assert running.poll() is None
        assert materialised(home) == ["first", "second"]
        # The web interface watches this file: it must hold more than the schema by now.
        log = (home / "history" / "runs" / f"{RUN}.db").read_bytes()
        assert b"ASSET_MATERIALIZATION" in log
    finally:
        running.kill()
        running.wait()


def test_another_storage_than_dagsters_files_is_left_alone(home: Path) -> None:
    (home / "dagster.yaml").write_text(
        "event_log_storage:\n"
        "  module: dagster._core.storage.event_log\n"
        "  class: ConsolidatedSqliteEventLogStorage\n"
        f"  config:\n    base_dir: {home / 'one_file'}\n",
        encoding="utf-8",
    )
    assert process(home, "end").wait(60) == 0
    assert (home / "one_file").is_dir()
    assert not list(home.glob(f"history/runs/{RUN}.db"))
    assert KeptOpenEventLog.__name__ not in (home / "dagster.yaml").read_text(encoding="utf-8")
