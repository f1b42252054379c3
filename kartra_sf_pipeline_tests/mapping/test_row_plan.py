"""The fate that the plan gives to rows that are no records: fields and lists."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.kartra.headers import normalise
from kartra_sf_pipeline.mapping.custom_fields import PREFIX, plan_custom_fields
from kartra_sf_pipeline.mapping.row_plan import NEEDS, row_plan
from kartra_sf_pipeline.mapping.rows import lists
from kartra_sf_pipeline.mapping.strategies import Lists, Strategies
from kartra_sf_pipeline_tests.mapping.money_account import money_account
from kartra_sf_pipeline_tests.prepare.commerce_frames import raw

MEMBERSHIPS = pl.DataFrame(
    schema={
        "list_name": pl.String, "list_folded": pl.String, "source_file": pl.String,
        "source_line": pl.Int64,
    }
)  # fmt: skip
PERSON = {"contact_key": pl.String, "become": pl.String}
ASSIGNED = dict.fromkeys(
    ("export", "object", "member_key", "disposition", "reason", "detail", "source_file"), pl.String
)
PRIMARY = {"source_file": pl.String, "source_line": pl.Int64}


def planned(export: str, columns: dict[str, str], **frames: pl.DataFrame) -> pl.DataFrame:
    """Rows of one export in the plan of an account that has these frames, too."""
    own = {
        "people_plan": pl.DataFrame(schema=PERSON),
        "assignment_facts": pl.DataFrame(schema={**ASSIGNED, "source_line": pl.Int64}),
        "campaigns": pl.DataFrame(schema=PRIMARY),
        "groups": pl.DataFrame(schema=PRIMARY),
    }
    known = {**money_account(), **own, **frames}
    plan = row_plan({name: known[name].lazy() for name in NEEDS}, columns, Strategies())
    return plan.filter(pl.col("export") == export)


def test_a_field_is_known_by_its_column_whatever_signs_are_in_its_name() -> None:
    names = ("T-shirt size?", "Größe (cm)", "客户")
    fields = [{"field_identifier": name, "field_type": "input_field"} for name in names]
    defined = raw("custom_fields", *fields, {"field_identifier": "?"}, {"field_identifier": "Old"})
    people = pl.DataFrame({"contact_key": ["1"], **{PREFIX + normalise(n): ["S"] for n in names}})
    custom = plan_custom_fields(people, defined)
    assert [one.evidence for one in custom] == ["input_field"] * 3
    columns = {str(one.rule.source).removeprefix(PREFIX): one.rule.target for one in custom}
    plan = planned("custom_fields", columns, raw_custom_fields=defined)
    assert plan.select("planned", "reason").rows() == [
        *[("load", None)] * 3,
        ("quarantine", "field_without_identifier"),
        ("suppress", "no_column_in_contacts"),
    ]
    assert plan["key"].drop_nulls().to_list() == [f"Contact.{one.rule.target}" for one in custom]


def test_a_list_of_spaces_has_no_name_and_no_campaign() -> None:
    declared = raw("lists", {"list": "  ", "active": "yes"}, {"list": "News", "active": "yes"})
    campaigns = lists.campaigns(MEMBERSHIPS, declared, Lists())
    assert campaigns["campaign_key"].to_list() == ["list:news"]
    plan = planned("lists", {}, raw_lists=declared, campaigns=campaigns)
    assert plan.select("planned", "reason", "key").rows() == [
        ("quarantine", "list_without_name", None),
        ("load", None, "list:news"),
    ]
