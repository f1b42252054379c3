"""The zip that a metadata deployment takes, written from parts; same parts, same bytes."""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote
from xml.etree import ElementTree as ET

from kartra_sf_pipeline.salesforce.metadata_parts import NAMESPACE, Part, child, local, parts_of, q
from kartra_sf_pipeline.salesforce.metadata_spec import (
    Components,
    CustomFieldSpec,
    PermissionSetSpec,
)

__all__ = ["FOLDERS", "NAMESPACE", "OBJECT_PARTS", "build_package", "package_of"]

_ZIP_TIME = (2000, 1, 1, 0, 0, 0)

FOLDERS = {
    "CustomPermission": ("customPermissions", "customPermission"),
    "PermissionSet": ("permissionsets", "permissionset"),
    "StandardValueSet": ("standardValueSets", "standardValueSet"),
}
"""Folder and suffix of the types that have a file for each component."""
OBJECT_PARTS = {
    "CustomField": "fields",
    "BusinessProcess": "businessProcesses",
    "RecordType": "recordTypes",
}
"""The types that stand in an object's file, and their element there."""


def build_package(
    fields: Sequence[CustomFieldSpec],
    permission_set: PermissionSetSpec | None = None,
    *,
    api_version: str = "62.0",
) -> bytes:
    """A deployable zip of fields and the permission set that grants them."""
    sets = () if permission_set is None else (permission_set,)
    whole = Components(fields=tuple(fields), permission_sets=sets)
    return package_of(parts_of(whole), api_version=api_version)


def package_of(
    parts: Iterable[Part],
    *,
    api_version: str,
    removed_before: Mapping[str, Sequence[str]] | None = None,
    removed_after: Mapping[str, Sequence[str]] | None = None,
) -> bytes:
    """A deployable zip: `package.xml`, a file for each object and other component.

    `removed_before` and `removed_after` name, by type, what goes before and after the parts come.
    """
    ordered = sorted(parts, key=lambda part: (part.kind, part.name))
    files = _files(ordered)
    members: dict[str, list[str]] = {}
    for part in ordered:
        members.setdefault(part.kind, []).append(part.name)
    manifests = {
        "package.xml": members,
        "destructiveChangesPre.xml": removed_before,
        "destructiveChangesPost.xml": removed_after,
    }
    for name, manifest in manifests.items():
        if manifest is not None:
            files[name] = _manifest(manifest, api_version)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _files(parts: Sequence[Part]) -> dict[str, bytes]:
    files: dict[str, ET.Element] = {}
    for part in parts:
        element = copy.deepcopy(part.element)
        if part.kind in FOLDERS:
            folder, suffix = FOLDERS[part.kind]
            files[f"{folder}/{quote(part.name)}.{suffix}"] = element
            continue
        owner, _, name = part.name.partition(".")
        path = f"objects/{owner}.object"
        root = files.setdefault(path, ET.Element(q("CustomObject")))
        if part.kind == "CustomObject":
            root.extend(list(element))
            continue
        element[:] = sorted(element, key=local)
        element.insert(0, ET.Element(q("fullName")))
        element[0].text = name
        root.append(element)
    for root in files.values():
        # The platform's types are sequences in the order of their names.
        root[:] = sorted(root, key=local)
    return {path: _bytes(root) for path, root in files.items()}


def _manifest(members: Mapping[str, Sequence[str]], api_version: str) -> bytes:
    root = ET.Element(q("Package"))
    for kind, names in members.items():
        if names:
            types = child(root, "types")
            for name in names:
                child(types, "members", name)
            child(types, "name", kind)
    child(root, "version", api_version)
    return _bytes(root)


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    return ET.tostring(root, encoding="UTF-8", xml_declaration=True, default_namespace=NAMESPACE)
