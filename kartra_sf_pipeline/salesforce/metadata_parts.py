"""Specs as elements of metadata files: one part per component."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree import ElementTree as ET

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

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
STAGES = "OpportunityStage"
"""The standard value set that holds the stages."""

_NUMBERS = {"Number", "Currency", "Percent"}
_PICKLISTS = {"Picklist", "MultiselectPicklist"}
# The platform wants numbers whole: what a spec leaves open is what its own dialogs propose.
_DEFAULT_LENGTH = {"Text": 255, "LongTextArea": 32_768}
_DEFAULT_LINES = {"LongTextArea": 3, "MultiselectPicklist": 4}
_OBJECT_GRANTS = (
    "allowCreate",
    "allowDelete",
    "allowEdit",
    "allowRead",
)


@dataclass(frozen=True, slots=True)
class Part:
    """One component: its metadata type, its full name, and its element without that name."""

    kind: str
    name: str
    element: ET.Element


def parts_of(components: Components) -> list[Part]:
    """Every component as a part, in an order that does not depend on the specs' order."""
    return [
        *(Part("CustomObject", one.name, _object(one)) for one in components.objects),
        *(Part("CustomField", one.full_name, _field(one)) for one in components.fields),
        *_stages(components.stages),
        *(Part("BusinessProcess", one.full_name, _process(one)) for one in components.processes),
        *(Part("RecordType", one.full_name, _record_type(one)) for one in components.record_types),
        *(
            Part("CustomPermission", one.name, _custom_permission(one))
            for one in components.custom_permissions
        ),
        *(
            Part("PermissionSet", one.name, _permission_set(one))
            for one in components.permission_sets
        ),
    ]


def q(tag: str) -> str:
    """The tag in the metadata namespace."""
    return f"{{{NAMESPACE}}}{tag}"


def local(node: ET.Element) -> str:
    """The tag without its namespace."""
    return node.tag.rpartition("}")[2]


def said(node: ET.Element, path: str) -> str:
    """The text at a path such as `valueSet/restricted`; empty where there is none."""
    return node.findtext("/".join(q(tag) for tag in path.split("/")), "")


def child(parent: ET.Element, tag: str, text: object = None) -> ET.Element:
    """A new child with a text in XML's own spelling."""
    node = ET.SubElement(parent, q(tag))
    if text is not None:
        node.text = str(text).lower() if isinstance(text, bool) else str(text)
    return node


def picklist_value(
    parent: ET.Element, tag: str, value: str, *, default: bool = False
) -> ET.Element:
    """A value of a picklist, labelled by itself."""
    entry = child(parent, tag)
    child(entry, "fullName", value)
    child(entry, "default", default)
    child(entry, "label", value)
    return entry


def stage_value(parent: ET.Element, stage: StageSpec) -> None:
    """A stage as a value of the standard value set."""
    entry = picklist_value(parent, "standardValue", stage.name)
    child(entry, "closed", stage.closed)
    child(entry, "forecastCategory", stage.forecast)
    child(entry, "probability", stage.probability)
    child(entry, "won", stage.won)


def process_value(parent: ET.Element, stage: str) -> None:
    """A stage of a sales process; written like a part of an address: `50%25 paid`."""
    entry = child(parent, "values")
    child(entry, "fullName", quote(stage, safe=" "))
    child(entry, "default", False)


def _object(spec: CustomObjectSpec) -> ET.Element:
    node = ET.Element(q("CustomObject"))
    child(node, "deploymentStatus", "Deployed")
    if spec.description:
        child(node, "description", spec.description)
    child(node, "enableReports", True)
    child(node, "enableSearch", True)
    child(node, "label", spec.label)
    name = child(node, "nameField")
    child(name, "label", spec.name_label)
    child(name, "type", "Text")
    child(node, "pluralLabel", spec.plural)
    child(node, "sharingModel", "ReadWrite")
    return node


def _field(spec: CustomFieldSpec) -> ET.Element:
    node = ET.Element(q("fields"))
    if spec.type == "Text" and spec.unique:
        child(node, "caseSensitive", spec.case_sensitive)
    default = spec.default_value
    if spec.type == "Checkbox":
        default = default or "false"
    if default is not None and spec.type not in _PICKLISTS:
        child(node, "defaultValue", default)
    if spec.type == "Lookup":
        child(node, "deleteConstraint", "SetNull")
    if spec.description:
        child(node, "description", spec.description)
    if spec.external_id:
        child(node, "externalId", True)
    child(node, "label", spec.label)
    if spec.type in _DEFAULT_LENGTH:
        child(node, "length", spec.length or _DEFAULT_LENGTH[spec.type])
    if spec.type in _NUMBERS:
        child(node, "precision", spec.precision or 18)
    if spec.type == "Lookup":
        if not spec.reference_to:
            raise ValueError(f"{spec.full_name}: a lookup needs reference_to")
        child(node, "referenceTo", spec.reference_to)
        child(node, "relationshipLabel", spec.label)
        child(node, "relationshipName", spec.relationship_name or spec.name.removesuffix("__c"))
    if spec.type != "Checkbox":
        child(node, "required", False)
    if spec.type in _NUMBERS:
        child(node, "scale", spec.scale or 0)
    child(node, "type", spec.type)
    if spec.unique:
        child(node, "unique", True)
    if spec.type in _PICKLISTS:
        value_set = child(node, "valueSet")
        child(value_set, "restricted", spec.restricted)
        definition = child(value_set, "valueSetDefinition")
        child(definition, "sorted", False)
        for value in spec.values:
            picklist_value(definition, "value", value, default=value == spec.default_value)
    if spec.type in _DEFAULT_LINES:
        child(node, "visibleLines", spec.visible_lines or _DEFAULT_LINES[spec.type])
    return node


def _stages(stages: tuple[StageSpec, ...]) -> Iterator[Part]:
    if stages:
        node = ET.Element(q("StandardValueSet"))
        child(node, "sorted", False)
        for stage in stages:
            stage_value(node, stage)
        yield Part("StandardValueSet", STAGES, node)


def _process(spec: ProcessSpec) -> ET.Element:
    node = ET.Element(q("businessProcesses"))
    child(node, "isActive", True)
    for stage in spec.stages:
        process_value(node, stage)
    return node


def _record_type(spec: RecordTypeSpec) -> ET.Element:
    node = ET.Element(q("recordTypes"))
    child(node, "active", True)
    if spec.process is not None:
        child(node, "businessProcess", spec.process)
    if spec.description:
        child(node, "description", spec.description)
    child(node, "label", spec.label)
    for picklist, values in spec.picklists:
        entry = child(node, "picklistValues")
        child(entry, "picklist", picklist)
        for value in values:
            process_value(entry, value)
    return node


def _custom_permission(spec: CustomPermissionSpec) -> ET.Element:
    node = ET.Element(q("CustomPermission"))
    if spec.description:
        child(node, "description", spec.description)
    child(node, "isLicensed", False)
    child(node, "label", spec.label)
    return node


def _permission_set(spec: PermissionSetSpec) -> ET.Element:
    node = ET.Element(q("PermissionSet"))
    for name in spec.custom_permissions:
        grant = child(node, "customPermissions")
        child(grant, "enabled", True)
        child(grant, "name", name)
    if spec.description:
        child(node, "description", spec.description)
    for name in spec.granted_fields():
        grant = child(node, "fieldPermissions")
        child(grant, "editable", True)
        child(grant, "field", name)
        child(grant, "readable", True)
    child(node, "label", spec.label)
    for name in sorted(spec.objects):
        grant = child(node, "objectPermissions")
        for right in _OBJECT_GRANTS:
            child(grant, right, True)
        child(grant, "modifyAllRecords", True)
        child(grant, "object", name)
        child(grant, "viewAllRecords", True)
    for name in sorted(spec.record_types):
        grant = child(node, "recordTypeVisibilities")
        child(grant, "recordType", name)
        child(grant, "visible", True)
    return node
