from __future__ import annotations

from dataclasses import replace

import pytest

from kartra_sf_pipeline.errors import PipelineError
from kartra_sf_pipeline.migration.phases import PHASES, Phase, order_by_references, phase_named
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe


def described(name: str, *parents: str) -> ObjectDescribe:
    fields = [
        {"name": f"{p}Id", "type": "reference", "referenceTo": [p], "createable": True}
        for p in parents
    ]
    return ObjectDescribe.from_json({"name": name, "fields": fields})


ORG = {
    describe.name: describe
    for describe in (
        described("Account", "Account", "User"),
        described("Contact", "Account", "Contact", "User"),
        described("Product2"),
        described("PricebookEntry", "Product2", "Pricebook2"),
        described("Campaign", "Campaign"),
        described("Opportunity", "Account", "Campaign", "Opportunity"),
        described("OpportunityContactRole", "Opportunity", "Contact"),
        described("OpportunityLineItem", "Opportunity", "PricebookEntry"),
        described("CampaignMember", "Campaign", "Contact", "Lead"),
        described("Event", "Contact", "Lead", "Account", "Opportunity", "Campaign"),
        described("Task", "Contact", "Lead", "Account", "Opportunity", "Campaign"),
    )
}


def test_the_declared_order_is_the_one_that_references_ask_for() -> None:
    assert order_by_references(ORG) == PHASES


def test_a_shuffled_declaration_still_loads_parents_first() -> None:
    ordered = order_by_references(ORG, tuple(reversed(PHASES)))
    place = {phase.name: at for at, phase in enumerate(ordered)}
    assert place["accounts"] < place["contacts"] < place["campaign_members"]
    assert place["campaigns"] < place["opportunities"] < place["opportunity_line_items"]
    assert place["products"] < place["pricebook_entries"] < place["opportunity_line_items"]
    assert ordered[-1].name == "contact_tags"


def test_a_new_lookup_in_the_org_moves_a_phase() -> None:
    org = {**ORG, "Campaign": described("Campaign", "Contact")}
    names = [phase.name for phase in order_by_references(org)]
    assert names.index("contacts") < names.index("campaigns") < names.index("opportunities")


def test_lookups_in_a_circle_are_named() -> None:
    org = {**ORG, "Account": described("Account", "Opportunity")}
    with pytest.raises(PipelineError, match=r"accounts.*opportunities"):
        order_by_references(org)


def test_each_phase_finds_its_records_in_exactly_one_way() -> None:
    assert phase_named("campaign_members").natural_key == ("CampaignId", "ContactId")
    with pytest.raises(ValueError, match="external id or a natural key"):
        replace(PHASES[0], natural_key=("Name",))
    with pytest.raises(ValueError, match="external id or a natural key"):
        Phase("nothing", "Account", external_id=None)
