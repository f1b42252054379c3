"""Flows: versions that are kept and listed; at most one version of a flow is active."""

from __future__ import annotations

from dataclasses import dataclass

from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.metadata.markup import (
    Element,
    add,
    children,
    etree,
    node,
    number,
    parse,
    source_of,
    text,
)
from kartra_sf_pipeline.localorg.metadata.org import Org, check_name, not_found, required
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.store import Store

STATUSES = ("Active", "Draft", "Obsolete", "InvalidDraft")


@dataclass(frozen=True, slots=True)
class FlowVersion:
    """One version of a flow; dates are in stored form."""

    id: str
    flow: str
    number: int
    status: str
    source: str
    created: str
    modified: str


def versions(store: Store, flow: str | None = None) -> list[FlowVersion]:
    """The versions of a flow, or of all flows, oldest first."""
    where, values = ("", ()) if flow is None else (" WHERE flow = ?", (flow,))
    rows = store.query(
        "SELECT id, flow, number, status, source, created, modified FROM _flow_version"
        f"{where} ORDER BY flow, number",
        values,
    )
    return [FlowVersion(*row) for row in rows]


def put_flow(org: Org, full_name: str, element: Element) -> str:
    """Keeps a flow: another content is a new version, another status alone changes the last one.

    Returns the id of the version that the file describes.

    Raises:
        Problem: for a bad name, a missing part or a status that flows do not have.

    """
    check_name(full_name, "Flow API Name")
    required(element, "label", longest=255)
    required(element, "processType")
    status = text(element, "status") or "Draft"
    if status not in STATUSES:
        raise Problem(f"'{status}' is not a valid value for the enum 'FlowVersionStatus'")
    if org.registry.get("FlowDefinition", full_name) is None:
        org.registry.put("FlowDefinition", full_name, "<FlowDefinition/>")
    known = versions(org.store, full_name)
    source = _without_status(source_of(element, full_name))
    now = now_text()
    with org.store.write() as connection:
        if status == "Active":
            _deactivate(org, full_name, now)
        if known and known[-1].source == source:
            last = known[-1]
            connection.execute(
                "UPDATE _flow_version SET status = ?, modified = ? WHERE id = ?",
                (status, now, last.id),
            )
            return last.id
        record_id: str = org.store.new_ids_for_prefix("301", 1).item()
        after = known[-1].number + 1 if known else 1
        connection.execute(
            "INSERT INTO _flow_version VALUES (?, ?, ?, ?, ?, ?, ?)",
            (record_id, full_name, after, status, source, now, now),
        )
        return record_id


def drop_flow(org: Org, full_name: str) -> bool:
    """Removes a flow with its versions; an active one has to be switched off first."""
    known = versions(org.store, full_name)
    if any(v.status == "Active" for v in known):
        raise Problem(
            "insufficient access rights on cross-reference id",
            "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        )
    org.registry.drop("FlowDefinition", full_name)
    with org.store.write() as connection:
        connection.execute("DELETE FROM _flow_version WHERE flow = ?", (full_name,))
    return bool(known)


def put_flow_definition(org: Org, full_name: str, element: Element) -> None:
    """Chooses the active version of a flow: its number, or 0 for none."""
    known = versions(org.store, full_name)
    if not known:
        raise not_found("Flow", full_name, "fullName")
    chosen = number(element, "activeVersionNumber") or 0
    if chosen and all(v.number != chosen for v in known):
        raise Problem(f"The version {chosen} of the flow {full_name} does not exist")
    now = now_text()
    with org.store.write() as connection:
        _deactivate(org, full_name, now)
        connection.execute(
            "UPDATE _flow_version SET status = 'Active', modified = ? "
            "WHERE flow = ? AND number = ?",
            (now, full_name, chosen),
        )


def read_flow(store: Store, full_name: str) -> Element | None:
    """The active version as it was deployed, else the last one."""
    known = versions(store, full_name)
    if not known:
        return None
    chosen = next((v for v in known if v.status == "Active"), known[-1])
    root = parse(chosen.source.encode())
    status = etree.SubElement(root, root[0].tag.replace("fullName", "status"))
    status.text = chosen.status
    return root


def read_flow_definition(store: Store, full_name: str) -> Element:
    """Which version of a flow is active."""
    root = node("FlowDefinition")
    active = next((v for v in versions(store, full_name) if v.status == "Active"), None)
    add(root, "activeVersionNumber", active.number if active else 0)
    return root


def _deactivate(org: Org, flow: str, now: str) -> None:
    with org.store.write() as connection:
        connection.execute(
            "UPDATE _flow_version SET status = 'Obsolete', modified = ? "
            "WHERE flow = ? AND status = 'Active'",
            (now, flow),
        )


def _without_status(source: str) -> str:
    root = parse(source.encode())
    for part in children(root, "status"):
        root.remove(part)
    return etree.tostring(root, encoding="unicode")
