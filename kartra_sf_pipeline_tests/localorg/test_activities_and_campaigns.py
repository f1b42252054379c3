from __future__ import annotations

import pytest

from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.localorg.rest_calls import Rest


@pytest.fixture
def rest(empty_org: LocalOrg) -> Rest:
    return Rest(empty_org)


def test_a_lead_and_a_related_record_exclude_each_other_also_later(rest: Rest) -> None:
    lead = rest.create("Lead", LastName="Lee", Company="Acme")
    account = rest.create("Account", Name="Acme")
    for kind, more in (
        ("Task", {}),
        ("Event", {"ActivityDateTime": "2026-01-01T10:00:00Z", "DurationInMinutes": 30}),
    ):
        assert rest.refused(kind, **more, WhoId=lead, WhatId=account)[0] == (
            "FIELD_INTEGRITY_EXCEPTION"
        )
        activity = rest.create(kind, **more, WhatId=account)
        assert rest.update_refused(kind, activity, WhoId=lead)[0] == "FIELD_INTEGRITY_EXCEPTION"
        rest.update(kind, activity, WhoId=lead, WhatId=None)
        assert rest.update_refused(kind, activity, WhatId=account)[0] == (
            "FIELD_INTEGRITY_EXCEPTION"
        )


def test_the_archive_takes_what_is_over_for_a_year_and_hides_it_from_queries(
    rest: Rest, empty_org: LocalOrg
) -> None:
    old = {"StartDateTime": "2015-01-01T10:00:00Z", "DurationInMinutes": 30}
    event = rest.create("Event", Subject="Call", **old)
    rest.create("Task", Subject="Done", Status="Completed", ActivityDate="2015-01-01")
    rest.create("Task", Subject="Open", ActivityDate="2015-01-01")
    soql = "SELECT Subject, IsArchived FROM {} ORDER BY Subject"
    assert rest.query(soql.format("Event")) == [{"Subject": "Call", "IsArchived": False}]
    assert empty_org.admin("POST", "archive") == {"Event": 1, "Task": 1}
    assert rest.query(soql.format("Event")) == []
    assert rest.query(soql.format("Task")) == [{"Subject": "Open", "IsArchived": False}]
    assert rest.query(soql.format("Event"), deleted=True) == [
        {"Subject": "Call", "IsArchived": True}
    ]
    assert rest.read("Event", event)["IsArchived"] is True


def test_an_event_of_a_whole_day_and_the_end_that_follows_from_its_length(rest: Rest) -> None:
    day = rest.create("Event", IsAllDayEvent=True, ActivityDate="2026-02-03")
    read = rest.read("Event", day)
    assert (read["DurationInMinutes"], read["ActivityDateTime"]) == (1440, None)
    call = rest.create("Event", StartDateTime="2026-02-03T10:00:00Z", DurationInMinutes=45)
    read = rest.read("Event", call)
    assert read["EndDateTime"] == "2026-02-03T10:45:00.000+0000"
    code, _ = rest.refused(
        "Event",
        StartDateTime="2026-02-03T10:00:00Z",
        EndDateTime="2026-02-03T11:00:00Z",
        DurationInMinutes=45,
    )
    assert code == "FIELD_INTEGRITY_EXCEPTION"


def test_statuses_are_a_campaigns_own_by_label_and_place(rest: Rest) -> None:
    campaign = rest.create("Campaign", Name="List")
    status = {"CampaignId": campaign, "Label": "Subscribed", "SortOrder": 3}
    rest.create("CampaignMemberStatus", **status, HasResponded=True, IsDefault=True)
    for again in ({**status, "SortOrder": 4}, {**status, "Label": "Other"}):
        assert rest.refused("CampaignMemberStatus", **again)[0] == "DUPLICATE_VALUE"
    contact = rest.create("Contact", LastName="Lee")
    # A status that the campaign does not have becomes its default one.
    member = rest.create("CampaignMember", CampaignId=campaign, ContactId=contact, Status="Odd")
    read = rest.read("CampaignMember", member)
    assert (read["Status"], read["HasResponded"]) == ("Subscribed", True)
    defaults = rest.query("SELECT Label FROM CampaignMemberStatus WHERE IsDefault = true")
    assert defaults == [{"Label": "Subscribed"}]
