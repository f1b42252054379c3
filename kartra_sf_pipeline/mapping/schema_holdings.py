"""How many records hold a value in fields and objects that are to go, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kartra_sf_pipeline.mapping.schema import STAMP_FIELD, shown_on
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe
from kartra_sf_pipeline.salesforce.org import Org

# Fields of these types cannot stand in a COUNT(), but in a condition; long texts in neither.
_BY_CONDITION = {"boolean": "{} = true", "multipicklist": "{} != null"}
_COUNTED_AT_ONCE = 50


@dataclass(frozen=True)
class Holding:
    """Records with a value, with and without the stamp of one of our runs; None: not countable."""

    ours: int | None
    others: int | None


def field_holdings(org: Org, fields: Sequence[str]) -> dict[str, Holding]:
    """By full name of the field, for those that the org shows."""
    found: dict[str, Holding] = {}
    homes: dict[str, list[str]] = {}
    for full_name in fields:
        home, _, name = full_name.partition(".")
        homes.setdefault(home, []).append(name)
    for home, names in homes.items():
        for shown in shown_on(home):
            described = org.describe(shown)
            for name, holding in _of_object(org, described, names).items():
                before = found.get(f"{home}.{name}", Holding(0, 0))
                found[f"{home}.{name}"] = Holding(
                    _sum(before.ours, holding.ours), _sum(before.others, holding.others)
                )
    return found


def object_holdings(org: Org, objects: Iterable[str]) -> dict[str, Holding]:
    """By name of the object: its records."""
    found = {}
    for name in objects:
        described = org.describe(name)
        found[name] = Holding(
            *(
                org.count(f"SELECT COUNT() FROM {name}{where}")
                for where in _stamped(described, condition="")
            )
        )
    return found


def _of_object(org: Org, described: ObjectDescribe, names: Sequence[str]) -> dict[str, Holding]:
    fields = [described.fields[name] for name in names if name in described.fields]
    at_once = [f for f in fields if f.type not in _BY_CONDITION and not _is_long(f)]
    found = {field.name: Holding(None, None) for field in fields if _is_long(field)}
    ours, others = _stamped(described, condition="")
    for start in range(0, len(at_once), _COUNTED_AT_ONCE):
        chunk = at_once[start : start + _COUNTED_AT_ONCE]
        counted = ", ".join(f"COUNT({field.name}) n{i}" for i, field in enumerate(chunk))
        rows = [
            org.query(f"SELECT {counted} FROM {described.name}{where}").row(0)
            for where in (ours, others)
        ]
        for field, mine, theirs in zip(chunk, *rows, strict=True):
            found[field.name] = Holding(int(mine), int(theirs))
    for field in fields:
        if field.type in _BY_CONDITION:
            wheres = _stamped(described, _BY_CONDITION[field.type].format(field.name))
            found[field.name] = Holding(
                *(org.count(f"SELECT COUNT() FROM {described.name}{where}") for where in wheres)
            )
    return found


def _stamped(described: ObjectDescribe, condition: str) -> tuple[str, str]:
    """The WHERE of records with our stamp, and of those without."""
    more = f" AND {condition}" if condition else ""
    if STAMP_FIELD not in described.fields:
        # Without a stamp nothing is known to be ours.
        return f" WHERE Id = null{more}", f" WHERE {condition}" if condition else ""
    return (
        f" WHERE {STAMP_FIELD} != null{more}",
        f" WHERE {STAMP_FIELD} = null{more}",
    )


def _is_long(field: FieldDescribe) -> bool:
    return field.type == "textarea" or field.length > 4_099


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else first + second
