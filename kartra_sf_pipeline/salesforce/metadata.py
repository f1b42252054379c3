"""Deploys metadata through the org's SOAP Metadata API, and grants what was deployed."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from kartra_sf_pipeline.errors import OrgError, OrgUnavailable
from kartra_sf_pipeline.salesforce import soql
from kartra_sf_pipeline.salesforce.jobs import Poll
from kartra_sf_pipeline.salesforce.metadata_package import NAMESPACE, build_package
from kartra_sf_pipeline.salesforce.metadata_spec import CustomFieldSpec, PermissionSetSpec
from kartra_sf_pipeline.salesforce.org import Org

__all__ = [
    "CustomFieldSpec",
    "DeployProblem",
    "DeployResult",
    "PermissionSetSpec",
    "assign_permission_set",
    "build_package",
    "deploy",
]

_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_NAMES = {"m": NAMESPACE}


@dataclass(frozen=True, slots=True)
class DeployProblem:
    """One component that the org did not accept; `line` counts within its file."""

    component: str
    type: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = f", line {self.line}" if self.line else ""
        return f"{self.type} {self.component}{where}: {self.message}".strip()


@dataclass(frozen=True, slots=True)
class DeployResult:
    """The end of a deployment; without success nothing of it was kept."""

    success: bool
    id: str
    problems: list[DeployProblem]


def deploy(
    org: Org, zip_bytes: bytes, *, check_only: bool = False, poll: Poll | None = None
) -> DeployResult:
    """Deploy a package, all or nothing, and wait for the end; `check_only` just validates.

    The package's own mistakes come back in `problems`. Raises OrgError when the org refuses the
    call itself, OrgUnavailable when it does not answer or does not finish.
    """
    action = "Checking a metadata package" if check_only else "Deploying metadata"
    call = _element("deploy")
    _text(call, "ZipFile", base64.b64encode(zip_bytes).decode())
    options = ET.SubElement(call, _q("DeployOptions"))
    for option, value in (
        ("allowMissingFiles", False),
        ("autoUpdatePackage", False),
        ("checkOnly", check_only),
        ("ignoreWarnings", True),
        ("performRetrieve", False),
        ("purgeOnDelete", False),
        ("rollbackOnError", True),
        ("singlePackage", True),
    ):
        _text(options, option, str(value).lower())
    # Deploying the same package twice ends in the same schema, so a lost answer may be retried.
    started = _call(org, call, action=action)
    deploy_id = _said(started, ".//m:result/m:id")
    if not deploy_id:
        raise OrgError(f"{action}: {org.host} gave the deployment no id.")
    result = _wait(org, deploy_id, poll=poll, action=action)
    if not check_only:
        org.forget_describes()
    success = _said(result, "m:success") == "true"
    return DeployResult(success, deploy_id, [] if success else _problems(result))


def assign_permission_set(org: Org, name: str) -> bool:
    """Give the signed-in user the permission set; False when the user had it already."""
    found = org.query(f"SELECT Id FROM PermissionSet WHERE Name = {soql.quote(name)}")
    if not found.height:
        raise OrgError(
            f"The org has no permission set '{name}': deploy it first.", code="NOT_FOUND"
        )
    set_id = str(found["Id"][0])
    assigned = org.query(
        "SELECT Id FROM PermissionSetAssignment "
        f"WHERE AssigneeId = {soql.quote(org.user_id)} AND PermissionSetId = {soql.quote(set_id)}"
    )
    if assigned.height:
        return False
    try:
        org.create(
            "PermissionSetAssignment", {"AssigneeId": org.user_id, "PermissionSetId": set_id}
        )
    except OrgError as error:
        # Somebody else, or a lost answer of an earlier try, was faster.
        if "DUPLICATE" in error.code:
            return False
        raise
    # What the user may see has changed.
    org.forget_describes()
    return True


def _wait(org: Org, deploy_id: str, *, poll: Poll | None, action: str) -> ET.Element:
    pace = poll or Poll.for_org(org)
    deadline = time.monotonic() + pace.patience
    pause = pace.first
    while True:
        call = _element("checkDeployStatus")
        _text(call, "asyncProcessId", deploy_id)
        _text(call, "includeDetails", "true")
        result = _call(org, call, action=action).find(".//m:result", _NAMES)
        if result is None:
            raise OrgError(f"{action}: {org.host} does not know deployment {deploy_id}.")
        if _said(result, "m:done") == "true":
            return result
        if time.monotonic() + pause > deadline:
            raise OrgUnavailable(
                f"{action}: {deploy_id} has not ended after {pace.patience:.0f} s. "
                "It goes on in the org: see Setup, Deployment Status."
            )
        time.sleep(pause)
        pause = min(pause * pace.factor, pace.longest)


def _call(org: Org, call: ET.Element, *, action: str) -> ET.Element:
    """One SOAP call; the session id travels inside the envelope, built anew for each try."""

    def envelope() -> bytes:
        root = ET.Element(f"{{{_SOAP}}}Envelope")
        header = ET.SubElement(root, f"{{{_SOAP}}}Header")
        session = ET.SubElement(header, _q("SessionHeader"))
        _text(session, "sessionId", org.session_id)
        ET.SubElement(root, f"{{{_SOAP}}}Body").append(call)
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


def _problems(result: ET.Element) -> list[DeployProblem]:
    problems = [
        DeployProblem(
            component=_said(failure, "m:fullName") or _said(failure, "m:fileName"),
            type=_said(failure, "m:componentType"),
            message=_said(failure, "m:problem"),
            line=_int(_said(failure, "m:lineNumber")),
        )
        for failure in result.iterfind(".//m:componentFailures", _NAMES)
    ]
    if not problems:
        status = _said(result, "m:status") or "Failed"
        said = _said(result, "m:errorMessage")
        problems.append(DeployProblem("", "Deployment", said or f"ended as {status}"))
    return problems


def _said(node: ET.Element, path: str) -> str:
    return node.findtext(path, "", _NAMES)


def _int(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _q(tag: str) -> str:
    return f"{{{NAMESPACE}}}{tag}"


def _element(tag: str) -> ET.Element:
    return ET.Element(_q(tag))


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, _q(tag)).text = text
