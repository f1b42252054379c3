from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.migration.database import LedgerUnusable
from kartra_sf_pipeline.migration.lease import LedgerBusy
from kartra_sf_pipeline.migration.ledger import OUTCOME_SCHEMA, Ledger, UnknownRun

ORG_ID = "00D000000000001EAA"
TEXT = ("sf_id", "error_code", "error_fields", "error_message")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "home" / "ledger.sqlite")


def begin(ledger: Ledger, target: str = "local") -> str:
    return ledger.begin_run("rehearsal", target, ORG_ID, "http://127.0.0.1:1", "hash")


def intents(*keys: str) -> pl.DataFrame:
    text = pl.lit(None, pl.String)
    return pl.DataFrame({"key": keys}).with_columns(
        intent=pl.lit("create"),
        sf_id=text,
        pre_image=text,
        written=text,
        source_file=pl.lit("contacts.csv"),
        source_line=pl.int_range(2, 2 + len(keys)),
    )


def answers(ids: pl.Series, *actions: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "record_id": ids,
            "action": actions,
            "sf_id": [None if a == "rejected" else "003000000000001AAA" for a in actions],
            "error_code": ["STRING_TOO_LONG" if a == "rejected" else None for a in actions],
            "error_fields": ["LastName" if a == "rejected" else None for a in actions],
            "error_message": ["too long" if a == "rejected" else None for a in actions],
        },
        schema_overrides=dict.fromkeys(TEXT, pl.String),
    )


def test_run_ids_name_the_moment_and_differ(ledger: Ledger) -> None:
    first, second = begin(ledger), begin(ledger)
    assert first != second
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{4}", first)
    assert ledger.run(first)["status"] == "running"
    ledger.finish_run(first, "succeeded")
    run = ledger.run(first)
    assert run["status"] == "succeeded"
    assert run["finished_at"] >= run["started_at"]
    assert set(ledger.runs()["run_id"]) == {first, second}


def test_unknown_runs_are_refused_by_name(ledger: Ledger) -> None:
    with pytest.raises(UnknownRun, match="no run 2020"):
        ledger.run("2020")
    with pytest.raises(UnknownRun):
        ledger.finish_run("2020", "failed")


def test_a_gate_holds_for_its_very_data_and_its_last_word_counts(ledger: Ledger) -> None:
    run_id = begin(ledger)
    assert not ledger.gate_passed("contacts", "v1")
    ledger.record_gate("contacts", "v1", passed=True, run_id=run_id)
    assert ledger.gate_passed("contacts", "v1")
    assert not ledger.gate_passed("contacts", "v2")
    assert not ledger.gate_passed("accounts", "v1")
    ledger.record_gate("contacts", "v1", passed=False, run_id=run_id)
    assert not ledger.gate_passed("contacts", "v1")


def test_records_are_unknown_until_settled(ledger: Ledger) -> None:
    run_id = begin(ledger)
    ids = ledger.write_intents(run_id, "contacts", "Contact", intents("a", "b", "c"))
    assert ledger.outcomes(run_id)["outcome"].to_list() == ["unknown"] * 3
    assert ledger.run(run_id)["unknown"] == 3
    ledger.settle(answers(ids[:2], "created", "rejected"))
    outcomes = ledger.outcomes(run_id)
    assert outcomes.schema == pl.Schema(OUTCOME_SCHEMA)
    assert outcomes["outcome"].to_list() == ["created", "rejected", "unknown"]
    assert outcomes["error_code"].to_list() == [None, "STRING_TOO_LONG", None]
    assert outcomes["source_line"].to_list() == [2, 3, 4]
    run = ledger.run(run_id)
    assert (run["created"], run["updated"], run["rejected"], run["unknown"]) == (1, 0, 1, 1)


def test_what_one_process_noted_another_reads(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "ledger.sqlite")
    run_id = begin(first)
    first.write_intents(run_id, "contacts", "Contact", intents("a"))
    first.close()
    second = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    assert second.outcomes(run_id)["key"].to_list() == ["a"]
    more = second.write_intents(run_id, "contacts", "Contact", intents("b"))
    assert more.to_list() == [2]


def test_the_latest_loaded_run_is_of_that_org_and_still_there(ledger: Ledger) -> None:
    assert ledger.latest_loaded_run("local", ORG_ID) is None
    loaded, empty, elsewhere = begin(ledger), begin(ledger), begin(ledger, "sandbox")
    for run_id in (loaded, elsewhere):
        ids = ledger.write_intents(run_id, "contacts", "Contact", intents("a"))
        ledger.settle(answers(ids, "created"))
    assert empty != loaded
    assert ledger.latest_loaded_run("local", ORG_ID) == loaded
    ledger.finish_run(loaded, "rolled_back")
    assert ledger.latest_loaded_run("local", ORG_ID) is None
    assert ledger.latest_loaded_run("sandbox", ORG_ID) == elsewhere


def test_jobs_and_phases_tell_where_a_run_stands(ledger: Ledger) -> None:
    run_id = begin(ledger)
    ledger.start_phase(run_id, "contacts", "Contact", "v1", 3)
    ledger.note_job(run_id, "contacts", "Contact", "upsert", "750000000000001AAA")
    assert ledger.phases(run_id)["state"].to_list() == ["started"]
    assert ledger.jobs(run_id)["state"].to_list() == ["Open"]
    ledger.finish_job("750000000000001AAA", "JobComplete", 3, None)
    ledger.finish_phase(
        run_id, "contacts", {"created": 2, "updated": 0, "unchanged": 0, "rejected": 1}, 0.5
    )
    phase = ledger.phases(run_id).row(0, named=True)
    assert (phase["state"], phase["planned"], phase["created"]) == ("finished", 3, 2)
    assert ledger.jobs(run_id).row(0, named=True)["rows"] == 3
    ledger.start_phase(run_id, "contacts", "Contact", "v2", 4)
    assert ledger.phases(run_id)["planned"].to_list() == [4]


HOLD = """
import sys, time
from kartra_sf_pipeline.migration.ledger import Ledger
with Ledger(sys.argv[1]).lease():
    sys.stdout.write("held\\n"); sys.stdout.flush()
    time.sleep(60)
"""


def test_a_second_writer_is_refused_until_the_first_has_died(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LedgerBusy, match=r"ledger\.sqlite\.lock"), ledger.lease():
            pass
    finally:
        holder.kill()
        holder.wait()
    with ledger.lease(timeout_seconds=5):
        pass


def test_the_lease_nests_and_is_shared_by_ledgers_of_one_process(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path).lease(), Ledger(path).lease():
        pass


def test_a_ledger_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    Ledger(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(LedgerUnusable, match="version 99"):
        Ledger(path)


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, and not a database\n" * 100)
    with pytest.raises(LedgerUnusable, match=r"notes\.txt"):
        Ledger(path)


def test_tens_of_thousands_of_records_take_seconds(ledger: Ledger) -> None:
    run_id = begin(ledger)
    many = intents(*(f"k{i}" for i in range(50_000)))
    started = time.monotonic()
    ids = ledger.write_intents(run_id, "contacts", "Contact", many)
    ledger.settle(answers(ids, *(["created"] * many.height)))
    assert ledger.outcomes(run_id).height == many.height
    assert time.monotonic() - started < 15
