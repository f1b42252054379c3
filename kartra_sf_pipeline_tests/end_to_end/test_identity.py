"""Who was loaded stays one record, whatever the next export makes of its key."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.localorg import process
from kartra_sf_pipeline_tests.end_to_end.command_line import Ended
from kartra_sf_pipeline_tests.end_to_end.homes import Home, temporary_home

pytestmark = [pytest.mark.xdist_group("identity"), pytest.mark.slow]

COLUMNS: tuple[str, ...] = (
    "id",
    "email",
    "first_name",
    "last_name",
    "phone",
    "company",
    "website",
    "country",
)
ANN = {"first_name": "Ann", "last_name": "Lee", "phone": "2125550123"}
EVA = {"first_name": "Eva", "last_name": "Noor", "phone": "2125550188"}

# Two rows of one person, an address without id, two people who turn out to be one, two companies.
FIRST: tuple[dict[str, str], ...] = (
    {"id": "100", "email": "ann@lee.example.org", **ANN},
    {"id": "101", "email": "ann.lee@other.example.net", **ANN},
    {"email": "bob@mail.example.com", "first_name": "Bob", "last_name": "Stone"},
    {"id": "103", "email": "cy@gmail.com", "first_name": "Cy", "last_name": "Young",
     "company": "Harborfox Fitness"},
    {"id": "104", "email": "eva@noor.example.org", **EVA, "phone": ""},
    {"id": "105", "email": "e.noor@other.example.net", **EVA},
    {"id": "106", "email": "dan@gmail.com", "first_name": "Dan", "last_name": "Wolf",
     "company": "Quietharbor"},
    {"id": "107", "email": "fay@gmail.com", "first_name": "Fay", "last_name": "Hill",
     "website": "willowrootacademy.com"},
)  # fmt: skip
# Kartra has deleted 100; Bob has an id; Eva's other row has her phone; Cy has a website.
SECOND: tuple[dict[str, str], ...] = (
    {"id": "101", "email": "ann.lee@other.example.net", **ANN},
    {"id": "120", "email": "bob@mail.example.com", "first_name": "Bob", "last_name": "Stone"},
    {"id": "103", "email": "cy@gmail.com", "first_name": "Cy", "last_name": "Young",
     "company": "Harborfox Fitness", "website": "hfx-gyms.com"},
    {"id": "104", "email": "eva@noor.example.org", **EVA},
    {"id": "105", "email": "e.noor@other.example.net", **EVA},
    FIRST[6], FIRST[7],
)  # fmt: skip


def write(folder: Path, rows: tuple[dict[str, str], ...], day: date = date(2026, 6, 30)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.csv"):
        old.unlink()
    name = folder / f"contacts_kartra_{day:%d-%m-%Y}_aa.csv"
    with name.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({"country": "United States", **row} for row in rows)
    return folder


def keys_in(home: Home, name: str) -> set[str]:
    """External IDs of the org's records of one object."""
    return set(home.org.query(f"SELECT Kartra_Id__c FROM {name}")["Kartra_Id__c"])


def outcome(ended: Ended, name: str) -> tuple[int, int, int]:
    assert ended.code == 0, ended.said
    counts = ended.json["objects"][name]
    return counts["created"], counts["updated"], counts["unchanged"]


@dataclass(frozen=True)
class Told:
    """The first export, the second, the second again, and once ignored; then on an empty org that
    is not the one which the ledger's runs have loaded.
    """

    home: Home
    exports: Path
    before: dict[str, set[str]]
    first: Ended
    second: Ended
    after: dict[str, set[str]]
    account_of_cy: str
    frames: dict[str, pl.DataFrame]
    review: str
    again: Ended
    writes: list[dict[str, Any]]
    ignored: Ended
    elsewhere: Ended
    keys_elsewhere: set[str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    exports = write(tmp_path_factory.mktemp("people"), FIRST)
    with temporary_home(tmp_path_factory.mktemp("identity") / "home") as home:
        first = home.run("rehearse", "--exports", exports, "--json")
        before = {name: keys_in(home, name) for name in ("Contact", "Account")}
        write(exports, SECOND, date(2026, 7, 31))
        second = home.run("rehearse", "--exports", exports, "--json")
        after = {name: keys_in(home, name) for name in ("Contact", "Account")}
        cy = "SELECT Account.Kartra_Id__c FROM Contact WHERE Kartra_Id__c = '103'"
        account_of_cy = str(home.org.query(cy).row(0)[0])
        frames = {
            name: home.frame(name)
            for name in ("contact_rows", "contacts_unified", "contact_merges",
                         "records_loaded_apart", "companies_prepared", "dispositions")
        }  # fmt: skip
        review = home.path / "match_review.csv"
        text = review.read_text(encoding="utf-8-sig")
        number = home.last_request()
        again = home.run("rehearse", "--exports", exports, "--json")
        writes = home.writes_since(number)
        say(review, "loaded contact", "ignore")
        ignored = home.run("rehearse", "--exports", exports, "--json")
        as_if_loaded_into_another_org(home)
        elsewhere = home.run("rehearse", "--exports", exports, "--json")
        keys = keys_in(home, "Contact")
        yield Told(
            home, exports, before, first, second, after, account_of_cy, frames, text, again, writes,
            ignored, elsewhere, keys,
        )  # fmt: skip


def as_if_loaded_into_another_org(home: Home) -> None:
    """Empty the org, and let the ledger say that its runs loaded one of another id."""
    process.call(home.address, "POST", "/__admin/reset", timeout=120)
    with sqlite3.connect(home.path / "ledger.sqlite") as connection:
        connection.execute("UPDATE runs SET org_id = '00D000000000Zzz' || substr(org_id, 16)")


def say(review: Path, kind: str, word: str) -> None:
    """Write a decision into the review file's rows of that kind, as a person would."""
    text = review.read_text(encoding="utf-8-sig")
    reader = csv.DictReader(text.splitlines())
    rows = [{**row, "decision": word if row["kind"] == kind else ""} for row in reader]
    with review.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or [])
        writer.writeheader()
        writer.writerows(rows)


def person(told: Told, email: str) -> dict[str, Any]:
    return told.frames["contacts_unified"].row(by_predicate=pl.col("email") == email, named=True)


def test_the_first_load_has_the_keys_that_the_export_implies(told: Told) -> None:
    assert told.before["Contact"] == {
        "100", "email:bob@mail.example.com", "103", "104", "105", "106", "107"
    }  # fmt: skip
    assert told.before["Account"] == {
        "name:harborfox fitness", "name:quietharbor", "domain:willowrootacademy.com"
    }  # fmt: skip


def test_no_record_is_made_a_second_time(told: Told) -> None:
    assert told.after == told.before
    assert outcome(told.second, "Contact")[0] == 0
    assert outcome(told.second, "Account")[0] == 0


def test_a_person_whose_lowest_id_was_deleted_keeps_the_key(told: Told) -> None:
    ann = person(told, "ann.lee@other.example.net")
    assert (ann["contact_key"], ann["kartra_id"], ann["merged_keys"]) == ("100", "101", ["101"])
    assert told.frames["contact_merges"].filter(pl.col("survivor_key") == "100").is_empty()


def test_an_address_that_gets_an_id_keeps_the_key(told: Told) -> None:
    bob = person(told, "bob@mail.example.com")
    assert (bob["contact_key"], bob["kartra_id"]) == ("email:bob@mail.example.com", "120")


def test_an_account_that_shows_its_domain_keeps_the_key(told: Told) -> None:
    accounts = told.frames["companies_prepared"]
    found = accounts.row(by_predicate=pl.col("domain") == "hfx-gyms.com", named=True)
    assert (found["account_key"], found["website"]) == ("name:harborfox fitness", "hfx-gyms.com")
    assert found["contacts"] == 1
    assert told.account_of_cy == "name:harborfox fitness"


def test_two_who_were_loaded_and_are_one_now_are_told_and_not_dropped(told: Told) -> None:
    apart = told.frames["records_loaded_apart"]
    assert apart.select("object", "key", "loaded_key", "decision").rows() == [
        ("Contact", "104", "105", "review")
    ]
    assert apart["first_loaded_run"].to_list() == [told.first.json["ledger_run"]]
    rows = told.frames["contact_rows"]
    row = rows.row(by_predicate=pl.col("reason") == "loaded_apart", named=True)
    assert (row["disposition"], row["contact_key"]) == ("merge", "104")
    assert "own Contact 105" in row["detail"]
    assert "ignore in match_review.csv" in row["detail"]
    assert "loaded contact" in told.review


def test_the_warning_stands_until_a_person_says_ignore(told: Told) -> None:
    def check(ended: Ended) -> tuple[bool, bool, int]:
        (gate,) = (
            gate for gate in ended.json["gates"] if gate["check"] == "nobody_was_loaded_twice"
        )
        return gate["passed"], gate["blocking"], ended.json["loaded_apart"]

    assert check(told.first) == (True, False, 0)
    assert check(told.second) == (False, False, 1)
    assert check(told.again) == (False, False, 1)
    assert check(told.ignored) == (True, False, 0)


def test_every_row_is_still_accounted_for(told: Told) -> None:
    contacts = told.second.json["sources"]["contacts"]
    assert contacts["rows"] == len(SECOND) == contacts["loaded"] + contacts["merged"]
    assert contacts["not_reached"] == 0


def test_the_same_export_again_writes_nothing(told: Told) -> None:
    assert outcome(told.again, "Contact")[:2] == (0, 0)
    assert outcome(told.again, "Account")[:2] == (0, 0)
    assert told.writes == []


def test_another_org_does_not_know_who_was_loaded_here(told: Told) -> None:
    assert outcome(told.elsewhere, "Contact") == (6, 0, 0)
    assert told.keys_elsewhere == {"101", "120", "103", "104", "106", "107"}


def test_a_rollback_forgets(tmp_path: Path) -> None:
    exports = write(tmp_path / "people", FIRST[:4])
    with temporary_home(tmp_path / "home") as home:
        first = home.run("rehearse", "--exports", exports, "--json")
        assert outcome(first, "Contact")[0] == 3
        assert home.run("rollback").code == 0
        write(exports, SECOND[:3], date(2026, 7, 31))
        ended = home.run("rehearse", "--exports", exports, "--json")
        assert outcome(ended, "Contact") == (3, 0, 0)
        assert home.frame("known_identities").is_empty()
        assert keys_in(home, "Contact") == {"101", "120", "103"}
        assert keys_in(home, "Account") == {"domain:hfx-gyms.com"}
