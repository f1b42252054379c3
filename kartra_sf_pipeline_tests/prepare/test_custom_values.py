from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.custom_values import option_lists, text_value


@pytest.mark.parametrize(
    ("cell", "ticked"),
    [
        ("Red;Blue", ["Red", "Blue"]),
        ("Red, Blue , red", ["Red", "Blue"]),
        ("Red|Blue", ["Red", "Blue"]),
        ("yes, weekly", ["Yes, weekly"]),
        ('["Red", "Blue"]', ["Red", "Blue"]),
        ('[{"option_id": "1", "option_value": "Red"}]', ["Red"]),
        ("[not json", ["[not json"]),
        ("R&amp;D", ["R&D"]),
        ("N/A", None),
        ("", None),
        (" ; ", None),
    ],
)
def test_ticked_options_are_split_in_every_tolerated_form(
    cell: str, ticked: list[str] | None
) -> None:
    found = option_lists(pl.Series("x__c", [cell, None]), ["Red", "Blue", "Yes, weekly"])
    assert found.to_list() == [ticked, None]


@pytest.mark.parametrize(
    ("cell", "kind", "expected"),
    [
        ("a\r\nb&nbsp;c", "text_area", "a\nb\u00a0c"),
        ("N/A", "drop_down", None),
        ("N/A", "input_field", "N/A"),
        ("Fish &amp;  Chips", "radio_button", "Fish & Chips"),
        ("AT&T", None, "AT&T"),
        ("", "input_field", None),
    ],
)
def test_text_is_kept_by_type(cell: str, kind: str | None, expected: str | None) -> None:
    frame = pl.DataFrame({"c": [cell]})
    assert frame.select(text_value(pl.col("c"), kind)).item() == expected
