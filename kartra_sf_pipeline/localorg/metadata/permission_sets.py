"""Permission sets and profiles: the record, what it grants, and how it reads back."""

from __future__ import annotations

from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.metadata.grants import (
    OBJECT_GRANTS,
    USER_PERMISSION,
    read_grants,
    user_permission_columns,
    write_grants,
)
from kartra_sf_pipeline.localorg.metadata.markup import Element, add, children, flag, node, text
from kartra_sf_pipeline.localorg.metadata.org import Org, check_name
from kartra_sf_pipeline.localorg.metadata.problems import Problem

# The Metadata API's own names of two profiles.
PROFILE_NAMES = {"Admin": "System Administrator", "Standard": "Standard User"}
# What is read back from the rows: an element, and the child that names what it is about.
_GRANTING = {
    "customPermissions": "name",
    "fieldPermissions": "field",
    "objectPermissions": "object",
    "recordTypeVisibilities": "recordType",
    "userPermissions": "name",
}


def put_permission_set(org: Org, name: str, element: Element) -> str:
    """Creates a permission set or replaces what it grants; returns its record id.

    Raises:
        Problem: for a bad name, a missing label, or a grant that `read_grants` refuses.

    """
    check_name(name, "Permission Set Name")
    label = text(element, "label")
    if label is None:
        raise Problem("Must specify a non-empty label for the PermissionSet")
    grants = read_grants(org, element)
    record_id = org.put_row(
        "PermissionSet",
        {"Name": name},
        {
            "Label": label,
            "Description": text(element, "description"),
            "IsCustom": 1,
            "IsOwnedByProfile": 0,
            "Type": "Regular",
            "HasActivationRequired": int(flag(element, "hasActivationRequired") or False),
        },
    )
    write_grants(org, record_id, grants, replace=True)
    return record_id


def drop_permission_set(org: Org, name: str) -> bool:
    """Removes a permission set, its grants and its assignments; False when it is not there."""
    with org.store.write() as connection:
        rows = connection.execute(
            "SELECT Id FROM PermissionSet WHERE Name = ? AND IsOwnedByProfile = 0", (name,)
        ).fetchall()
        for (record_id,) in rows:
            for table, column in (
                ("FieldPermissions", "ParentId"),
                ("ObjectPermissions", "ParentId"),
                ("SetupEntityAccess", "ParentId"),
                ("_record_type_access", "parent"),
                ("PermissionSetAssignment", "PermissionSetId"),
                ("PermissionSet", "Id"),
            ):
                connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (record_id,))
        org.store.catalog.permissions_changed()
        return bool(rows)


def put_profile(org: Org, name: str, element: Element) -> str:
    """Adds to what a profile grants, or makes a profile; what is not named stays as it is.

    Raises:
        Problem: for a grant that `read_grants` refuses.

    """
    grants = read_grants(org, element)
    own = PROFILE_NAMES.get(name, name)
    licence = org.store.query("SELECT UserLicenseId FROM Profile LIMIT 1")
    profile = org.put_row(
        "Profile",
        {"Name": own},
        {"UserType": "Standard", "UserLicenseId": licence[0][0] if licence else None},
    )
    record_id = org.put_row(
        "PermissionSet",
        {"ProfileId": profile, "IsOwnedByProfile": 1},
        {"Name": f"X{profile[:15]}", "Label": f"X{profile[:15]}", "IsCustom": 0, "Type": "Profile"},
    )
    with org.store.write() as connection:
        for record_type, (_, default) in grants.record_types.items():
            if default:
                connection.execute(
                    "UPDATE _record_type_access SET is_default = 0 WHERE parent = ? "
                    "AND record_type IN (SELECT o.Id FROM RecordType o JOIN RecordType n "
                    "ON n.SobjectType = o.SobjectType WHERE n.Id = ?)",
                    (record_id, record_type),
                )
    write_grants(org, record_id, grants, replace=False)
    return profile


def undeployed(org: Org, kind: str) -> list[str]:
    """Names of profiles and permission sets that no deployment has brought."""
    match kind:
        case "PermissionSet":
            rows = org.store.query(
                "SELECT Name FROM PermissionSet WHERE IsDeleted = 0 AND IsOwnedByProfile = 0"
            )
        case "Profile":
            rows = org.store.query("SELECT Name FROM Profile WHERE IsDeleted = 0")
        case _:
            return []
    reverse = {own: name for name, own in PROFILE_NAMES.items()}
    short = reverse if kind == "Profile" else {}
    owns: list[str] = [r[0] for r in rows]
    names = [short.get(own, own) for own in owns]
    return sorted(n for n in names if org.registry.get(kind, n) is None)


def read_permission_set(org: Org, name: str, source: Element) -> Element | None:
    """A permission set as it is now: the deployed file, with the grants that the rows hold.

    A grant that the file withheld is still told; one on what is gone is not.
    """
    rows = org.store.query(
        "SELECT Id, Label, Description FROM PermissionSet WHERE Name = ? AND IsDeleted = 0", (name,)
    )
    if not rows:
        return None
    record_id, label, description = rows[0]
    root = _without_grants(source, "label", "description")
    add(root, "label", label)
    if description is not None:
        add(root, "description", description)
    _add_grants(org, root, record_id, source, default=False)
    return root


def read_profile(org: Org, name: str, source: Element) -> Element | None:
    """A profile as it is now."""
    rows = org.store.query(
        "SELECT s.Id FROM PermissionSet s JOIN Profile p ON p.Id = s.ProfileId "
        "WHERE p.Name = ? AND s.IsOwnedByProfile = 1",
        (PROFILE_NAMES.get(name, name),),
    )
    root = _without_grants(source)
    if rows:
        _add_grants(org, root, rows[0][0], source, default=True)
    return root


def _without_grants(source: Element, *names: str) -> Element:
    root = node(source.tag.rpartition("}")[2])
    for part in list(source):
        if part.tag.rpartition("}")[2] not in {*_GRANTING, *names}:
            root.append(part)
    return root


def _add_grants(org: Org, root: Element, record_id: str, source: Element, *, default: bool) -> None:
    store = org.store
    found: dict[tuple[str, str], dict[str, object]] = {}
    for name, edit in store.query(
        "SELECT Field, PermissionsEdit FROM FieldPermissions WHERE ParentId = ? AND IsDeleted = 0",
        (record_id,),
    ):
        found["fieldPermissions", name] = {"editable": bool(edit), "readable": True}
    columns = ", ".join(OBJECT_GRANTS.values())
    for name, *given in store.query(
        f"SELECT SobjectType, {columns} FROM ObjectPermissions "
        "WHERE ParentId = ? AND IsDeleted = 0",
        (record_id,),
    ):
        found["objectPermissions", name] = {
            tag: bool(v) for tag, v in zip(OBJECT_GRANTS, given, strict=True)
        }
    for (name,) in store.query(
        "SELECT p.DeveloperName FROM SetupEntityAccess a JOIN CustomPermission p "
        "ON p.Id = a.SetupEntityId WHERE a.ParentId = ? AND a.IsDeleted = 0",
        (record_id,),
    ):
        found["customPermissions", name] = {"enabled": True}
    for owner, name, visible, chosen in store.query(
        "SELECT r.SobjectType, r.DeveloperName, a.visible, a.is_default FROM _record_type_access a "
        "JOIN RecordType r ON r.Id = a.record_type WHERE a.parent = ?",
        (record_id,),
    ):
        told: dict[str, object] = {"default": bool(chosen)} if default else {}
        found["recordTypeVisibilities", f"{owner}.{name}"] = {**told, "visible": bool(visible)}
    permissions = user_permission_columns(org)
    listed = ", ".join(quote(c) for c in permissions)
    for row in store.query(f"SELECT {listed} FROM PermissionSet WHERE Id = ?", (record_id,)):
        for column, granted in zip(permissions, row, strict=True):
            if granted:
                found["userPermissions", column.removeprefix(USER_PERMISSION)] = {"enabled": True}
    for tag, label in _GRANTING.items():
        for part in children(source, tag):
            name = text(part, label) or ""
            if (tag, name) not in found and _still_there(org, tag, name):
                found[tag, name] = {
                    p.tag.rpartition("}")[2]: False
                    for p in part
                    if p.tag.rpartition("}")[2] != label
                }
    for (tag, name), told in sorted(found.items()):
        entry = add(root, tag)
        for key, value in sorted({**told, _GRANTING[tag]: name}.items()):
            add(entry, key, value)


def _still_there(org: Org, tag: str, name: str) -> bool:
    owner, _, own = name.partition(".")
    match tag:
        case "fieldPermissions":
            return any(o.field(own) for o in org.owners(owner))
        case "objectPermissions":
            return org.store.schema.object(name) is not None
        case "customPermissions":
            return org.registry.get("CustomPermission", name) is not None
        case "recordTypeVisibilities":
            return org.registry.get("RecordType", name) is not None
        case _:
            return True
