"""What only the SOAP API tells of the signed-in user's org."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from kartra_sf_pipeline.errors import OrgError
from kartra_sf_pipeline.salesforce.org import Org

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_PARTNER = "urn:partner.soap.sforce.com"


def own_currency(org: Org) -> str | None:
    """ISO code of the one currency of an org that has no more, as `getUserInfo` tells it.

    None where the org has several, or does not tell: some orgs keep their SOAP API shut.
    """

    def envelope() -> bytes:
        root = ET.Element(f"{{{_SOAP}}}Envelope")
        header = ET.SubElement(root, f"{{{_SOAP}}}Header")
        session = ET.SubElement(header, f"{{{_PARTNER}}}SessionHeader")
        ET.SubElement(session, f"{{{_PARTNER}}}sessionId").text = org.session_id
        body = ET.SubElement(root, f"{{{_SOAP}}}Body")
        ET.SubElement(body, f"{{{_PARTNER}}}getUserInfo")
        return ET.tostring(root, encoding="UTF-8", xml_declaration=True)

    try:
        response = org.request(
            "POST",
            f"/services/Soap/u/{org.api_version}",
            action="reading the org's currency",
            retry=True,
            body=envelope,
            headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'},
        )
        told = ET.fromstring(response.content)
    except (OrgError, ET.ParseError):
        return None
    several = told.findtext(f".//{{{_PARTNER}}}organizationMultiCurrency")
    code = told.findtext(f".//{{{_PARTNER}}}orgDefaultCurrencyIsoCode")
    return code or None if several == "false" else None
