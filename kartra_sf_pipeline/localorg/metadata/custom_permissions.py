"""Custom permissions: a name that permission sets grant and that rules can ask for."""

from __future__ import annotations

from kartra_sf_pipeline.localorg.metadata.markup import Element, flag, text
from kartra_sf_pipeline.localorg.metadata.org import Org, check_name, required


def put_custom_permission(org: Org, full_name: str, element: Element) -> str:
    """Creates a custom permission or changes its label; returns its record id.

    Raises:
        Problem: for a bad name or a missing label.

    """
    check_name(full_name, "Custom Permission Name")
    label = required(element, "label", longest=80)
    return org.put_row(
        "CustomPermission",
        {"DeveloperName": full_name},
        {
            "MasterLabel": label,
            "Description": text(element, "description"),
            "Language": "en_US",
            "IsLicensed": int(flag(element, "isLicensed") or False),
            "IsProtected": 0,
        },
    )


def drop_custom_permission(org: Org, full_name: str) -> bool:
    """Removes a custom permission, and what grants it."""
    record_id = org.drop_row("CustomPermission", {"DeveloperName": full_name})
    if record_id is None:
        return False
    with org.store.write() as connection:
        connection.execute("DELETE FROM SetupEntityAccess WHERE SetupEntityId = ?", (record_id,))
    return True
