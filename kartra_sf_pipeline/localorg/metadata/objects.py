"""Custom objects: the system fields that each one has, and its name field."""

from __future__ import annotations

import re
from typing import Any

from kartra_sf_pipeline.localorg.metadata.custom_fields import display_format
from kartra_sf_pipeline.localorg.metadata.markup import Element, child, children, number, text
from kartra_sf_pipeline.localorg.metadata.org import Org
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.metadata.record_types import drop_all_of
from kartra_sf_pipeline.localorg.rules.auto_numbers import start_number
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
SHARING_MODELS = frozenset(
    {"Private", "Read", "ReadWrite", "ReadWriteTransfer", "FullAccess", "ControlledByParent"}
)


def put_object(org: Org, full_name: str, element: Element) -> None:
    """Creates a custom object or changes its labels and name field.

    The file of a standard object, or of Activity, only carries parts: the object is the org's own.

    Raises:
        Problem: when the platform would refuse it.

    """
    before = org.store.schema.object(full_name)
    if not org.owners(full_name) and not full_name.endswith("__c"):
        raise Problem(
            f"Entity Enumeration Or ID: bad value for restricted picklist field: {full_name}",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        )
    if org.owners(full_name) and (before is None or not before.custom):
        return
    sobject = object_of(element, full_name, before)
    catalog = org.store.catalog
    catalog.put_object(sobject)
    name = sobject.field("Name")
    known = before.field("Name") if before else None
    if name is None:
        return
    if before is not None:
        catalog.put_field(sobject.name, name)
    if name.display_format is not None and (known is None or known.display_format is None):
        form = child(element, "nameField")
        first = None if form is None else number(form, "startingNumber")
        with org.store.write() as connection:
            start_number(connection, sobject.name, "Name", 1 if first is None else first)


def drop_object(org: Org, full_name: str) -> bool:
    """Removes a custom object with its records and all that belongs to it.

    Raises:
        Problem: for a standard object, and when another object's lookup points at it.

    """
    sobject = org.store.schema.object(full_name)
    if sobject is None:
        return False
    if not sobject.custom:
        raise Problem(f"Cannot delete standard object {full_name}")
    for other in org.store.schema:
        for field in other.fields:
            if field.custom and sobject.name in field.reference_to and other != sobject:
                raise Problem(
                    f"{full_name} is referenced by the lookup {other.name}.{field.name}",
                    "DEPENDENCY_EXISTS",
                )
    for kind in ("CustomField", "RecordType", "ValidationRule"):
        for component in org.registry.all(kind):
            if component.full_name.partition(".")[0].casefold() == sobject.name.casefold():
                org.registry.drop(kind, component.full_name)
    drop_all_of(org, sobject.name)
    return org.store.catalog.drop_object(sobject.name)


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
    sharing = text(element, "sharingModel")
    if sharing is not None and sharing not in SHARING_MODELS:
        raise Problem(f"'{sharing}' is not a valid value for the enum 'SharingModel'")
    masters = [f for f in children(element, "fields") if text(f, "type") == "MasterDetail"]
    if masters and sharing != "ControlledByParent":
        raise Problem(
            f"Cannot set sharingModel to {sharing or 'ReadWrite'} on a CustomObject with a "
            "MasterDetail relationship field"
        )
    name = _name_field(name_field, label, automatic=kind == "AutoNumber")
    detail = sharing == "ControlledByParent"
    if before is None:
        fields = _system_fields(name, owned=not detail)
    else:
        fields = tuple(name if f.name == "Name" else f for f in before.fields)
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


def _name_field(element: Element, label: str, *, automatic: bool) -> Field:
    return Field(
        "Name",
        text(element, "label") or f"{label} Name",
        "string",
        length=NAME_LENGTH,
        name_field=True,
        nillable=not automatic,
        createable=not automatic,
        updateable=not automatic,
        defaulted_on_create=automatic,
        display_format=display_format(element) if automatic else None,
    )


def _system_fields(name: Field, *, owned: bool) -> tuple[Field, ...]:
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
    return (
        system("Id", "Record ID", "id", length=18, id_lookup=True),
        *([owner] if owned else []),
        system("IsDeleted", "Deleted", "boolean"),
        name,
        system("CreatedDate", "Created Date", "datetime", groupable=False),
        user("CreatedById", "Created By ID", "CreatedBy"),
        system("LastModifiedDate", "Last Modified Date", "datetime", groupable=False),
        user("LastModifiedById", "Last Modified By ID", "LastModifiedBy"),
        system("SystemModstamp", "System Modstamp", "datetime", groupable=False),
    )
