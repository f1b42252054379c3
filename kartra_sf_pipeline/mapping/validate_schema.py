"""Faults of what a map asks an org's schema for: limits, stages, record types, permissions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kartra_sf_pipeline.mapping.fault import Fault
from kartra_sf_pipeline.mapping.model import FieldMap, PhaseMap
from kartra_sf_pipeline.mapping.org_facts import OrgFacts
from kartra_sf_pipeline.mapping.schema import (
    home_of,
    planned_stages,
    shown_on,
    wanted_fields,
    written_stages,
)
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe, RecordType
from kartra_sf_pipeline.salesforce.metadata_spec import CustomFieldSpec

EXTERNAL_IDS = 25
"""External IDs that an object may have, standard objects and custom ones alike."""
LONG_TEXT = 1_638_400
"""Characters that all long texts of an object may have together."""
CUSTOM_FIELDS = {"Professional Edition": 100, "Unlimited Edition": 800, "Performance Edition": 800}
CUSTOM_FIELDS_ELSEWHERE = 500
"""Custom fields of an object: Enterprise and Developer Edition (S29)."""

_DEPLOYING = {
    "ModifyMetadata": "Modify Metadata Through Metadata API Functions",
    "CustomizeApplication": "Customize Application",
}
_LOADING = {"ApiEnabled": "API Enabled", "ModifyAllData": "Modify All Data"}

_PROCESSES = ("Opportunity", "Lead")


def schema_faults(field_map: FieldMap, facts: OrgFacts) -> list[Fault]:
    """All of them, in the map's order; silent about objects that the org does not show."""
    wanted = wanted_fields(field_map)
    return [
        *_permission_faults(field_map, wanted, facts),
        *_limit_faults(field_map, wanted, facts),
        *_stage_faults(field_map, facts.objects),
        *_record_type_faults(field_map, facts.objects),
    ]


def _permission_faults(
    field_map: FieldMap, wanted: list[CustomFieldSpec], facts: OrgFacts
) -> Iterator[Fault]:
    """S81: told before anything is sent; where the org does not show permissions, it says so when
    it is asked. Who has nothing to deploy needs no permission for it.
    """
    if facts.permissions is None:
        return
    deploys = bool(_lacking(wanted, facts.objects)) or any(
        phase.custom_object is not None and phase.object not in facts.objects
        for phase in field_map.active().values()
    )
    for needed, what, stops in (
        (_DEPLOYING, "deploy what the map needs", deploys),
        (_LOADING, "see and write every record", False),
    ):
        for name, words in needed.items():
            if name not in facts.permissions:
                yield Fault(
                    ("phases",),
                    f"the migration user lacks the permission `{words}` and cannot {what}",
                    "Grant it in a permission set of the user for the time of the migration.",
                    stops=stops,
                )


def _lacking(
    wanted: list[CustomFieldSpec], objects: Mapping[str, ObjectDescribe]
) -> list[CustomFieldSpec]:
    """Fields that the describes do not show."""
    return [
        spec
        for spec in wanted
        if any(
            shown not in objects or spec.name not in objects[shown].fields
            for shown in shown_on(spec.object)
        )
    ]


def _limit_faults(
    field_map: FieldMap, wanted: list[CustomFieldSpec], facts: OrgFacts
) -> Iterator[Fault]:
    edition = str(facts.snapshot.organization.get("OrganizationType") or "")
    most = CUSTOM_FIELDS.get(edition, CUSTOM_FIELDS_ELSEWHERE)
    for home in dict.fromkeys(spec.object for spec in wanted):
        described = next((facts.objects[n] for n in shown_on(home) if n in facts.objects), None)
        known = described.fields if described else {}
        new = [spec for spec in wanted if spec.object == home and spec.name not in known]
        own = [field for field in known.values() if field.custom]
        place = _place_of(field_map, home)
        if new and len(own) + len(new) > most:
            yield Fault(
                place,
                f"{home} would have {len(own) + len(new)} custom fields, {len(new)} of them new; "
                f"the {edition or 'org'} takes {most}",
                "Take fields out of the map, or remove unused ones from the org.",
                stops=False,
            )
        keys = sum(field.external_id for field in own) + sum(spec.external_id for spec in new)
        if any(spec.external_id for spec in new) and keys > EXTERNAL_IDS:
            yield Fault(
                place,
                f"{home} would have {keys} external IDs; an object takes {EXTERNAL_IDS}",
                "Make a field of the org that nobody loads by no external ID any more.",
            )
        long = sum(field.length for field in own if field.type == "textarea") + sum(
            spec.length or 0 for spec in new if spec.type == "LongTextArea"
        )
        if any(spec.type == "LongTextArea" for spec in new) and long > LONG_TEXT:
            yield Fault(
                place,
                f"the long texts of {home} would have {long:,} characters; an object takes "
                f"{LONG_TEXT:,}",
                "Give the new ones a shorter `length`.",
            )


def _place_of(field_map: FieldMap, home: str) -> tuple[str | int, ...]:
    name = next(n for n, phase in field_map.active().items() if home_of(phase.object) == home)
    return ("phases", name, "fields")


def _stage_faults(field_map: FieldMap, objects: Mapping[str, ObjectDescribe]) -> Iterator[Fault]:
    """A stage that is not there is taken by the org, and then counts as open."""
    for name, phase in field_map.active().items():
        described = objects.get(phase.object)
        stage = described.fields.get("StageName") if described else None
        if stage is None:
            continue
        known = {value.casefold() for value in stage.picklist_values}
        known |= {planned.name.casefold() for planned in planned_stages(field_map)}
        for written in written_stages(field_map, phase):
            if written.casefold() not in known:
                yield Fault(
                    _writes(field_map, name, phase, written),
                    f"the org has no stage {written!r}, and no record type of the map brings it",
                    "Name one of "
                    f"{', '.join(stage.picklist_values)}; or plan it under "
                    f"phases.{name}.record_type.stages.",
                )


def _writes(field_map: FieldMap, name: str, phase: PhaseMap, stage: str) -> tuple[str | int, ...]:
    """Where the map says this stage."""
    for number, rule in enumerate(phase.fields):
        if rule.target != "StageName":
            continue
        if rule.values is not None:
            for source, target in field_map.value_maps[rule.values].values.items():
                if target == stage:
                    return ("value_maps", rule.values, "values", source)
        targets = [other.target for other in field_map.phases[name].fields]
        return ("phases", name, "fields", targets.index(phase.fields[number].target))
    return ("phases", name, "fields")


def _record_type_faults(
    field_map: FieldMap, objects: Mapping[str, ObjectDescribe]
) -> Iterator[Fault]:
    for name, phase in field_map.active().items():
        rule = phase.record_type
        described = objects.get(phase.object)
        if rule is None or described is None:
            continue
        place = ("phases", name, "record_type")
        known = next((one for one in described.record_types if one.name == rule.name), None)
        if known is None and phase.object in _PROCESSES and rule.process is None:
            yield Fault(
                place,
                f"the org has no record type {phase.object}.{rule.name}, and one of this object "
                "cannot be made without a process",
                "Give `process` a name, or name a record type that is there"
                f"{_others(described.record_types)}.",
            )
        elif known is not None and not known.active:
            yield Fault(
                (*place, "name"),
                f"the record type {phase.object}.{rule.name} is inactive in the org; it will be "
                "switched on",
                "Name another one if that is not meant.",
                stops=False,
            )
        elif known is not None and not known.available:
            yield Fault(
                (*place, "name"),
                f"the record type {phase.object}.{rule.name} is not assigned to the migration "
                "user; the permission set Kartra_Migration will assign it",
                "Name another one if that is not meant.",
                stops=False,
            )
        if rule.stages and phase.object != "Opportunity":
            yield Fault(
                (*place, "stages"),
                f"{phase.object} has no opportunity stages",
                "Move `stages` to the record type of the phase that writes opportunities.",
            )


def _others(known: tuple[RecordType, ...]) -> str:
    names = [one.name for one in known if one.active]
    return f": {', '.join(names)}" if names else ""
