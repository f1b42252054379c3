from __future__ import annotations

import io
import zipfile
from importlib.resources import files as files_of
from typing import get_args
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from kartra_sf_pipeline.salesforce.metadata import CustomFieldSpec, PermissionSetSpec, build_package
from kartra_sf_pipeline.salesforce.metadata_spec import FieldType

M = "{http://soap.sforce.com/2006/04/metadata}"


def files(package: bytes) -> dict[str, ET.Element]:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: ET.fromstring(archive.read(name)) for name in archive.namelist()}


def field_xml(spec: CustomFieldSpec) -> dict[str, str | None]:
    (field,) = files(build_package([spec]))[f"objects/{spec.object}.object"]
    return {child.tag.removeprefix(M): child.text for child in field}


def test_a_key_field_is_a_unique_external_id() -> None:
    spec = CustomFieldSpec(
        "Contact", "Kartra_Id__c", "Kartra Id", "Text", length=255, unique=True, external_id=True
    )
    assert field_xml(spec) == {
        "fullName": "Kartra_Id__c",
        "caseSensitive": "false",
        "externalId": "true",
        "label": "Kartra Id",
        "length": "255",
        "required": "false",
        "type": "Text",
        "unique": "true",
    }


@pytest.mark.parametrize("kind", get_args(FieldType))
def test_every_type_carries_what_the_platform_demands_of_it(kind: FieldType) -> None:
    spec = CustomFieldSpec(
        "Contact",
        "X__c",
        "X & <Y>",
        kind,
        values=("a", "b"),
        reference_to="Account",
        default_value="b",
    )
    found = field_xml(spec)
    assert found["type"] == kind
    assert found["label"] == "X & <Y>"
    assert (
        ("precision" in found) == ("scale" in found) == (kind in {"Number", "Currency", "Percent"})
    )
    assert ("length" in found) == (kind in {"Text", "LongTextArea"})
    assert ("visibleLines" in found) == (kind in {"LongTextArea", "MultiselectPicklist"})
    assert ("valueSet" in found) == (kind in {"Picklist", "MultiselectPicklist"})
    assert ("referenceTo" in found) == (kind == "Lookup")
    assert ("required" in found) == (kind != "Checkbox")


def test_a_checkbox_defaults_to_false_and_a_lookup_without_a_target_is_refused() -> None:
    assert field_xml(CustomFieldSpec("Account", "C__c", "C", "Checkbox"))["defaultValue"] == "false"
    with pytest.raises(ValueError, match=r"Account\.L__c: a lookup needs reference_to"):
        build_package([CustomFieldSpec("Account", "L__c", "L", "Lookup")])


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), unique=True, max_size=5
    )
)
def test_picklist_values_arrive_as_they_are(values: list[str]) -> None:
    spec = CustomFieldSpec(
        "Contact", "T__c", "T", "MultiselectPicklist", values=tuple(values), restricted=True
    )
    (field,) = files(build_package([spec]))["objects/Contact.object"]
    assert [node.text for node in field.iterfind(f".//{M}value/{M}fullName")] == values
    assert field.findtext(f"{M}valueSet/{M}restricted") == "true"


def test_the_package_lists_every_member_and_is_the_same_bytes_each_time() -> None:
    fields = [
        CustomFieldSpec("Contact", "B__c", "B", "Date"),
        CustomFieldSpec("Activity", "A__c", "A", "Text"),
        CustomFieldSpec("Contact", "A__c", "A", "Email"),
    ]
    grant = PermissionSetSpec("Migration", "Migration", fields=tuple(f.full_name for f in fields))
    package = build_package(fields, grant, api_version="61.0")
    assert package == build_package(fields[::-1], grant, api_version="61.0")
    found = files(package)
    assert set(found) == {
        "package.xml",
        "objects/Activity.object",
        "objects/Contact.object",
        "permissionsets/Migration.permissionset",
    }
    members = [node.text for node in found["package.xml"].iter(f"{M}members")]
    assert members == ["Activity.A__c", "Contact.A__c", "Contact.B__c", "Migration"]
    assert found["package.xml"].findtext(f"{M}version") == "61.0"
    granted = [n.text for n in found["permissionsets/Migration.permissionset"].iter(f"{M}field")]
    assert granted == ["Contact.A__c", "Contact.B__c", "Event.A__c", "Task.A__c"]


@pytest.fixture(scope="module")
def platform_schema() -> etree.XMLSchema:
    """The platform's own types, from the WSDL that simple-salesforce ships, as root elements."""
    wsdl = etree.parse(str(files_of("simple_salesforce") / "metadata.wsdl"))
    xsd = "{http://www.w3.org/2001/XMLSchema}"
    schema = next(wsdl.iter(f"{xsd}schema"))
    for kind in ("CustomObject", "PermissionSet", "Package"):
        etree.SubElement(schema, f"{xsd}element", name=kind, type=f"tns:{kind}")
    return etree.XMLSchema(etree.fromstring(etree.tostring(schema)))


def test_every_file_is_what_the_platforms_wsdl_asks_for(platform_schema: etree.XMLSchema) -> None:
    fields = [
        CustomFieldSpec(
            "Contact",
            f"F{number}__c",
            "F",
            kind,
            values=("a", "b"),
            reference_to="Account",
            unique=kind in {"Text", "Email", "Number"},
            external_id=kind in {"Text", "Email", "Number"},
            description="what it is for",
            default_value="true" if kind == "Checkbox" else None,
        )
        for number, kind in enumerate(get_args(FieldType))
    ]
    grant = PermissionSetSpec("P", "P", "why", tuple(field.full_name for field in fields))
    with zipfile.ZipFile(io.BytesIO(build_package(fields, grant))) as archive:
        for name in archive.namelist():
            platform_schema.assertValid(etree.fromstring(archive.read(name)))
