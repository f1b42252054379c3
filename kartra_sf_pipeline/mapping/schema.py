"""What the org's schema must hold before anything can be loaded, as the map asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kartra_sf_pipeline.mapping.model import FieldMap, FieldRule, NewField, PhaseMap
from kartra_sf_pipeline.mapping.transforms import MONEY_PLACES
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe
from kartra_sf_pipeline.salesforce.metadata_spec import (
    Components,
    CustomFieldSpec,
    CustomObjectSpec,
    CustomPermissionSpec,
    PermissionSetSpec,
    ProcessSpec,
    RecordTypeSpec,
    StageSpec,
)

STAMP_FIELD = "Kartra_Migration_Run__c"
PERMISSION_SET = "Kartra_Migration"
BYPASS = "Kartra_Migration_Bypass"
"""Name of the custom permission, and of the permission set that grants it on demand alone."""

_ACTIVITIES = {"Event", "Task"}
_PICKLISTS = {"Picklist", "MultiselectPicklist"}

_TEXTS = {"string", "textarea", "phone", "url", "email", "picklist", "combobox"}
_NUMBERS = {"double", "currency", "percent"}

# What the Metadata API calls a type, and what describe calls it.
DESCRIBED = {
    "Text": "string",
    "LongTextArea": "textarea",
    "Number": "double",
    "Currency": "currency",
    "Date": "date",
    "DateTime": "datetime",
    "Checkbox": "boolean",
    "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist",
    "Email": "email",
    "Phone": "phone",
    "Url": "url",
    "Lookup": "reference",
}


def wanted_schema(field_map: FieldMap) -> Components:
    """Everything that the map's active phases need the org to have, in one package."""
    fields = tuple(wanted_fields(field_map))
    phases = list(field_map.active().values())
    objects = {
        phase.object: CustomObjectSpec(
            phase.object,
            phase.custom_object.label,
            phase.custom_object.plural,
            phase.custom_object.name_label,
            phase.custom_object.description,
        )
        for phase in phases
        if phase.custom_object is not None
    }
    record_types = {spec.full_name: spec for spec in _record_types(phases, fields)}
    return Components(
        objects=tuple(objects.values()),
        fields=fields,
        stages=planned_stages(field_map),
        processes=tuple(_processes(field_map, phases)),
        record_types=tuple(record_types.values()),
        custom_permissions=(
            CustomPermissionSpec(
                BYPASS,
                "Kartra migration bypass",
                "Rules that ask for it let the migration from Kartra pass.",
            ),
        ),
        permission_sets=(
            permission_set(fields, tuple(objects), tuple(record_types)),
            PermissionSetSpec(
                name=BYPASS,
                label="Kartra migration bypass",
                description="Granted for the time of a load, and taken back after it.",
                custom_permissions=(BYPASS,),
            ),
        ),
    )


def wanted_fields(field_map: FieldMap) -> list[CustomFieldSpec]:
    """Every custom field that the map writes, each once; Event and Task share those of Activity."""
    wanted: dict[tuple[str, str], CustomFieldSpec] = {}
    for phase in field_map.active().values():
        home = home_of(phase.object)
        if phase.stamp is not None:
            _want(wanted, _spec(home, STAMP_FIELD, phase.stamp))
        for rule in phase.fields:
            if rule.new is not None:
                _want(wanted, _spec(home, field_name(rule.target), rule.new))
    return list(wanted.values())


def home_of(sobject: str) -> str:
    """The object on which a custom field is made."""
    return "Activity" if sobject in _ACTIVITIES else sobject


def shown_on(home: str) -> tuple[str, ...]:
    """The objects whose describes show the custom fields of a home."""
    return ("Event", "Task") if home == "Activity" else (home,)


def field_name(target: str) -> str:
    """The field behind a column: `Kartra_Adjusts__r.Kartra_Id__c` fills `Kartra_Adjusts__c`."""
    relationship, dot, _ = target.partition(".")
    if not dot:
        return target
    relationship = relationship.rpartition(":")[2]
    return (
        relationship.removesuffix("__r") + "__c"
        if relationship.endswith("__r")
        else relationship + "Id"
    )


def planned_stages(field_map: FieldMap) -> tuple[StageSpec, ...]:
    """The opportunity stages that record types of the map bring, each once."""
    stages = {
        stage.name.casefold(): StageSpec(
            stage.name, stage.closed, stage.won, stage.probability, stage.forecast
        )
        for phase in field_map.active().values()
        if phase.object == "Opportunity" and phase.record_type is not None
        for stage in phase.record_type.stages
    }
    return tuple(stages.values())


def written_stages(field_map: FieldMap, phase: PhaseMap) -> tuple[str, ...]:
    """Stages that the phase's own rule for StageName can write."""
    found: dict[str, None] = {}
    for rule in phase.fields:
        if rule.target != "StageName":
            continue
        if rule.constant is not None:
            found[rule.constant] = None
        if rule.default is not None:
            found[rule.default] = None
        if rule.values is not None:
            found |= dict.fromkeys(field_map.value_maps[rule.values].values.values())
    return tuple(found)


def permission_set(
    fields: Iterable[CustomFieldSpec],
    objects: tuple[str, ...] = (),
    record_types: tuple[str, ...] = (),
) -> PermissionSetSpec:
    """The permission set that lets the migration user see and write what is new."""
    return PermissionSetSpec(
        name=PERMISSION_SET,
        label="Kartra migration",
        description="Field access of the user that runs the migration from Kartra.",
        fields=tuple(spec.full_name for spec in fields),
        objects=objects,
        record_types=record_types,
    )


def clashes(
    wanted: Iterable[CustomFieldSpec], describes: Mapping[str, ObjectDescribe]
) -> dict[tuple[str, str], str]:
    """Object and field where the org has something else under a wanted name, and what."""
    found = {}
    for spec in wanted:
        for shown in shown_on(spec.object):
            known = describes[shown].fields.get(spec.name) if shown in describes else None
            said = None if known is None else _clash(spec, known)
            if said:
                found[spec.object, spec.name] = said
    return found


def text_lengths(
    describe: ObjectDescribe, wanted: Iterable[CustomFieldSpec], sobject: str
) -> dict[str, int]:
    """Characters that each text field of an object takes once the schema is deployed, by
    lower-case API name.
    """
    lengths = {
        name.lower(): field.length
        for name, field in describe.fields.items()
        if field.length and field.type in _TEXTS
    }
    planned = {
        spec.name.lower(): max(spec.length, lengths.get(spec.name.lower(), 0))
        for spec in wanted
        if spec.object == home_of(sobject) and spec.length
    }
    return lengths | planned


def decimal_places(rule: FieldRule, describe: ObjectDescribe | None) -> int:
    """Digits after the point that the rule's field takes; two where it is no number."""
    field = describe.fields.get(rule.target) if describe else None
    if field is not None and field.type in _NUMBERS:
        return field.scale
    if field is not None and field.type == "int":
        return 0
    if rule.new is not None and rule.new.scale is not None:
        return rule.new.scale
    return MONEY_PLACES


def _record_types(
    phases: Iterable[PhaseMap], fields: Iterable[CustomFieldSpec]
) -> Iterable[RecordTypeSpec]:
    picklists = [spec for spec in fields if spec.type in _PICKLISTS and spec.values]
    for phase in phases:
        rule = phase.record_type
        if rule is not None:
            yield RecordTypeSpec(
                object=phase.object,
                name=rule.name,
                label=rule.label,
                description=rule.description,
                process=rule.process,
                picklists=tuple(
                    (spec.name, spec.values)
                    for spec in picklists
                    if spec.object == home_of(phase.object)
                ),
            )


def _processes(field_map: FieldMap, phases: Iterable[PhaseMap]) -> Iterable[ProcessSpec]:
    for phase in phases:
        rule = phase.record_type
        if rule is not None and rule.process is not None:
            names = (*(stage.name for stage in rule.stages), *written_stages(field_map, phase))
            stages: dict[str, str] = {}
            for name in names:
                stages.setdefault(name.casefold(), name)
            yield ProcessSpec(phase.object, rule.process, tuple(stages.values()))


def _want(wanted: dict[tuple[str, str], CustomFieldSpec], spec: CustomFieldSpec) -> None:
    key = (spec.object, spec.name.lower())
    known = wanted.get(key)
    if known is None or len(spec.values) > len(known.values):
        wanted[key] = spec


def _spec(sobject: str, name: str, new: NewField) -> CustomFieldSpec:
    return CustomFieldSpec(
        object=sobject,
        name=name,
        label=new.label,
        type=new.type,
        length=new.length,
        precision=new.precision,
        scale=new.scale,
        unique=new.unique,
        external_id=new.external_id,
        values=new.values,
        restricted=new.restricted,
        visible_lines=new.visible_lines,
        reference_to=new.reference_to,
        relationship_name=new.relationship_name,
        default_value="false" if new.type == "Checkbox" else None,
        description=new.description,
    )


def _clash(spec: CustomFieldSpec, found: FieldDescribe) -> str | None:
    if found.calculated:
        return "the org has a formula under this name"
    if found.type != DESCRIBED[spec.type]:
        return f"the org has a field of type {found.type} under this name"
    if spec.unique and not found.unique:
        return "the org's field is not unique: an upsert could match two records"
    if spec.external_id and not found.external_id:
        return "the org's field is no external ID: an upsert could not find records by it"
    if spec.reference_to and spec.reference_to not in found.reference_to:
        return f"the org's lookup points to {' or '.join(found.reference_to)}"
    return None
