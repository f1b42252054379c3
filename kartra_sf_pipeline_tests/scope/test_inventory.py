from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.scope.behavioural import behavioural_tags
from kartra_sf_pipeline.scope.inventory import SCHEMA, object_inventory, traces
from kartra_sf_pipeline_tests.prepare.commerce_frames import raw
from kartra_sf_pipeline_tests.scope.account import frames


def tagged(**carriers: int) -> pl.DataFrame:
    """Behavioural tags of an account in which each tag is carried by so many people."""
    rows = [(str(n), tag) for tag, people in carriers.items() for n in range(people)]
    tags = pl.DataFrame(rows, schema=["contact_key", "tag"], orient="row")
    return behavioural_tags(tags.with_columns(tag_folded=pl.col("tag").str.to_lowercase()))


def test_tags_that_stand_for_an_object_are_listed_with_their_people() -> None:
    tags = tagged(member_gold=3, course_completed_launch=2, form_submitted=4, vip=5)
    told = object_inventory(tags, raw("sequences")).select("object", "kind", "name", "contacts")
    assert told.rows() == [
        ("Memberships and courses", "membership", "member_gold", 3),
        ("Memberships and courses", "course", "course_completed_launch", 2),
        ("Forms and surveys", "form", "form_submitted", 4),
    ]


def test_a_sequence_is_one_row_with_its_steps_trigger_and_audience() -> None:
    step = {"sequence": "Welcome", "trigger": "Tag added", "status": "Active"}
    sequences = raw(
        "sequences",
        {**step, "step": "1", "audience_tag": "lead", "audience_list": "Main List"},
        {**step, "step": "2"},
        {"step": "3"},
    )
    [row] = object_inventory(tagged(vip=1), sequences).to_dicts()
    assert (row["object"], row["name"], row["steps"]) == ("Sequences", "Welcome", 2)
    assert (row["status"], row["trigger"]) == ("Active", "Tag added")
    assert row["evidence"] == "tag lead, list Main List"
    assert "Flow" in row["rebuild_as"]


def test_an_account_without_any_of_them_has_an_empty_inventory() -> None:
    empty = object_inventory(tagged(vip=1), raw("sequences"))
    assert empty.is_empty()
    assert empty.schema == SCHEMA
    assert object_inventory(frames()["behavioural_tags"], raw("sequences")).height == 1


def test_traces_name_the_most_frequent_tags_and_how_many_there_are() -> None:
    tags = tagged(form_a=1, form_b=4, form_c=3, form_d=2, survey_x=9)
    assert "4: form_b (4), form_c (3), form_d (2), …" in traces(tags, "form")
    assert "survey_x" not in traces(tags, "form")
    assert traces(tags, "course") == traces(None, "course") == "No tag keeps a trace of it."
