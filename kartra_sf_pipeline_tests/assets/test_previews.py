"""Previews show the kind of a value, not whose it is."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.assets.previews import PREVIEW_ROWS, mask, preview, shaped_preview
from kartra_sf_pipeline.kartra.exports import EXPORTS
from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.model import FieldRule

PERSONAL = [
    "alias",
    "email",
    "first_name",
    "last_name",
    "phone",
    "address",
    "city",
    "zip",
    "ip",
    "facebook",
    "buyer_email",
    "buyer_ip",
    "attendee_email",
    "notes",
    "x__date_of_birth",
    "Kartra_CF_Birthday__c",
    "Email",
    "MailingStreet",
    "_key",
    "contact_key",
]

# Text of the default map that is of nobody: what a thing is, what it costs, how it was paid.
OF_NOBODY = {
    "kind", "product", "product_key", "price_point", "currency", "processor", "recurrence",
    "coupon_code", "status", "subscription_status", "subtype", "label", "pricebook_id",
}  # fmt: skip
TYPED = {"integer", "decimal", "date", "datetime", "boolean"}


def shown(frame: pl.DataFrame) -> list[dict[str, object]]:
    return [dict(record.data) for record in preview(frame).records]


@pytest.mark.parametrize("column", PERSONAL)
def test_personal_columns_are_masked(column: str) -> None:
    (row,) = shown(pl.DataFrame({column: ["Someone's own 1 Main St"]}))
    assert row[column] == "S…(23)"


def test_every_column_of_the_exports_that_names_a_person_is_masked() -> None:
    words = ("email", "phone", "address", "_name", "ip", "zip")
    columns = {
        column
        for export in EXPORTS.values()
        for column in export.column_names
        if any(column == word.strip("_") or column.endswith(word) for word in words)
    }
    assert len(columns) > 15
    for column in columns:
        (row,) = shown(pl.DataFrame({column: ["jane.roe@example.org"]}))
        assert row[column] == "j…(20)", column


def test_figures_and_names_of_things_are_shown_as_they_are() -> None:
    frame = pl.DataFrame({"product": ["Growth Lab"], "quantity": [2], "trial": [True]})
    assert shown(frame) == [{"product": "Growth Lab", "quantity": 2, "trial": True}]


def test_a_preview_is_a_few_rows_with_their_lineage() -> None:
    frame = pl.DataFrame(
        {
            **{f"c{n}": ["v"] * 50 for n in range(30)},
            "source_file": ["f"] * 50,
            "source_line": [1] * 50,
        }
    )
    rows = shown(frame)
    assert len(rows) == PREVIEW_ROWS
    assert {"source_file", "source_line"} <= set(rows[0])
    assert len(rows[0]) < 20


def test_nothing_is_shown_of_nothing() -> None:
    assert shown(pl.DataFrame(schema={"email": pl.String})) == []
    assert shown(pl.DataFrame({"email": [None]}, schema={"email": pl.String})) == [{"email": None}]


@given(st.text(min_size=2))
def test_a_masked_text_keeps_its_first_character_and_length_alone(text: str) -> None:
    assert mask(text) == f"{text[0]}…({len(text)})"


def test_every_target_of_the_default_map_that_may_tell_of_somebody_is_masked() -> None:
    masked = set()
    for name, phase in default_map().phases.items():
        for rule in phase.fields:
            text = rule.transform not in TYPED
            if rule.source is None or rule.source in OF_NOBODY or not text:
                continue
            frame = pl.DataFrame({rule.target: ["jane.roe@example.org"]})
            [record] = shaped_preview(frame, phase).records
            assert record.data[rule.target] == "j…(20)", (name, rule.target)
            masked.add(rule.source)
    told = {"contact_key", "last_name", "notes", "content", "title", "file_name", "subject", "tags"}
    assert told < masked


def test_a_shaped_row_shows_its_kind_money_and_days() -> None:
    phase = default_map().phases["opportunities"]
    frame = pl.DataFrame(
        {"Name": ["Gold – Jane"], "StageName": ["Closed Won"], "CloseDate": ["2026-01-10"],
         "Amount": ["97.00"], "_key": ["T101"], "OwnerId": ["005A"], "source_line": [2]}
    )  # fmt: skip
    [record] = shaped_preview(frame, phase).records
    assert record.data == {
        "Name": "G…(11)", "StageName": "Closed Won", "CloseDate": "2026-01-10", "Amount": "97.00",
        "_key": "T…(4)", "OwnerId": "0…(4)", "source_line": 2,
    }  # fmt: skip


def test_a_custom_field_is_masked_whatever_its_type() -> None:
    phase = default_map().phases["contact_tags"]
    born = FieldRule(target="Born__c", source="x__born", transform="date")
    changed = phase.model_copy(update={"fields": (*phase.fields, born)})
    [record] = shaped_preview(pl.DataFrame({"Born__c": ["1980-05-06"]}), changed).records
    assert record.data == {"Born__c": "1…(10)"}
