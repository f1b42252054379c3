"""Whether records can be created on their original day (S22), and where the day is kept if not."""

from __future__ import annotations

from collections.abc import Mapping

from kartra_sf_pipeline.mapping.model import FieldMap, PhaseMap
from kartra_sf_pipeline.mapping.validate import Fault

CREATED = "CreatedDate"


def dates_lost(field_map: FieldMap, phases: Mapping[str, PhaseMap]) -> dict[str, tuple[str, ...]]:
    """Phases whose records the user cannot date back, each with the fields that keep the date.

    `phases` are those that write, with the rules that count for the org and its user.
    """
    if not field_map.strategies.original_dates:
        return {}
    lost: dict[str, tuple[str, ...]] = {}
    for name, phase in phases.items():
        wish = next((r for r in field_map.phases[name].fields if r.target == CREATED), None)
        if wish is None or any(rule.target == CREATED for rule in phase.fields):
            continue
        lost[name] = tuple(rule.target for rule in phase.fields if rule.source == wish.source)
    return lost


def original_date_faults(field_map: FieldMap, phases: Mapping[str, PhaseMap]) -> list[Fault]:
    """One that is only told: the load goes on, with the dates in fields of their own."""
    lost = dates_lost(field_map, phases)
    if not lost:
        return []
    kept = "; ".join(
        f"{phases[name].object}: {', '.join(fields) or 'nowhere else'}"
        for name, fields in lost.items()
    )
    return [
        Fault(
            ("strategies", "original_dates"),
            "the migration user may not set original dates of creation, so records will be dated "
            f"from the day of the load. The original date is kept in: {kept}",
            "Grant `Set Audit Fields upon Record Creation` before the first load, which alone can "
            "write it, or say `original_dates: false`.",
            stops=False,
        )
    ]
