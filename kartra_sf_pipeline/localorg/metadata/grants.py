"""What permission sets and profiles grant: from their XML to rows, and from rows to XML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.metadata.markup import Element, children, flag, text
from kartra_sf_pipeline.localorg.metadata.org import Org, not_found, required
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.schema import Field

OBJECT_GRANTS = {
    "allowCreate": "PermissionsCreate",
    "allowDelete": "PermissionsDelete",
    "allowEdit": "PermissionsEdit",
    "allowRead": "PermissionsRead",
    "modifyAllRecords": "PermissionsModifyAllRecords",
    "viewAllRecords": "PermissionsViewAllRecords",
}
# A grant and the grants on the same object that it does not make sense without.
_NEEDS = {
    "allowCreate": ("allowRead",),
    "allowEdit": ("allowRead",),
    "allowDelete": ("allowRead", "allowEdit"),
    "viewAllRecords": ("allowRead",),
    "modifyAllRecords": ("allowRead", "allowEdit", "allowDelete", "viewAllRecords"),
}
_WORDS = {
    "allowCreate": "Create",
    "allowDelete": "Delete",
    "allowEdit": "Edit",
    "allowRead": "Read",
    "modifyAllRecords": "Modify All",
    "viewAllRecords": "View All",
}
USER_PERMISSION = "Permissions"


@dataclass
class Grants:
    """Everything that one element grants or withholds, checked against the org.

    Attributes:
        fields: full name to (readable, editable).
        objects: object name to its six grants by element name.
        custom: id of a custom permission to whether it is granted.
        record_types: id of a record type to (visible, default).
        user: column of PermissionSet to whether it is granted.

    """

    fields: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    objects: dict[str, dict[str, bool]] = field(default_factory=dict)
    custom: dict[str, bool] = field(default_factory=dict)
    record_types: dict[str, tuple[bool, bool]] = field(default_factory=dict)
    user: dict[str, bool] = field(default_factory=dict)


def read_grants(org: Org, element: Element) -> Grants:
    """The grants of a PermissionSet or Profile element.

    Raises:
        Problem: for a reference to what is not there, a field that takes no grants, an unknown
            user permission, or a grant on an object without those that it needs.

    """
    grants = Grants()
    for item in children(element, "fieldPermissions"):
        edit = flag(item, "editable") or False
        read = flag(item, "readable") or False
        for owner, found in _fields(org, text(item, "field") or ""):
            if found.required or not (found.custom or found.nillable):
                raise Problem(f"You cannot deploy to a required field: {owner}.{found.name}")
            grants.fields[f"{owner}.{found.name}"] = (read or edit, edit)
    for item in children(element, "objectPermissions"):
        name = text(item, "object") or ""
        sobject = org.store.schema.object(name)
        if sobject is None:
            raise not_found("CustomObject", name)
        given = {tag: flag(item, tag) or False for tag in OBJECT_GRANTS}
        _check_needs(sobject.label, given)
        grants.objects[sobject.name] = given
    for item in children(element, "customPermissions"):
        name = required(item, "name")
        rows = org.store.query(
            "SELECT Id FROM CustomPermission WHERE DeveloperName = ? AND IsDeleted = 0", (name,)
        )
        if not rows:
            raise not_found("CustomPermission", name, "name")
        grants.custom[rows[0][0]] = flag(item, "enabled") or False
    for item in children(element, "recordTypeVisibilities"):
        name = required(item, "recordType")
        owner, _, own = name.partition(".")
        rows = org.store.query(
            "SELECT Id FROM RecordType WHERE SobjectType = ? COLLATE NOCASE "
            "AND DeveloperName = ? AND IsDeleted = 0",
            (owner, own),
        )
        if not rows:
            raise not_found("RecordType", name, "recordType")
        visible, default = flag(item, "visible") or False, flag(item, "default") or False
        if default and not visible:
            raise Problem(f"The default record type {name} must be visible")
        grants.record_types[rows[0][0]] = (visible, default)
    columns = org.store.schema.object("PermissionSet")
    for item in children(element, "userPermissions"):
        name = required(item, "name")
        column = columns.field(USER_PERMISSION + name) if columns else None
        if column is None:
            raise Problem(f"Unknown user permission: {name}", "INVALID_FIELD")
        grants.user[column.name] = flag(item, "enabled") or False
    return grants


def _check_needs(label: str, given: dict[str, bool]) -> None:
    for tag, needs in _NEEDS.items():
        missing = [n for n in needs if given[tag] and not given[n]]
        if missing:
            listed = ", ".join(f"{_WORDS[n]} {label}" for n in missing)
            raise Problem(f"Permission {_WORDS[tag]} {label} depends on permission(s): {listed}")


def _fields(org: Org, full_name: str) -> list[tuple[str, Field]]:
    owner, _, field_name = full_name.partition(".")
    found = [
        (sobject.name, known)
        for sobject in org.owners(owner)
        if (known := sobject.field(field_name)) is not None
    ]
    if not found:
        raise not_found("CustomField", full_name)
    return found


def write_grants(org: Org, record_id: str, grants: Grants, *, replace: bool) -> None:
    """Store the grants of a permission set; without `replace`, those not named stay as they are."""
    now, user = now_text(), org.store.user_id
    stamps = {"CreatedDate": now, "CreatedById": user}
    stamps |= {"LastModifiedDate": now, "LastModifiedById": user}
    with org.store.write() as connection:

        def forget(table: str, column: str, parent: str, names: Callable[[], list[str]]) -> None:
            if replace:
                connection.execute(f"DELETE FROM {table} WHERE {parent} = ?", (record_id,))
                return
            connection.executemany(
                f"DELETE FROM {table} WHERE {parent} = ? AND {column} = ?",
                [(record_id, n) for n in names()],
            )

        forget("FieldPermissions", "Field", "ParentId", lambda: list(grants.fields))
        forget("ObjectPermissions", "SobjectType", "ParentId", lambda: list(grants.objects))
        forget("SetupEntityAccess", "SetupEntityId", "ParentId", lambda: list(grants.custom))
        forget("_record_type_access", "record_type", "parent", lambda: list(grants.record_types))
        _insert(
            org,
            "FieldPermissions",
            record_id,
            [
                {
                    "SobjectType": name.partition(".")[0],
                    "Field": name,
                    "PermissionsRead": 1,
                    "PermissionsEdit": int(edit),
                }
                for name, (read, edit) in grants.fields.items()
                if read
            ],
        )
        _insert(
            org,
            "ObjectPermissions",
            record_id,
            [
                {
                    "SobjectType": name,
                    **{column: int(given[tag]) for tag, column in OBJECT_GRANTS.items()},
                    **stamps,
                }
                for name, given in grants.objects.items()
                if any(given.values())
            ],
        )
        _insert(
            org,
            "SetupEntityAccess",
            record_id,
            [
                {"SetupEntityId": entity, "SetupEntityType": "CustomPermission"}
                for entity, enabled in grants.custom.items()
                if enabled
            ],
        )
        connection.executemany(
            "INSERT OR REPLACE INTO _record_type_access VALUES (?, ?, ?, ?)",
            [
                (record_id, record_type, int(visible), int(default))
                for record_type, (visible, default) in grants.record_types.items()
            ],
        )
        _write_user_permissions(org, record_id, grants, replace=replace)
        org.store.catalog.permissions_changed()


def _write_user_permissions(org: Org, record_id: str, grants: Grants, *, replace: bool) -> None:
    columns = user_permission_columns(org)
    wanted = {c: int(grants.user.get(c, False)) for c in columns if replace or c in grants.user}
    if wanted:
        names = ", ".join(f"{quote(c)} = ?" for c in wanted)
        with org.store.write() as connection:
            connection.execute(
                f"UPDATE PermissionSet SET {names} WHERE Id = ?", (*wanted.values(), record_id)
            )


def user_permission_columns(org: Org) -> list[str]:
    """The columns of PermissionSet that are user permissions."""
    sobject = org.store.schema.object("PermissionSet")
    fields = sobject.fields if sobject else ()
    return [f.name for f in fields if f.name.startswith(USER_PERMISSION) and f.type == "boolean"]


def _insert(org: Org, table: str, parent: str, rows: list[dict[str, object]]) -> None:
    if not rows:
        return
    frame = pl.DataFrame(
        [{"ParentId": parent, "SystemModstamp": now_text(), **row} for row in rows],
        infer_schema_length=None,
    )
    frame.insert_column(0, org.store.new_ids(table, frame.height))
    with org.store.write() as connection:
        org.store.insert_frame(connection, table, frame)
