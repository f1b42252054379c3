from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.load_order import PHASE_NAMES
from kartra_sf_pipeline.scope.grades import Sizes, migration_scores
from kartra_sf_pipeline.scope.plan import migration_scope
from kartra_sf_pipeline.scope.scoreboard import SCHEMA, Moved, object_scoreboard, scores
from kartra_sf_pipeline.settings import PROJECT
from kartra_sf_pipeline_tests.scope.account import frames

MOVING = (
    "Contacts", "Companies", "Custom fields", "Tags", "Lists", "Transactions", "Subscriptions",
    "Affiliates", "Calendars",
)  # fmt: skip
SMALL = Sizes(100, 50, 5, 400, 3, 40)


def board(**changed: Moved) -> pl.DataFrame:
    """Nine objects whose every row arrived, but for those that are told otherwise."""
    moved = {name: Moved(10, 10, 10) for name in MOVING}
    for name, became in changed.items():
        moved[name.replace("_", " ")] = became
    return object_scoreboard(migration_scope(frames()), moved, {"Lists": "left behind"})


def graded(sizes: Sizes, found: pl.DataFrame | None = None) -> dict[str, str]:
    told = migration_scores(board() if found is None else found, sizes)
    return dict(told.select("measure", "grade").drop_nulls().iter_rows())


def test_nine_of_twelve_have_a_destination_and_that_is_the_vendors_score() -> None:
    assert board().schema == SCHEMA
    assert board().height == 12
    assert scores(board())[0] == 0.75


def test_the_honest_score_halves_what_is_lossy_and_counts_what_is_not_exported() -> None:
    # Seven objects whole, tags and lists by half, three that never arrive.
    assert scores(board())[1] == round((7 + 2 * 0.5) / 12, 4)


def test_rows_that_stay_lower_the_honest_score_alone_and_are_told() -> None:
    found = board(Transactions=Moved(10, 4, 4, (("failed_payment", 5), ("bad_date", 1))))
    assert scores(found) == (0.75, round((6.4 + 1) / 12, 4))
    row = found.filter(pl.col("object") == "Transactions").to_dicts()[0]
    assert row["rows_left"] == 6
    assert "5 failed payment, 1 bad date" in row["loss"]


def test_an_object_that_this_account_has_not_is_no_points_lost() -> None:
    assert scores(board(Calendars=Moved()))[1] == round((6 + 1) / 11, 4)


def test_a_destination_is_what_the_map_chose() -> None:
    told = dict(board().select("object", "destination").iter_rows())
    assert told["Lists"] == "left behind"
    assert told["Contacts"] == "Contact"


def test_every_object_says_where_it_is_documented_and_which_command_shows_it() -> None:
    assert board().select(pl.col("documented", "command", "loss").null_count()).row(0) == (0, 0, 0)


def test_the_page_has_a_section_and_a_row_with_the_command_for_each_object() -> None:
    page = (PROJECT / "docs" / "objects.md").read_text(encoding="utf-8")
    for row in board().iter_rows(named=True):
        path, _, anchor = row["documented"].partition("#")
        assert path == "docs/objects.md"
        assert f"## {anchor.replace('-', ' ').capitalize()}\n" in page
        [line] = [one for one in page.splitlines() if one.startswith(f"| {row['number']} |")]
        assert f"| {row['object']} |" in line
        assert f"`{row['command']}`" in line
        phase = row["command"].partition("--phase ")[2]
        assert not phase or phase in PHASE_NAMES


def test_a_small_account_is_standard_as_its_middle_grade_says() -> None:
    told = graded(SMALL)
    assert told == {
        "object_compatibility": "B",
        "mapping_clarity": "C",
        "timeline": "B",
        "api_constraints": "B",
        "volume": "A",
        "overall": "B",
    }


@pytest.mark.parametrize(
    ("sizes", "measure", "grade"),
    [
        (Sizes(30_000, 6_000, 0, 49_000, 3, 40), "volume", "B"),
        (Sizes(30_000, 6_000, 0, 50_001, 3, 40), "volume", "C"),
        (Sizes(900_000, 9_000, 0, 2_000_001, 3, 40), "volume", "D"),
        (Sizes(10_001, 0, 0, 20_000, 3, 40), "api_constraints", "C"),
        (Sizes(100_001, 0, 0, 20_000, 3, 40), "api_constraints", "D"),
        (Sizes(100, 0, 0, 300, 3, 40), "timeline", "A"),
        (Sizes(30_000, 0, 5, 60_000, 3, 40), "timeline", "C"),
        (Sizes(30_000, 0, 5, 60_000, 21, 501), "timeline", "D"),
    ],
)
def test_grades_follow_their_printed_rules(sizes: Sizes, measure: str, grade: str) -> None:
    assert graded(sizes)[measure] == grade
