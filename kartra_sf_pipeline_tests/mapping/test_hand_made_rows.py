"""Rows of activities, files, teams and territories, and the fate that the plan gives each."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.org_facts import OrgUser
from kartra_sf_pipeline.mapping.rows import activities, files, teams
from kartra_sf_pipeline.mapping.rows.choices import Choices
from kartra_sf_pipeline.mapping.shape import shape
from kartra_sf_pipeline.mapping.strategies import Owners, Strategies
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

USERS = (
    OrgUser("005A", "seller@acme.example", "seller@acme.example", "Sam Seller", True),
    OrgUser("005B", "former@acme.example", "former@acme.example", "Fay Former", False),
    OrgUser("005C", "one", "shared@acme.example", "One", True),
    OrgUser("005D", "two", "shared@acme.example", "Two", True),
)
PLACE = {"source_file": "a.csv", "source_line": 2, "disposition": "keep"}
ACTIVITY = {
    "activity_key": pl.String, "type": pl.String, "subject": pl.String, "body": pl.String,
    "on_day": pl.Date, "starts_at": pl.Datetime("us", "UTC"), "all_day": pl.Boolean,
    "seconds": pl.Int64, "minutes": pl.Int64, "status": pl.String, "outcome": pl.String,
    "owner": pl.String, "created_at": pl.Datetime("us", "UTC"), "contact_key": pl.String,
    "source_file": pl.String, "source_line": pl.Int64, "disposition": pl.String,
}  # fmt: skip
NOTE = {
    "note_key": pl.String, "contact_key": pl.String, "created_at": pl.Datetime("us", "UTC"),
    "created_on": pl.Date, "author": pl.String, "note": pl.String, "source_file": pl.String,
    "source_line": pl.Int64, "disposition": pl.String,
}  # fmt: skip
AT = datetime(2026, 1, 16, 20, tzinfo=UTC)


def choices(owners: Owners | None = None, **strategies: Any) -> Choices:
    chosen = {"strategies": Strategies(**strategies), "owners": owners or Owners()}
    field_map = default_map().model_copy(update=chosen)
    return Choices(field_map, {}, "01s", 60, USERS, field_map.active())


def done(*rows: dict[str, Any]) -> pl.DataFrame:
    known = {
        "activity_key": "A1",
        "contact_key": "1",
        "on_day": date(2026, 1, 16),
        "all_day": False,
    }
    return pl.DataFrame([{**known, **PLACE, **row} for row in rows], schema=ACTIVITY)


def noted(*texts: str) -> pl.DataFrame:
    rows = [
        {"note_key": f"N{n}", "contact_key": "1", "note": text, **PLACE}
        for n, text in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema=NOTE)


def attached(*rows: dict[str, Any]) -> pl.DataFrame:
    texts = ("file_key", "contact_key", "path", "sha256", "title", "description", "source_file")
    schema: dict[str, Any] = dict.fromkeys((*texts, "disposition"), pl.String)
    schema |= {"size": pl.Int64, "source_line": pl.Int64, "created_at": pl.Datetime("us", "UTC")}
    known = {"file_key": "F1", "contact_key": "1", "path": "scans/offer.v2.pdf", "size": 7}
    return pl.DataFrame([{**known, "sha256": "ab", **PLACE, **row} for row in rows], schema=schema)


def test_a_meeting_lasts_as_long_as_it_says_else_the_configured_minutes() -> None:
    rows = activities.meetings(
        done(
            {"type": "meeting", "starts_at": AT, "minutes": 45, "subject": "Demo", "owner": "Sam"},
            {"type": "meeting", "starts_at": AT, "body": "Went well.\nNext: offer."},
            {"type": "call"},
        ),
        60,
    )
    assert rows["minutes"].to_list() == [45, 60]
    assert rows["subject"].to_list() == ["Demo", "Went well."]
    assert rows["host_email"].to_list() == ["Sam", None]


def test_a_meeting_without_a_time_is_counted_in_whole_days_from_midnight_utc() -> None:
    days = {"type": "meeting", "all_day": True}
    rows = activities.meetings(done(days, {**days, "minutes": 2880}, {**days, "minutes": 90}), 60)
    assert rows["starts_at"].to_list() == [datetime(2026, 1, 16, tzinfo=UTC)] * 3
    assert rows["minutes"].to_list() == [1440, 2880, 1440]


def test_calls_and_emails_are_tasks_of_their_kind_with_what_came_of_them() -> None:
    rows = activities.activity_tasks(
        done(
            {"type": "call", "outcome": "No answer", "seconds": 90, "status": "Completed"},
            {"type": "email", "outcome": "Opened", "seconds": 5, "body": "Hello"},
            {"type": "task", "subject": "Call back"},
            {"type": "meeting"},
        )
    )
    told = rows.select("subject", "subtype", "call_seconds", "call_result", "note").rows()
    assert told == [
        ("Call", "Call", 90, "No answer", ""),
        ("Hello", "Email", None, None, "Hello\n\nStatus: Opened"),
        ("Call back", None, None, None, ""),
    ]


@pytest.mark.parametrize(
    ("kept_as", "tasks", "written"),
    [("task", ["N0", "A1", "A2"], []), ("content_note", ["A1"], ["N0", "A2"])],
)
def test_notes_are_tasks_or_files_and_never_both(
    kept_as: str, tasks: list[str], written: list[str]
) -> None:
    frames = {
        "notes_prepared": noted("Hello").lazy(),
        "activities_prepared": done(
            {"type": "call"}, {"type": "note", "activity_key": "A2", "body": "Prefers mail"}
        ).lazy(),
        "attachments_prepared": attached().lazy(),
    }
    chosen = choices(notes=kept_as)
    assert activities.task_rows(frames, chosen)["note_key"].to_list() == tasks
    assert files.file_rows(frames, chosen)["file_key"].to_list() == written


def test_notes_that_are_not_kept_as_files_are_not_read_for_them() -> None:
    frames = {
        "notes_prepared": noted("Hello").lazy(),
        "activities_prepared": done({"type": "note"}).lazy(),
        "attachments_prepared": attached({}).lazy(),
    }
    assert files.file_rows(frames, choices(files=True))["file_key"].to_list() == ["F1"]


def test_a_note_file_holds_its_text_and_none_of_it_is_markup() -> None:
    [row] = files.notes(noted('Wants <b>two</b> & "more"\nIt\'s fine'), done()).to_dicts()
    html = "<p>Wants &lt;b&gt;two&lt;/b&gt; &amp; &quot;more&quot;</p><p>It&#39;s fine</p>"
    assert row["content"] == f"text:{html}"
    assert (row["_size"], row["_sha256"]) == (len(html), hashlib.sha256(html.encode()).hexdigest())
    assert row["title"] == 'Wants <b>two</b> & "more"'
    assert row["file_name"] == "Wants b two b & more.snote"


def test_an_attachment_is_named_by_its_file_and_held_by_reference() -> None:
    rows = files.attachments(attached({}, {"title": "The offer"}))
    assert rows["title"].to_list() == ["offer.v2", "The offer"]
    assert rows["file_name"].to_list() == ["offer.v2.pdf"] * 2
    assert rows["content"].to_list() == ["file:scans/offer.v2.pdf"] * 2


def test_size_and_checksum_travel_with_the_shaped_row() -> None:
    chosen = choices(files=True)
    described = ObjectDescribe.from_json({"name": "ContentVersion"})
    frames = {
        "notes_prepared": noted().lazy(),
        "activities_prepared": done().lazy(),
        "attachments_prepared": attached({}).lazy(),
    }
    [row] = shape(
        files.file_rows(frames, chosen),
        chosen.phases["files"],
        {},
        Choices(chosen.field_map, {"ContentVersion": described}, "01s", 60),
    ).to_dicts()
    assert (row["_size"], row["_sha256"]) == (7, "ab")
    assert row["VersionData"] == "file:scans/offer.v2.pdf"


def assigned(chosen: Choices, **rows: list[dict[str, Any]]) -> list[tuple[str | None, ...]]:
    texts = (
        "account_key", "opportunity_key", "transaction_id", "user", "role", "territory",
        "disposition", "reason", "detail", "source_file",
    )  # fmt: skip
    schema: dict[str, Any] = dict.fromkeys(texts, pl.String)
    schema |= {"source_line": pl.Int64, "extract_date": pl.Date}
    frames = {
        f"{export}_prepared": pl.DataFrame(
            [{**PLACE, **row} for row in rows.get(export, [])], schema=schema
        ).lazy()
        for export in ("account_team", "opportunity_team", "territories")
    }
    frames["opportunity_facts"] = pl.LazyFrame({"opportunity_key": ["T1", "S9"]})
    facts = teams.assignments(frames, chosen)
    return facts.select("member_key", "disposition", "reason").rows()


@pytest.mark.parametrize(
    ("user", "fate"),
    [
        ("seller@acme.example", ("acme|005A", "keep", None)),
        ("sam of kartra", ("acme|005A", "keep", None)),
        ("former@acme.example", ("acme|005B", "quarantine", "user_inactive")),
        ("nobody@acme.example", ("acme", "quarantine", "user_not_found")),
        # Two share the address; either could be meant.
        ("shared@acme.example", ("acme", "quarantine", "user_not_found")),
    ],
)
def test_members_are_active_users_of_the_org(user: str, fate: tuple[str | None, ...]) -> None:
    owners = Owners(users={"Sam of Kartra": "seller@acme.example"})
    rows = [{"account_key": "acme", "user": user, "role": "Rep"}]
    [found] = assigned(choices(owners, teams=True), account_team=rows)
    assert found[1:] == fate[1:]
    assert found[1] != "keep" or found[0] == fate[0]


def test_members_who_are_swapped_by_the_map_stay_two() -> None:
    swapped = {"seller@acme.example": "one", "one": "seller@acme.example"}
    rows = [{"account_key": "acme", "user": user} for user in ("seller@acme.example", "one")]
    found = assigned(choices(Owners(users=swapped), teams=True), account_team=rows)
    assert found == [("acme|005C", "keep", None), ("acme|005A", "keep", None)]


def test_a_member_stands_once_in_a_team_and_the_newest_row_counts() -> None:
    row = {"account_key": "acme", "user": "seller@acme.example"}
    found = assigned(
        choices(teams=True),
        account_team=[
            {**row, "extract_date": date(2026, 2, 1)},
            {**row, "extract_date": date(2026, 1, 1)},
        ],
    )
    assert found == [("acme|005A", "keep", None), ("acme|005A", "merge", "listed_twice")]


def test_a_payment_s_team_works_the_opportunity_that_the_map_makes() -> None:
    user = {"user": "seller@acme.example"}
    found = assigned(
        choices(teams=True),
        opportunity_team=[
            {"transaction_id": "1", "opportunity_key": "S9", **user},
            {"transaction_id": "2", "opportunity_key": "S9", **user},
            {"transaction_id": "3", "opportunity_key": "T3", **user},
        ],
    )
    assert found[:2] == [("T1|005A", "keep", None), ("S9|005A", "keep", None)]
    assert found[2][1:] == ("quarantine", "no_opportunity_by_the_map")


def test_what_the_map_does_not_ask_for_is_left_behind_by_name() -> None:
    rows = {
        "account_team": [{"account_key": "acme", "user": "seller@acme.example"}],
        "territories": [{"account_key": "acme", "territory": "North"}],
    }
    reason = ("suppress", teams.NOT_CHOSEN)
    assert [fate[1:] for fate in assigned(choices(), **rows)] == [reason, reason]
    found = assigned(choices(territories=True), **rows)
    assert found == [("acme|005A", *reason), ("acme|North", "keep", None)]
