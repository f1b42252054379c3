"""Jobs that a killed load left behind in the org: ended before anything else is written."""

from __future__ import annotations

from typing import Any

import polars as pl

from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import Phase, phase_named
from kartra_sf_pipeline.migration.rollback import rollback
from kartra_sf_pipeline.salesforce import bulk
from kartra_sf_pipeline.salesforce.csv_upload import csv_bytes
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.migration.small_account import load_all, only

CONTACTS = phase_named("contacts")
ROLES = phase_named("opportunity_contact_roles")


def killed_while_sending(
    org: Org, ledger: Ledger, phase: Phase, frame: pl.DataFrame, *, closed: bool
) -> tuple[str, str]:
    """A run that died after it had uploaded a job, or had closed it, too: run and job."""
    run = ledger.begin_run("rehearsal", "local", org.org_id, org.instance_url, "hash")
    none = pl.lit(None, pl.String)
    ledger.write_intents(
        run, phase.name, phase.object,
        frame.select("source_file", "source_line", key="_key", intent=pl.lit("create"),
                     sf_id=none, pre_image=none, written=none),
    )  # fmt: skip
    upserts = phase.external_id is not None
    operation = "upsert" if upserts else "insert"
    request: dict[str, Any] = {"object": phase.object, "operation": operation, "lineEnding": "LF"}
    if upserts:
        request["externalIdFieldName"] = phase.external_id
    job = org.json("POST", "jobs/ingest", action="Sending", content=request)["id"]
    ledger.note_job(run, phase.name, phase.object, operation, job)
    cells = frame.drop("_key", "_wave", "source_file", "source_line")
    if phase.stamp_field:
        cells = cells.with_columns(pl.lit(run).alias(phase.stamp_field))
    org.request(
        "PUT", f"jobs/ingest/{job}/batches", action="Sending", body=csv_bytes(cells),
        headers={"Content-Type": "text/csv"},
    )  # fmt: skip
    if closed:
        close(org, job)
    ledger.finish_run(run, "failed")
    return run, job


def close(org: Org, job: str) -> None:
    org.json("PATCH", f"jobs/ingest/{job}", action="Closing", content={"state": "UploadComplete"})


def roles(org: Org) -> int:
    return org.count("SELECT COUNT() FROM OpportunityContactRole")


def test_a_job_that_was_never_closed_is_aborted_before_the_next_load(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    load_all(org, ledger, only(frames, "accounts", "contacts", "opportunities"))
    killed, job = killed_while_sending(org, ledger, ROLES, frames[ROLES], closed=False)
    _, loaded = load_all(org, ledger, {ROLES: frames[ROLES]})
    assert loaded[ROLES.name].counts["created"] == 2
    assert bulk.job_state(org, job) == "Aborted"
    assert ledger.jobs(killed)["state"].to_list() == ["Aborted"]
    assert roles(org) == 2


def test_a_job_that_goes_on_is_waited_for_and_its_rows_are_settled(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    load_all(org, ledger, only(frames, "accounts"))
    killed, _ = killed_while_sending(org, ledger, CONTACTS, frames[CONTACTS], closed=True)
    _, loaded = load_all(org, ledger, {CONTACTS: frames[CONTACTS]})
    assert loaded["contacts"].counts["unchanged"] == 3
    told = ledger.outcomes(killed)
    assert told["outcome"].to_list() == ["created"] * 3
    assert told["sf_id"].to_list() == loaded["contacts"].outcomes["sf_id"].to_list()


def test_records_without_a_stamp_are_found_by_what_their_job_says(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    load_all(org, ledger, only(frames, "accounts", "contacts", "opportunities"))
    killed, _ = killed_while_sending(org, ledger, ROLES, frames[ROLES], closed=True)
    report = rollback(org, ledger, killed)
    assert (report.counts["deleted"], report.complete, roles(org)) == (2, True, 0)
    assert rollback(org, ledger, killed).complete


def test_of_a_job_that_the_org_has_forgotten_nobody_knows(
    org: Org, ledger: Ledger, frames: dict[Phase, pl.DataFrame]
) -> None:
    load_all(org, ledger, only(frames, "accounts", "contacts", "opportunities"))
    killed, job = killed_while_sending(org, ledger, ROLES, frames[ROLES], closed=True)
    bulk.results_of(org, job)
    org.request("DELETE", f"jobs/ingest/{job}", action="Forgetting a job")
    report = rollback(org, ledger, killed)
    assert (report.counts["failed"], report.complete) == (2, False)
    assert ledger.run(killed)["status"] == "rollback_incomplete"
