"""The account's own map: the default map, its custom fields and its tags' picklist values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import polars as pl
import polars.selectors as cs

from kartra_sf_pipeline.mapping.custom_fields import PREFIX, CustomField, plan_custom_fields
from kartra_sf_pipeline.mapping.judge import Judge
from kartra_sf_pipeline.mapping.model import FieldMap, FieldRule, PhaseMap, Policies, load_map
from kartra_sf_pipeline.mapping.org_facts import OrgUser
from kartra_sf_pipeline.mapping.phase_frames import unmapped_columns
from kartra_sf_pipeline.mapping.proposal import (
    adopt_fields,
    column_of,
    further_rules,
    prefer_existing,
    targets,
    values_onto,
)
from kartra_sf_pipeline.mapping.proposed_choices import propose_choices, propose_stages
from kartra_sf_pipeline.mapping.rows.choices import Frames
from kartra_sf_pipeline.mapping.rows.tags import picklist_tags
from kartra_sf_pipeline.mapping.strategies import ValueMap
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe

DEFAULT_MAP = Path(__file__).with_name("default_map.yaml")
TAGS_FIELD = "Kartra_Tags__c"
FURTHER = {
    "contacts_unified": "contacts",
    "companies_prepared": "accounts",
    "affiliates_prepared": "affiliates",
    "bookings_prepared": "events",
}
"""Prepared frames whose every column is carried by the rows of a phase, and the phase."""
_SOURCE_OF = {phase: frame for frame, phase in FURTHER.items()}


@lru_cache(maxsize=1)
def default_map() -> FieldMap:
    """The map that every proposal starts from."""
    return load_map(DEFAULT_MAP)


def propose(
    prepared: Frames,
    objects: Mapping[str, ObjectDescribe],
    users: Sequence[OrgUser] = (),
    judge: Judge | None = None,
) -> FieldMap:
    """The whole map for an account and an org, each decision with its reason.

    The standard map; its columns and the custom ones on the org's own fields where they fit, new
    fields elsewhere; strategies, owners and value maps by what both sides show; what is left
    unmapped. `prepared` holds the frames of `phase_frames.PREPARED` and `raw_custom_fields`, not
    read yet.
    """
    columns = [pl.col("contact_key"), cs.starts_with(PREFIX)]
    people = prepared["contacts_unified"].select(columns).collect(engine="streaming")
    custom = plan_custom_fields(people, prepared["raw_custom_fields"].collect())
    offered = prepared["parsed_tags"].collect(engine="streaming")
    proposed = propose_map((), picklist_tags(offered, Policies()))
    phases = {
        name: _on_own_fields(name, phase, proposed, prepared, objects)
        for name, phase in proposed.phases.items()
    }
    # What is called so comes first: a column that only looks alike must not take its field.
    whole = _with_further(proposed.model_copy(update={"phases": phases}), prepared, objects)
    if "Contact" in objects:
        taken = targets(whole, "Contact")
        rules = adopt_fields(custom, people, objects["Contact"], taken, judge)
    else:
        rules = [one.rule for one in custom]
    tags = whole.phases["contact_tags"]
    tags = tags.model_copy(update={"fields": (*tags.fields, *rules)})
    whole = whole.model_copy(update={"phases": {**whole.phases, "contact_tags": tags}})
    whole = _with_value_maps(whole, prepared, objects)
    choices = propose_choices(prepared, objects, users)
    stages, about_stages = propose_stages(whole.value_maps["stages"], objects)
    whole = whole.model_copy(
        update={
            "strategies": choices.strategies,
            "owners": choices.owners,
            "value_maps": {**whole.value_maps, "stages": stages},
            "decisions": (*choices.decisions, about_stages),
        }
    )
    return whole.model_copy(update={"unmapped": unmapped_columns(prepared, whole)})


def _on_own_fields(
    name: str,
    phase: PhaseMap,
    whole: FieldMap,
    prepared: Frames,
    objects: Mapping[str, ObjectDescribe],
) -> PhaseMap:
    described = objects.get(phase.object)
    frame = prepared[_SOURCE_OF[name]] if name in _SOURCE_OF else None
    return prefer_existing(phase, described, frame, targets(whole, phase.object))


def _with_further(
    whole: FieldMap, prepared: Frames, objects: Mapping[str, ObjectDescribe]
) -> FieldMap:
    """Columns that nothing names yet, where the org has a field that is called so."""
    phases = dict(whole.phases)
    for one in unmapped_columns(prepared, whole):
        frame, _, column = one.source.partition(".")
        name = FURTHER.get(frame)
        if name is None or column.startswith(PREFIX):
            continue
        phase = phases[name]
        described = objects.get(phase.object)
        if described is None:
            continue
        taken = targets(whole.model_copy(update={"phases": phases}), phase.object)
        rules = further_rules([column], prepared[frame], described, taken)
        phases[name] = phase.model_copy(update={"fields": (*phase.fields, *rules)})
    return whole.model_copy(update={"phases": phases})


def _with_value_maps(
    whole: FieldMap, prepared: Frames, objects: Mapping[str, ObjectDescribe]
) -> FieldMap:
    """Value maps for proposed picklists of the org that spell some of the account's values
    otherwise.
    """
    phases, maps = dict(whole.phases), dict(whole.value_maps)
    for name, source in {"contact_tags": "contacts_unified", **_SOURCE_OF}.items():
        described = objects.get(phases[name].object)
        if described is None:
            continue
        rules = []
        for rule in phases[name].fields:
            found = described.fields.get(rule.target)
            if found is not None and rule.confidence < 1 and rule.values is None:
                near = _spelt_otherwise(rule, found, prepared[source])
                if near is not None:
                    maps[f"{name}.{rule.target}"] = near
                    rule = rule.model_copy(update={"values": f"{name}.{rule.target}"})
            rules.append(rule)
        phases[name] = phases[name].model_copy(update={"fields": tuple(rules)})
    return whole.model_copy(update={"phases": phases, "value_maps": maps})


def _spelt_otherwise(rule: FieldRule, field: FieldDescribe, frame: pl.LazyFrame) -> ValueMap | None:
    known = rule.source is not None and rule.source in frame.collect_schema()
    if field.type != "picklist" or rule.transform != "text" or not known:
        return None
    return values_onto(column_of(str(rule.source), (), frame).options, field)


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
