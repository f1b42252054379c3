from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.org_facts import OrgUser
from kartra_sf_pipeline.mapping.owner_faults import owner_faults
from kartra_sf_pipeline.mapping.owners import active_users, owner_ids
from kartra_sf_pipeline.mapping.rows.choices import Choices
from kartra_sf_pipeline.mapping.strategies import Owners
from kartra_sf_pipeline.mapping.validate import Fault
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe

ANN = OrgUser("005000000000001AAA", "ann@org.example", "ann@acme.example", "Ann", active=True)
BEN = replace(ANN, id="005000000000002AAA", username="ben@org.example", email="Ben@acme.example")
CAL = replace(BEN, id="005000000000003AAA", username="cal@org.example", email="ben@acme.example")
OLD = replace(ANN, id="005000000000004AAA", username="old@org.example", email="", active=False)
USERS = (ANN, BEN, CAL, OLD)
HOSTS = pl.DataFrame({"host_email": ["ann@acme.example", " Joe@k.example", "joe@k.example", None]})


def faults(default: str | None = None, **users: str) -> list[Fault]:
    field_map = default_map().model_copy(update={"owners": Owners(default=default, users=users)})
    phases = {"events": field_map.phases["events"]}
    return owner_faults(field_map, phases, {"events": HOSTS}, USERS)


def stopping(found: list[Fault]) -> list[str]:
    return [f"{fault.what}. {fault.way_out}" for fault in found if fault.stops]


def test_owners_who_are_no_users_stop_with_the_nearest_name() -> None:
    assert stopping(faults(default="an@org.example")) == [
        "the org has no user an@org.example. Nearest: ann@org.example, ben@org.example, "
        "cal@org.example."
    ]


def test_an_inactive_owner_and_a_shared_address_stop() -> None:
    found = faults(joe="old@org.example", eve="BEN@acme.example")
    assert [fault.place for fault in found if fault.stops] == [
        ("owners", "users", "joe"),
        ("owners", "users", "eve"),
    ]
    assert stopping(found) == [
        "old@org.example is an inactive user, who can own nothing. Name an active user, or "
        "activate this one.",
        "2 active users of the org have the e-mail BEN@acme.example. Name one of them by user "
        "name.",
    ]


def test_owners_whom_nobody_maps_are_told_and_stop_nothing() -> None:
    (told,) = faults(default="ann@org.example")
    assert not told.stops
    assert told.place == ("phases", "events", "owner")
    assert told.what == (
        "2 rows name an owner whom nobody maps: Joe@k.example (1), joe@k.example (1)"
    )
    assert told.way_out.startswith("They go to ann@org.example;")
    assert faults(**{"JOE@k.example": "ann@acme.example"}) == []


def test_a_fault_names_the_line_of_the_map(tmp_path: Path) -> None:
    text = "version: 1\nowners:\n  users:\n    joe: nobody@org.example\n"
    (fault,) = [f for f in faults(joe="nobody@org.example") if f.stops]
    assert ", line 4: the org has no user nobody@org.example" in fault.told(tmp_path, text)


def test_an_address_that_users_share_stands_for_none_of_them() -> None:
    assert set(active_users(USERS)) == {
        "ann@org.example", "ann@acme.example", "ben@org.example", "cal@org.example",
    }  # fmt: skip


def owned_by(**users: str) -> list[str | None]:
    """Whose the events of Ann, of Cal and of Joe are."""
    field_map = default_map().model_copy(update={"owners": Owners(users=users)})
    phase = field_map.phases["events"]
    field = FieldDescribe.from_json(
        {"name": "OwnerId", "label": "Owner", "type": "reference", "createable": True}
    )
    event = ObjectDescribe(
        "Event", "Event", "00U", False, True, True, True, True, {"OwnerId": field}
    )
    choices = Choices(field_map, {"Event": event}, "01s", 60, USERS)
    hosts = pl.DataFrame({str(phase.owner): ["ann@org.example", "cal@org.example", "Joe"]})
    found = owner_ids(hosts, phase, choices)
    assert found is not None
    return hosts.select(found).to_series().to_list()


def test_users_may_be_swapped_and_named_in_chains() -> None:
    assert owned_by() == [ANN.id, CAL.id, None]
    swapped = {"ann@org.example": "cal@org.example", "cal@org.example": "ann@org.example"}
    assert owned_by(**swapped) == [CAL.id, ANN.id, None]
    for chain in (
        {"cal@org.example": "ann@org.example", "joe": "cal@org.example"},
        {"joe": "cal@org.example", "cal@org.example": "ann@org.example"},
    ):
        assert owned_by(**chain) == [ANN.id, ANN.id, CAL.id]


def test_what_others_read_of_a_fault_names_nobody() -> None:
    (told,) = faults(default="ann@org.example")
    assert told.without_names == (
        "2 rows name an owner whom nobody maps: J…(13) (1), j…(13) (1). They go to a…(15); say "
        "under `owners.users` whose they are."
    )
    (plain,) = [fault for fault in faults(joe="nobody@org.example") if fault.stops]
    assert plain.without_names == f"{plain.what}. {plain.way_out}"
