"""Puts components into the org and takes them out, whichever door they came through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kartra_sf_pipeline.localorg.metadata import (
    business_processes,
    custom_permissions,
    field_components,
    flows,
    objects,
    permission_sets,
    record_types,
    validation_rules,
    value_sets,
)
from kartra_sf_pipeline.localorg.metadata.kinds import BY_NAME, PARTS
from kartra_sf_pipeline.localorg.metadata.markup import (
    Element,
    children,
    etree,
    local,
    parse,
    source_of,
    text,
)
from kartra_sf_pipeline.localorg.metadata.org import Org
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.metadata.registry import Registry
from kartra_sf_pipeline.localorg.store import Store

# Each takes the org, the full name and, to put, the element; the id of a record may come back.
_PUT: dict[str, Callable[[Org, str, Element], str | None]] = {
    "BusinessProcess": business_processes.put_business_process,
    "CustomField": field_components.put_field,
    "CustomObject": objects.put_object,
    "CustomPermission": custom_permissions.put_custom_permission,
    "Flow": flows.put_flow,
    "FlowDefinition": flows.put_flow_definition,
    "GlobalValueSet": value_sets.put_global_value_set,
    "PermissionSet": permission_sets.put_permission_set,
    "Profile": permission_sets.put_profile,
    "RecordType": record_types.put_record_type,
    "StandardValueSet": lambda org, name, element: value_sets.put_value_set(
        org.store, name, element
    ),
    "ValidationRule": validation_rules.put_validation_rule,
}
_DROP: dict[str, Callable[[Org, str], bool]] = {
    "BusinessProcess": business_processes.drop_business_process,
    "CustomField": field_components.drop_field,
    "CustomObject": objects.drop_object,
    "CustomPermission": custom_permissions.drop_custom_permission,
    "Flow": flows.drop_flow,
    "GlobalValueSet": value_sets.drop_global_value_set,
    "PermissionSet": permission_sets.drop_permission_set,
    "RecordType": record_types.drop_record_type,
    "ValidationRule": lambda org, name: org.registry.get("ValidationRule", name) is not None,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a component's arrival did."""

    id: str
    created: bool
    changed: bool


class Components:
    """The components of one org. Call inside `store.write()`, so that a failure undoes them."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self.org = Org(store, registry)

    def exists(self, kind: str, full_name: str) -> bool:
        """True when the org has the component, deployed or of its own."""
        org = self.org
        owner, _, name = full_name.partition(".")
        match kind:
            case "CustomObject":
                return bool(org.owners(full_name))
            case "CustomField":
                return any(o.field(name) for o in org.owners(owner))
            case "PermissionSet":
                rows = org.store.query(
                    "SELECT 1 FROM PermissionSet WHERE Name = ? AND IsDeleted = 0", (full_name,)
                )
            case "Profile":
                own = permission_sets.PROFILE_NAMES.get(full_name, full_name)
                rows = org.store.query("SELECT 1 FROM Profile WHERE Name = ?", (own,))
            case "RecordType":
                rows = org.store.query(
                    "SELECT 1 FROM RecordType WHERE SobjectType = ? COLLATE NOCASE "
                    "AND DeveloperName = ? AND IsDeleted = 0",
                    (owner, name),
                )
            case "StandardValueSet":
                return full_name in value_sets.VALUE_SETS
            case _:
                return org.registry.get(kind, full_name) is not None
        return bool(rows)

    def put(self, kind: str, full_name: str, element: Element) -> Outcome:
        """Creates the component or brings it to what the element says.

        Raises:
            Problem: when the platform would refuse it; nothing is written then.

        """
        handler = _PUT.get(kind)
        if handler is None:
            raise Problem(f"Unknown type name '{kind}' specified", "INVALID_TYPE")
        if not full_name:
            raise Problem("Required field is missing: fullName", "REQUIRED_FIELD_MISSING")
        store, registry = self.org.store, self.org.registry
        with store.catalog.undoing():
            before = registry.get(kind, full_name)
            existed = self.exists(kind, full_name)
            source = source_of(element, full_name)
            if kind == "CustomObject":
                source = self._object_source(full_name, source, before.source if before else None)
            record_id = handler(self.org, full_name, element)
            kept = registry.put(kind, full_name, source, record_id)
        return Outcome(kept.id, not existed, before is None or before.source != source)

    def drop(self, kind: str, full_name: str) -> bool:
        """Removes the component; False when the org has none of that name.

        Raises:
            Problem: when it is in use, or is one of the org's own.

        """
        handler = _DROP.get(kind)
        if handler is None:
            raise Problem(f"Components of type {kind} cannot be deleted", "INVALID_TYPE")
        with self.org.store.catalog.undoing():
            dropped = handler(self.org, full_name)
            if dropped:
                self.org.registry.drop(kind, full_name)
        return dropped

    def _object_source(self, full_name: str, source: str, before: str | None) -> str:
        """An object's own source: its parts are components of their own.

        The file of a standard object may hold little: what it does not tell stays.
        """
        root = parse(source.encode())
        for part in list(root):
            if local(part) in PARTS:
                root.remove(part)
        if before is not None and not full_name.endswith("__c"):
            told = {local(part) for part in root}
            for part in parse(before.encode()):
                if local(part) not in told:
                    root.append(part)
        return etree.tostring(root, encoding="unicode")


def parts_of(full_name: str, element: Element) -> list[tuple[str, str, Element]]:
    """The parts that an object's element holds: type, full name and element, in its order."""
    found: list[tuple[str, str, Element]] = []
    for tag, kind in PARTS.items():
        found.extend(
            (kind.name, f"{full_name}.{text(part, 'fullName') or ''}", part)
            for part in children(element, tag)
        )
    return found


def known_kind(name: str) -> bool:
    """True for a type that the org can hold."""
    return name in BY_NAME
