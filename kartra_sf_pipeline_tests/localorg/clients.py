"""simple-salesforce pointed at the local org, and small metadata packages for it to deploy."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Sequence
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce

METADATA_NAMESPACE = "http://soap.sforce.com/2006/04/metadata"


class _PlainHttp(HTTPAdapter):
    """The client writes https into every address; the local org listens on plain loopback."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        assert request.url is not None
        request.url = request.url.replace("https://127.0.0.1", "http://127.0.0.1", 1)
        return super().send(request, *args, **kwargs)


def connect(org: Any) -> Salesforce:
    session = requests.Session()
    session.mount("https://127.0.0.1", _PlainHttp())
    client = Salesforce(
        instance_url=org.url, session_id=org.access_token, version="62.0", session=session
    )
    client.metadata_url = client.metadata_url.replace("https://", "http://", 1)
    return client


def package(types: dict[str, list[str]], version: str = "62.0") -> str:
    named = "".join(
        "<types>"
        + "".join(f"<members>{member}</members>" for member in members)
        + f"<name>{kind}</name></types>"
        for kind, members in types.items()
    )
    return f'<Package xmlns="{METADATA_NAMESPACE}">{named}<version>{version}</version></Package>'


def component(kind: str, inner: str) -> str:
    return f'<{kind} xmlns="{METADATA_NAMESPACE}">{inner}</{kind}>'


def text_field(name: str, *, length: int | None = 255, key: bool = False, label: str = "") -> str:
    size = "" if length is None else f"<length>{length}</length>"
    marks = "<unique>true</unique><externalId>true</externalId>" if key else ""
    return (
        f"<fields><fullName>{name}</fullName><label>{label or name}</label><type>Text</type>"
        f"{size}{marks}</fields>"
    )


def permission_set(*fields: str, objects: Sequence[str] = (), more: str = "") -> str:
    grants = "".join(
        f"<fieldPermissions><editable>true</editable><field>{field}</field>"
        "<readable>true</readable></fieldPermissions>"
        for field in fields
    )
    flags = ("allowCreate", "allowDelete", "allowEdit", "allowRead")
    given = "".join(f"<{flag}>true</{flag}>" for flag in flags)
    grants += "".join(
        f"<objectPermissions>{given}<modifyAllRecords>false</modifyAllRecords>"
        f"<object>{name}</object><viewAllRecords>false</viewAllRecords></objectPermissions>"
        for name in objects
    )
    return component("PermissionSet", f"<label>Migration</label>{grants}{more}")


def zipped(files: dict[str, str]) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    buffer.seek(0)
    return buffer


def deploy(client: Salesforce, files: dict[str, str], **options: Any) -> tuple[str, Any]:
    """Deploys and waits; the final state and simple-salesforce's deployment detail."""
    # The client lets a deployment stay in part in sandboxes only.
    sandbox = options.get("rollbackOnError") is False
    started = client.deploy(zipped(files), sandbox=sandbox, **options)
    process_id = started["asyncId"]
    assert process_id is not None
    for _ in range(200):
        status = client.checkDeployStatus(process_id)
        if status["state"] not in {"Pending", "InProgress"}:
            return status["state"], status["deployment_detail"]
        time.sleep(0.05)
    raise AssertionError("the deployment did not end")


def grant(client: Salesforce, name: str = "Migration") -> None:
    """Assigns a deployed permission set to the user that asks."""
    found = client.query(f"SELECT Id FROM PermissionSet WHERE Name = '{name}'")["records"][0]
    user = client.query("SELECT Id FROM User WHERE Username = 'admin@local.example'")["records"][0]
    client.PermissionSetAssignment.create(  # type: ignore[operator]
        {"PermissionSetId": found["Id"], "AssigneeId": user["Id"]}
    )
