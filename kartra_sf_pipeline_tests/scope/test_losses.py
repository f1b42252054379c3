from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.scope.losses import SCHEMA, will_not_migrate
from kartra_sf_pipeline_tests.scope.account import frames


def test_rows_held_back_are_counted_by_rule() -> None:
    found = dict(will_not_migrate(frames()).select("item", "count").iter_rows())
    assert found["Suppressed transactions: failed payment"] == 1
    assert found["Held back transactions: buyer not found"] == 1
    assert found["Held back bookings: bad date"] == 1
    assert found["Unreadable rows of contacts: ragged row"] == 2
    assert found["Sequences and automations"] == 1
    assert found["Total spend per contact"] == 1
    assert not [item for item in found if "older extract" in item]


def test_every_loss_says_why_and_what_to_do() -> None:
    frame = will_not_migrate(frames())
    assert frame.select(pl.col("item", "why", "what_to_do").null_count()).row(0) == (0, 0, 0)
    assert frame["item"].is_unique().all()
    why = dict(frame.select("item", "why").iter_rows())
    assert "member_gold (1)" in why["Membership access"]
    assert "No tag keeps a trace" in why["Surveys and their answers"]


def test_what_kartra_does_not_give_is_said_even_of_an_empty_account() -> None:
    frame = will_not_migrate({})
    assert frame.schema == SCHEMA
    assert "Forms and their submissions" in frame["item"]


def test_what_nobody_assembled_is_said_and_what_the_manifest_forgot_is_counted() -> None:
    assembled = ("Calls, e-mails, meetings and tasks", "Documents and uploads")
    without = will_not_migrate({})["item"]
    assert set(assembled) <= set(without)
    assert "Team members and territories" in without
    there = pl.DataFrame({"source_line": [2]})
    found = will_not_migrate(
        {
            "raw_activities": there,
            "raw_attachments": there,
            "raw_territories": there,
            "attachment_files": pl.DataFrame({"named": [True, False, False]}),
        }
    )
    items = dict(found.select("item", "count").iter_rows())
    assert not {*assembled, "Team members and territories"} & items.keys()
    assert items["Files in the attachments folder that the manifest does not name"] == 2
