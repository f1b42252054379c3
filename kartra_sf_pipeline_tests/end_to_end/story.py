"""One account's way there, back, and there again: told once per test process.

Each chapter writes down what a test may ask about it, so that no test depends on which tests ran
before it. The org holds records of its own before the first chapter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from kartra_sf_pipeline_tests.end_to_end.accounts import hostile_account
from kartra_sf_pipeline_tests.end_to_end.command_line import Ended, kartra_sf_process
from kartra_sf_pipeline_tests.end_to_end.homes import Home

MET_KEY_PHASE = "contacts"


@dataclass(frozen=True)
class Chapter:
    """What one command did, and what the org held right after it."""

    ended: Ended
    counts: dict[str, int]
    stamped: dict[str, int]
    writes: list[dict[str, Any]]

    @property
    def summary(self) -> dict[str, Any]:
        """The summary that the command printed."""
        return self.ended.json

    @property
    def outcomes(self) -> dict[str, dict[str, int]]:
        """Counts per object."""
        return self.summary["objects"]


class Story:
    """The chapters, each told when it is first asked for, always in this order."""

    def __init__(self, home: Home, exports: Path) -> None:
        self.home = home
        self.exports = hostile_account(exports)

    @cached_property
    def before(self) -> dict[str, dict[str, Any]]:
        """Records that are in the org already, whole, by id."""
        org = self.home.org
        account = org.create("Account", {"Name": "Standing Customer", "Website": "standing.org"})
        other = org.create("Account", {"Name": "Brightpath"})
        person = org.create(
            "Contact", {"LastName": "Standing", "Email": "s@standing.org", "AccountId": account}
        )
        return {
            "Account": {id_: org.get("Account", id_) for id_ in (account, other)},
            "Contact": {person: org.get("Contact", person)},
        }

    @cached_property
    def first(self) -> Chapter:
        """The first rehearsal, by the installed program."""
        assert self.before
        return self._told(self._rehearse_as_a_process)

    @cached_property
    def first_ledger_run(self) -> str:
        """The ledger run of the first rehearsal."""
        return self.first.summary["ledger_run"]

    @cached_property
    def second(self) -> Chapter:
        """The same input once more."""
        assert self.first
        return self._told(self._rehearse)

    @cached_property
    def undone(self) -> Chapter:
        """The first run taken back."""
        assert self.second
        return self._told(self._roll_back)

    @cached_property
    def after_undo(self) -> dict[str, dict[str, Any]]:
        """The records that stood there before, as they are after the rollback."""
        assert self.undone
        return {
            name: {id_: self.home.org.get(name, id_) for id_ in records}
            for name, records in self.before.items()
        }

    @cached_property
    def met_contact(self) -> str:
        """A contact that somebody made after the undo, with a key that the exports carry, too."""
        assert self.after_undo
        key = self.home.frame("contacts")["_key"][0]
        return self.home.org.create("Contact", {"LastName": "Made by hand", "Kartra_Id__c": key})

    @cached_property
    def again(self) -> Chapter:
        """A rehearsal after the rollback, meeting the contact made by hand."""
        assert self.met_contact
        return self._told(self._rehearse)

    @cached_property
    def undone_again(self) -> Chapter:
        """That one taken back, too."""
        assert self.again
        return self._told(self._roll_back)

    @cached_property
    def met_contact_after_undo(self) -> dict[str, Any]:
        """The contact made by hand, after the second rollback."""
        assert self.undone_again
        return self.home.org.get("Contact", self.met_contact)

    def _told(self, command: Any) -> Chapter:
        number = self.home.last_request()
        ended = command()
        return Chapter(
            ended, self.home.counts(), self.home.stamped(), self.home.writes_since(number)
        )

    def _rehearse(self) -> Ended:
        return self.home.run("rehearse", "--exports", self.exports, "--json")

    def _rehearse_as_a_process(self) -> Ended:
        return kartra_sf_process(
            "rehearse", "--home", self.home.path, "--exports", self.exports, "--json"
        )

    def _roll_back(self) -> Ended:
        return self.home.run("rollback", "--json")
