"""What rows are built by: the map's choices and what the org offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from kartra_sf_pipeline.mapping.active import CURRENCY, active_phases, with_planned_objects
from kartra_sf_pipeline.mapping.model import FieldMap, PhaseMap
from kartra_sf_pipeline.mapping.org_facts import OrgFacts, OrgUser
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

Frames = Mapping[str, pl.LazyFrame]
"""Prepared and derived frames by asset name, unread until a builder collects what it selects."""


@dataclass(frozen=True)
class Choices:
    """The account's map beside the facts of its target org."""

    field_map: FieldMap
    objects: Mapping[str, ObjectDescribe]
    pricebook_id: str
    """Id of the standard price book."""
    minutes: int
    """Length of a booking: Kartra gives no end."""
    users: tuple[OrgUser, ...] = ()
    phases: Mapping[str, PhaseMap] = field(default_factory=dict)
    """The phases that write, with the rules that count."""

    def in_currencies(self, phase: str) -> bool:
        """Whether the phase's records have a currency each: the org has several."""
        written = self.phases.get(phase)
        return written is not None and any(r.target == CURRENCY for r in written.fields)


def choices_for(field_map: FieldMap, facts: OrgFacts, minutes: int) -> Choices:
    """The map beside what is known of its org, objects that it will create included."""
    objects = with_planned_objects(field_map, facts.objects)
    return Choices(
        field_map=field_map,
        objects=objects,
        pricebook_id=facts.standard_pricebook_id,
        minutes=minutes,
        users=facts.users,
        phases=active_phases(field_map, objects),
    )
