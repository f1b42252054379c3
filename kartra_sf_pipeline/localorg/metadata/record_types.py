"""Record types: the record, the field on its object, and the picklist values that it has."""

from __future__ import annotations

from urllib.parse import unquote

from kartra_sf_pipeline.localorg.metadata.business_processes import PROCESS_FIELDS
from kartra_sf_pipeline.localorg.metadata.markup import Element, children, text
from kartra_sf_pipeline.localorg.metadata.org import (
    Org,
    check_name,
    not_found,
    required,
    required_flag,
)
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.record_types import WITHOUT, record_type_field
from kartra_sf_pipeline.localorg.schema import SObject

MAX_LABEL = 80


def put_record_type(org: Org, full_name: str, element: Element) -> str:
    """Creates a record type or changes it; returns its record id.

    Raises:
        Problem: for an object without record types, a missing or unknown process, an unknown
            picklist or value, or a label that another record type of the object has.

    """
    sobject, name = org.owner(full_name)
    if sobject.name in WITHOUT or not sobject.has("createable"):
        raise Problem(
            f"Entity Enumeration Or ID: bad value for restricted picklist field: {sobject.name}",
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        )
    check_name(name, "Record Type Name")
    label = required(element, "label", longest=MAX_LABEL)
    active = required_flag(element, "active")
    process = _process(org, sobject, element)
    values = _values(sobject, element)
    same = org.store.query(
        "SELECT 1 FROM RecordType WHERE SobjectType = ? AND Name = ? AND DeveloperName <> ?",
        (sobject.name, label, name),
    )
    if same:
        raise Problem(f"The label: {label} is not unique", "DUPLICATE_VALUE")
    if sobject.field("RecordTypeId") is None:
        org.store.catalog.put_field(sobject.name, record_type_field())
    record_id = org.put_row(
        "RecordType",
        {"DeveloperName": name, "SobjectType": sobject.name},
        {
            "Name": label,
            "Description": text(element, "description"),
            "BusinessProcessId": process,
            "IsActive": int(active),
        },
    )
    with org.store.write() as connection:
        connection.execute("DELETE FROM _record_type_value WHERE record_type = ?", (record_id,))
        connection.executemany(
            "INSERT OR IGNORE INTO _record_type_value VALUES (?, ?, ?)",
            [(record_id, field, value) for field, value in values],
        )
    return record_id


def drop_record_type(org: Org, full_name: str) -> bool:
    """The platform lets record types be deleted in setup only."""
    sobject, name = org.owner(full_name)
    if org.store.query(
        "SELECT 1 FROM RecordType WHERE SobjectType = ? AND DeveloperName = ?",
        (sobject.name, name),
    ):
        raise Problem("Cannot delete record type through API", "INSUFFICIENT_ACCESS")
    return False


def drop_all_of(org: Org, object_name: str) -> None:
    """Removes the record types of an object that goes."""
    with org.store.write() as connection:
        for table in ("_record_type_value", "_record_type_access"):
            connection.execute(
                f"DELETE FROM {table} WHERE record_type IN "
                "(SELECT Id FROM RecordType WHERE SobjectType = ?)",
                (object_name,),
            )
        connection.execute("DELETE FROM RecordType WHERE SobjectType = ?", (object_name,))


def _process(org: Org, sobject: SObject, element: Element) -> str | None:
    name = text(element, "businessProcess")
    if sobject.name not in PROCESS_FIELDS:
        if name is not None:
            raise not_found("BusinessProcess", f"{sobject.name}.{name}", "businessProcess")
        return None
    own = required(element, "businessProcess")
    rows = org.store.query(
        "SELECT Id FROM BusinessProcess WHERE TableEnumOrId = ? AND Name = ?", (sobject.name, own)
    )
    if not rows:
        raise not_found("BusinessProcess", f"{sobject.name}.{own}", "businessProcess")
    return rows[0][0]


def _values(sobject: SObject, element: Element) -> list[tuple[str, str]]:
    """Field and value of every picklist value that the record type names."""
    found: list[tuple[str, str]] = []
    for part in children(element, "picklistValues"):
        picklist = required(part, "picklist")
        field = sobject.field(picklist)
        if field is None or field.type not in {"picklist", "multipicklist"}:
            raise not_found("CustomField", f"{sobject.name}.{picklist}", "picklist")
        known = {v.value.casefold(): v.value for v in field.picklist_values}
        for value in children(part, "values"):
            # Values are written like parts of an address: `50%25 off`.
            name = unquote(text(value, "fullName") or "")
            if name.casefold() not in known:
                raise Problem(
                    f"Picklist value: {name} in picklist: {field.name} not found",
                    "INVALID_CROSS_REFERENCE_KEY",
                )
            found.append((field.name, known[name.casefold()]))
    return found
