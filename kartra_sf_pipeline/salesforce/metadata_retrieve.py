"""Reads components back through the org's SOAP Metadata API."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from collections.abc import Mapping, Sequence
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from kartra_sf_pipeline.errors import OrgError
from kartra_sf_pipeline.salesforce import metadata_soap as soap
from kartra_sf_pipeline.salesforce.jobs import Poll
from kartra_sf_pipeline.salesforce.metadata_package import FOLDERS, OBJECT_PARTS
from kartra_sf_pipeline.salesforce.metadata_parts import Part, child, local, q, said
from kartra_sf_pipeline.salesforce.org import Org

Found = dict[tuple[str, str], Part]
"""Parts by type and folded full name: names of components are compared without case."""

_ACTION = "Retrieving metadata"


def retrieve(org: Org, names: Mapping[str, Sequence[str]], *, poll: Poll | None = None) -> Found:
    """Those of the named components (by type) that the org has.

    Raises OrgError when the org refuses, OrgUnavailable when it does not answer or finish.
    """
    wanted = {kind: members for kind, members in names.items() if members}
    if not wanted:
        return {}
    call = soap.request("retrieve")
    body = child(call, "retrieveRequest")
    child(body, "apiVersion", org.api_version)
    child(body, "singlePackage", True)
    package = child(body, "unpackaged")
    for kind, members in sorted(wanted.items()):
        types = child(package, "types")
        for name in members:
            child(types, "members", name)
        child(types, "name", kind)
    child(package, "version", org.api_version)
    job = soap.start(org, call, action=_ACTION)
    result = soap.wait(
        org, "checkRetrieveStatus", job, {"includeZip": True}, poll=poll, action=_ACTION
    )
    if soap.text_of(result, "m:success") != "true":
        told = soap.text_of(result, "m:errorMessage") or soap.text_of(result, "m:status")
        raise OrgError(f"{_ACTION}: {org.host} did not do it: {told}.")
    try:
        content = base64.b64decode(soap.text_of(result, "m:zipFile"))
        return parts_in(content, wanted)
    except (binascii.Error, zipfile.BadZipFile, ET.ParseError):
        raise OrgError(f"{_ACTION}: {org.host} sent no zip that can be read.") from None


def parts_in(content: bytes, wanted: Mapping[str, Sequence[str]]) -> Found:
    """The parts in a retrieved zip, those of an object's file each by itself."""
    found: Found = {}
    asked = {(kind, name.casefold()) for kind, names in wanted.items() for name in names}
    suffixes = {suffix: kind for kind, (_, suffix) in FOLDERS.items()} | {"object": "CustomObject"}

    def keep(kind: str, name: str, element: ET.Element) -> None:
        if (kind, name.casefold()) in asked:
            found[kind, name.casefold()] = Part(kind, name, element)

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for path in archive.namelist():
            stem, _, suffix = path.rpartition("/")[2].rpartition(".")
            kind = suffixes.get(suffix)
            if kind is None:
                continue
            root = ET.fromstring(archive.read(path))
            name = unquote(stem)
            if kind == "CustomObject":
                for part, tag in OBJECT_PARTS.items():
                    for element in root.findall(q(tag)):
                        keep(part, f"{name}.{said(element, 'fullName')}", _nameless(element))
            # The file of a standard object, or of parts alone, is no object of its own.
            if kind != "CustomObject" or root.find(q("label")) is not None:
                keep(kind, name, root)
    return found


def _nameless(element: ET.Element) -> ET.Element:
    made = ET.Element(element.tag)
    made.extend(part for part in element if local(part) != "fullName")
    return made
