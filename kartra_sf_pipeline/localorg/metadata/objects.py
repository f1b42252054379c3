"""Custom objects: the system fields that each one has, and its name field."""

from __future__ import annotations

import re
from typing import Any

from kartra_sf_pipeline.localorg.metadata.markup import Element, child, text
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.schema import Field, SObject

_NAME = re.compile(r"^[A-Za-z](?:_?[A-Za-z0-9])*__c$")
_FLAGS = frozenset(
    {
        "createable",
        "deletable",
        "layoutable",
        "mru_enabled",
        "queryable",
        "replicateable",
        "retrieveable",
        "searchable",
        "triggerable",
        "undeletable",
        "updateable",
    }
)
NAME_LENGTH = 80


def object_of(element: Element, api_name: str, before: SObject | None) -> SObject:
    """The schema object that a CustomObject element defines, without its custom fields.

    Raises:
        Problem: when the platform would refuse it.

    """
    if not _NAME.match(api_name):
        raise Problem(
            "Object Name: The Object Name field can only contain underscores and alphanumeric "
            "characters. It must be unique, begin with a letter, not include spaces, not end with "
            "an underscore, and not contain two consecutive underscores."
        )
    label, plural = text(element, "label"), text(element, "pluralLabel")
    if label is None:
        raise Problem("Must specify a non-empty label for the CustomObject")
    if plural is None:
        raise Problem("Must specify a non-empty pluralLabel for the CustomObject")
    name_field = child(element, "nameField")
    kind = None if name_field is None else text(name_field, "type")
    if name_field is None or kind not in {"Text", "AutoNumber"}:
        raise Problem("Must specify a nameField of type Text or AutoNumber")
    if text(element, "deploymentStatus") is None:
        raise Problem("Must specify a non-null deploymentStatus for the CustomObject")
    name_label = text(name_field, "label") or f"{label} Name"
    fields = before.fields if before else _system_fields(name_label, automatic=kind == "AutoNumber")
    return SObject(
        api_name,
        label,
        plural,
        before.key_prefix if before else None,
        _FLAGS,
        fields,
        custom=True,
        description=text(element, "description"),
    )


def _system_fields(name_label: str, *, automatic: bool) -> tuple[Field, ...]:
    def system(name: str, label: str, kind: str, **more: Any) -> Field:
        return Field(
            name,
            label,
            kind,
            nillable=False,
            createable=False,
            updateable=False,
            defaulted_on_create=True,
            **more,
        )

    def user(name: str, label: str, relationship: str) -> Field:
        return system(
            name,
            label,
            "reference",
            length=18,
            reference_to=("User",),
            relationship_name=relationship,
        )

    owner = Field(
        "OwnerId",
        "Owner ID",
        "reference",
        length=18,
        nillable=False,
        defaulted_on_create=True,
        reference_to=("Group", "User"),
        relationship_name="Owner",
        polymorphic_foreign_key=True,
    )
    name = Field(
        "Name",
        name_label,
        "string",
        length=NAME_LENGTH,
        name_field=True,
        createable=not automatic,
        updateable=not automatic,
        defaulted_on_create=automatic,
    )
    return (
        system("Id", "Record ID", "id", length=18, id_lookup=True),
        owner,
        system("IsDeleted", "Deleted", "boolean"),
        name,
        system("CreatedDate", "Created Date", "datetime", groupable=False),
        user("CreatedById", "Created By ID", "CreatedBy"),
        system("LastModifiedDate", "Last Modified Date", "datetime", groupable=False),
        user("LastModifiedById", "Last Modified By ID", "LastModifiedBy"),
        system("SystemModstamp", "System Modstamp", "datetime", groupable=False),
    )
