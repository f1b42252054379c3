"""A load killed in the middle: the next one ends with each record once, and undo finds them all."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.migration.rollback import rollback
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.migration.small_account import load_all, rows

CONTACTS = phase_named("contacts")
PEOPLE = 400
LOAD = """
import sys
import polars as pl
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline_tests.migration.small_account import load_all
url, token, ledger, frame = sys.argv[1:]
org = connect(AccessToken(url, token))
load_all(org, Ledger(ledger), {phase_named("contacts"): pl.read_parquet(frame)})
"""


@pytest.mark.parametrize("seconds_after_the_job_is_noted", [0.0, 0.3])
def test_a_killed_load_is_finished_once_and_undone_whole(
    org: Org, empty_org: LocalOrg, tmp_path: Path, seconds_after_the_job_is_noted: float
) -> None:
    people = rows(
        "contacts", "Kartra_Id__c LastName", *((f"{i}", f"{i}", f"N{i}") for i in range(PEOPLE))
    )
    people.write_parquet(tmp_path / "people.parquet")
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    arguments = [empty_org.url, empty_org.access_token, path, tmp_path / "people.parquet"]
    victim = subprocess.Popen([sys.executable, "-c", LOAD, *map(str, arguments)])
    try:
        killed = run_that_noted_a_job(ledger, victim)
        time.sleep(seconds_after_the_job_is_noted)
    finally:
        victim.kill()
        victim.wait()
    wait_for_the_orgs_jobs(org, ledger, killed)

    second, results = load_all(org, ledger, {CONTACTS: people})
    counts = results["contacts"].counts
    assert counts["created"] + counts["unchanged"] == PEOPLE
    keys = org.query("SELECT Kartra_Id__c FROM Contact")["Kartra_Id__c"]
    assert sorted(keys) == sorted(people["_key"])

    ledger.finish_run(killed, "failed")
    assert rollback(org, ledger, second).clean
    assert org.count("SELECT COUNT() FROM Contact") == counts["unchanged"]
    first = rollback(org, ledger, killed)
    assert first.clean
    assert first.counts["deleted"] == counts["unchanged"]
    assert org.count("SELECT COUNT() FROM Contact") == 0


def run_that_noted_a_job(ledger: Ledger, victim: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for run_id in ledger.runs()["run_id"]:
            if ledger.jobs(run_id).height:
                return str(run_id)
        assert victim.poll() is None
        time.sleep(0.01)
    raise AssertionError("no job was noted")


def wait_for_the_orgs_jobs(org: Org, ledger: Ledger, run_id: str) -> None:
    """A job that was closed goes on without its client; one that was not never runs."""
    for job_id in ledger.jobs(run_id)["job_id"]:
        for _ in range(200):
            state = org.json("GET", f"jobs/ingest/{job_id}", action="Asking for a job")["state"]
            if state in ("Open", "JobComplete", "Failed", "Aborted"):
                break
            time.sleep(0.05)


def test_nothing_that_was_noted_is_forgotten(org: Org, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    frame = rows("contacts", "Kartra_Id__c LastName", ("1", "1", "One"), ("2", "2", None))
    run_id, _ = load_all(org, ledger, {CONTACTS: frame})
    told = Ledger(tmp_path / "ledger.sqlite").outcomes(run_id)
    assert told.select("key", "outcome").rows() == [("1", "created"), ("2", "rejected")]
    assert told["sf_id"].is_null().to_list() == [False, True]
    assert told.filter(pl.col("outcome") == "unknown").is_empty()
