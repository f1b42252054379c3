"""Custom fields in their places: on their object or on both activity objects, within the limits."""

from __future__ import annotations

import sqlite3

from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.metadata.custom_fields import field_of
from kartra_sf_pipeline.localorg.metadata.field_picklists import MAX_VALUE_LENGTH
from kartra_sf_pipeline.localorg.metadata.markup import Element, number, parse, text
from kartra_sf_pipeline.localorg.metadata.org import Org
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.metadata.validation_rules import rules_naming
from kartra_sf_pipeline.localorg.rules.auto_numbers import start_number
from kartra_sf_pipeline.localorg.schema import Field, SObject

MAX_CUSTOM_FIELDS = 500
MAX_EXTERNAL_IDS = 25
MAX_MASTERS = 2
MAX_LONG_TEXTS = 1_638_400


def put_field(org: Org, full_name: str, element: Element) -> None:
    """Creates a custom field or changes it.

    Raises:
        Problem: when the platform would refuse it.

    """
    owner, _, name = full_name.partition(".")
    owners = org.owners(owner)
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
        field = field_of(org, element, name, before)
        _check_child_relationship(org, full_name, element)
        _check_limits(sobject, field, before)
        kind = text(element, "type")
        if kind == "MasterDetail" and before is None:
            _make_detail(org, sobject)
        try:
            org.store.catalog.put_field(sobject.name, field)
        except sqlite3.IntegrityError as error:
            raise Problem(
                f"{name}: the field cannot be made unique, because values in it repeat",
                "DUPLICATE_VALUE",
            ) from error
        if field.display_format is not None and before is None:
            first = number(element, "startingNumber")
            with org.store.write() as connection:
                start_number(connection, sobject.name, name, 1 if first is None else first)


def drop_field(org: Org, full_name: str) -> bool:
    """Removes a custom field with its values and what grants it.

    Raises:
        Problem: for a standard field, and when a validation rule names it.

    """
    owner, _, name = full_name.partition(".")
    dropped = False
    for sobject in org.owners(owner):
        field = sobject.field(name)
        if field is None:
            continue
        if not field.custom:
            raise Problem(f"Cannot delete standard field {full_name}")
        used = rules_naming(org.registry, sobject.name, name)
        if used:
            raise Problem(
                "This custom field is referenced elsewhere in salesforce.com. Remove the usage "
                f"and try again. : Validation Rule - {used[0]}",
                "DEPENDENCY_EXISTS",
            )
        with org.store.write() as connection:
            connection.execute(
                "DELETE FROM _record_type_value WHERE field = ? AND record_type IN "
                "(SELECT Id FROM RecordType WHERE SobjectType = ?)",
                (name, sobject.name),
            )
        dropped = org.store.catalog.drop_field(sobject.name, name) or dropped
    return dropped


def _check_limits(sobject: SObject, field: Field, before: Field | None) -> None:
    custom = [f for f in sobject.fields if f.custom and f.name != field.name]
    if before is None and len(custom) >= MAX_CUSTOM_FIELDS:
        raise Problem(
            f"You have reached the maximum number of custom fields on {sobject.label} "
            f"({MAX_CUSTOM_FIELDS})",
            "LIMIT_EXCEEDED",
        )
    if field.external_id and sum(f.external_id for f in custom) >= MAX_EXTERNAL_IDS:
        raise Problem(
            f"You have reached the maximum number of External ID fields on {sobject.label} "
            f"({MAX_EXTERNAL_IDS})",
            "LIMIT_EXCEEDED",
        )
    long = [f.length for f in (*custom, field) if f.type == "textarea"]
    if sum(n for n in long if n > MAX_VALUE_LENGTH) > MAX_LONG_TEXTS:
        raise Problem(
            "You have reached the maximum number of characters in long and rich text areas on "
            f"{sobject.label} ({MAX_LONG_TEXTS})",
            "LIMIT_EXCEEDED",
        )


def _make_detail(org: Org, sobject: SObject) -> None:
    """A detail has its owner from its master, and cannot be made of records without one."""
    if not sobject.custom:
        raise Problem(f"{sobject.name} cannot be the detail of a MasterDetail relationship")
    masters = [f for f in sobject.fields if f.custom and f.type == "reference" and f.required]
    if len([f for f in masters if f.delete_constraint == "Cascade"]) >= MAX_MASTERS:
        raise Problem(
            f"{sobject.name} can have at most {MAX_MASTERS} MasterDetail relationships",
            "LIMIT_EXCEEDED",
        )
    if org.store.query(f"SELECT 1 FROM {quote(sobject.name)} LIMIT 1"):
        raise Problem(
            f"{sobject.name} has records already: a MasterDetail field can only be created on an "
            "object without records"
        )
    org.store.catalog.drop_field(sobject.name, "OwnerId", standard=True)


def _check_child_relationship(org: Org, full_name: str, element: Element) -> None:
    wanted, target = text(element, "relationshipName"), text(element, "referenceTo")
    if wanted is None or target is None:
        return
    for other in org.registry.all("CustomField"):
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
