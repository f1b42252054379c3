"""The account's own map: the default map, its custom fields and its tags' picklist values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.mapping.custom_fields import PREFIX, CustomField, plan_custom_fields
from kartra_sf_pipeline.mapping.model import FieldMap, Policies, load_map
from kartra_sf_pipeline.mapping.phase_frames import Stored, unmapped_columns
from kartra_sf_pipeline.mapping.proposal import adopt_fields, prefer_existing, targets
from kartra_sf_pipeline.mapping.sources import picklist_tags
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

DEFAULT_MAP = Path(__file__).with_name("default_map.yaml")
TAGS_FIELD = "Kartra_Tags__c"


def propose(prepared: Mapping[str, Stored], objects: Mapping[str, ObjectDescribe]) -> FieldMap:
    """The whole map for an account and an org: the standard map, the custom columns on the org's
    own fields where they fit, new fields elsewhere, and what is left unmapped.

    `prepared` holds the frames of `phase_frames.PREPARED` and `raw_custom_fields`.
    """
    # Only what may become a custom field is read of the people.
    stored = prepared["contacts_unified"].lazy()
    people = stored.select(
        "contact_key", *(n for n in stored.collect_schema().names() if n.startswith(PREFIX))
    ).collect()
    custom = plan_custom_fields(people, prepared["raw_custom_fields"].lazy().collect())
    proposed = propose_map((), picklist_tags(prepared["parsed_tags"].lazy().collect(), Policies()))
    phases = dict(proposed.phases)
    if "Contact" in objects:
        phases["contacts"] = prefer_existing(phases["contacts"], objects["Contact"])
        taken = targets(proposed.model_copy(update={"phases": phases}), "Contact")
        rules = adopt_fields(custom, people, objects["Contact"], taken)
    else:
        rules = [field.rule for field in custom]
    tags = phases["contact_tags"]
    phases["contact_tags"] = tags.model_copy(update={"fields": (*tags.fields, *rules)})
    whole = proposed.model_copy(update={"phases": phases})
    return whole.model_copy(update={"unmapped": unmapped_columns(prepared, whole)})


def propose_map(custom: Sequence[CustomField], tag_values: Sequence[str]) -> FieldMap:
    """The default map with this account's custom fields and tags filled in."""
    default = load_map(DEFAULT_MAP)
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


def map_frame(field_map: FieldMap) -> pl.DataFrame:
    """The map as a table: one row per destination field."""
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
            for name, phase in field_map.phases.items()
            for rule in phase.fields
        ]
    )
