"""Calls of the org's SOAP Metadata API, and waiting for what they start."""

from __future__ import annotations

import time
from xml.etree import ElementTree as ET

from kartra_sf_pipeline.errors import OrgError, OrgUnavailable
from kartra_sf_pipeline.salesforce.jobs import Poll
from kartra_sf_pipeline.salesforce.metadata_parts import NAMESPACE, child, q
from kartra_sf_pipeline.salesforce.org import Org

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_NAMES = {"m": NAMESPACE}


def request(name: str) -> ET.Element:
    """An empty call."""
    return ET.Element(q(name))


def text_of(node: ET.Element, path: str) -> str:
    """The text at a path whose steps begin with `m:`; empty where there is none."""
    return node.findtext(path, "", _NAMES)


def all_of(node: ET.Element, path: str) -> list[ET.Element]:
    """Every element at a path whose steps begin with `m:`."""
    return node.findall(path, _NAMES)


def start(org: Org, body: ET.Element, *, action: str) -> str:
    """Make a call that starts something; returns the id to ask with."""
    started = text_of(call(org, body, action=action), ".//m:result/m:id")
    if not started:
        raise OrgError(f"{action}: {org.host} gave no id to ask with.")
    return started


def wait(
    org: Org, ask: str, job: str, extra: dict[str, bool], *, poll: Poll | None, action: str
) -> ET.Element:
    """Ask until the job is done; returns its result. Raises OrgUnavailable past all patience."""
    pace = poll or Poll.for_org(org)
    deadline = time.monotonic() + pace.patience
    pause = pace.first
    while True:
        body = request(ask)
        child(body, "asyncProcessId", job)
        for name, value in extra.items():
            child(body, name, value)
        found = all_of(call(org, body, action=action), ".//m:result")
        if not found:
            raise OrgError(f"{action}: {org.host} does not know {job}.")
        if text_of(found[0], "m:done") == "true":
            return found[0]
        if time.monotonic() + pause > deadline:
            raise OrgUnavailable(
                f"{action}: {job} has not ended after {pace.patience:.0f} s. "
                "It goes on in the org: see Setup, Deployment Status."
            )
        time.sleep(pause)
        pause = min(pause * pace.factor, pace.longest)


def call(org: Org, body: ET.Element, *, action: str) -> ET.Element:
    """One SOAP call; the session id travels inside the envelope, built anew for each try."""

    def envelope() -> bytes:
        root = ET.Element(f"{{{_SOAP}}}Envelope")
        header = ET.SubElement(root, f"{{{_SOAP}}}Header")
        session = ET.SubElement(header, q("SessionHeader"))
        child(session, "sessionId", org.session_id)
        ET.SubElement(root, f"{{{_SOAP}}}Body").append(body)
        return ET.tostring(root, encoding="UTF-8", xml_declaration=True)

    response = org.request(
        "POST",
        f"/services/Soap/m/{org.api_version}",
        action=action,
        retry=True,
        body=envelope,
        headers={"Content-Type": "text/xml; charset=UTF-8", "SOAPAction": '""'},
    )
    try:
        return ET.fromstring(response.content)
    except ET.ParseError:
        raise OrgError(f"{action}: {org.host} sent something that is not XML.") from None
