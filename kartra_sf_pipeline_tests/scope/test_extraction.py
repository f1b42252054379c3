from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.scope.control_file import ControlTotals
from kartra_sf_pipeline.scope.control_totals import control_totals
from kartra_sf_pipeline.scope.extract_judgement import EXPECTED, extract_judgement, worst
from kartra_sf_pipeline.scope.extraction_plan import EXPORTS, SCHEMA, extraction_plan
from kartra_sf_pipeline_tests.prepare.commerce_frames import raw

WHOLE = dict.fromkeys(EXPECTED, "x")
NOTHING_HELD = pl.DataFrame(schema=dict.fromkeys(("export", "source_file", "reason"), pl.String))


def judged(*rows: dict[str, Any], **more: Any) -> dict[str, dict[str, Any]]:
    frame = extract_judgement(raw("contacts", *rows, **more).lazy(), NOTHING_HELD)
    return {row["measure"]: row for row in frame.iter_rows(named=True)}


def row(number: int, **cells: Any) -> dict[str, Any]:
    own = {"id": str(number), "email": f"p{number}@acme.com"}
    return WHOLE | own | {"date_joined": f"2026-01-{number % 28 + 1:02d}"} | cells


def test_a_whole_extract_is_fit() -> None:
    found = judged(*(row(n) for n in range(20)))
    assert {measure["verdict"] for measure in found.values()} == {"fit"}
    assert found["rows_without_last_name"]["rows"] == 20


def test_columns_without_values_are_named_with_what_is_lost() -> None:
    found = judged(*(row(n, tags=None, phone="N/A") for n in range(20)))["columns_without_values"]
    assert (found["value"], found["verdict"]) == (2, "look")
    assert "phone: no phone numbers" in found["note"]
    assert "tags: segments" in found["note"]


@pytest.mark.parametrize("column", ["email", "gdpr_status"])
def test_an_extract_without_addresses_or_consent_is_unfit(column: str) -> None:
    found = judged(*(row(n, **{column: None}) for n in range(20)))
    assert found["columns_without_values"]["verdict"] == "unfit"


def test_rows_without_names_and_addresses_are_counted() -> None:
    found = judged(
        row(1, last_name=None), row(2, last_name="", first_name="N/A"), row(3, email=None)
    )
    assert found["rows_without_last_name"]["value"] == 2
    assert found["rows_without_names"]["value"] == 1
    assert found["rows_without_email"]["value"] == 1


def test_dates_that_run_backwards_are_noticed() -> None:
    forth = judged(*(row(n) for n in range(28)))["dates_out_of_order"]
    back = judged(*(row(27 - n) for n in range(28)))["dates_out_of_order"]
    assert (forth["value"], forth["verdict"]) == (0, "fit")
    assert (back["value"], back["verdict"]) == (27, "look")


def test_contacts_that_another_file_has_as_well_are_counted_per_file() -> None:
    rows = pl.concat(
        [
            raw("contacts", *(row(n) for n in range(10)), file="a.csv"),
            raw("contacts", *(row(n) for n in range(8, 12)), file="b.csv"),
        ]
    )
    frame = extract_judgement(rows.lazy(), NOTHING_HELD)
    overlap = frame.filter(pl.col("measure") == "rows_also_in_other_files")
    assert overlap.select("file", "value").rows() == [("a.csv", 2), ("b.csv", 2)]


def test_rows_that_could_not_be_read_make_an_extract_unfit() -> None:
    held = pl.DataFrame(
        {"export": ["contacts"] * 3, "source_file": ["contacts.csv"] * 2 + ["bad.csv"],
         "reason": ["ragged_row"] * 3}
    )  # fmt: skip
    frame = extract_judgement(raw("contacts", *(row(n) for n in range(10))).lazy(), held)
    unread = frame.filter(pl.col("measure") == "rows_not_readable")
    assert unread.select("file", "value", "verdict").rows() == [
        ("contacts.csv", 2, "unfit"),
        ("bad.csv", 1, "unfit"),
    ]
    assert worst(frame) == "unfit"
    assert worst(frame.clear()) is None


def files(*exports: str, rows: int = 5) -> pl.DataFrame:
    return pl.DataFrame(
        {"export": list(exports), "rows": [rows] * len(exports)},
        schema={"export": pl.String, "rows": pl.Int64},
    )


def days(*numbers: int | None) -> pl.Series:
    start = date(2024, 1, 1)
    return pl.Series(
        [None if n is None else start + timedelta(days=n) for n in numbers], dtype=pl.Date
    )


def planned(
    joined: pl.Series,
    *exports: str,
    expected: ControlTotals | None = None,
    judgement: pl.DataFrame | None = None,
    slice_rows: int = 100,
) -> pl.DataFrame:
    kept = pl.DataFrame({"disposition": ["keep"] * len(joined), "reason": [None] * len(joined)})
    sound = extract_judgement(raw("contacts", *(row(n) for n in range(9))).lazy(), NOTHING_HELD)
    frame = extraction_plan(
        files("contacts", *exports),
        joined,
        days(),
        sound if judgement is None else judgement,
        control_totals({"contacts_prepared": kept}, expected or ControlTotals()),
        slice_rows=slice_rows,
    )
    assert frame.schema == SCHEMA
    return frame


def test_exports_come_in_the_order_in_which_one_needs_the_other() -> None:
    frame = planned(days(1, 2), "transactions")
    order = frame["export"].unique(maintain_order=True).to_list()
    assert order == [*(export.name for export in EXPORTS), "control_totals"]
    assert order.index("contacts") < order.index("transactions") < order.index("subscriptions")
    assert frame["step"].is_sorted()


def test_what_is_missing_says_what_it_would_add() -> None:
    frame = planned(days(1, 2), "transactions")
    missing = frame.filter(pl.col("state") == "missing")
    assert "transactions" not in missing["export"]
    by_name = {r["export"]: r for r in missing.iter_rows(named=True)}
    assert by_name["subscriptions"]["what_to_do"] == "Export it: it is part of every migration."
    assert by_name["notes"]["what_to_do"] == "Export it if the account has any."
    assert "paused ones look active" in by_name["subscriptions"]["why"]
    assert "control_totals.yaml" in by_name["control_totals"]["what_to_do"]


def test_many_contacts_are_cut_by_date_joined_and_no_day_in_two() -> None:
    joined = days(*(n // 40 for n in range(400)), None, None)
    parts = planned(joined).filter(pl.col("export") == "contacts", pl.col("part") != "trial")
    slices = parts.filter(pl.col("part") != "undated")
    assert slices.height == 5
    assert slices["rows_read"].to_list() == [80] * 5
    assert slices["from_date"].to_list()[0] is None
    assert slices["to_date"].to_list()[-1] is None
    inner = zip(slices["to_date"].to_list(), slices["from_date"].to_list()[1:], strict=False)
    assert all(end + timedelta(days=1) == start for end, start in inner)
    assert parts.filter(pl.col("part") == "undated")["rows_read"].item() == 2


@given(st.lists(st.integers(0, 30) | st.none(), max_size=120), st.integers(1, 50))
def test_slices_hold_every_contact_once(numbers: list[int | None], per_slice: int) -> None:
    parts = planned(days(*numbers), slice_rows=per_slice).filter(
        pl.col("export") == "contacts", pl.col("part") != "trial"
    )
    assert parts["rows_read"].sum() == len(numbers)


def test_a_figure_on_the_screen_that_is_larger_makes_an_export_incomplete() -> None:
    frame = planned(days(*range(50)), expected=ControlTotals(counts={"contacts": 250}))
    contacts = frame.filter(pl.col("export") == "contacts", pl.col("part") == "whole")
    found = contacts.row(0, named=True)
    assert (found["state"], found["rows_expected"]) == ("incomplete", 250)
    assert "200 of 250 are missing" in found["what_to_do"]
    assert "about 3 slices" in found["what_to_do"]


def test_a_trial_is_asked_for_above_ten_thousand_contacts_and_judged() -> None:
    def trial(contacts: int, read: int, judgement: pl.DataFrame | None = None) -> dict[str, Any]:
        frame = planned(
            days(*range(read)),
            expected=ControlTotals(counts={"contacts": contacts}),
            judgement=judgement,
        )
        return frame.row(0, named=True)

    assert trial(10_000, 5)["state"] == "not_needed"
    assert trial(10_001, 5)["state"] == "passed"
    empty = extract_judgement(raw("contacts").lazy(), NOTHING_HELD)
    assert trial(10_001, 0, empty)["state"] == "needed"
    bad = extract_judgement(
        raw("contacts", *(row(n, gdpr_status=None) for n in range(9))).lazy(), NOTHING_HELD
    )
    failed = trial(10_001, 9, bad)
    assert failed["state"] == "failed"
    assert "contacts.csv: columns without values" in failed["what_to_do"]
