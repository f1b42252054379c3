"""The zip that a metadata deployment takes, written from specs; same specs, same bytes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from kartra_sf_pipeline.salesforce.metadata_spec import CustomFieldSpec, PermissionSetSpec

NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
_ZIP_TIME = (2000, 1, 1, 0, 0, 0)
_NUMBERS = {"Number", "Currency", "Percent"}
_PICKLISTS = {"Picklist", "MultiselectPicklist"}

# The platform wants numbers whole: what a spec leaves open is what its own dialogs propose.
_DEFAULT_LENGTH = {"Text": 255, "LongTextArea": 32_768}
_DEFAULT_LINES = {"LongTextArea": 3, "MultiselectPicklist": 4}


def build_package(
    fields: Sequence[CustomFieldSpec],
    permission_set: PermissionSetSpec | None = None,
    *,
    api_version: str = "62.0",
) -> bytes:
    """A deployable zip: `package.xml`, one `objects/X.object` per object, the permission set."""
    by_object: dict[str, list[CustomFieldSpec]] = {}
    for spec in sorted(fields, key=lambda spec: spec.full_name):
        by_object.setdefault(spec.object, []).append(spec)
    files = {f"objects/{object}.object": _object_xml(specs) for object, specs in by_object.items()}
    members = {"CustomField": [spec.full_name for specs in by_object.values() for spec in specs]}
    if permission_set is not None:
        files[f"permissionsets/{permission_set.name}.permissionset"] = _permission_set_xml(
            permission_set
        )
        members["PermissionSet"] = [permission_set.name]
    files["package.xml"] = _package_xml(members, api_version)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _package_xml(members: dict[str, list[str]], api_version: str) -> bytes:
    root = _root("Package")
    for kind, names in members.items():
        if names:
            types = _child(root, "types")
            for name in names:
                _child(types, "members", name)
            _child(types, "name", kind)
    _child(root, "version", api_version)
    return _bytes(root)


def _object_xml(specs: list[CustomFieldSpec]) -> bytes:
    root = _root("CustomObject")
    for spec in specs:
        _add_field(root, spec)
    return _bytes(root)


def _add_field(root: ET.Element, spec: CustomFieldSpec) -> None:
    node = _child(root, "fields")
    _child(node, "fullName", spec.name)
    if spec.type == "Text" and spec.unique:
        _child(node, "caseSensitive", spec.case_sensitive)
    default = spec.default_value
    if spec.type == "Checkbox":
        default = default or "false"
    if default is not None and spec.type not in _PICKLISTS:
        _child(node, "defaultValue", default)
    if spec.type == "Lookup":
        _child(node, "deleteConstraint", "SetNull")
    if spec.description:
        _child(node, "description", spec.description)
    if spec.external_id:
        _child(node, "externalId", True)
    _child(node, "label", spec.label)
    if spec.type in _DEFAULT_LENGTH:
        _child(node, "length", spec.length or _DEFAULT_LENGTH[spec.type])
    if spec.type in _NUMBERS:
        _child(node, "precision", spec.precision or 18)
    if spec.type == "Lookup":
        if not spec.reference_to:
            raise ValueError(f"{spec.full_name}: a lookup needs reference_to")
        _child(node, "referenceTo", spec.reference_to)
        _child(node, "relationshipLabel", spec.label)
        _child(node, "relationshipName", spec.relationship_name or spec.name.removesuffix("__c"))
    if spec.type != "Checkbox":
        _child(node, "required", False)
    if spec.type in _NUMBERS:
        _child(node, "scale", spec.scale or 0)
    _child(node, "type", spec.type)
    if spec.unique:
        _child(node, "unique", True)
    if spec.type in _PICKLISTS:
        _add_values(node, spec)
    if spec.type in _DEFAULT_LINES:
        _child(node, "visibleLines", spec.visible_lines or _DEFAULT_LINES[spec.type])


def _add_values(node: ET.Element, spec: CustomFieldSpec) -> None:
    value_set = _child(node, "valueSet")
    _child(value_set, "restricted", spec.restricted)
    definition = _child(value_set, "valueSetDefinition")
    _child(definition, "sorted", False)
    for value in spec.values:
        entry = _child(definition, "value")
        _child(entry, "fullName", value)
        _child(entry, "default", value == spec.default_value)
        _child(entry, "label", value)


def _permission_set_xml(spec: PermissionSetSpec) -> bytes:
    root = _root("PermissionSet")
    if spec.description:
        _child(root, "description", spec.description)
    for name in spec.granted_fields():
        grant = _child(root, "fieldPermissions")
        _child(grant, "editable", True)
        _child(grant, "field", name)
        _child(grant, "readable", True)
    _child(root, "label", spec.label)
    return _bytes(root)


def _root(tag: str) -> ET.Element:
    return ET.Element(f"{{{NAMESPACE}}}{tag}")


def _child(parent: ET.Element, tag: str, text: object = None) -> ET.Element:
    node = ET.SubElement(parent, f"{{{NAMESPACE}}}{tag}")
    if text is not None:
        node.text = str(text).lower() if isinstance(text, bool) else str(text)
    return node


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    return ET.tostring(root, encoding="UTF-8", xml_declaration=True, default_namespace=NAMESPACE)
