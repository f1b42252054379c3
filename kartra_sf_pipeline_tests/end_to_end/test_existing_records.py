"""An org that people worked in before: its records are met, completed, kept, and given back."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kartra_sf_pipeline_tests.end_to_end.command_line import Ended
from kartra_sf_pipeline_tests.end_to_end.homes import Home, temporary_home

pytestmark = [pytest.mark.xdist_group("existing"), pytest.mark.slow]

COLUMNS: tuple[str, ...] = (
    "id", "email", "first_name", "last_name", "phone", "company", "website", "country",
    "date_joined",
)  # fmt: skip
PEOPLE = (
    {"id": "200", "email": "fay@gmail.com", "first_name": "Fay", "last_name": "Hill",
     "phone": "2125550101", "company": "Willowroot", "website": "willowrootacademy.com"},
    {"id": "201", "email": "gus@gmail.com", "first_name": "Gus", "last_name": "Ford"},
    {"id": "202", "email": "ida@gmail.com", "first_name": "Ida", "last_name": "Park"},
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """What the org held before, after the run and in the end, and what the run said."""

    before: dict[str, Any]
    after: dict[str, Any]
    end: dict[str, Any]
    run: Ended
    days: list[str]
    keyed_at_the_end: int


def written(folder: Path) -> Path:
    folder.mkdir()
    name = folder / "contacts_kartra_30-06-2026_aa.csv"
    with name.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(
            {"country": "United States", "date_joined": "2021-05-06 07:08:09", **row}
            for row in PEOPLE
        )
    return folder


def by_hand(home: Home) -> tuple[str, str]:
    """What people made: a company and its contact, two contacts of one address; a permission."""
    org = home.org
    account = org.create(
        "Account", {"Name": "Willowroot Inc", "Website": "https://www.willowrootacademy.com/about"}
    )
    contact = org.create(
        "Contact", {"LastName": "Hill-Jones", "Email": "Fay@Gmail.com", "AccountId": account}
    )
    for name in ("Ford A", "Ford B"):
        org.create("Contact", {"LastName": name, "Email": "gus@gmail.com"})
    granted = org.create(
        "PermissionSet", {"Name": "Audit", "Label": "Audit", "PermissionsCreateAuditFields": True}
    )
    org.create(
        "PermissionSetAssignment", {"PermissionSetId": granted, "AssigneeId": home.address.user_id}
    )
    return account, contact


def held(home: Home, contact: str) -> dict[str, Any]:
    found = home.org.query(
        "SELECT LastName, FirstName, Phone, HasOptedOutOfEmail, Account.Name, Account.Website, "
        f"OwnerId FROM Contact WHERE Id = '{contact}'"
    )
    return found.row(0, named=True)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    exports = written(tmp_path_factory.mktemp("exports") / "files")
    with temporary_home(tmp_path_factory.mktemp("existing") / "home") as home:
        _, contact = by_hand(home)
        before = held(home, contact)
        run = home.run("rehearse", "--exports", exports, "--json")
        assert run.code == 0, run.said
        after = held(home, contact)
        days = home.org.query(
            "SELECT CreatedDate FROM Contact WHERE Kartra_Migration_Run__c != null"
        )["CreatedDate"].to_list()
        undone = home.run("rollback", str(run.json["ledger_run"]))
        assert undone.code == 0, undone.said
        yield Told(
            before, after, held(home, contact), run,
            [str(day)[:10] for day in days],
            home.org.count("SELECT COUNT() FROM Contact WHERE Kartra_Id__c != null"),
        )  # fmt: skip


def test_the_orgs_own_records_are_met_and_only_their_blanks_are_filled(told: Told) -> None:
    assert told.run.json["existing_records"] == {"stamp": 2, "review": 1}
    contacts, accounts = (told.run.json["objects"][name] for name in ("Contact", "Account"))
    assert (contacts["created"], contacts["updated"]) == (2, 1)
    assert (accounts["created"], accounts["updated"]) == (0, 1)
    filled = {"FirstName": "Fay", "Phone": "+12125550101", "HasOptedOutOfEmail": True}
    assert told.after == {**told.before, **filled}


def test_cells_that_the_policy_left_are_explained_and_no_difference(told: Told) -> None:
    read_back = told.run.json["read_back"]
    assert read_back["differences"] == 0
    # The contact's last name, the account's name and website.
    assert read_back["explained"] == 3
    assert read_back["coverage"] == 1.0


def test_records_are_created_on_their_original_day(told: Told) -> None:
    assert told.days == ["2021-05-06", "2021-05-06"]
    assert "Contact" in told.run.json["original_dates"]


def test_a_rollback_gives_the_orgs_records_back_as_they_were(told: Told) -> None:
    assert told.end == told.before
    assert told.keyed_at_the_end == 0
