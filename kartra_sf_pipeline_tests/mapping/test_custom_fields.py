import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.mapping.custom_fields import plan_custom_fields, typed_columns

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


@given(st.lists(st.text(min_size=1, max_size=70), min_size=1, max_size=8, unique=True))
def test_api_names_are_legal_and_never_collide(identifiers):
    columns = {f"x__{name}": [None] for name in identifiers}
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
