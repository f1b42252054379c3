"""Components as they read back: what was deployed, what the platform adds, what is now."""

from __future__ import annotations

from collections.abc import Iterable

from kartra_sf_pipeline.localorg.metadata import flows, permission_sets
from kartra_sf_pipeline.localorg.metadata.kinds import PARTS
from kartra_sf_pipeline.localorg.metadata.markup import (
    Element,
    add,
    child,
    children,
    local,
    node,
    parse,
    text,
)
from kartra_sf_pipeline.localorg.metadata.org import ACTIVITY, Org
from kartra_sf_pipeline.localorg.metadata.value_sets import VALUE_SETS

# Settings that the platform tells of every component of a type.
_ALWAYS: dict[str, dict[str, object]] = {
    "CustomObject": {
        "allowInChatterGroups": False,
        "compactLayoutAssignment": "SYSTEM",
        "enableActivities": False,
        "enableBulkApi": True,
        "enableFeeds": False,
        "enableHistory": False,
        "enableLicensing": False,
        "enableReports": False,
        "enableSearch": False,
        "enableSharing": True,
        "enableStreamingApi": True,
        "externalSharingModel": "Private",
        "sharingModel": "ReadWrite",
        "visibility": "Public",
    },
    "CustomPermission": {"isLicensed": False},
    "GlobalValueSet": {"sorted": False},
    "PermissionSet": {"hasActivationRequired": False},
}
# Of every value of a list of values.
_OF_VALUES: dict[str, object] = {"default": False}
_KEYED = {"Text", "Number", "Email"}


def read_component(org: Org, kind: str, name: str) -> Element | None:
    """A component as an element of its type with its full name first; None for an unknown one.

    An object carries its parts.
    """
    if kind == "StandardValueSet":
        return _read_value_set(org, name)
    if kind == "CustomObject":
        return _read_object(org, name)
    kept = org.registry.get(kind, name)
    if kept is None and name not in permission_sets.undeployed(org, kind):
        return None
    source: Element | None = node(kind) if kept is None else parse(kept.source.encode())
    if kind == "PermissionSet":
        source = permission_sets.read_permission_set(org, name, source)
    elif kind == "Profile":
        source = permission_sets.read_profile(org, name, source)
    elif kind == "Flow":
        source = flows.read_flow(org.store, name)
    elif kind == "FlowDefinition":
        source = flows.read_flow_definition(org.store, name)
    full_name = kept.full_name if kept else name
    return None if source is None else _complete(kind, full_name, source)


def part_element(org: Org, kind: str, tag: str, full_name: str) -> Element | None:
    """A part of an object as it stands in the object's file, under its own name."""
    found = read_component(org, kind, full_name)
    if found is None:
        return None
    made = node(tag)
    for part in list(found):
        made.append(part)
    made[0].text = full_name.partition(".")[2]
    return made


def parts_in(org: Org, object_name: str) -> list[Element]:
    """Every part of an object, as its file holds them."""
    prefix = f"{object_name}.".casefold()
    found: list[Element] = []
    for tag, kind in sorted(PARTS.items()):
        for component in org.registry.all(kind.name):
            if component.full_name.casefold().startswith(prefix):
                made = part_element(org, kind.name, tag, component.full_name)
                if made is not None:
                    found.append(made)
    return found


def _read_object(org: Org, name: str) -> Element | None:
    owners = org.owners(name)
    if not owners:
        return None
    kept = org.registry.get("CustomObject", name)
    sobject = owners[0]
    if kept is not None:
        root = parse(kept.source.encode())
    else:
        root = node("CustomObject")
        if name.casefold() != ACTIVITY.casefold():
            add(root, "label", sobject.label)
    for part in parts_in(org, name):
        root.append(part)
    canonical = name if len(owners) > 1 else sobject.name
    return _complete("CustomObject", canonical, root, defaults=sobject.custom)


def _read_value_set(org: Org, name: str) -> Element | None:
    places = VALUE_SETS.get(name)
    if places is None:
        return None
    object_name, _, field_name = places[0].partition(".")
    sobject = org.store.schema.object(object_name)
    field = sobject.field(field_name) if sobject else None
    root = node("StandardValueSet")
    add(root, "fullName", name)
    add(root, "sorted", False)
    stages = org.store.catalog.stages() if name == "OpportunityStage" else {}
    extra = _deployed_values(org, name)
    for value in field.picklist_values if field else ():
        entry = add(root, "standardValue")
        add(entry, "fullName", value.value)
        add(entry, "default", value.default)
        if not value.active:
            add(entry, "isActive", False)
        add(entry, "label", value.label)
        told: dict[str, object] = dict(extra.get(value.value.casefold(), {}))
        stage = stages.get(value.value.casefold())
        if stage is not None:
            told |= {
                "closed": stage.closed,
                "forecastCategory": stage.forecast_category,
                "probability": int(stage.probability),
                "won": stage.won,
            }
        for key, content in sorted(told.items()):
            add(entry, key, content)
    return root


def _deployed_values(org: Org, name: str) -> dict[str, dict[str, str]]:
    """What a deployed set said of its values beside the name, by folded name."""
    kept = org.registry.get("StandardValueSet", name)
    if kept is None:
        return {}
    common = {"fullName", "default", "label", "isActive"}
    return {
        (text(item, "fullName") or "").casefold(): {
            local(p): p.text or "" for p in item if local(p) not in common
        }
        for item in children(parse(kept.source.encode()), "standardValue")
    }


def _complete(kind: str, full_name: str, source: Element, *, defaults: bool = True) -> Element:
    """The element with what the platform adds, its children in the platform's order."""
    told = {local(part) for part in source}
    added = dict(_ALWAYS.get(kind, {})) if defaults else {}
    if kind == "CustomField":
        added = _field_defaults(source)
        value_set = child(source, "valueSet")
        if value_set is not None:
            _complete_value_set(value_set)
    if kind == "GlobalValueSet":
        _complete_values(children(source, "customValue"))
    if kind == "BusinessProcess":
        _complete_values(children(source, "values"), label=False)
    if kind == "RecordType":
        for part in children(source, "picklistValues"):
            _complete_values(children(part, "values"), label=False)
    for name, value in added.items():
        if name not in told:
            add(source, name, value)
    made = node(kind)
    add(made, "fullName", full_name)
    parts = [p for p in source if local(p) != "fullName"]
    for part in sorted(parts, key=local):
        made.append(part)
    return made


def _field_defaults(source: Element) -> dict[str, object]:
    kind = text(source, "type")
    added: dict[str, object] = {"externalId": False}
    if kind not in {"Checkbox", "MasterDetail", "AutoNumber"}:
        added["required"] = False
    if kind in _KEYED:
        added["unique"] = False
    if kind == "Lookup":
        added["deleteConstraint"] = "SetNull"
    if kind == "MasterDetail":
        added |= {
            "relationshipOrder": 0,
            "reparentableMasterDetail": False,
            "writeRequiresMasterRead": False,
        }
    return added


def _complete_value_set(value_set: Element) -> None:
    definition = child(value_set, "valueSetDefinition")
    if definition is None:
        if child(value_set, "restricted") is None:
            value_set.insert(0, node("restricted", True))
        return
    if child(definition, "sorted") is None:
        definition.insert(0, node("sorted", False))
    _complete_values(children(definition, "value"))


def _complete_values(values: Iterable[Element], *, label: bool = True) -> None:
    for value in values:
        for name, content in _OF_VALUES.items():
            if child(value, name) is None:
                value.insert(1, node(name, content))
        if label and child(value, "label") is None:
            add(value, "label", text(value, "fullName"))
