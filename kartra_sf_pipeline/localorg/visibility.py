"""What the API user sees of the schema: custom fields and objects that permissions grant."""

from __future__ import annotations

from dataclasses import replace

from kartra_sf_pipeline.localorg.audit_fields import PERMISSION, with_audit_fields
from kartra_sf_pipeline.localorg.database import Database
from kartra_sf_pipeline.localorg.schema import Field, Schema, SObject

# The permission sets of a user: those assigned, and the one that the user's profile owns.
OF_USER = (
    "SELECT a.PermissionSetId FROM PermissionSetAssignment a "
    "WHERE a.AssigneeId = :user AND a.IsDeleted = 0 "
    "UNION SELECT s.Id FROM PermissionSet s JOIN User u ON u.ProfileId = s.ProfileId "
    "WHERE u.Id = :user AND s.IsOwnedByProfile = 1"
)
# Objects whose rows decide what a user sees.
GRANTING = frozenset(
    {"FieldPermissions", "ObjectPermissions", "PermissionSet", "PermissionSetAssignment"}
)
_FLAGS = {"createable": 1, "updateable": 2, "deletable": 3, "undeletable": 3}
_NOT_READABLE = (False, False, False, False)


def apply_permissions(schema: Schema, database: Database) -> Schema:
    """The part of `schema` that the API user sees.

    Standard objects and fields are all there, as for an administrator. A custom object needs an
    object permission to be read; its capabilities are those granted. A custom field needs a field
    permission unless it is required; a read-only grant cannot be written.
    """
    fields, objects = _field_grants(database), _object_grants(database)
    kept: list[SObject] = []
    for sobject in schema:
        if sobject.custom:
            granted = objects.get(sobject.name.casefold(), _NOT_READABLE)
            if not granted[0]:
                continue
            refused = {flag for flag, place in _FLAGS.items() if not granted[place]}
            kept.append(_fields_seen(replace(sobject, flags=sobject.flags - refused), fields))
        elif any(f.custom for f in sobject.fields):
            kept.append(_fields_seen(sobject, fields))
        else:
            kept.append(sobject)
    seen = Schema(tuple(kept), schema.version)
    return with_audit_fields(seen) if holds(database, PERMISSION) else seen


def holds(database: Database, permission: str) -> bool:
    """Whether a permission set of the API user has that column of PermissionSet switched on."""
    rows = database.query(
        f"SELECT 1 FROM PermissionSet s WHERE s.Id IN ({OF_USER}) AND s.IsDeleted = 0 "
        f"AND s.{permission} = 1 LIMIT 1",
        {"user": database.user_id},
    )
    return bool(rows)


def _fields_seen(sobject: SObject, grants: dict[str, bool]) -> SObject:
    kept: list[Field] = []
    for field in sobject.fields:
        edit = grants.get(f"{sobject.name}.{field.name}".casefold())
        if not field.custom or field.required:
            kept.append(field)
        elif edit is not None:
            kept.append(field if edit else replace(field, createable=False, updateable=False))
    return sobject.with_fields(kept)


def _field_grants(database: Database) -> dict[str, bool]:
    """Folded `Object.Field` to whether it may be written, for every field that may be read."""
    grants: dict[str, bool] = {}
    rows = database.query(
        "SELECT lower(f.Field), max(f.PermissionsEdit) FROM FieldPermissions f "
        f"WHERE f.ParentId IN ({OF_USER}) AND f.IsDeleted = 0 AND f.PermissionsRead = 1 GROUP BY 1",
        {"user": database.user_id},
    )
    for name, edit in rows:
        owner, _, field = name.partition(".")
        # Fields of activities may be granted once for events and tasks.
        owners = ("event", "task") if owner == "activity" else (owner,)
        for each in owners:
            key = f"{each}.{field}"
            grants[key] = grants.get(key, False) or bool(edit)
    return grants


def _object_grants(database: Database) -> dict[str, tuple[bool, ...]]:
    """Folded object name to whether its records may be read, created, edited and deleted."""
    rows = database.query(
        "SELECT lower(o.SobjectType), "
        "max(max(o.PermissionsRead, o.PermissionsViewAllRecords, o.PermissionsModifyAllRecords)), "
        "max(o.PermissionsCreate), max(max(o.PermissionsEdit, o.PermissionsModifyAllRecords)), "
        "max(max(o.PermissionsDelete, o.PermissionsModifyAllRecords)) FROM ObjectPermissions o "
        f"WHERE o.ParentId IN ({OF_USER}) AND o.IsDeleted = 0 GROUP BY 1",
        {"user": database.user_id},
    )
    return {row[0]: tuple(bool(v) for v in row[1:]) for row in rows}
