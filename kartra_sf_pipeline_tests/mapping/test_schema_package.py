from __future__ import annotations

import io
import zipfile
from importlib.resources import files as files_of

import pytest
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]

from kartra_sf_pipeline.mapping.schema import text_lengths, wanted_fields, wanted_schema
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.salesforce.metadata_package import package_of
from kartra_sf_pipeline.salesforce.metadata_parts import parts_of
from kartra_sf_pipeline_tests.mapping.account import text_field
from kartra_sf_pipeline_tests.mapping.schema_maps import REFUNDED, whole_map

ROOTS = ("CustomObject", "CustomPermission", "Package", "PermissionSet", "StandardValueSet")


@pytest.fixture(scope="module")
def platform_schema() -> etree.XMLSchema:
    """The platform's own types, from the WSDL that simple-salesforce ships, as root elements."""
    wsdl = etree.parse(str(files_of("simple_salesforce") / "metadata.wsdl"))
    xsd = "{http://www.w3.org/2001/XMLSchema}"
    schema = next(wsdl.iter(f"{xsd}schema"))
    for kind in ROOTS:
        etree.SubElement(schema, f"{xsd}element", name=kind, type=f"tns:{kind}")
    return etree.XMLSchema(etree.fromstring(etree.tostring(schema)))


def test_a_whole_schema_is_what_the_platforms_wsdl_asks_for(
    platform_schema: etree.XMLSchema,
) -> None:
    gone = {"CustomField": ["Contact.A__c"], "CustomObject": []}
    package = package_of(
        parts_of(wanted_schema(whole_map())), api_version="62.0", removed_before=gone
    )
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        roots = {name: etree.fromstring(archive.read(name)) for name in archive.namelist()}
    for root in roots.values():
        platform_schema.assertValid(root)
    assert {etree.QName(root).localname for root in roots.values()} == set(ROOTS)
    assert "destructiveChangesPost.xml" not in roots
    # No type without members is named.
    pre = [node.text for node in roots["destructiveChangesPre.xml"].iter() if node.text.strip()]
    assert pre == ["Contact.A__c", "CustomField", "62.0"]


def test_the_sales_process_has_its_own_stages_and_those_that_are_written() -> None:
    (process,) = wanted_schema(whole_map()).processes
    assert process.full_name == "Opportunity.Kartra sales"
    assert process.stages == (REFUNDED.name, "Closed Won", "Closed Lost")


def test_a_text_is_as_long_as_it_will_be_once_the_schema_is_deployed() -> None:
    fields = [text_field("Kartra_Source__c", length=20), text_field("Kartra_Phone__c", length=9)]
    fields.append(text_field("Kartra_Email_As_Exported__c", length=300))
    contact = ObjectDescribe(
        "Contact", "Contact", "003", False, True, True, True, True, {f.name: f for f in fields}
    )
    lengths = text_lengths(contact, wanted_fields(whole_map()), "Contact")
    assert lengths["kartra_source__c"] == 80
    assert lengths["kartra_phone__c"] == 9
    assert lengths["kartra_email_as_exported__c"] == 300
