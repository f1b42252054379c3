"""Each refusal that a describe lets us foresee, with its code, its field and its line."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from kartra_sf_pipeline.forecast.row_rules import SCHEMA, predict
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe


def field(name: str, type_: str = "string", **more: object) -> FieldDescribe:
    raw = {"name": name, "type": type_, "createable": True, "updateable": True, **more}
    return FieldDescribe.from_json(raw)


def contact(*fields: FieldDescribe) -> ObjectDescribe:
    described = ObjectDescribe.from_json(
        {"name": "Contact", "label": "Contact", "fields": [], "createable": True}
    )
    return replace(described, fields={found.name: found for found in fields})


def rows(**columns: list[object]) -> pl.DataFrame:
    height = len(next(iter(columns.values())))
    lines = pl.int_range(2, height + 2, eager=True)
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    if "_key" not in columns:
        frame = frame.with_columns(_key=lines.cast(pl.String))
    return frame.with_columns(source_file=pl.lit("contacts.csv"), source_line=lines)


def foreseen(
    frame: pl.DataFrame, describe: ObjectDescribe, *, completes: bool = False, **parents: pl.Series
) -> list[tuple[str, str, int]]:
    """Code, field and line of each prediction."""
    found = predict("contacts", frame, describe, parents, completes=completes)
    assert dict(found.schema) == SCHEMA
    assert found["fix"].null_count() == 0
    return found.select("code", "field", "source_line").rows()


NAME = field("LastName", length=10, nillable=False)


def test_sound_rows_are_not_foreseen_to_fail() -> None:
    assert foreseen(rows(LastName=["Roe", "O'Neil"]), contact(NAME)) == []


def test_no_rows_give_no_predictions() -> None:
    assert foreseen(rows(LastName=["x"]).clear(), contact(NAME)) == []


def test_a_required_field_that_is_blank() -> None:
    found = foreseen(rows(LastName=["Roe", None]), contact(NAME))
    assert found == [("REQUIRED_FIELD_MISSING", "LastName", 3)]


def test_a_required_field_that_no_column_fills() -> None:
    found = foreseen(rows(Email=["a@b.co", None]), contact(NAME))
    assert found == [
        ("REQUIRED_FIELD_MISSING", "LastName", 2),
        ("REQUIRED_FIELD_MISSING", "LastName", 3),
    ]


def test_a_phase_that_completes_records_needs_no_required_field() -> None:
    assert foreseen(rows(Title=["Dr"]), contact(NAME), completes=True) == []


@pytest.mark.parametrize(
    "more",
    [{"nillable": True}, {"defaultedOnCreate": True}, {"defaultValue": "x"}, {"createable": False}],
    ids=str,
)
def test_a_field_that_the_org_fills_itself_is_not_required(more: dict[str, object]) -> None:
    described = contact(field("Status", **{"nillable": False, **more}))
    assert foreseen(rows(Other=["x"]), described) == []


def test_length_is_counted_in_characters() -> None:
    found = foreseen(rows(LastName=["é" * 10, "é" * 11]), contact(NAME))
    assert found == [("STRING_TOO_LONG", "LastName", 3)]


@pytest.mark.parametrize("address", ["a@b", "a b@c.org", "@c.org", "a@c.o", "a@@c.org", "a@c..org"])
def test_an_address_that_is_none(address: str) -> None:
    described = contact(field("Email", "email", length=80, nillable=True))
    assert foreseen(rows(Email=[address]), described) == [("INVALID_EMAIL_ADDRESS", "Email", 2)]


@pytest.mark.parametrize("address", ["a@b.org", "a.b+c@sub.example.co", "o'neil@x.io", None])
def test_an_address_that_is_one(address: str | None) -> None:
    described = contact(field("Email", "email", length=80, nillable=True))
    assert foreseen(rows(Email=[address]), described) == []


def picklist(type_: str, *, restricted: bool = True) -> FieldDescribe:
    values = [{"value": value, "active": True} for value in ("Gold", "Silver")]
    return field(
        "Level__c", type_, nillable=True, restrictedPicklist=restricted, picklistValues=values
    )


def test_a_value_that_a_restricted_picklist_does_not_offer() -> None:
    found = foreseen(rows(Level__c=["Gold", "gold", "Tin", None]), contact(picklist("picklist")))
    assert found == [("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Level__c", 4)]


def test_an_open_picklist_takes_any_value() -> None:
    described = contact(picklist("picklist", restricted=False))
    assert foreseen(rows(Level__c=["Tin"]), described) == []


def test_one_value_of_several_that_is_not_offered() -> None:
    described = contact(picklist("multipicklist"))
    found = foreseen(rows(Level__c=["Gold;Silver", "silver", "Gold;Tin", None]), described)
    assert found == [("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Level__c", 4)]


def test_a_parent_that_will_not_be_there() -> None:
    frame = rows(LastName=["A", "B", "C"], **{"Account.Kartra_Id__c": ["x", "gone", None]})
    found = foreseen(frame, contact(NAME), **{"Account.Kartra_Id__c": pl.Series(["x", "y"])})
    assert found == [("INVALID_FIELD", "Account.Kartra_Id__c", 3)]


def test_a_field_that_may_not_be_written() -> None:
    described = contact(field("Score__c", createable=False, updateable=False, nillable=True))
    found = foreseen(rows(Score__c=["5", None]), described)
    assert found == [("INVALID_FIELD_FOR_INSERT_UPDATE", "Score__c", 2)]


def test_a_row_with_two_faults_is_told_both() -> None:
    described = contact(NAME, field("Email", "email", length=80, nillable=True))
    found = foreseen(rows(LastName=["x" * 11], Email=["nobody"]), described)
    assert {code for code, _, _ in found} == {"STRING_TOO_LONG", "INVALID_EMAIL_ADDRESS"}
