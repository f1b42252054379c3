"""Faults of currencies: what the org does not take, and what it would not tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import polars as pl

from kartra_sf_pipeline.mapping.active import CURRENCY, active_phases
from kartra_sf_pipeline.mapping.fault import Fault
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

_PRICES: Final = "pricebook_entries"
_MONEY: Final = (_PRICES, "subscription_records", "opportunities", "transaction_records")


def currency_faults(
    field_map: FieldMap,
    frames: Mapping[str, pl.DataFrame],
    objects: Mapping[str, ObjectDescribe],
    own: str | None,
) -> Iterator[Fault]:
    """What the org makes of the currencies that the money is in.

    In an org of several currencies each must be an active one: anything else stops. An org of one
    takes every amount as its own: told wherever that is not so. `own` is that one, where known.
    """
    for name, phase in active_phases(field_map, objects).items():
        if name not in _MONEY or phase.object not in objects:
            continue
        if "currency" not in frames[name].columns:
            continue
        field = objects[phase.object].fields.get(CURRENCY)
        rows = frames[name].group_by("currency").len("rows").sort("currency")
        rule = next((rule for rule in phase.fields if rule.target == CURRENCY), None)
        if field is None and name != _PRICES:
            yield from _foreign(name, phase.source, rows, own)
        elif field is not None and rule is not None and rule.values is None:
            yield from _inactive(field_map, name, rows, field.picklist_values)


def _foreign(name: str, source: str, rows: pl.DataFrame, own: str | None) -> Iterator[Fault]:
    named = rows.drop_nulls("currency")
    others = named.filter(pl.col("currency") != own) if own else named
    if others.is_empty() or (own is None and others.height == 1):
        return
    yield Fault(
        ("phases", name, "fields"),
        f"{_counted(others, source)} in {_listed(others)}, and the org has one "
        f"currency{f', {own}' if own else ''}: their amounts are written as they are",
        "Kartra_Currency__c names the currency of each; sums over all of them mean nothing until "
        "the org has multiple currencies switched on.",
        stops=False,
    )


def _inactive(
    field_map: FieldMap, name: str, rows: pl.DataFrame, active: tuple[str, ...]
) -> Iterator[Fault]:
    targets = [rule.target for rule in field_map.phases[name].fields]
    place = ("phases", name, "fields", targets.index(CURRENCY))
    source = field_map.phases[name].source
    unknown = rows.filter(~pl.col("currency").is_in(active))
    if unknown.height:
        yield Fault(
            place,
            f"{_counted(unknown, source)} in {_listed(unknown)}, which the org "
            f"does not have among its active currencies ({', '.join(active)})",
            "Activate it in the org under Setup, Manage Currencies, or keep the exports in that "
            "currency out of the folder.",
        )
    nameless = rows.filter(pl.col("currency").is_null())
    if nameless.height:
        yield Fault(
            place,
            f"{_counted(nameless, source)} in no named currency: the org takes the migration "
            "user's default one",
            "Kartra writes it in the header, as in `Amount (USD)`: export them again.",
            stops=False,
        )


def _listed(rows: pl.DataFrame) -> str:
    return ", ".join(rows["currency"])


def _counted(counts: pl.DataFrame, source: str) -> str:
    rows = int(counts["rows"].sum())
    return f"one row of `{source}` is" if rows == 1 else f"{rows} rows of `{source}` are"
