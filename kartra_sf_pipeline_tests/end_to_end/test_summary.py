"""summary.json is a contract: exactly these keys, of these types (schema 1)."""

from __future__ import annotations

from typing import Any

import pytest

from kartra_sf_pipeline_tests.end_to_end.story import Chapter, Story

pytestmark = [pytest.mark.xdist_group("story"), pytest.mark.slow]

SUMMARY: dict[str, Any] = {
    "schema": int,
    "run_id": str,
    "job": str,
    "target": str,
    "status": str,
    "sources": dict,
    "objects": dict,
    "gates": list,
    "existing_records": dict,
    "original_dates": list,
    "read_back": dict,
    "forecast": dict,
    "scoreboard": dict,
    "loaded_apart": int,
    "memberships_left_out": dict,
    "awaiting_a_decision": int,
    "timings": dict,
    "peak_memory_mb": int,
    "ledger_run": (str, type(None)),
    "reports": str,
    "errors": list,
}
SOURCE = (
    "files",
    "rows",
    "loaded",
    "merged",
    "suppressed",
    "quarantined",
    "rejected",
    "not_reached",
)
OBJECT = ("planned", "created", "updated", "unchanged", "rejected")
GATE = {"phase": str, "check": str, "passed": bool, "blocking": bool}
READ_BACK = ("records", "fields", "coverage", "differences", "explained")
SCOREBOARD = ("vendor_style_score", "honest_score", "grades", "objects")
SCORED = (
    "object",
    "destination",
    "cardinality",
    "support",
    "rows_in",
    "rows_moved",
    "rows_left",
    "records",
)
FORECAST = ("predicted", "actual", "precision", "recall")


def chapters(story: Story) -> dict[str, Chapter]:
    return {"first": story.first, "second": story.second, "undone": story.undone}


@pytest.mark.parametrize("name", ["first", "second", "undone"])
def test_a_summary_has_exactly_its_documented_shape(story: Story, name: str) -> None:
    printed = dict(chapters(story)[name].summary)
    summary = story.home.summary(printed["run_id"])
    assert list(summary) == list(SUMMARY)
    for key, kind in SUMMARY.items():
        assert isinstance(summary[key], kind), key
    assert summary["schema"] == 1
    assert summary["status"] in ("succeeded", "failed")
    for counts in summary["sources"].values():
        assert tuple(counts) == SOURCE
        assert all(type(count) is int for count in counts.values())
    for counts in summary["objects"].values():
        assert tuple(counts) == OBJECT
        assert all(type(count) is int for count in counts.values())
    for gate in summary["gates"]:
        assert {key: type(value) for key, value in gate.items()} == GATE
    assert tuple(summary["existing_records"]) == ("stamp", "review")
    assert tuple(summary["read_back"]) == READ_BACK
    assert tuple(summary["forecast"]) == FORECAST
    assert tuple(summary["scoreboard"]) == SCOREBOARD
    for one in summary["scoreboard"]["objects"]:
        assert tuple(one) == SCORED
    assert all(type(seconds) in (int, float) for seconds in summary["timings"].values())
    assert all(seconds >= 0 for seconds in summary["timings"].values())
    assert summary["reports"] == f"runs/{summary['run_id']}/index.html"


def test_a_rehearsal_times_every_asset_and_every_gate(story: Story) -> None:
    timings = story.first.summary["timings"]
    for name in ("raw_contacts", "contacts_unified", "loaded_contacts", "read_back"):
        assert name in timings
    assert {gate["phase"] for gate in story.first.summary["gates"]} == {
        name.removeprefix("gate_") for name in timings if name.startswith("gate_")
    }
    assert story.first.summary["peak_memory_mb"] > 50


def test_a_rehearsal_scores_the_twelve_objects_by_what_arrived(story: Story) -> None:
    told = story.first.summary["scoreboard"]
    assert len(told["objects"]) == 12
    assert told["vendor_style_score"] == 0.75
    assert 0 < told["honest_score"] < told["vendor_style_score"]
    assert told["grades"]["object_compatibility"] == "B"
    by_name = {one["object"]: one for one in told["objects"]}
    contacts = story.first.summary["sources"]["contacts"]
    assert by_name["Contacts"]["rows_in"] == contacts["rows"]
    assert by_name["Contacts"]["rows_moved"] == contacts["loaded"] + contacts["merged"]
    assert by_name["Contacts"]["records"] == story.first.outcomes["Contact"]["created"]
    deals = by_name["Transactions"]["records"] + by_name["Subscriptions"]["records"]
    assert deals == story.first.outcomes["Opportunity"]["created"]
    assert by_name["Sequences"]["rows_in"] > 0 == by_name["Sequences"]["rows_moved"]


def test_the_ledger_says_how_each_run_ended(story: Story) -> None:
    assert story.undone_again
    status = story.home.run("status", "--json").json
    ended = {run["run_id"]: run["status"] for run in status["runs"]}
    # Other tests may have loaded this home since.
    told = {
        chapter.summary["ledger_run"]: ended[chapter.summary["ledger_run"]]
        for chapter in (story.first, story.second, story.again)
    }
    assert told == {
        story.first.summary["ledger_run"]: "rolled_back",
        story.second.summary["ledger_run"]: "succeeded",
        story.again.summary["ledger_run"]: "rolled_back",
    }
