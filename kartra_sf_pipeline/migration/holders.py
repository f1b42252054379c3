"""Which records cannot be deleted without others' records, which would go with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from kartra_sf_pipeline.errors import OrgError
from kartra_sf_pipeline.migration.queries import (
    REST_KEYS,
    count,
    modified_after,
    select,
    select_each,
    select_in_bulk,
)
from kartra_sf_pipeline.salesforce.org import Org

# What people, or their automations, make and would miss, beside all custom objects. The platform
# deletes much more with a parent that it has made by itself: shares, histories, feeds, relations.
_MISSED = frozenset(
    {
        "Asset", "CampaignMember", "Contact", "Contract", "Entitlement", "Event", "Opportunity",
        "OpportunityContactRole", "OpportunityLineItem", "Order", "PricebookEntry", "Quote", "Task",
    }
)  # fmt: skip
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Leaving:
    """What goes, and what does not, while a run is taken back.

    `ours` are ids of what the run created, by object; `kept` those among them that stay after all;
    `returning` children whose lookup will lead elsewhere again, by object and lookup.
    """

    ours: Mapping[str, pl.Series]
    kept: set[str] = field(default_factory=set)
    returning: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def give_back(self, sobject: str, moved: pl.DataFrame) -> None:
        """Note lookups that will return: sf_id, field."""
        for record, lookup in moved.select("sf_id", "field").iter_rows():
            self.returning.setdefault((sobject, lookup), set()).add(record)


def holders_of_others(
    org: Org, sobject: str, ids: pl.Series, leaving: Leaving, since: datetime
) -> dict[str, str]:
    """Records among `ids` whose deletion would delete records that stay, or are others'.

    `since` is when the run began. The value says what is held, for people.
    """
    held: dict[str, str] = {}
    if ids.is_empty():
        return held
    for child, lookup in _cascades(org, sobject):
        own = leaving.ours.get(child, pl.Series([], dtype=pl.String))
        is_own = pl.col("Id").is_in(own.implode())
        gives_back = list(leaving.returning.get((child, lookup), ()))
        children = _children(org, child, lookup, ids, since).filter(
            ~is_own | pl.col("Id").is_in(list(leaving.kept)), ~pl.col("Id").is_in(gives_back)
        )
        for whose, found in (
            ("that this run did not create", children.filter(~is_own)),
            ("of this run that stay", children.filter(is_own)),
        ):
            for parent, number in found[lookup].value_counts().iter_rows():
                text = f"{number} {child} record(s) {whose}"
                held[parent] = f"{held[parent]}, {text}" if parent in held else f"holds {text}"
    return held


def _cascades(org: Org, sobject: str) -> list[tuple[str, str]]:
    """Objects and their lookups whose records the org deletes with this object's."""
    raw = org.json("GET", f"sobjects/{sobject}/describe", action=f"Describing {sobject}")
    named = [
        (str(one["childSObject"]), str(one["field"]))
        for one in raw.get("childRelationships") or ()
        if one.get("cascadeDelete") and not one.get("deprecatedAndHidden") and one.get("field")
    ]
    missed = [pair for pair in named if pair[0] in _MISSED or pair[0].endswith("__c")]
    return [pair for pair in dict.fromkeys(missed) if _can_be_asked(org, *pair)]


def _can_be_asked(org: Org, child: str, lookup: str) -> bool:
    try:
        described = org.describe(child)
    except OrgError as error:
        if error.status != _NOT_FOUND:
            raise
        return False
    return described.queryable and lookup in described.fields


def _children(
    org: Org, child: str, lookup: str, parents: pl.Series, since: datetime
) -> pl.DataFrame:
    paths = ["Id", lookup]
    # A child can point to the run's parents only since the run, so it was modified since.
    condition = f"{lookup} != null AND {modified_after(since)}"
    number = count(org, child, condition)
    if number == 0:
        return pl.DataFrame(schema=dict.fromkeys(paths, pl.String))
    if number <= REST_KEYS:
        found = select(org, child, paths, condition)
    elif parents.len() <= REST_KEYS:
        return select_each(org, child, paths, lookup, parents)
    else:
        found = select_in_bulk(org, child, paths, condition)
    return found.filter(pl.col(lookup).is_in(parents.implode()))
