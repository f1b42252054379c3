"""Standard value sets: which standard fields share one, and the stages of opportunities."""

from __future__ import annotations

from dataclasses import replace

from kartra_sf_pipeline.localorg.metadata.custom_fields import picklist_values
from kartra_sf_pipeline.localorg.metadata.markup import Element, children, flag, number, text
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
    for place in places:
        _put_values(store, place, values)


def _put_values(store: Store, place: str, values: tuple[PicklistValue, ...]) -> None:
    object_name, _, field_name = place.partition(".")
    sobject = store.schema.object(object_name)
    field = sobject.field(field_name) if sobject else None
    if field is None:
        return
    named = {v.value.casefold() for v in values}
    dropped = [
        replace(v, active=False, default=False)
        for v in field.picklist_values
        if v.value.casefold() not in named
    ]
    store.catalog.put_field(object_name, replace(field, picklist_values=(*values, *dropped)))


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
