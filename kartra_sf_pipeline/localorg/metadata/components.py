"""Puts components into the org and takes them out, whichever door they came through."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from kartra_sf_pipeline.localorg.metadata.custom_fields import field_of
from kartra_sf_pipeline.localorg.metadata.markup import (
    Element,
    children,
    etree,
    parse,
    source_of,
    text,
)
from kartra_sf_pipeline.localorg.metadata.objects import object_of
from kartra_sf_pipeline.localorg.metadata.permission_sets import (
    drop_permission_set,
    put_permission_set,
)
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.metadata.registry import Registry
from kartra_sf_pipeline.localorg.metadata.value_sets import put_value_set
from kartra_sf_pipeline.localorg.schema import SObject
from kartra_sf_pipeline.localorg.store import Store

TYPES = ("CustomField", "CustomObject", "PermissionSet", "StandardValueSet")
ACTIVITY = "Activity"
_ACTIVITY_OBJECTS = ("Event", "Task")
MAX_CUSTOM_FIELDS = 500
MAX_EXTERNAL_IDS = 25


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a component's arrival did."""

    id: str
    created: bool
    changed: bool


class Components:
    """The components of one org. Call inside `store.write()`, so that a failure undoes them."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry

    def exists(self, kind: str, full_name: str) -> bool:
        """True when the org has the component, deployed or of its own."""
        if kind == "CustomObject":
            return self._store.schema.object(full_name) is not None
        if kind == "CustomField":
            owner, _, name = full_name.partition(".")
            return any(o.field(name) for o in self._owners(owner))
        if kind == "PermissionSet":
            return bool(
                self._store.query("SELECT 1 FROM PermissionSet WHERE Name = ?", (full_name,))
            )
        return self._registry.get(kind, full_name) is not None

    def put(self, kind: str, full_name: str, element: Element) -> Outcome:
        """Creates the component or brings it to what the element says.

        Raises:
            Problem: when the platform would refuse it; nothing is written then.

        """
        before = self._registry.get(kind, full_name)
        existed = self.exists(kind, full_name)
        record_id: str | None = None
        source = source_of(element, full_name)
        match kind:
            case "CustomField":
                self._put_field(full_name, element)
            case "CustomObject":
                self._put_object(full_name, element)
                source = _without_fields(source)
            case "PermissionSet":
                record_id = put_permission_set(self._store, full_name, element)
            case "StandardValueSet":
                put_value_set(self._store, full_name, element)
            case _:
                raise Problem(f"Unknown type name '{kind}' specified", "INVALID_TYPE")
        kept = self._registry.put(kind, full_name, source, record_id)
        return Outcome(kept.id, not existed, before is None or before.source != source)

    def drop(self, kind: str, full_name: str) -> bool:
        """Removes the component; False when the org has none of that name.

        Raises:
            Problem: when it is in use, or is one of the org's own.

        """
        match kind:
            case "CustomField":
                dropped = self._drop_field(full_name)
            case "CustomObject":
                dropped = self._drop_object(full_name)
            case "PermissionSet":
                dropped = drop_permission_set(self._store, full_name)
            case _:
                raise Problem(f"Components of type {kind} cannot be deleted", "INVALID_TYPE")
        if dropped:
            self._registry.drop(kind, full_name)
        return dropped

    def _owners(self, name: str) -> list[SObject]:
        names = _ACTIVITY_OBJECTS if name.casefold() == ACTIVITY.casefold() else (name,)
        return [o for n in names if (o := self._store.schema.object(n)) is not None]

    def _put_field(self, full_name: str, element: Element) -> None:
        owner, _, name = full_name.partition(".")
        owners = self._owners(owner)
        if not name or not owners:
            raise Problem(
                f"Entity Enumeration Or ID: bad value for restricted picklist field: {owner}",
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            )
        for sobject in owners:
            before = sobject.field(name)
            if before is not None and not before.custom:
                raise Problem(
                    f"There is already a field named {name} on {sobject.label}.",
                    "DUPLICATE_DEVELOPER_NAME",
                )
            field = field_of(element, name, self._store.schema, before)
            self._check_child_relationship(full_name, element)
            custom = [f for f in sobject.fields if f.custom and f.name != field.name]
            if before is None and len(custom) >= MAX_CUSTOM_FIELDS:
                raise Problem(
                    "You have reached the maximum number of custom fields on "
                    f"{sobject.label} ({MAX_CUSTOM_FIELDS})",
                    "LIMIT_EXCEEDED",
                )
            if field.external_id and sum(f.external_id for f in custom) >= MAX_EXTERNAL_IDS:
                raise Problem(
                    "You have reached the maximum number of External ID fields on "
                    f"{sobject.label} ({MAX_EXTERNAL_IDS})",
                    "LIMIT_EXCEEDED",
                )
            try:
                self._store.catalog.put_field(sobject.name, field)
            except sqlite3.IntegrityError as error:
                raise Problem(
                    f"{name}: the field cannot be made unique, because values in it repeat",
                    "DUPLICATE_VALUE",
                ) from error

    def _check_child_relationship(self, full_name: str, element: Element) -> None:
        wanted, target = text(element, "relationshipName"), text(element, "referenceTo")
        if wanted is None or target is None:
            return
        for other in self._registry.all("CustomField"):
            if other.full_name.casefold() == full_name.casefold():
                continue
            known = parse(other.source.encode())
            if (text(known, "relationshipName") or "").casefold() == wanted.casefold() and (
                text(known, "referenceTo") or ""
            ).casefold() == target.casefold():
                raise Problem(
                    f"There is already a Child Relationship named {wanted} on {target}.",
                    "DUPLICATE_DEVELOPER_NAME",
                )

    def _put_object(self, full_name: str, element: Element) -> None:
        before = self._store.schema.object(full_name)
        if full_name.casefold() == ACTIVITY.casefold() or (before and not before.custom):
            # The file of a standard object carries fields; the object itself is the org's own.
            return
        self._store.catalog.put_object(object_of(element, full_name, before))

    def _drop_field(self, full_name: str) -> bool:
        owner, _, name = full_name.partition(".")
        dropped = False
        for sobject in self._owners(owner):
            field = sobject.field(name)
            if field is not None and not field.custom:
                raise Problem(f"Cannot delete standard field {full_name}")
            dropped = self._store.catalog.drop_field(sobject.name, name) or dropped
        return dropped

    def _drop_object(self, full_name: str) -> bool:
        sobject = self._store.schema.object(full_name)
        if sobject is None:
            return False
        if not sobject.custom:
            raise Problem(f"Cannot delete standard object {full_name}")
        for other in self._store.schema:
            for field in other.fields:
                if field.custom and sobject.name in field.reference_to and other != sobject:
                    raise Problem(
                        f"{full_name} is referenced by the lookup {other.name}.{field.name}",
                        "DEPENDENCY_EXISTS",
                    )
        for field in sobject.fields:
            self._registry.drop("CustomField", f"{sobject.name}.{field.name}")
        return self._store.catalog.drop_object(sobject.name)


def _without_fields(source: str) -> str:
    """An object's own source: its fields are components of their own."""
    root = parse(source.encode())
    for part in children(root, "fields"):
        root.remove(part)
    return etree.tostring(root, encoding="unicode")
