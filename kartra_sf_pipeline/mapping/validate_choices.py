"""Faults of a map's choices: segments, lists, keys of accounts, places, further companies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl
from rapidfuzz import process

from kartra_sf_pipeline.mapping.active import active_phases
from kartra_sf_pipeline.mapping.fault import Fault
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.phase_frames import unmapped_of_leads
from kartra_sf_pipeline.mapping.rows.segments import UNNAMED
from kartra_sf_pipeline.mapping.strategies import Segment
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

SHARED_LIMIT: Final = 500
"""People that one catch-all account may take: beyond it, each write of a contact waits for the
account's lock, and sharing is worked out again for all of them."""

_SEGMENTS: Final = "contacts_without_company"


def choice_faults(
    field_map: FieldMap,
    frames: Mapping[str, pl.DataFrame],
    objects: Mapping[str, ObjectDescribe],
) -> Iterator[Fault]:
    """What the account's rows and the org say of the choices; `frames` as `phase_frames` gives."""
    yield from _segment_faults(field_map, frames["people_plan"], objects)
    yield from _key_faults(field_map, frames)
    yield from _list_faults(field_map, frames)
    yield from _place_faults(field_map, frames)
    yield from _lead_faults(field_map, frames, objects)


def no_object(phase: str, sobject: str) -> Fault:
    """The org shows no object of that name: what to do depends on what asks for it."""
    if phase == "account_contact_relations":
        return Fault(
            ("strategies", phase),
            "the org relates a contact to one account alone: it shows no AccountContactRelation",
            "Switch on Contacts to Multiple Accounts in the org's Account Settings, or set "
            "strategies.account_contact_relations to false.",
        )
    return Fault(
        ("phases", phase, "object"),
        f"the org shows no object {sobject}",
        "Correct the name, or give the migration user access to the object.",
    )


def _segment_faults(
    field_map: FieldMap, plan: pl.DataFrame, objects: Mapping[str, ObjectDescribe]
) -> Iterator[Fault]:
    counted = dict(plan["segment"].value_counts().iter_rows())
    for number, segment in enumerate(field_map.contacts_without_company):
        place = (_SEGMENTS, number)
        people = counted.get(segment.who, 0)
        if segment.become == "person_account":
            yield _person_accounts((*place, "become"), objects)
        elif segment.become == "one_account" and people > SHARED_LIMIT:
            yield Fault(
                (*place, "become"),
                f"{people:,} people would share the account {segment.account!r}; at most "
                f"{SHARED_LIMIT} may: every write would wait for its lock, and sharing would be "
                "worked out for all of them",
                "Choose account_per_person, lead or no_account, or narrow the segment.",
            )
        elif not people:
            yield Fault(
                (*place, "who"),
                f"nobody without a company is left for the segment `{segment.who}`",
                "Correct the name, or move the segment before the one that takes them.",
                stops=False,
            )
        else:
            yield from _told(place, segment, people, plan)
    if counted.get(UNNAMED):
        yield Fault(
            (_SEGMENTS,),
            f"{counted[UNNAMED]:,} people without a company are in no segment: they become "
            "contacts without an account, which their owner and administrators alone see",
            "End the list with `who: everyone`.",
            stops=False,
        )


def _told(
    place: tuple[str | int, ...], segment: Segment, people: int, plan: pl.DataFrame
) -> Iterator[Fault]:
    if segment.become == "no_account":
        yield Fault(
            (*place, "become"),
            f"{people:,} people become contacts without an account, which their owner and "
            "administrators alone see",
            "Choose account_per_person or lead where others must see them.",
            stops=False,
        )
    held = plan.filter((pl.col("segment") == segment.who) & pl.col("held_back")).height
    if segment.become == "lead" and held:
        yield Fault(
            (*place, "become"),
            f"{held:,} of {people:,} people stay contacts: they have a sale, a booking, a note or "
            "another record that a lead cannot have",
            "Put a segment before this one that says which account they get.",
            stops=False,
        )


def _person_accounts(place: tuple[str | int, ...], objects: Mapping[str, ObjectDescribe]) -> Fault:
    account = objects.get("Account")
    if account is None or "IsPersonAccount" not in account.fields:
        return Fault(
            place,
            "the org has no Person Accounts",
            "Choose account_per_person, no_account or lead.",
        )
    return Fault(
        place,
        "people cannot be moved as Person Accounts whole: the contact inside one cannot be given "
        "the key by which tags, consent, deals and memberships find it",
        "Choose account_per_person: an account and a contact for each of them.",
    )


def _key_faults(field_map: FieldMap, frames: Mapping[str, pl.DataFrame]) -> Iterator[Fault]:
    wanted = field_map.policies.account_key
    used = frames["accounts"]["keyed_by"].drop_nulls().unique().to_list()
    if used and used != [wanted]:
        yield Fault(
            ("policies", "account_key"),
            f"the account was prepared with accounts keyed by {' and '.join(sorted(used))}, and "
            f"the map keys them by {wanted}",
            "Name this map in KARTRA_SF_MAP and run again from `contacts_prepared` on: "
            "`kartra-sf scope` does.",
        )


def _list_faults(field_map: FieldMap, frames: Mapping[str, pl.DataFrame]) -> Iterator[Fault]:
    none = pl.DataFrame(schema={"list_folded": pl.String, "name": pl.String})
    moved = {name: frames.get(name, none) for name in ("campaigns", "groups")}
    known = {
        folded: name
        for frame in moved.values()
        for folded, name in frame.select("list_folded", "name").iter_rows()
    }
    for name, kind in field_map.strategies.lists.by_list.items():
        if kind != "none" and " ".join(name.lower().split()) not in known:
            near = [found[0] for found in process.extract(name, list(known.values()), limit=3)]
            yield Fault(
                ("strategies", "lists", "by_list", name),
                f"the account has no list {name!r}",
                f"Nearest: {', '.join(near)}." if near else "It has no list at all.",
                stops=False,
            )
    members = frames.get("group_members")
    if moved["groups"].height and members is not None:
        left = frames["memberships_left_out"].filter(pl.col("strategy") == "group").height
        if left:
            yield Fault(
                ("strategies", "lists"),
                f"{left:,} memberships of lists that become groups are left out: a public group "
                f"takes users alone, and {members.height:,} of the people are users of the org",
                "They are listed, with the reason, in `memberships_left_out`. A campaign takes "
                "everybody.",
                stops=False,
            )


def _place_faults(field_map: FieldMap, frames: Mapping[str, pl.DataFrame]) -> Iterator[Fault]:
    if field_map.strategies.place_texts:
        return
    for phase in ("accounts", "contacts", "leads"):
        held = frames[phase]["place_held"].count() if phase in frames else 0
        if held:
            yield Fault(
                ("phases", phase),
                f"{held:,} addresses of `{phase}` name a state or country that the org's lists do "
                "not offer: they arrive without it",
                "Set strategies.place_texts to true to keep it as text, or add it to the lists.",
                stops=False,
            )


def _lead_faults(
    field_map: FieldMap,
    frames: Mapping[str, pl.DataFrame],
    objects: Mapping[str, ObjectDescribe],
) -> Iterator[Fault]:
    """What people lose by becoming leads: a contact would have brought it."""
    leads = frames.get("leads")
    if leads is None or leads.is_empty():
        return
    rules = active_phases(field_map, objects)
    left = [one for one in unmapped_of_leads(leads.lazy(), rules) if one.filled]
    if left:
        named = ", ".join(f"{one.source.removeprefix('leads.')} ({one.filled:,})" for one in left)
        yield Fault(
            ("phases", "leads"),
            f"no rule of `leads` takes these columns of people who become leads: {named}",
            "Give `leads` a rule for each that is to arrive.",
            stops=False,
        )
