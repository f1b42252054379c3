"""While a run of an org is alive, nothing of that org is taken back."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.migration.lease import run_lock
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.living import RunAlive
from kartra_sf_pipeline.migration.phases import Phase
from kartra_sf_pipeline.migration.rollback import rollback
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.migration.small_account import load_all, only


def test_no_rollback_beside_a_living_run_and_one_after_its_death(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame], tmp_path: Path
) -> None:
    done, _ = load_all(org, ledger, only(frames, "accounts"))
    other = ledger.begin_run("rehearsal", "local", org.org_id, org.instance_url, "hash")
    elsewhere = ledger.begin_run("migrate", "local", "00D999999999999AAA", "https://x", "hash")
    lock = run_lock(tmp_path, other)
    with lock:
        for run in (done, other):
            with pytest.raises(RunAlive, match=other):
                rollback(org, ledger, run, runs_folder=tmp_path)
    assert org.count("SELECT COUNT() FROM Account") == 2
    assert rollback(org, ledger, done, runs_folder=tmp_path).clean
    assert org.count("SELECT COUNT() FROM Account") == 0
    assert ledger.run(elsewhere)["status"] == "running"


def test_without_word_of_processes_a_run_lives_until_it_says_how_it_ended(
    org: Org, ledger: Ledger
) -> None:
    run = ledger.begin_run("rehearsal", "local", org.org_id, org.instance_url, "hash")
    with pytest.raises(RunAlive, match="still loading this org"):
        rollback(org, ledger, run)
    ledger.finish_run(run, "failed")
    assert rollback(org, ledger, run).clean
