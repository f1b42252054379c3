"""A package that holds every type of component, in an order that no type depends on."""

from __future__ import annotations

import io
import time
import zipfile
from typing import Any
from xml.etree import ElementTree

from kartra_sf_pipeline_tests.localorg.clients import METADATA_NAMESPACE, component, package


def values(tag: str, *names: str, default: str = "") -> str:
    return "".join(
        f"<{tag}><fullName>{n}</fullName><default>{str(n == default).lower()}</default>"
        f"<label>{n}</label></{tag}>"
        for n in names
    )


def picklist(name: str, *names: str, restricted: bool = True) -> str:
    return (
        f"<fields><fullName>{name}</fullName><label>{name}</label><type>Picklist</type><valueSet>"
        f"<restricted>{str(restricted).lower()}</restricted><valueSetDefinition>"
        f"<sorted>false</sorted>{values('value', *names)}</valueSetDefinition></valueSet></fields>"
    )


def record_type(name: str, *, label: str = "", active: bool = True, more: str = "") -> str:
    return (
        f"<recordTypes><fullName>{name}</fullName><active>{str(active).lower()}</active>{more}"
        f"<label>{label or name}</label></recordTypes>"
    )


def business_process(name: str, *stages: str) -> str:
    listed = "".join(
        f"<values><fullName>{s}</fullName><default>false</default></values>" for s in stages
    )
    return (
        f"<businessProcesses><fullName>{name}</fullName><isActive>true</isActive>{listed}"
        "</businessProcesses>"
    )


def validation_rule(name: str, formula: str, *, active: bool = True) -> str:
    return (
        f"<validationRules><fullName>{name}</fullName><active>{str(active).lower()}</active>"
        f"<errorConditionFormula>{formula}</errorConditionFormula>"
        "<errorMessage>No.</errorMessage></validationRules>"
    )


def custom_object(
    label: str,
    inner: str = "",
    *,
    name_field: str = "<label>Name</label><type>Text</type>",
    sharing: str = "ReadWrite",
    description: str = "What a contact subscribed to.",
) -> str:
    return component(
        "CustomObject",
        f"<deploymentStatus>Deployed</deploymentStatus><description>{description}</description>"
        f"{inner}<label>{label}</label><nameField>{name_field}</nameField>"
        f"<pluralLabel>{label}s</pluralLabel><sharingModel>{sharing}</sharingModel>",
    )


def visible(*record_types: str) -> str:
    return "".join(
        f"<recordTypeVisibilities><recordType>{r}</recordType><visible>true</visible>"
        "</recordTypeVisibilities>"
        for r in record_types
    )


def flow(status: str, label: str = "Welcome") -> str:
    return component(
        "Flow",
        f"<apiVersion>62.0</apiVersion><label>{label}</label><processType>AutoLaunchedFlow"
        "</processType><start><object>Contact</object><recordTriggerType>Create"
        f"</recordTriggerType><triggerType>RecordAfterSave</triggerType></start>"
        f"<status>{status}</status>",
    )


NAME = "Kartra_Membership__c"
WHOLE = {
    "permissionsets/Migration.permissionset": component(
        "PermissionSet",
        "<customPermissions><enabled>true</enabled><name>Kartra_Bypass</name></customPermissions>"
        "<description>For the load.</description>"
        "<fieldPermissions><editable>true</editable><field>Contact.Tier__c</field>"
        "<readable>true</readable></fieldPermissions>"
        "<fieldPermissions><editable>false</editable><field>Contact.Rate__c</field>"
        "<readable>false</readable></fieldPermissions>"
        f"<fieldPermissions><editable>false</editable><field>{NAME}.Since__c</field>"
        "<readable>true</readable></fieldPermissions><label>Migration</label>"
        "<objectPermissions><allowCreate>true</allowCreate><allowDelete>true</allowDelete>"
        "<allowEdit>true</allowEdit><allowRead>true</allowRead>"
        f"<modifyAllRecords>false</modifyAllRecords><object>{NAME}</object>"
        "<viewAllRecords>false</viewAllRecords></objectPermissions>"
        "<recordTypeVisibilities><recordType>Opportunity.Kartra_Sale</recordType>"
        "<visible>true</visible></recordTypeVisibilities>"
        "<userPermissions><enabled>true</enabled><name>ApiEnabled</name></userPermissions>",
    ),
    "flows/Welcome.flow": flow("Draft"),
    "objects/Opportunity.object": component(
        "CustomObject",
        record_type("Kartra_Sale", more="<businessProcess>Kartra</businessProcess>")
        + business_process("Kartra", "Prospecting", "Refunded"),
    ),
    "objects/Contact.object": component(
        "CustomObject",
        validation_rule("Needs_Tier", "AND(NOT($Permission.Kartra_Bypass), ISBLANK(TEXT(Tier__c)))")
        + "<fields><fullName>Rate__c</fullName><label>Rate</label><precision>5</precision>"
        "<scale>2</scale><type>Percent</type></fields>"
        "<fields><fullName>Tier__c</fullName><label>Tier</label><type>Picklist</type>"
        "<valueSet><restricted>true</restricted><valueSetName>Kartra_Tier</valueSetName>"
        "</valueSet></fields>",
    ),
    f"objects/{NAME}.object": custom_object(
        "Membership",
        "<enableReports>true</enableReports><fields><fullName>Contact__c</fullName>"
        "<label>Contact</label><referenceTo>Contact</referenceTo><relationshipLabel>Memberships"
        "</relationshipLabel><relationshipName>Memberships</relationshipName>"
        "<relationshipOrder>0</relationshipOrder><type>MasterDetail</type></fields>"
        "<fields><fullName>Since__c</fullName><label>Since</label><type>Date</type></fields>",
        name_field="<displayFormat>M-{0000}</displayFormat><label>Number</label>"
        "<startingNumber>7</startingNumber><type>AutoNumber</type>",
        sharing="ControlledByParent",
    ),
    "customPermissions/Kartra_Bypass.customPermission": component(
        "CustomPermission", "<label>Kartra bypass</label>"
    ),
    "standardValueSets/OpportunityStage.standardValueSet": component(
        "StandardValueSet",
        "<sorted>false</sorted>"
        "<standardValue><fullName>Prospecting</fullName><default>false</default>"
        "<label>Prospecting</label><closed>false</closed><forecastCategory>Pipeline"
        "</forecastCategory><probability>10</probability><won>false</won></standardValue>"
        "<standardValue><fullName>Refunded</fullName><default>false</default>"
        "<label>Refunded</label><closed>true</closed><forecastCategory>Omitted"
        "</forecastCategory><probability>0</probability><won>false</won></standardValue>",
    ),
    "globalValueSets/Kartra_Tier.globalValueSet": component(
        "GlobalValueSet",
        f"{values('customValue', 'Gold', 'Silver')}<masterLabel>Kartra tier</masterLabel>"
        "<sorted>false</sorted>",
    ),
    "package.xml": package(
        {
            "PermissionSet": ["Migration"],
            "Flow": ["Welcome"],
            "RecordType": ["Opportunity.Kartra_Sale"],
            "BusinessProcess": ["Opportunity.Kartra"],
            "ValidationRule": ["Contact.Needs_Tier"],
            "CustomField": ["Contact.Rate__c", "Contact.Tier__c"],
            "CustomObject": [NAME],
            "CustomPermission": ["Kartra_Bypass"],
            "StandardValueSet": ["OpportunityStage"],
            "GlobalValueSet": ["Kartra_Tier"],
        }
    ),
}


def retrieve(client: Any, types: dict[str, list[str]]) -> tuple[dict[str, str], list[str]]:
    """The files of a retrieval by simple-salesforce, and what it could not find."""
    process_id, _ = client.mdapi.retrieve("", unpackaged=types)
    for _ in range(100):
        state, _, _ = client.mdapi.check_retrieve_status(process_id)
        if state not in {"Pending", "InProgress"}:
            break
        time.sleep(0.02)
    result = client.mdapi.retrieve_retrieve_result(process_id, "false")
    namespace = f"{{{METADATA_NAMESPACE}}}"
    problems = [m.findtext(f"{namespace}problem") for m in result.iter(f"{namespace}messages")]
    _, _, _, content = client.mdapi.retrieve_zip(process_id)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {
            n.removeprefix("unpackaged/"): archive.read(n).decode() for n in archive.namelist()
        }
    return files, problems


def content(xml: str) -> Any:
    """An XML text as nested sorted tuples: two texts with the same elements are equal."""

    def plain(element: ElementTree.Element) -> Any:
        tag = element.tag.rpartition("}")[2]
        if len(element):
            return (tag, tuple(sorted((plain(c) for c in element), key=repr)))
        return (tag, (element.text or "").strip())

    return plain(ElementTree.fromstring(xml))


def missing_from(wanted: Any, found: Any, path: str = "") -> list[str]:
    """What of the first content the second lacks; more in the second is no fault."""
    if not isinstance(wanted[1], tuple):
        return [] if wanted == found else [f"{path}/{wanted}"]
    lacking: list[str] = []
    for child in wanted[1]:
        alike = [c for c in found[1] if isinstance(found[1], tuple) and c[0] == child[0]]
        tries = [missing_from(child, c, f"{path}/{child[0]}") for c in alike]
        if not any(not t for t in tries):
            lacking += min(tries, key=len) if tries else [f"{path}/{child}"]
    return lacking
