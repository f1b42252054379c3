"""A rehearsal, the same again, all the way back, and there once more."""

from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline_tests.end_to_end.accounts import RAGGED
from kartra_sf_pipeline_tests.end_to_end.homes import OBJECTS, UNSTAMPED
from kartra_sf_pipeline_tests.end_to_end.story import Chapter, Story

pytestmark = [pytest.mark.xdist_group("story"), pytest.mark.slow]

FATES = ("loaded", "merged", "suppressed", "quarantined", "rejected")
OUTCOMES = ("created", "updated", "unchanged", "rejected")
EXPORTS = (
    "contacts",
    "companies",
    "transactions",
    "subscriptions",
    "affiliates",
    "calendar_bookings",
    "custom_fields",
    "notes",
    "sequences",
    "lists",
)


def making(chapter: Chapter) -> dict[str, dict[str, int]]:
    """Counts of the phases that make records, by object."""
    return {name: chapter.outcomes[name] for name in OBJECTS}


def standing(story: Story) -> dict[str, int]:
    """How many records each object had before anything was loaded."""
    return {name: len(story.before.get(name, {})) for name in OBJECTS}


# The first rehearsal


def test_a_rehearsal_succeeds_and_says_so(story: Story) -> None:
    assert story.first.ended.code == 0, story.first.ended.said
    assert story.first.summary["status"] == "succeeded"
    assert story.first.summary["problems"] == []
    assert story.first.summary["errors"] == []


def test_every_gate_of_a_rehearsal_passes_but_for_what_only_a_person_can_prove(
    story: Story,
) -> None:
    gates = story.first.summary["gates"]
    assert len(gates) > 100
    # Nobody has signed the story's map, and somebody saved its contacts from a spreadsheet.
    assert {gate["check"] for gate in gates if not gate["passed"]} <= {
        "field_map_is_approved",
        "no_spreadsheet_has_spoilt_the_files",
    }
    assert "completeness_is_proven" in {gate["check"] for gate in gates if gate["passed"]}


def test_every_source_row_has_exactly_one_fate(story: Story) -> None:
    sources = story.first.summary["sources"]
    assert set(sources) == set(EXPORTS)
    for export, counts in sources.items():
        assert counts["rows"] == sum(counts[fate] for fate in FATES), export
        assert counts["rows"] > 0, export
        assert counts["not_reached"] == 0, export


def test_every_row_of_the_files_is_in_the_dispositions_once(story: Story) -> None:
    text = (story.home.run_folder(story.first.summary["run_id"]) / "dispositions.csv").read_text(
        encoding="utf-8"
    )
    rows = pl.read_csv(text.encode(), infer_schema=False)
    assert rows.select("source_file", "source_line").is_duplicated().sum() == 0
    by_export = dict(rows.group_by("export").len().iter_rows())
    wanted = {name: counts["rows"] for name, counts in story.first.summary["sources"].items()}
    assert by_export == wanted


def test_planned_records_add_up(story: Story) -> None:
    for name, counts in story.first.outcomes.items():
        assert counts["planned"] == sum(counts[outcome] for outcome in OUTCOMES), name
    assert set(OBJECTS) <= set(story.first.outcomes)


def test_the_org_holds_what_the_summary_says(story: Story) -> None:
    made = {name: counts["created"] for name, counts in making(story.first).items()}
    there = {name: story.first.counts[name] - standing(story)[name] for name in OBJECTS}
    assert there == made
    assert all(made.values())


def test_every_record_made_carries_the_stamp(story: Story) -> None:
    made = {name: counts["created"] for name, counts in making(story.first).items()}
    assert story.first.stamped == {n: made[n] for n in OBJECTS if n not in UNSTAMPED}


def test_everything_is_read_back_without_a_difference(story: Story) -> None:
    back = story.first.summary["read_back"]
    assert back["differences"] == 0
    assert back["coverage"] == 1.0
    # Contacts are read back twice: as they were made, and with what completed them.
    taken = sum(counts["planned"] - counts["rejected"] for counts in story.first.outcomes.values())
    assert back["records"] == taken
    assert back["fields"] > back["records"]


def test_a_ragged_row_is_held_back_with_its_line_and_the_rest_goes_on(story: Story) -> None:
    folder = story.home.run_folder(story.first.summary["run_id"])
    held = pl.read_csv(folder / "quarantine.csv", infer_schema=False)
    assert held.height == 1
    file, line = held.select("source_file", "source_line").row(0)
    lines = (story.exports / file).read_text(encoding="utf-8-sig").splitlines()
    assert lines[int(line) - 1] == RAGGED
    assert story.first.summary["sources"]["contacts"]["quarantined"] >= 1


def test_the_forecast_is_scored_against_what_the_org_said(story: Story) -> None:
    forecast = story.first.summary["forecast"]
    rejected = sum(counts["rejected"] for counts in story.first.outcomes.values())
    assert forecast["actual"] == rejected
    assert forecast["predicted"] == rejected


def test_the_run_folder_holds_the_summary_and_the_report(story: Story) -> None:
    summary = story.first.summary
    kept = story.home.summary(summary["run_id"])
    assert kept == {name: value for name, value in summary.items() if name != "problems"}
    assert (story.home.path / summary["reports"]).is_file()


# The same input again


def test_a_second_rehearsal_creates_nothing_and_updates_nothing(story: Story) -> None:
    assert story.second.ended.code == 0, story.second.ended.said
    for name, counts in story.second.outcomes.items():
        assert (counts["created"], counts["updated"], counts["rejected"]) == (0, 0, 0), name
        assert counts["unchanged"] == story.first.outcomes[name]["planned"], name
    assert story.second.counts == story.first.counts


def test_a_second_rehearsal_sends_no_write(story: Story) -> None:
    assert story.first.writes, "the audit sees writes at all"
    assert story.second.writes == []


def test_the_second_rehearsal_accounts_for_every_row_alike(story: Story) -> None:
    assert story.second.summary["sources"] == story.first.summary["sources"]


# All the way back


def test_a_rollback_leaves_nothing_of_the_run(story: Story) -> None:
    assert story.undone.ended.code == 0, story.undone.ended.said
    assert story.undone.ended.json["left"] == 0
    assert set(story.undone.stamped.values()) == {0}
    assert story.undone.counts == standing(story)


def test_a_rollback_takes_back_the_run_that_loaded_not_the_idle_one_after_it(story: Story) -> None:
    assert story.second.summary["ledger_run"] != story.first_ledger_run
    assert story.undone.ended.json["ledger_run"] == story.first_ledger_run


def test_a_rollback_deletes_exactly_what_was_created(story: Story) -> None:
    deleted = {
        row["object"]: row["records"]
        for row in story.undone.ended.json["actions"]
        if row["action"] == "deleted"
    }
    made = making(story.first) | {
        "CampaignMemberStatus": story.first.outcomes["CampaignMemberStatus"]
    }
    assert deleted == {name: counts["created"] for name, counts in made.items()}


def test_records_that_were_there_before_are_untouched(story: Story) -> None:
    for name, records in story.before.items():
        for id_, was in records.items():
            now = story.after_undo[name][id_]
            assert {field: now[field] for field in was} == was


# There once more


def test_after_a_rollback_the_same_records_arrive_again(story: Story) -> None:
    assert story.again.ended.code == 0, story.again.ended.said
    assert story.again.counts == story.first.counts
    assert story.again.summary["sources"] == story.first.summary["sources"]
    assert story.again.summary["read_back"]["differences"] == 0
    others = [name for name in OBJECTS if name != "Contact"]
    assert {n: story.again.outcomes[n] for n in others} == {
        n: story.first.outcomes[n] for n in others
    }


def test_a_record_with_the_same_key_is_updated_not_doubled(story: Story) -> None:
    counts = story.again.outcomes["Contact"]
    assert (counts["created"], counts["updated"]) == (
        story.first.outcomes["Contact"]["created"] - 1,
        1,
    )


def test_a_record_that_the_run_only_updated_survives_the_rollback_as_it_was(story: Story) -> None:
    assert story.undone_again.ended.code == 0, story.undone_again.ended.said
    assert story.undone_again.counts["Contact"] == standing(story)["Contact"] + 1
    assert story.met_contact_after_undo["LastName"] == "Made by hand"
    assert story.met_contact_after_undo["FirstName"] is None
    assert story.met_contact_after_undo["Kartra_Migration_Run__c"] is None
    assert set(story.undone_again.stamped.values()) == {0}
