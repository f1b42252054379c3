"""Rows of the components that are no records: custom objects, validation rules and flows."""

from __future__ import annotations

import json
from collections.abc import Iterator

from kartra_sf_pipeline.localorg.metadata.flows import FlowVersion, versions
from kartra_sf_pipeline.localorg.metadata.json_form import to_json
from kartra_sf_pipeline.localorg.metadata.markup import Element, child, parse, text
from kartra_sf_pipeline.localorg.metadata.registry import Component, Registry
from kartra_sf_pipeline.localorg.metadata.validation_rules import rule_of
from kartra_sf_pipeline.localorg.store import Store

Row = tuple[str, dict[str, object]]


def component_rows(store: Store, registry: Registry) -> Iterator[Row]:
    """Table and columns of each row."""
    for component in registry.all("CustomObject"):
        if component.full_name.endswith("__c"):
            yield "CustomObject", _object_row(component)
    for component in registry.all("ValidationRule"):
        yield "ValidationRule", _rule_row(component)
    by_flow: dict[str, list[FlowVersion]] = {}
    for version in versions(store):
        by_flow.setdefault(version.flow, []).append(version)
    for definition in registry.all("FlowDefinition"):
        known = by_flow.get(definition.full_name, [])
        if known:
            yield from _flow_rows(store, definition, known)


def _dates(component: Component | FlowVersion) -> dict[str, object]:
    return {"CreatedDate": component.created, "LastModifiedDate": component.modified}


def _object_row(component: Component) -> dict[str, object]:
    source = parse(component.source.encode())
    return {
        "Id": component.id,
        "DeveloperName": component.full_name.removesuffix("__c"),
        "Description": text(source, "description"),
        "ManageableState": "unmanaged",
        "SharingModel": text(source, "sharingModel") or "ReadWrite",
        "ExternalSharingModel": text(source, "externalSharingModel") or "Private",
        **_dates(component),
    }


def _rule_row(component: Component) -> dict[str, object]:
    rule = rule_of(component)
    return {
        "Id": rule.id,
        "ValidationName": rule.name,
        "Active": int(rule.active),
        "Description": rule.description,
        "EntityDefinitionId": rule.object,
        "ErrorDisplayField": rule.field,
        "ErrorMessage": rule.message,
        "FullName": component.full_name,
        "ManageableState": "unmanaged",
        "Metadata": json.dumps(to_json(parse(component.source.encode()))),
        **_dates(component),
    }


def _flow_rows(store: Store, definition: Component, known: list[FlowVersion]) -> Iterator[Row]:
    active = next((v for v in known if v.status == "Active"), None)
    latest = known[-1]
    shown = active or latest
    source = parse(shown.source.encode())
    common: dict[str, object] = {
        "Description": text(source, "description"),
        "ActiveVersionId": active.id if active else None,
        "LatestVersionId": latest.id,
        "ManageableState": "unmanaged",
        "LastModifiedDate": shown.modified,
    }
    yield (
        "FlowDefinition",
        {
            **common,
            "Id": definition.id,
            "DeveloperName": definition.full_name,
            "MasterLabel": text(source, "label"),
            "Metadata": json.dumps({"activeVersionNumber": active.number if active else 0}),
            "CreatedDate": definition.created,
        },
    )
    start = child(source, "start")
    yield (
        "FlowDefinitionView",
        {
            **common,
            "Id": definition.id,
            "DurableId": definition.id,
            "ApiName": definition.full_name,
            "Label": text(source, "label"),
            "ProcessType": text(source, "processType"),
            "VersionNumber": shown.number,
            "IsActive": int(active is not None),
            "IsTemplate": 0,
            **_trigger(store, start),
        },
    )
    for version in known:
        content = parse(version.source.encode())
        yield (
            "Flow",
            {
                "Id": version.id,
                "DefinitionId": definition.id,
                "MasterLabel": text(content, "label"),
                "Description": text(content, "description"),
                "FullName": f"{definition.full_name}-{version.number}",
                "Status": version.status,
                "ProcessType": text(content, "processType"),
                "ManageableState": "unmanaged",
                "VersionNumber": version.number,
                "Metadata": json.dumps({**to_json(content), "status": version.status}),
                **_dates(version),
            },
        )


def _trigger(store: Store, start: Element | None) -> dict[str, object]:
    """What starts a flow, from its `<start>`."""
    if start is None:
        return {}
    name = text(start, "object")
    sobject = store.schema.object(name) if name else None
    return {
        "TriggerType": text(start, "triggerType"),
        "RecordTriggerType": text(start, "recordTriggerType"),
        "TriggerObjectOrEventId": name,
        "TriggerObjectOrEventLabel": sobject.label if sobject else name,
    }
