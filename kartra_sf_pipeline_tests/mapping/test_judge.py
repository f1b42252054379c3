"""The judge is a program of the user's own: here, real ones."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.column import Column
from kartra_sf_pipeline.mapping.evidence import best_fits
from kartra_sf_pipeline.mapping.judge import ProgramJudge
from kartra_sf_pipeline_tests.mapping.account import text_field

COLUMNS = [
    Column(
        "x__motto", ("motto",), pl.Series(["A secret answer"]), ("A secret answer",), False, "Text"
    )
]
FIELDS = [text_field("Credo__c"), text_field("Address_Line__c")]

ANSWERS = """
import json, sys
asked = json.load(sys.stdin)
assert "secret" not in json.dumps(asked)
alike = lambda c, f: 0.9 if (c["names"][0], f["name"]) == ("motto", "Credo__c") else 0.1
print(json.dumps({"likeness": [[alike(c, f) for f in asked["fields"]] for c in asked["columns"]]}))
"""


def program(folder: Path, text: str) -> ProgramJudge:
    file = folder / "judge.py"
    file.write_text(text, encoding="utf-8")
    return ProgramJudge(f"{sys.executable} {file}")


def test_a_judge_lifts_what_is_doubtful_and_never_makes_it_sure(tmp_path: Path) -> None:
    [alone] = best_fits(COLUMNS, FIELDS)
    [judged] = best_fits(COLUMNS, FIELDS, program(tmp_path, ANSWERS))
    assert judged[0].field.name == "Credo__c"
    assert alone[0].confidence < judged[0].confidence < 0.8
    assert "judge" in judged[0].reason


def test_a_judge_is_told_no_value_of_the_account(tmp_path: Path) -> None:
    assert program(tmp_path, ANSWERS).likeness(COLUMNS, FIELDS) == [[0.9, 0.1]]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("raise SystemExit('no model here')", "it ended with code 1: no model here"),
        ("print('hello')", "Expecting value"),
        ("print('{\"likeness\": [[0.5]]}')", "1 rows of 2 numbers"),
        ("print('{\"likeness\": [[0.5, 7]]}')", "numbers from 0 to 1"),
        ("print('[1]')", "is not `likeness`"),
    ],
)
def test_a_judge_that_does_not_answer_is_said_so(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(SettingsError) as raised:
        program(tmp_path, text).likeness(COLUMNS, FIELDS)
    assert why in str(raised.value)
    assert "without --judge" in str(raised.value)


def test_a_program_that_is_not_there_is_said_so() -> None:
    with pytest.raises(SettingsError, match="of no use"):
        ProgramJudge("/no/such/judge").likeness(COLUMNS, FIELDS)
