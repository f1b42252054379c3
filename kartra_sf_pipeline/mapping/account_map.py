"""The account's own map: the default map, its custom fields and its tags' picklist values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import polars as pl
import polars.selectors as cs

from kartra_sf_pipeline.mapping.custom_fields import PREFIX, CustomField, plan_custom_fields
from kartra_sf_pipeline.mapping.model import FieldMap, PhaseMap, Policies, load_map
from kartra_sf_pipeline.mapping.phase_frames import unmapped_columns
from kartra_sf_pipeline.mapping.proposal import adopt_fields, prefer_existing, targets
from kartra_sf_pipeline.mapping.rows.choices import Frames
from kartra_sf_pipeline.mapping.rows.places import picks_places
from kartra_sf_pipeline.mapping.rows.relations import further_accounts
from kartra_sf_pipeline.mapping.rows.tags import picklist_tags
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

DEFAULT_MAP = Path(__file__).with_name("default_map.yaml")
TAGS_FIELD = "Kartra_Tags__c"


@lru_cache(maxsize=1)
def default_map() -> FieldMap:
    """The map that every proposal starts from."""
    return load_map(DEFAULT_MAP)


def propose(prepared: Frames, objects: Mapping[str, ObjectDescribe]) -> FieldMap:
    """The whole map for an account and an org: the standard map, the custom columns on the org's
    own fields where they fit, new fields elsewhere, and what is left unmapped.

    `prepared` holds the frames of `phase_frames.PREPARED` and `raw_custom_fields`, unread.
    """
    columns = [pl.col("contact_key"), cs.starts_with(PREFIX)]
    people = prepared["contacts_unified"].select(columns).collect(engine="streaming")
    custom = plan_custom_fields(people, prepared["raw_custom_fields"].collect())
    offered = prepared["parsed_tags"].collect(engine="streaming")
    proposed = propose_map((), picklist_tags(offered, Policies()))
    phases = dict(proposed.phases)
    if "Contact" in objects:
        phases["contacts"] = prefer_existing(phases["contacts"], objects["Contact"])
        taken = targets(proposed.model_copy(update={"phases": phases}), "Contact")
        rules = adopt_fields(custom, people, objects["Contact"], taken)
    else:
        rules = [field.rule for field in custom]
    tags = phases["contact_tags"]
    phases["contact_tags"] = tags.model_copy(update={"fields": (*tags.fields, *rules)})
    chosen = proposed.strategies.model_copy(update=_offered_by(prepared, objects))
    whole = proposed.model_copy(update={"phases": phases, "strategies": chosen})
    return whole.model_copy(update={"unmapped": unmapped_columns(prepared, whole)})


def _offered_by(prepared: Frames, objects: Mapping[str, ObjectDescribe]) -> dict[str, bool]:
    """Strategies that stand where the org offers them and the account has a use for them."""
    return {
        "account_contact_relations": "AccountContactRelation" in objects
        and not further_accounts(prepared).is_empty(),
        "place_texts": picks_places(objects.get("Contact")),
    }


def propose_map(custom: Sequence[CustomField], tag_values: Sequence[str]) -> FieldMap:
    """The default map with this account's custom fields and tags filled in."""
    default = default_map()
    tags = default.phases["contact_tags"]
    fields = tuple(
        rule.model_copy(update={"new": rule.new.model_copy(update={"values": tuple(tag_values)})})
        if rule.target == TAGS_FIELD and rule.new
        else rule
        for rule in tags.fields
    )
    noted = tuple(field.rule.model_copy(update={"note": field.evidence}) for field in custom)
    phases = {**default.phases, "contact_tags": tags.model_copy(update={"fields": fields + noted})}
    return default.model_copy(update={"phases": phases})


def map_frame(field_map: FieldMap, phases: Mapping[str, PhaseMap]) -> pl.DataFrame:
    """The map as a table: one row per destination field of the `phases` that write."""
    return pl.DataFrame(
        [
            {
                "phase": name,
                "object": phase.object,
                "target": rule.target,
                "source": f"{phase.source}.{rule.source}" if rule.source else f"= {rule.constant}",
                "transform": rule.transform,
                "on_blank": rule.on_blank,
                "required": rule.required,
                "field": "new" if rule.new else "standard",
                "type": rule.new.type if rule.new else None,
                "confidence": rule.confidence,
                "reason": rule.reason or "standard map",
                "note": rule.note or (rule.new.description if rule.new else ""),
                "map_fingerprint": field_map.fingerprint(),
            }
            for name, phase in phases.items()
            for rule in phase.fields
        ]
    )
