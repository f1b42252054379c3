"""What the ledger knows of who was loaded, and what a rollback makes it forget."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.migration.ledger import OUTCOME_SCHEMA, Ledger

ORG, OTHER = "00D000000000001EAA", "00D00000000000aEAA"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


def begin(ledger: Ledger, org_id: str = ORG, target: str = "local") -> str:
    return ledger.begin_run("rehearsal", target, org_id, "http://127.0.0.1:1", "hash")


def load(ledger: Ledger, run: str, action: str | None, *keys: str, phase: str = "contacts") -> None:
    """Note the keys' records, and what became of them: `action`, or nothing yet."""
    text = pl.lit(None, pl.String)
    intents = pl.DataFrame({"key": keys}).with_columns(
        intent=pl.lit("create"), sf_id=text, pre_image=text, written=text,
        source_file=pl.lit("c.csv"), source_line=pl.int_range(2, 2 + len(keys)),
    )  # fmt: skip
    ids = ledger.write_intents(run, phase, "Contact", intents)
    if action is None:
        return
    ledger.settle(
        pl.DataFrame({"record_id": ids, "key": keys}).select(
            "record_id",
            action=pl.lit(action),
            sf_id=pl.lit("003") + pl.col("key").str.zfill(15),
            error_code=text, error_fields=text, error_message=text,
        )
    )  # fmt: skip


def note(ledger: Ledger, run: str, *pairs: tuple[str, str]) -> None:
    frame = pl.DataFrame(pairs, schema={"alias": pl.String, "key": pl.String}, orient="row")
    ledger.identities.note_aliases(run, "Contact", frame)


def unchanged(ledger: Ledger, run: str, *keys: str) -> None:
    rows = [
        {"object": "Contact", "key": key, "sf_id": "003" + key.zfill(15), "outcome": "unchanged"}
        for key in keys
    ]
    ledger.identities.confirm(run, "Contact", pl.DataFrame(rows, schema=OUTCOME_SCHEMA))


def known(ledger: Ledger, org_id: str = ORG) -> list[tuple[str, str]]:
    return ledger.identities.known(org_id).select("alias", "key").rows()


def undo(ledger: Ledger, run: str, word: str, status: str) -> None:
    records = ledger.records(run).select("record_id", undone=pl.lit(word))
    ledger.mark_undone(records)
    ledger.finish_run(run, status)


def noted_rows(ledger: Ledger, run: str) -> int:
    with sqlite3.connect(ledger.name.removeprefix("sqlite:///")) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM identities WHERE run_id = ?", (run,)
        ).fetchone()
    return int(count)


def test_a_new_ledger_knows_nobody(ledger: Ledger) -> None:
    assert ledger.identities.known(ORG).is_empty()
    assert ledger.identities.orgs() == []


def test_what_was_created_is_known_by_its_key_and_its_aliases(ledger: Ledger) -> None:
    run = begin(ledger)
    note(ledger, run, ("5", "5"), ("7", "5"), ("email:a@x.com", "5"))
    load(ledger, run, "created", "5")
    assert known(ledger) == [("5", "5"), ("7", "5"), ("email:a@x.com", "5")]
    assert set(ledger.identities.known(ORG)["first_loaded_run"]) == {run}


@pytest.mark.parametrize("action", [None, "rejected"])
def test_what_never_arrived_is_not_known(ledger: Ledger, action: str | None) -> None:
    run = begin(ledger)
    note(ledger, run, ("7", "5"))
    load(ledger, run, action, "5")
    assert known(ledger) == []


def test_aliases_of_a_killed_run_count_once_the_next_one_finds_the_record(ledger: Ledger) -> None:
    killed = begin(ledger)
    note(ledger, killed, ("7", "5"))
    load(ledger, killed, None, "5")
    run = begin(ledger)
    unchanged(ledger, run, "5")
    assert known(ledger) == [("5", "5"), ("7", "5")]


def test_another_org_knows_nothing_not_even_one_whose_id_differs_by_case(ledger: Ledger) -> None:
    run = begin(ledger, OTHER)
    load(ledger, run, "created", "5")
    assert known(ledger, OTHER) == [("5", "5")]
    assert known(ledger, OTHER[:15]) == [("5", "5")]
    assert known(ledger, "00D00000000000AEAA") == []
    assert known(ledger) == []


def test_the_first_of_several_loads_is_told(ledger: Ledger) -> None:
    first, second = begin(ledger), begin(ledger)
    load(ledger, second, "updated", "5")
    load(ledger, first, "created", "5")
    assert ledger.identities.known(ORG)["first_loaded_run"].to_list() == [first]


def test_the_same_again_notes_nothing(ledger: Ledger) -> None:
    first = begin(ledger)
    note(ledger, first, ("5", "5"), ("7", "5"))
    load(ledger, first, "created", "5")
    again = begin(ledger)
    note(ledger, again, ("5", "5"), ("7", "5"))
    unchanged(ledger, again, "5")
    assert (noted_rows(ledger, first), noted_rows(ledger, again)) == (1, 0)


def test_an_alias_leads_where_it_led_last_and_a_loaded_key_to_itself_as_well(
    ledger: Ledger,
) -> None:
    first = begin(ledger)
    load(ledger, first, "created", "5", "7")
    merged = begin(ledger)
    note(ledger, merged, ("5", "5"), ("7", "5"))
    assert known(ledger) == [("5", "5"), ("7", "5"), ("7", "7")]
    parted = begin(ledger)
    note(ledger, parted, ("5", "5"), ("7", "7"))
    assert known(ledger) == [("5", "5"), ("7", "7")]
    assert noted_rows(ledger, parted) == 1


def test_a_rollback_forgets_keys_and_aliases_of_its_run(ledger: Ledger) -> None:
    first = begin(ledger)
    load(ledger, first, "created", "5")
    second = begin(ledger)
    note(ledger, second, ("7", "5"), ("9", "8"))
    load(ledger, second, "created", "8")
    undo(ledger, second, "deleted", "rolled_back")
    assert known(ledger) == [("5", "5")]


def test_what_another_run_only_updated_goes_with_its_maker(ledger: Ledger) -> None:
    maker, later = begin(ledger), begin(ledger)
    load(ledger, maker, "created", "5")
    load(ledger, later, "updated", "5")
    undo(ledger, maker, "deleted", "rolled_back")
    assert known(ledger) == []


def test_what_a_rollback_had_to_leave_in_the_org_stays_known(ledger: Ledger) -> None:
    run = begin(ledger)
    note(ledger, run, ("7", "5"))
    load(ledger, run, "created", "5")
    undo(ledger, run, "kept_in_use", "rollback_incomplete")
    assert known(ledger) == [("5", "5"), ("7", "5")]


def test_records_of_other_phases_are_nobodys_identity(ledger: Ledger) -> None:
    run = begin(ledger)
    load(ledger, run, "created", "T1", phase="opportunities")
    assert known(ledger) == []


def test_the_orgs_of_a_target_are_told_the_latest_first(ledger: Ledger) -> None:
    begin(ledger)
    begin(ledger, OTHER, "sandbox")
    assert ledger.identities.orgs("local") == [ORG]
    assert ledger.identities.orgs("sandbox") == [OTHER]
    assert set(ledger.identities.orgs()) == {ORG, OTHER}
