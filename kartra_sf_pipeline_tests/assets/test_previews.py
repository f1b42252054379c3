"""Previews show the kind of a value, not whose it is."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.assets.previews import PREVIEW_ROWS, mask, preview
from kartra_sf_pipeline.kartra.exports import EXPORTS

PERSONAL = [
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
