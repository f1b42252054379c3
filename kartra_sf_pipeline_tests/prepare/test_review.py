from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.contacts import prepare_contacts, unify_contacts
from kartra_sf_pipeline.prepare.matching import Thresholds, find_matches
from kartra_sf_pipeline.prepare.review import (
    CONTACT,
    ReviewError,
    contacts_shown,
    read_decisions,
    write_review,
)
from kartra_sf_pipeline_tests.prepare.people import raw_contacts

PHONE = {"phone": "2125550123", "country": "United States"}
ANN = {"first_name": "Ann", "last_name": "Leighton", **PHONE}
PREPARED = prepare_contacts(
    raw_contacts(
        {"id": "1", "email": "a@x.com", **ANN},
        {"id": "2", "email": "b@x.com", **ANN},
        {"id": "3", "email": "c@x.com", **ANN, "first_name": "Zed", "last_name": "", "phone": ""},
        {"id": "4", "email": "k@y.com", "first_name": "Kim", "last_name": "Roe", "company": "Acme"},
        {"id": "5", "email": "k@z.com", "first_name": "Kim", "last_name": "Roe", "company": "Acme"},
        {"id": "6", "email": "d@x.com", **ANN},
    )
)


def run(path: Path) -> dict[str, str]:
    """Match as decided, rewrite the file; the survivor of each contact."""
    decisions = read_decisions(path).of(CONTACT)
    matches = find_matches(PREPARED, decisions=decisions).pairs
    write_review(path, CONTACT, matches, contacts_shown(PREPARED), decisions)
    rows = unify_contacts(PREPARED, matches)[1]
    return dict(zip(PREPARED["contact_key"], rows["contact_key"], strict=True))


def decide(path: Path, left: str, right: str, word: str) -> None:
    table = pl.read_csv(path, infer_schema=False)
    pair = (pl.col("left_key") == left) & (pl.col("right_key") == right)
    assert table.filter(pair).height == 1
    table.with_columns(decision=pl.when(pair).then(pl.lit(word)).otherwise("decision")).write_csv(
        path
    )


def test_the_file_shows_what_a_person_needs_and_a_second_run_writes_the_same(
    tmp_path: Path,
) -> None:
    path = tmp_path / "match_review.csv"
    survivors = run(path)
    assert survivors == {"1": "1", "2": "1", "3": "3", "4": "4", "5": "5", "6": "1"}
    table = pl.read_csv(path, infer_schema=False)
    first = table.row(0, named=True)
    assert (first["found"], first["left_key"], first["right_key"]) == ("review", "4", "5")
    assert (first["left_name"], first["left_email"]) == ("Kim Roe", "k@y.com")
    assert table.filter(found="merged").height == 3
    before = path.read_bytes()
    run(path)
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o077 == 0


def test_a_person_merges_what_was_for_review(tmp_path: Path) -> None:
    path = tmp_path / "match_review.csv"
    run(path)
    decide(path, "4", "5", "Merge")
    assert run(path)["5"] == "4"
    assert run(path)["5"] == "4", "the decision outlives the rewriting"


def test_a_person_takes_an_automatic_merge_back_even_where_a_third_would_join_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "match_review.csv"
    run(path)
    decide(path, "1", "6", "keep apart")
    survivors = run(path)
    assert survivors["1"] != survivors["6"]
    assert run(path) == survivors


def test_decisions_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    path = tmp_path / "match_review.csv"
    run(path)
    for left, right, word in (("1", "2", "merge"), ("2", "6", "merge"), ("1", "6", "keep apart")):
        decide(path, left, right, word)
    with pytest.raises(ReviewError, match=r"match_review.csv, line \d+, column decision"):
        run(path)


@pytest.mark.parametrize("word", ["maybe", "yes", "1"])
def test_an_unknown_decision_is_told_with_its_place(tmp_path: Path, word: str) -> None:
    path = tmp_path / "match_review.csv"
    run(path)
    decide(path, "4", "5", word)
    with pytest.raises(ReviewError, match=r"line 2, column decision.*Write merge, keep apart"):
        read_decisions(path)


def test_a_spreadsheet_may_save_it_with_semicolons(tmp_path: Path) -> None:
    path = tmp_path / "match_review.csv"
    run(path)
    decide(path, "4", "5", "merge")
    pl.read_csv(path, infer_schema=False).write_csv(path, separator=";")
    assert run(path)["5"] == "4"


def test_a_key_that_a_spreadsheet_changed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "match_review.csv"
    run(path)
    decide(path, "4", "5", "merge")
    table = pl.read_csv(path, infer_schema=False)
    table.with_columns(pl.col("left_key").replace({"4": "4.0"})).write_csv(path)
    with pytest.raises(ReviewError, match="spreadsheet"):
        read_decisions(path)


def test_a_decision_stays_when_its_pair_is_not_found_again(tmp_path: Path) -> None:
    path = tmp_path / "match_review.csv"
    run(path)
    decide(path, "4", "5", "keep apart")
    decisions = read_decisions(path)
    nothing = find_matches(PREPARED.clear(), decisions=decisions).pairs
    write_review(path, CONTACT, nothing, contacts_shown(PREPARED.clear()), decisions)
    assert read_decisions(path).frame["verdict"].to_list() == ["keep apart"]


def test_thresholds_move_the_line_between_merge_and_review() -> None:
    strict = find_matches(PREPARED, Thresholds(merge_at=0.995)).pairs
    assert "merge" not in strict["decision"].to_list()
