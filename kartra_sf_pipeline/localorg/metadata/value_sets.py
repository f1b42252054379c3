"""Value sets: standard ones that standard fields share, global ones that custom fields share."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl

from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.metadata.field_picklists import (
    MAX_PICKLIST_VALUES,
    global_values,
    picklist_values,
    value_set_name,
    with_dropped,
)
from kartra_sf_pipeline.localorg.metadata.markup import (
    Element,
    children,
    flag,
    number,
    parse,
    text,
)
from kartra_sf_pipeline.localorg.metadata.org import Org, check_name, required
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.schema import FORECAST_CATEGORY_NAMES, PicklistValue, Stage
from kartra_sf_pipeline.localorg.store import Store

STAGES = "OpportunityStage"
VALUE_SETS: dict[str, tuple[str, ...]] = {
    "AccountRating": ("Account.Rating", "Lead.Rating"),
    "AccountType": ("Account.Type",),
    "AccountOwnership": ("Account.Ownership",),
    "CampaignMemberStatus": ("CampaignMember.Status",),
    "CampaignStatus": ("Campaign.Status",),
    "CampaignType": ("Campaign.Type",),
    "CaseOrigin": ("Case.Origin",),
    "CasePriority": ("Case.Priority",),
    "CaseReason": ("Case.Reason",),
    "CaseStatus": ("Case.Status",),
    "CaseType": ("Case.Type",),
    "ContactRole": ("OpportunityContactRole.Role",),
    "EventSubject": ("Event.Subject",),
    "Industry": ("Account.Industry", "Lead.Industry"),
    "LeadSource": (
        "Account.AccountSource",
        "Contact.LeadSource",
        "Lead.LeadSource",
        "Opportunity.LeadSource",
    ),
    "LeadStatus": ("Lead.Status",),
    STAGES: ("Opportunity.StageName",),
    "OpportunityType": ("Opportunity.Type",),
    "Product2Family": ("Product2.Family",),
    "Salutation": ("Contact.Salutation", "Lead.Salutation"),
    "TaskPriority": ("Task.Priority",),
    "TaskStatus": ("Task.Status",),
    "TaskSubject": ("Task.Subject",),
}
# Sets whose values are records, too: what a value says of itself, and the column for it.
_STATUS_TABLES = {
    "CaseStatus": ("closed", "IsClosed"),
    "LeadStatus": ("converted", "IsConverted"),
    "TaskPriority": ("highPriority", "IsHighPriority"),
    "TaskStatus": ("closed", "IsClosed"),
}
_FORECAST_NAMES = frozenset(FORECAST_CATEGORY_NAMES)


def put_value_set(store: Store, name: str, element: Element) -> None:
    """Adds the values of a StandardValueSet; values that it leaves out are deactivated.

    Raises:
        Problem: for an unknown set or a value that the platform would refuse.

    """
    places = VALUE_SETS.get(name)
    if places is None:
        raise Problem(f"no StandardValueSet named {name} found", "INVALID_CROSS_REFERENCE_KEY")
    items = children(element, "standardValue")
    values = picklist_values(items)
    if not values:
        raise Problem("A standard value set must keep at least one value")
    if name == STAGES:
        for item in items:
            store.catalog.put_stage(_stage(item))
        _deactivate_stages(store, values)
    elif name in _STATUS_TABLES:
        _put_statuses(store, name, items, values)
    for place in places:
        _put_values(store, place, values)


def _put_values(store: Store, place: str, values: tuple[PicklistValue, ...]) -> None:
    object_name, _, field_name = place.partition(".")
    sobject = store.schema.object(object_name)
    field = sobject.field(field_name) if sobject else None
    if field is None:
        return
    kept = with_dropped(values, field.picklist_values)
    store.catalog.put_field(object_name, replace(field, picklist_values=kept))


def put_global_value_set(org: Org, name: str, element: Element) -> None:
    """Checks a GlobalValueSet and brings the fields that use it to its values.

    Raises:
        Problem: for a bad name, a missing label, or values that the platform would refuse.

    """
    check_name(name.removesuffix("__gvs"), "Global Value Set Name")
    required(element, "masterLabel", longest=80)
    values = global_values(element)
    if not values:
        required(element, "customValue")
    if len(values) > MAX_PICKLIST_VALUES:
        raise Problem(
            f"{name}: a global value set can have at most {MAX_PICKLIST_VALUES} values; "
            f"{len(values)} were specified",
            "LIMIT_EXCEEDED",
        )
    for full_name in _users(org, name):
        owner, _, field_name = full_name.partition(".")
        for sobject in org.owners(owner):
            field = sobject.field(field_name)
            if field is not None:
                kept = with_dropped(values, field.picklist_values)
                org.store.catalog.put_field(sobject.name, replace(field, picklist_values=kept))


def drop_global_value_set(org: Org, name: str) -> bool:
    """Removes a global value set that no field uses."""
    used = _users(org, name)
    if used:
        raise Problem(
            f"The global value set {name} is used by the field {used[0]}", "DEPENDENCY_EXISTS"
        )
    return org.registry.get("GlobalValueSet", name) is not None


def _users(org: Org, name: str) -> list[str]:
    """Full names of the fields that take their values from a global value set."""
    folded = name.casefold()
    return [
        c.full_name
        for c in org.registry.all("CustomField")
        if (value_set_name(parse(c.source.encode())) or "").casefold() == folded
    ]


def _deactivate_stages(store: Store, values: tuple[PicklistValue, ...]) -> None:
    active = [v.value.casefold() for v in values if v.active]
    with store.write() as connection:
        connection.execute(
            "UPDATE OpportunityStage SET IsActive = "
            "lower(ApiName) IN (SELECT value FROM json_each(?))",
            (json.dumps(active),),
        )


def _put_statuses(
    store: Store, table: str, items: list[Element], values: tuple[PicklistValue, ...]
) -> None:
    mark, column = _STATUS_TABLES[table]
    now = now_text()
    rows = [
        {
            "MasterLabel": v.label,
            "ApiName": v.value,
            "SortOrder": order,
            "IsDefault": int(v.default),
            column: int(flag(item, mark) or False),
            "CreatedById": store.user_id,
            "CreatedDate": now,
            "LastModifiedById": store.user_id,
            "LastModifiedDate": now,
            "SystemModstamp": now,
        }
        for order, (item, v) in enumerate(zip(items, values, strict=True), start=1)
        if v.active
    ]
    with store.write() as connection:
        connection.execute(f"DELETE FROM {table}")
        if rows:
            frame = pl.DataFrame(rows)
            frame.insert_column(0, store.new_ids(table, frame.height))
            store.insert_frame(connection, table, frame)


def _stage(item: Element) -> Stage:
    label = text(item, "fullName") or ""
    category = text(item, "forecastCategory")
    probability = number(item, "probability")
    closed, won = flag(item, "closed") or False, flag(item, "won") or False
    if category not in _FORECAST_NAMES:
        raise Problem(f"{label}: Must specify a valid forecastCategory for an opportunity stage")
    if probability is None or not 0 <= probability <= 100:
        raise Problem(f"{label}: Must specify a probability between 0 and 100")
    if won and not closed:
        raise Problem(f"{label}: an opportunity stage that is won must be closed")
    return Stage(label, closed, won, float(probability), category)
