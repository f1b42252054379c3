from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.mapping.custom_fields import plan_custom_fields, typed_columns
from kartra_sf_pipeline.mapping.model import FieldRule
from kartra_sf_pipeline.mapping.typed_names import column_for, unread_column
from kartra_sf_pipeline_tests.mapping.account import picklist
from kartra_sf_pipeline_tests.mapping.renamed import CONTACT

SCHEMA = {
    "field_identifier": pl.String,
    "label": pl.String,
    "field_type": pl.String,
    "options": pl.String,
}


def schema(*rows: tuple[str, str, str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def contacts(**columns: list[str | None]) -> pl.DataFrame:
    rows = len(next(iter(columns.values())))
    return pl.DataFrame(
        {"contact_key": [str(n) for n in range(rows)], **columns},
        schema={"contact_key": pl.String, **dict.fromkeys(columns, pl.String)},
    )


@pytest.mark.parametrize(
    ("kind", "options", "values", "expected"),
    [
        ("input_field", None, ["x"], "Text"),
        ("text_area", None, ["a\nb"], "LongTextArea"),
        ("drop_down", "Red|Blue", ["Red"], "Picklist"),
        ("radio_button", "Red|Blue", ["Blue", None], "Picklist"),
        ("drop_down", "Red|Blue", ["Red, Blue"], "MultiselectPicklist"),
        ("checkbox", "Red|Blue|Green", ["Red; Blue"], "MultiselectPicklist"),
        ("checkbox", "Yes|No", ["Yes"], "Checkbox"),
        ("checkbox", "I agree", ["I agree", None], "Checkbox"),
        (None, None, ["short"], "Text"),
        (None, None, ["x" * 300], "LongTextArea"),
    ],
)
def test_kartras_types_become_salesforce_types(kind, options, values, expected):
    known = schema(("color", "Favourite color", kind, options)) if kind else schema()
    [field] = plan_custom_fields(contacts(x__color=values), known)
    assert field.rule.new is not None
    assert field.rule.new.type == expected
    assert field.rule.target == "Kartra_CF_Color__c"


def test_options_keep_the_schemas_spelling_and_unknown_ones_are_added():
    known = schema(("c", "C", "checkbox", "Red|Blue|Green"))
    people = contacts(x__c=["red; Teal", "BLUE", None])
    [field] = plan_custom_fields(people, known)
    assert field.rule.new is not None
    assert field.rule.new.values == ("Red", "Blue", "Green", "Teal")
    out = typed_columns(people, [field.rule])
    assert out["x__c"].to_list() == [["Red", "Teal"], ["Blue"], None]


def test_a_comma_inside_a_known_option_does_not_split_it():
    known = schema(("c", "C", "checkbox", "Paris, France|Rome"))
    people = contacts(x__c=["Paris, France"])
    [field] = plan_custom_fields(people, known)
    assert typed_columns(people, [field.rule])["x__c"].to_list() == [["Paris, France"]]


def test_a_yes_no_pair_is_ticked_by_its_word_and_a_lone_option_by_its_text():
    known = schema(("a", "A", "checkbox", "Yes|No"), ("b", "B", "checkbox", "I agree"))
    people = contacts(x__a=["Yes", "no", None], x__b=["I agree", None, None])
    fields = plan_custom_fields(people, known)
    out = typed_columns(people, [field.rule for field in fields])
    assert out["x__a"].to_list() == [True, False, None]
    assert out["x__b"].to_list() == [True, None, None]


def test_a_box_is_ticked_by_its_own_option_or_a_word_for_yes_and_by_nothing_else():
    known = schema(("a", "A", "checkbox", "I agree &amp; accept"), ("b", "B", "checkbox", "Yes|No"))
    people = contacts(
        x__a=["i agree & accept", '["I agree &amp; accept"]', "yes", "no", "declined", "", "N/A"],
        x__b=["Yes", "NO", "off", "Ja", "Nein", " ", None],
    )
    rules = [field.rule for field in plan_custom_fields(people.head(1), known)]
    rules = [rule.model_copy(update={"transform": "boolean"}) for rule in rules]
    rules[0] = rules[0].model_copy(update={"options": ("I agree &amp; accept",)})
    out = typed_columns(people, rules)
    assert out["x__a"].to_list() == [True, True, True, False, None, None, None]
    assert out["x__b"].to_list() == [True, False, False, None, None, None, None]
    assert out[unread_column("x__a")].to_list() == [None] * 4 + [True, None, None]
    assert out[unread_column("x__b")].to_list() == [None] * 3 + [True, True, None, None]


def test_the_lone_option_is_carried_by_the_rule_and_a_no_of_the_cells_alone_is_none():
    known = schema(("a", "A", "checkbox", "I agree"), ("b", "B", "checkbox", None))
    people = contacts(x__a=["I agree"], x__b=["no"])
    a, b = plan_custom_fields(people, known)
    assert a.rule.options == ("I agree",)
    assert b.rule.options == ()
    assert typed_columns(people, [b.rule])["x__b"].to_list() == [False]


def test_a_day_that_cannot_be_read_is_marked():
    rule = FieldRule(target="Day__c", source="x__d", transform="date")
    out = typed_columns(contacts(x__d=["2026-01-31", "end of May", None]), [rule])
    assert out[unread_column("x__d")].to_list() == [None, True, None]


def test_what_an_existing_picklist_offers_is_not_cut_at_its_comma():
    people = contacts(x__u=["Yes, weekly", "Never; Yes, monthly", "a, b"])
    rule = FieldRule(target="Updates__c", source="x__u", transform="multi")
    offers = picklist("Updates__c", "Yes, weekly", "Yes, monthly", "Never", type="multipicklist")
    contact = replace(CONTACT, fields={offers.name: offers})
    out = typed_columns(people, [rule], contact)
    assert out["x__u"].to_list() == [["Yes, weekly"], ["Never", "Yes, monthly"], ["a", "b"]]


def test_one_column_goes_to_two_fields_each_in_its_own_form():
    people = contacts(x__c=["Red; Blue", "yes"])
    multi = FieldRule(target="A__c", source="x__c", transform="multi")
    text = FieldRule(target="B__c", source="x__c", transform="text")
    tick = FieldRule(target="C__c", source="x__c", transform="boolean")
    out = typed_columns(people, [multi, text, tick])
    seen = {
        rule.target: out[column_for(rule, out.columns)].to_list() for rule in (multi, text, tick)
    }
    assert seen == {
        "A__c": [["Red", "Blue"], ["yes"]],
        "B__c": ["Red; Blue", "yes"],
        "C__c": [None, True],
    }


@given(st.lists(st.text(min_size=1, max_size=70), min_size=1, max_size=8, unique=True))
def test_api_names_are_legal_and_never_collide(identifiers):
    columns: dict[str, list[str | None]] = {f"x__{name}": [None] for name in identifiers}
    fields = plan_custom_fields(contacts(**columns), schema())
    names = [field.rule.target for field in fields]
    assert len({name.lower() for name in names}) == len(identifiers)
    for name in names:
        base = name.removesuffix("__c")
        assert len(base) <= 40
        assert base[0].isalpha()
        assert "__" not in base
        assert not base.endswith("_")
        assert base.replace("_", "").isalnum()
        assert base.isascii()
