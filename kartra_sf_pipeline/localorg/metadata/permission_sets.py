"""Permission sets: the record, and the rows that grant fields and objects."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.metadata.markup import Element, children, flag, text
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.schema import Field
from kartra_sf_pipeline.localorg.store import Store

_OBJECT_GRANTS = {
    "allowCreate": "PermissionsCreate",
    "allowRead": "PermissionsRead",
    "allowEdit": "PermissionsEdit",
    "allowDelete": "PermissionsDelete",
    "viewAllRecords": "PermissionsViewAllRecords",
    "modifyAllRecords": "PermissionsModifyAllRecords",
}
_ACTIVITY_OBJECTS = ("Event", "Task")


def put_permission_set(store: Store, name: str, element: Element) -> str:
    """Creates a permission set or replaces what it grants; returns its record id.

    Raises:
        Problem: for a missing label, or a grant on a field that is unknown or required.

    """
    label = text(element, "label")
    if label is None:
        raise Problem("Must specify a non-empty label for the PermissionSet")
    grants = _field_grants(store, element)
    objects = _object_grants(store, element)
    now = now_text()
    with store.write() as connection:
        rows = connection.execute(
            "SELECT Id FROM PermissionSet WHERE Name = ? AND IsDeleted = 0", (name,)
        ).fetchall()
        if rows:
            record_id: str = rows[0][0]
            connection.execute(
                "UPDATE PermissionSet SET Label = ?, Description = ?, LastModifiedDate = ?, "
                "LastModifiedById = ?, SystemModstamp = ? WHERE Id = ?",
                (label, text(element, "description"), now, store.user_id, now, record_id),
            )
            for table in ("FieldPermissions", "ObjectPermissions"):
                connection.execute(f"DELETE FROM {table} WHERE ParentId = ?", (record_id,))
        else:
            record_id = store.new_ids("PermissionSet", 1).item()
            connection.execute(
                "INSERT INTO PermissionSet (Id, Name, Label, Description, IsCustom, "
                "IsOwnedByProfile, Type, HasActivationRequired, CreatedDate, CreatedById, "
                "LastModifiedDate, LastModifiedById, SystemModstamp) "
                "VALUES (?, ?, ?, ?, 1, 0, 'Regular', ?, ?, ?, ?, ?, ?)",
                (
                    record_id,
                    name,
                    label,
                    text(element, "description"),
                    int(flag(element, "hasActivationRequired") or False),
                    now,
                    store.user_id,
                    now,
                    store.user_id,
                    now,
                ),
            )
        _insert(store, "FieldPermissions", record_id, grants, now)
        stamps = {
            "CreatedDate": now,
            "CreatedById": store.user_id,
            "LastModifiedDate": now,
            "LastModifiedById": store.user_id,
        }
        _insert(store, "ObjectPermissions", record_id, [{**o, **stamps} for o in objects], now)
        store.catalog.permissions_changed()
    return record_id


def drop_permission_set(store: Store, name: str) -> bool:
    """Removes a permission set, its grants and its assignments; False when it is not there."""
    with store.write() as connection:
        rows = connection.execute("SELECT Id FROM PermissionSet WHERE Name = ?", (name,)).fetchall()
        for (record_id,) in rows:
            for table, column in (
                ("FieldPermissions", "ParentId"),
                ("ObjectPermissions", "ParentId"),
                ("PermissionSetAssignment", "PermissionSetId"),
                ("PermissionSet", "Id"),
            ):
                connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (record_id,))
        store.catalog.permissions_changed()
        return bool(rows)


def _insert(store: Store, table: str, parent: str, rows: list[dict[str, object]], now: str) -> None:
    if not rows:
        return
    frame = pl.DataFrame(
        [{"ParentId": parent, "SystemModstamp": now, **row} for row in rows],
        infer_schema_length=None,
    )
    frame.insert_column(0, store.new_ids(table, frame.height))
    with store.write() as connection:
        store.insert_frame(connection, table, frame)


def _field_grants(store: Store, element: Element) -> list[dict[str, object]]:
    grants: dict[str, dict[str, object]] = {}
    for item in children(element, "fieldPermissions"):
        name = text(item, "field") or ""
        readable, editable = flag(item, "readable") or False, flag(item, "editable") or False
        for owner, field in _fields(store, name):
            if field.required or not (field.custom or field.nillable):
                raise Problem(f"You cannot deploy to a required field: {owner}.{field.name}")
            full_name = f"{owner}.{field.name}"
            if readable or editable:
                grants[full_name] = {
                    "SobjectType": owner,
                    "Field": full_name,
                    "PermissionsRead": 1,
                    "PermissionsEdit": int(editable),
                }
    return list(grants.values())


def _fields(store: Store, full_name: str) -> list[tuple[str, Field]]:
    owner, _, field_name = full_name.partition(".")
    owners = _ACTIVITY_OBJECTS if owner.casefold() == "activity" else (owner,)
    found: list[tuple[str, Field]] = []
    for name in owners:
        sobject = store.schema.object(name)
        field = sobject.field(field_name) if sobject else None
        if sobject is not None and field is not None:
            found.append((sobject.name, field))
    if not found:
        raise Problem(
            f"In field: field - no CustomField named {full_name} found",
            "INVALID_CROSS_REFERENCE_KEY",
        )
    return found


def _object_grants(store: Store, element: Element) -> list[dict[str, object]]:
    grants: list[dict[str, object]] = []
    for item in children(element, "objectPermissions"):
        name = text(item, "object") or ""
        sobject = store.schema.object(name)
        if sobject is None:
            raise Problem(
                f"In field: field - no CustomObject named {name} found",
                "INVALID_CROSS_REFERENCE_KEY",
            )
        row: dict[str, object] = {"SobjectType": sobject.name}
        for tag, column in _OBJECT_GRANTS.items():
            row[column] = int(flag(item, tag) or False)
        grants.append(row)
    return grants
