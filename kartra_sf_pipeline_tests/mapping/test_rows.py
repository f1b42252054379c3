from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.model import FieldRule, Policies
from kartra_sf_pipeline.mapping.rows import lists as list_rows
from kartra_sf_pipeline.mapping.rows import tags as sources
from kartra_sf_pipeline.mapping.rows import who
from kartra_sf_pipeline.mapping.rows.choices import Choices
from kartra_sf_pipeline.mapping.strategies import Lists
from kartra_sf_pipeline_tests.gates.sound_frames import sound_frame

UNIFIED = {
    "contact_key": pl.String,
    "notes": pl.String,
    "source_file": pl.String,
    "source_line": pl.Int64,
}
TAGS = {"contact_key": pl.String, "tag": pl.String, "tag_folded": pl.String}


def people(*keys: str) -> pl.DataFrame:
    rows = [(key, None, "contacts.csv", number) for number, key in enumerate(keys, start=2)]
    return pl.DataFrame(rows, schema=UNIFIED, orient="row")


def tagged(pairs: list[tuple[str, str]]) -> pl.DataFrame:
    rows = [(key, tag, tag.lower()) for key, tag in pairs]
    return pl.DataFrame(rows, schema=TAGS, orient="row")


def written(unified: pl.DataFrame, tags: pl.DataFrame, offered: list[str]) -> pl.DataFrame:
    custom = unified.select("contact_key")
    return sources.contact_tags(unified, tags, custom, offered)


def test_up_to_the_limit_every_tag_is_in_the_picklist():
    tags = tagged([("1", f"Tag {n}") for n in range(500)])
    assert len(sources.picklist_tags(tags, Policies())) == 500


def test_over_the_limit_the_most_frequent_hundred_stay():
    everyone = [(str(person), "vip") for person in range(5)]
    tags = tagged(everyone + [("1", f"rare {n}") for n in range(500)])
    offered = sources.picklist_tags(tags, Policies())
    assert len(offered) == 100
    assert "vip" in offered


def test_a_tag_that_no_picklist_takes_goes_to_the_overflow():
    tags = tagged([("1", "a;b"), ("1", "fine"), ("1", "x" * 256)])
    offered = sources.picklist_tags(tags, Policies())
    assert offered == ["fine"]
    [row] = written(people("1"), tags, offered).to_dicts()
    assert row["tags"] == ["fine"]
    assert set(row["tags_overflow"].split("; ")) == {"a;b", "x" * 256}


def test_one_record_takes_a_hundred_values_and_the_rest_overflows():
    names = [f"tag {n:03}" for n in range(130)]
    tags = tagged([("1", name) for name in names])
    [row] = written(people("1"), tags, names).to_dicts()
    assert len(row["tags"]) == 100
    assert len(row["tags_overflow"].split("; ")) == 30


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ({"source": "notes"}, 1),
        ({"source": "notes", "on_blank": "clear"}, 2),
        ({"source": "notes", "on_blank": "set", "default": "none"}, 2),
        ({"constant": "Kartra"}, 2),
    ],
)
def test_a_contact_without_tags_has_a_row_where_the_map_says_something_of_it(
    rule: dict[str, str], rows: int
) -> None:
    content = default_map()
    phase = content.phases["contact_tags"]
    more = FieldRule.model_validate({"target": "Own__c", **rule})
    phase = phase.model_copy(update={"fields": (*phase.fields, more)})
    content = content.model_copy(update={"phases": {**content.phases, "contact_tags": phase}})
    unified = people("1", "2")
    frames = {
        "contacts_unified": unified,
        "people_plan": unified.select("contact_key", become=pl.lit("contact")),
        "parsed_tags": tagged([("1", "vip")]),
    }
    choices = Choices(field_map=content, objects={}, pricebook_id="", minutes=60)
    made = who.tag_rows({name: frame.lazy() for name, frame in frames.items()}, choices)
    assert made.height == rows


@settings(max_examples=40)
@given(st.lists(st.text("abcdé ", min_size=1, max_size=200), min_size=1, max_size=60, unique=True))
def test_no_tag_is_lost_and_no_cell_is_too_long(names):
    names = list({name.strip().lower() for name in names if name.strip()})
    tags = tagged([("1", name) for name in names])
    rows = written(people("1"), tags, sources.picklist_tags(tags, Policies())).to_dicts()
    if not names:
        assert rows == []
        return
    kept = rows[0]["tags"]
    over = rows[0]["tags_overflow"].split("; ") if rows[0]["tags_overflow"] else []
    assert sorted([*kept, *over]) == sorted(names)
    assert len(";".join(kept)) <= 4_099


def test_a_contact_with_nothing_to_add_is_not_written_again():
    assert written(people("1", "2"), tagged([("2", "vip")]), ["vip"])["contact_key"].to_list() == [
        "2"
    ]


def test_a_list_is_one_campaign_whatever_its_spelling():
    lists = pl.DataFrame(
        {
            "list": ["News  letter", None],
            "description": ["weekly", None],
            "active": ["no", None],
            "source_file": ["lists.csv"] * 2,
            "source_line": [2, 3],
        },
        schema_overrides={"source_line": pl.Int64},
    )
    memberships = pl.DataFrame(
        {
            "contact_key": ["1", "1"],
            "list_name": ["NEWS LETTER", "Buyers"],
            "list_folded": ["news letter", "buyers"],
            "inactive": [True, False],
            "source_file": ["contacts.csv"] * 2,
            "source_line": [2, 2],
        },
        schema_overrides={"source_line": pl.Int64},
    )
    campaigns = list_rows.campaigns(memberships, lists, Lists())
    assert campaigns["campaign_key"].to_list() == ["list:buyers", "list:news letter"]
    assert campaigns["active"].to_list() == [True, False]
    members = list_rows.campaign_members(memberships, campaigns, Policies())
    assert members["member_key"].to_list() == ["list:buyers|1", "list:news letter|1"]
    assert members["status"].to_list() == ["Responded", "Unsubscribed"]


@pytest.fixture(scope="module")
def deals() -> pl.DataFrame:
    return sound_frame("opportunities")


def test_money_that_was_kept_is_the_money_of_the_opportunities(deals: pl.DataFrame):
    transactions = sound_frame("transactions_prepared")
    arriving = transactions.filter(pl.col("disposition").is_in(["keep", "merge"]))
    first = pl.col("reason").fill_null("") != "older_extract"
    sold = arriving.filter(first & (pl.col("type") == "sale"))["amount"].sum()
    back = arriving.filter(
        first & pl.col("type").is_in(["refund", "partial_refund", "chargeback"])
    )["amount"].sum()
    amounts = deals["Amount"].cast(pl.Decimal(18, 2)).sum()
    rebilled = deals["Kartra_Rebill_Total__c"].cast(pl.Decimal(18, 2)).sum()
    rebills = arriving.filter(first & (pl.col("type") == "rebill"))["amount"].sum()
    # Further sales of one subscription are rolled up like rebills: the sum is what counts.
    assert amounts + rebilled == sold + rebills - back
    assert isinstance(amounts, Decimal)


def test_lines_carry_what_was_charged(deals: pl.DataFrame):
    lines = sound_frame("opportunity_line_items")
    joined = lines.join(deals, left_on="Opportunity.Kartra_Id__c", right_on="Kartra_Id__c")
    assert joined.height == lines.height
    assert (joined["TotalPrice"] == joined["Amount"]).all()
    assert joined["Pricebook2Id"].is_not_null().all()


def test_adjustments_come_after_the_sales_that_they_name(deals: pl.DataFrame):
    adjusting = deals.filter(pl.col("Kartra_Adjusts__r.Kartra_Id__c").is_not_null())
    assert (adjusting["_wave"] == 1).all()
    named = set(adjusting["Kartra_Adjusts__r.Kartra_Id__c"])
    assert named <= set(deals.filter(pl.col("_wave") == 0)["Kartra_Id__c"])


def test_people_are_loaded_oldest_first():
    joined = sound_frame("contacts")["Kartra_Created_At__c"].drop_nulls()
    assert joined.to_list() == sorted(joined.to_list())
