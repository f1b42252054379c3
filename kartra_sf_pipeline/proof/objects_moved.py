"""How many of each Kartra object's rows arrived, told from their fates and the load's outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from kartra_sf_pipeline.scope.scoreboard import Moved

_ARRIVED = ("loaded", "merged")


@dataclass(frozen=True)
class _Rows:
    """Where an object's rows are told of: its export, and the phases that make its records."""

    export: str
    phases: tuple[str, ...]
    keys: str = ""
    """Pattern of the keys that are this object's, where a phase holds those of several."""


_OF_EXPORTS: Mapping[str, _Rows] = {
    "Contacts": _Rows("contacts", ("contacts", "leads")),
    "Companies": _Rows("companies", ("accounts",)),
    "Transactions": _Rows("transactions", ("opportunities", "transaction_records"), "^T"),
    "Subscriptions": _Rows("subscriptions", ("opportunities", "subscription_records"), "^S"),
    "Affiliates": _Rows("affiliates", ("affiliates", "affiliate_records")),
    "Calendars": _Rows("calendar_bookings", ("events",), "^[^A]"),
}
_MEMBERS = ("campaign_members", "campaign_lead_members", "group_members")


def objects_moved(
    fates: pl.DataFrame,
    outcomes: pl.DataFrame,
    tagged: pl.Series,
    memberships: int,
    custom_fields: int,
    inventory: pl.DataFrame,
) -> dict[str, Moved]:
    """Per object its rows, those that arrived, and the records that they made.

    `fates` are dispositions (export, disposition, reason), `outcomes` what the load phases said
    (phase, key, outcome); `tagged` names the contact of each tag, `memberships` counts those on
    lists, `custom_fields` the fields that the map writes; `inventory` is `object_inventory`.
    An object without an export of its own is counted by its records.
    """
    moved = {name: _of_export(rows, fates, outcomes) for name, rows in _OF_EXPORTS.items()}
    people = _taken(outcomes, ("contact_tags", "leads"))["key"].unique()
    there = int(tagged.is_in(people.implode()).sum())
    moved["Tags"] = Moved(tagged.len(), there, there, _left(tagged.len() - there, "not_arrived"))
    members = _taken(outcomes, _MEMBERS).height
    moved["Lists"] = Moved(
        memberships, members, members, _left(memberships - members, "not_made_a_member")
    )
    fields = fates.filter(pl.col("export") == "custom_fields")
    moved["Custom fields"] = (
        _told(fields, custom_fields)
        if fields.height
        else Moved(custom_fields, custom_fields, custom_fields)
    )
    for name in inventory["object"].unique(maintain_order=True):
        listed = inventory.filter(pl.col("object") == name)
        moved[name] = Moved(listed.height, why_left=_left(listed.height, "listed_for_rebuilding"))
    return moved


def _of_export(rows: _Rows, fates: pl.DataFrame, outcomes: pl.DataFrame) -> Moved:
    own = outcomes.filter(
        pl.col("phase").is_in(rows.phases) & pl.col("key").str.contains(rows.keys)
    )
    made = _taken(own, rows.phases).height
    told = fates.filter(pl.col("export") == rows.export)
    if told.is_empty():
        return Moved(own.height, made, made, _left(own.height - made, "rejected"))
    return _told(told, made)


def _told(fates: pl.DataFrame, records: int) -> Moved:
    left = (
        fates.filter(pl.col("disposition").is_in(_ARRIVED).not_())
        .group_by(pl.coalesce("reason", "disposition").alias("why"))
        .len()
        .sort("len", "why", descending=[True, False])
    )
    stayed = int(left["len"].sum())
    return Moved(fates.height, fates.height - stayed, records, tuple(left.iter_rows()))


def _taken(outcomes: pl.DataFrame, phases: tuple[str, ...]) -> pl.DataFrame:
    return outcomes.filter(pl.col("phase").is_in(phases) & (pl.col("outcome") != "rejected"))


def _left(rows: int, why: str) -> tuple[tuple[str, int], ...]:
    return ((why, rows),) if rows > 0 else ()
