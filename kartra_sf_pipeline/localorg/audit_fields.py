"""Who may say when and by whom a record was created: the permission to set audit fields."""

from __future__ import annotations

from dataclasses import replace

from kartra_sf_pipeline.localorg.schema import AUDIT_FIELDS, Schema, SObject

# Objects that take audit fields; all custom objects do, too.
SUPPORTED = frozenset(
    {
        "Account",
        "CampaignMember",
        "Case",
        "Contact",
        "ContentNote",
        "ContentVersion",
        "Event",
        "Lead",
        "Opportunity",
        "Task",
    }
)
PERMISSION = "PermissionsCreateAuditFields"


def with_audit_fields(schema: Schema) -> Schema:
    """The schema in the eyes of a user who may set audit fields when a record is created."""
    return Schema(tuple(_writable(o) for o in schema), schema.version)


def _writable(sobject: SObject) -> SObject:
    if not (sobject.custom or sobject.name in SUPPORTED):
        return sobject
    return sobject.with_fields(
        replace(f, createable=True) if f.name in AUDIT_FIELDS else f for f in sobject.fields
    )
