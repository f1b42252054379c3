"""Deploys metadata through the org's SOAP Metadata API, and grants what was deployed."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from kartra_sf_pipeline.errors import OrgError
from kartra_sf_pipeline.salesforce import metadata_soap as soap
from kartra_sf_pipeline.salesforce import soql
from kartra_sf_pipeline.salesforce.jobs import Poll
from kartra_sf_pipeline.salesforce.metadata_package import build_package
from kartra_sf_pipeline.salesforce.metadata_parts import child
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
    "is_assigned",
    "withdraw_permission_set",
]

# What to do about a problem, by words that the platform's messages have.
_WAYS_OUT = (
    (("duplicate value", "not unique"),
     "Records or components hold the same value: mend them, or name another target in the map."),
    (("maximum", "limit", "at most"),
     "A limit of the org is reached: take fields or values out of the map, or remove unused ones."),
    (("insufficient access", "insufficient privilege", "you do not have"),
     "Grant the migration user Customize Application and Modify Metadata."),
    (("already", "duplicate"),
     "Another component has this name or label: rename it in the map, or in the org."),
    (("in use", "referenced", "is used by", "depend", "refers"),
     "Remove in the org what refers to it first."),
    (("cannot change", "can't change", "change the type"),
     "The org does not change this type: name another target in the map."),
)  # fmt: skip
_ANY_WAY_OUT = "See Setup, Deployment Status, for the whole message, and correct the field map."


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

    @property
    def way_out(self) -> str:
        """What to do about it, as far as its words tell."""
        words = self.message.casefold()
        return next(
            (way for known, way in _WAYS_OUT if any(w in words for w in known)), _ANY_WAY_OUT
        )


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
    call = soap.request("deploy")
    child(call, "ZipFile", base64.b64encode(zip_bytes).decode())
    options = child(call, "DeployOptions")
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
        child(options, option, value)
    # Deploying the same package twice ends in the same schema, so a lost answer may be retried.
    deploy_id = soap.start(org, call, action=action)
    result = soap.wait(
        org, "checkDeployStatus", deploy_id, {"includeDetails": True}, poll=poll, action=action
    )
    if not check_only:
        org.forget_describes()
    success = soap.text_of(result, "m:success") == "true"
    return DeployResult(success, deploy_id, [] if success else _problems(result))


def is_assigned(org: Org, name: str) -> bool:
    """Whether the signed-in user has the permission set."""
    return bool(
        org.count(
            f"SELECT COUNT() FROM PermissionSetAssignment WHERE AssigneeId = "
            f"{soql.quote(org.user_id)} AND PermissionSet.Name = {soql.quote(name)}"
        )
    )


def assign_permission_set(org: Org, name: str, user_id: str | None = None) -> bool:
    """Give a user, or the signed-in one, the permission set; False for one who had it already."""
    user = user_id or org.user_id
    set_id = _set_id(org, name)
    if set_id is None:
        raise OrgError(
            f"The org has no permission set '{name}': deploy it first.", code="NOT_FOUND"
        )
    assigned = org.query(
        "SELECT Id FROM PermissionSetAssignment "
        f"WHERE AssigneeId = {soql.quote(user)} AND PermissionSetId = {soql.quote(set_id)}"
    )
    if assigned.height:
        return False
    try:
        org.create("PermissionSetAssignment", {"AssigneeId": user, "PermissionSetId": set_id})
    except OrgError as error:
        # Somebody else, or a lost answer of an earlier try, was faster.
        if "DUPLICATE" in error.code:
            return False
        raise
    # What the user may see has changed.
    org.forget_describes()
    return True


def withdraw_permission_set(org: Org, name: str) -> list[str]:
    """Take the permission set from everybody who has it; the ids of those users."""
    set_id = _set_id(org, name)
    if set_id is None:
        return []
    found = org.query(
        "SELECT Id, AssigneeId FROM PermissionSetAssignment "
        f"WHERE PermissionSetId = {soql.quote(set_id)}"
    )
    for assignment in found["Id"]:
        org.delete("PermissionSetAssignment", assignment)
    org.forget_describes()
    return found["AssigneeId"].to_list()


def _set_id(org: Org, name: str) -> str | None:
    found = org.query(f"SELECT Id FROM PermissionSet WHERE Name = {soql.quote(name)}")
    return str(found["Id"][0]) if found.height else None


def _problems(result: ET.Element) -> list[DeployProblem]:
    problems = [
        DeployProblem(
            component=soap.text_of(failure, "m:fullName") or soap.text_of(failure, "m:fileName"),
            type=soap.text_of(failure, "m:componentType"),
            message=soap.text_of(failure, "m:problem"),
            line=_int(soap.text_of(failure, "m:lineNumber")),
        )
        for failure in soap.all_of(result, ".//m:componentFailures")
    ]
    if not problems:
        status = soap.text_of(result, "m:status") or "Failed"
        told = soap.text_of(result, "m:errorMessage")
        problems.append(DeployProblem("", "Deployment", told or f"ended as {status}"))
    return problems


def _int(text: str) -> int | None:
    return int(text) if text.isdigit() else None
