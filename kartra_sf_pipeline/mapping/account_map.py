"""The account's own map: the default map, its custom fields and its tags' picklist values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.mapping.custom_fields import CustomField
from kartra_sf_pipeline.mapping.model import FieldMap, load_map

DEFAULT_MAP = Path(__file__).with_name("default_map.yaml")
TAGS_FIELD = "Kartra_Tags__c"


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
                "note": rule.note or (rule.new.description if rule.new else ""),
                "map_fingerprint": field_map.fingerprint(),
            }
            for name, phase in field_map.phases.items()
            for rule in phase.fields
        ]
    )
