"""Business processes: which stages of an opportunity, or statuses of a lead or case, a kind of
work goes through.
"""

from __future__ import annotations

from urllib.parse import unquote

from kartra_sf_pipeline.localorg.metadata.markup import Element, children, flag, text
from kartra_sf_pipeline.localorg.metadata.org import Org, required, required_flag
from kartra_sf_pipeline.localorg.metadata.problems import Problem

PROCESS_FIELDS = {"Opportunity": "StageName", "Lead": "Status", "Case": "Status"}
# The picklist as setup calls it.
_LABELS = {"Opportunity": "Stage", "Lead": "Lead Status", "Case": "Status"}
MAX_NAME = 80


def put_business_process(org: Org, full_name: str, element: Element) -> str:
    """Creates a process or changes its values; returns its record id.

    Raises:
        Problem: on an object without processes, without values, or for a value that is not there.

    """
    sobject, name = org.owner(full_name)
    field_name = PROCESS_FIELDS.get(sobject.name)
    field = sobject.field(field_name) if field_name else None
    if field is None:
        raise Problem(f"The object {sobject.name} does not support business processes")
    if len(name) > MAX_NAME:
        raise Problem(
            f"Name: data value too large: {name} (max length={MAX_NAME})", "STRING_TOO_LONG"
        )
    active = required_flag(element, "isActive")
    values = children(element, "values")
    if not values:
        required(element, "values")
    seen: set[str] = set()
    for value in values:
        # Values are written like parts of an address: `50%25 paid`.
        stage = unquote(text(value, "fullName") or "")
        if stage.casefold() not in field.active_values:
            raise Problem(
                f"Picklist value: {stage} in picklist: {_LABELS[sobject.name]} not found",
                "INVALID_CROSS_REFERENCE_KEY",
            )
        if stage.casefold() in seen:
            raise Problem(f"Duplicate value found: {stage}", "DUPLICATE_VALUE")
        seen.add(stage.casefold())
    if sum(flag(v, "default") or False for v in values) > 1:
        raise Problem("A business process can have one default value")
    return org.put_row(
        "BusinessProcess",
        {"Name": name, "TableEnumOrId": sobject.name},
        {"Description": text(element, "description"), "IsActive": int(active)},
    )


def drop_business_process(org: Org, full_name: str) -> bool:
    """Removes a process that no record type uses."""
    sobject, name = org.owner(full_name)
    used = org.store.query(
        "SELECT r.DeveloperName FROM RecordType r JOIN BusinessProcess b "
        "ON b.Id = r.BusinessProcessId WHERE b.Name = ? AND b.TableEnumOrId = ?",
        (name, sobject.name),
    )
    if used:
        raise Problem(
            f"{full_name} is used by the record type {sobject.name}.{used[0][0]}",
            "DEPENDENCY_EXISTS",
        )
    return (
        org.drop_row("BusinessProcess", {"Name": name, "TableEnumOrId": sobject.name}) is not None
    )
