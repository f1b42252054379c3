"""The report: markup is text, formulas are quoted off, a failed run says so."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.reports.site import write_csv, write_site
from kartra_sf_pipeline_tests.end_to_end.story import Story

SCRIPT = "<script>alert(1)</script>"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1")


def summary(**more: Any) -> dict[str, Any]:
    """A summary of a run that reached nothing."""
    return {
        "schema": 1,
        "run_id": "r1",
        "job": "rehearsal",
        "target": "local",
        "status": "succeeded",
        "sources": {},
        "objects": {},
        "gates": [],
        "read_back": {
            "records": 0,
            "fields": 0,
            "coverage": 0.0,
            "differences": 0,
            "explained": 0,
        },
        "forecast": {"predicted": 0, "actual": 0, "precision": None, "recall": None},
        "timings": {},
        "peak_memory_mb": 0,
        "ledger_run": None,
        "reports": "runs/r1/index.html",
        "errors": [],
        **more,
    }


def page_of(folder: Path, content: dict[str, Any], **frames: pl.DataFrame) -> str:
    """The page of a run with that summary and these stored frames."""
    (folder / "frames").mkdir()
    for name, frame in frames.items():
        frame.write_parquet(folder / "frames" / f"{name}.parquet")
    timings = {**content["timings"], **dict.fromkeys(frames, 0.1)}
    (folder / "summary.json").write_text(json.dumps({**content, "timings": timings}))
    return write_site(folder, str(folder / "frames")).read_text(encoding="utf-8")


def rejected(file: str, code: str = "REQUIRED_FIELD_MISSING", line: int = 7) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "object": ["Contact"],
            "key": ["1"],
            "sf_id": [None],
            "outcome": ["rejected"],
            "error_code": [code],
            "error_fields": ["LastName"],
            "error_message": [f"{SCRIPT} is not a name"],
            "source_file": [file],
            "source_line": [line],
            "phase": ["contacts"],
        }
    )


def test_markup_in_an_error_is_shown_as_text(tmp_path: Path) -> None:
    page = page_of(tmp_path, summary(status="failed", errors=[f"{SCRIPT}.csv: unknown header"]))
    assert SCRIPT not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.csv: unknown header" in page


def test_markup_in_the_name_of_a_file_is_shown_as_text(tmp_path: Path) -> None:
    page = page_of(tmp_path, summary(), loaded_contacts=rejected(f"{SCRIPT}.csv"))
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_markup_in_a_table_of_the_scope_is_shown_as_text(tmp_path: Path) -> None:
    losses = pl.DataFrame({"item": [SCRIPT], "count": [3], "why": ["x"], "what_to_do": ["y"]})
    page = page_of(tmp_path, summary(), will_not_migrate=losses)
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    page = page_of(tmp_path, summary())
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page


def test_a_failed_run_says_so_and_why(tmp_path: Path) -> None:
    gate = {"phase": "contacts", "check": "contacts_have_keys", "passed": False, "blocking": True}
    page = page_of(tmp_path, summary(status="failed", errors=["The org said no."], gates=[gate]))
    assert "failed" in page.split("</h1>")[0]
    assert "The org said no." in page
    assert "contacts have keys" in page
    assert "stopped the run" in page


def test_a_warning_is_not_told_as_a_stop(tmp_path: Path) -> None:
    gate = {"phase": "contacts", "check": "few_placeholders", "passed": False, "blocking": False}
    page = page_of(tmp_path, summary(gates=[gate]))
    assert "stopped the run" not in page
    assert "warning" in page


def test_frames_of_an_earlier_run_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    rejected("old.csv").write_parquet(tmp_path / "frames" / "loaded_contacts.parquet")
    (tmp_path / "summary.json").write_text(json.dumps(summary()))
    page = write_site(tmp_path, str(tmp_path / "frames")).read_text(encoding="utf-8")
    assert "old.csv" not in page
    assert pl.read_csv(tmp_path / "rejects.csv").height == 0


def test_rejects_name_their_line_and_come_as_csv_too(tmp_path: Path) -> None:
    page = page_of(tmp_path, summary(), loaded_contacts=rejected("contacts.csv"))
    assert "contacts.csv" in page
    rows = pl.read_csv(tmp_path / "rejects.csv")
    assert rows.select("source_file", "source_line").row(0) == ("contacts.csv", 7)


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_in_a_csv_is_text(formula: str, tmp_path: Path) -> None:
    write_csv(pl.DataFrame({"item": [formula]}), tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["item"] == f"'{formula}"


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=5))
def test_no_cell_of_a_csv_starts_a_formula_and_none_is_lost(texts: list[str]) -> None:
    buffer = io.BytesIO()
    write_csv(pl.DataFrame({"item": texts}), buffer)  # type: ignore[arg-type]
    cells = pl.read_csv(io.BytesIO(buffer.getvalue()), infer_schema=False)["item"].to_list()
    for text, cell in zip(texts, cells, strict=True):
        assert cell[0] not in "=+-@\t\r"
        assert cell in (text, f"'{text}")


def test_numbers_keep_their_sign_in_a_csv(tmp_path: Path) -> None:
    write_csv(pl.DataFrame({"amount": [-5]}), tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "amount\n-5\n"


@pytest.mark.xdist_group("story")
@pytest.mark.slow
def test_the_report_of_a_hostile_account_runs_no_script_and_holds_no_formula(
    story: Story,
) -> None:
    folder = story.home.run_folder(story.first.summary["run_id"])
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page.lower()
    for file in folder.glob("*.csv"):
        frame = pl.read_csv(file, infer_schema=False)
        for name in frame.columns:
            risky = frame[name].drop_nulls().str.contains(r"^[=+@\t\r]|^-\D")
            assert not risky.any(), f"{file.name}: {name}"


@pytest.mark.xdist_group("story")
@pytest.mark.slow
def test_the_page_links_only_to_files_that_are_there(story: Story) -> None:
    folder = story.home.run_folder(story.first.summary["run_id"])
    page = (folder / "index.html").read_text(encoding="utf-8")
    links = [part.split('"')[0] for part in page.split('href="')[1:]]
    assert links
    for link in links:
        assert (folder / link).is_file(), link
