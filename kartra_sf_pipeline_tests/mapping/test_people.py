"""What becomes of people: contacts and leads by segment, their accounts, their further ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.fault import Fault
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.phase_frames import unmapped_columns
from kartra_sf_pipeline.mapping.rows import companies, lists, people, relations, segments, tags, who
from kartra_sf_pipeline.mapping.rows.choices import Choices
from kartra_sf_pipeline.mapping.strategies import Segment
from kartra_sf_pipeline.mapping.validate_choices import SHARED_LIMIT, choice_faults, no_object
from kartra_sf_pipeline.prepare.account_names import name_accounts
from kartra_sf_pipeline.prepare.companies import prepare_companies
from kartra_sf_pipeline.prepare.contacts import prepare_contacts
from kartra_sf_pipeline.prepare.identity import NOTHING_KNOWN
from kartra_sf_pipeline.prepare.survivorship import unify_contacts
from kartra_sf_pipeline.prepare.tags import parse_lists, parse_tags
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline_tests.mapping.account import NO_ALIASES
from kartra_sf_pipeline_tests.prepare.people import raw_companies, raw_contacts

PAIR = {
    "left_key": pl.String, "right_key": pl.String, "score": pl.Float64, "evidence": pl.String,
    "decision": pl.String, "rule": pl.String,
}  # fmt: skip
LINKED = {"contact_key": pl.String, "disposition": pl.String, "type": pl.String}
PARTNER = {"email": pl.String, "contact_key": pl.String}

ANN = {"id": "1", "email": "ann@gmail.com", "first_name": "Ann", "last_name": "Lee"}
BOB = {"id": "2", "email": "bob@gmail.com", "first_name": "Bob", "last_name": "Ray",
       "tags": "VIP,Webinar", "lists": "News"}  # fmt: skip
CY = {"id": "3", "email": "cy@acme.com", "first_name": "Cy", "last_name": "Orr",
      "company": "Acme"}  # fmt: skip
DEE = {"id": "4", "email": "dee@gmail.com", "first_name": "Dee", "last_name": "Poe", "tags": "VIP"}


def account(
    *rows: Mapping[str, object],
    buyers: tuple[str, ...] = (),
    booked: tuple[str, ...] = (),
    affiliates: tuple[str, ...] = (),
    same: tuple[tuple[str, str], ...] = (),
) -> dict[str, pl.LazyFrame]:
    """The prepared frames of a few people, as far as their fate needs them."""
    raw, none = raw_contacts(*(dict(row) for row in rows)), raw_companies()
    prepared = prepare_contacts(raw, zone="UTC", communications_polarity=None)
    pairs = pl.DataFrame(
        [(left, right, 1.0, "told", "merge", "told") for left, right in same],
        schema=PAIR,
        orient="row",
    )
    unified, contact_rows = unify_contacts(prepared, pairs)
    companies, _ = prepare_companies(unified, none)
    names, _ = name_accounts(unified, none, companies, NO_ALIASES, NOTHING_KNOWN)
    linked = pl.DataFrame(schema=LINKED)
    frames = {
        "contacts_prepared": prepared,
        "contact_rows": contact_rows,
        "contacts_unified": unified,
        "companies_prepared": companies,
        "account_names": names,
        "parsed_tags": parse_tags(unified),
        "parsed_lists": parse_lists(unified),
        "transactions_prepared": _linked(buyers, "sale"),
        "bookings_prepared": _linked(booked, "booking"),
        "subscriptions_prepared": linked,
        "subscriptions_derived": linked,
        "notes_prepared": linked,
        "activities_prepared": linked,
        "attachments_prepared": linked,
        "account_team_prepared": linked,
        "opportunity_team_prepared": linked,
        "territories_prepared": linked,
        "affiliates_prepared": pl.DataFrame(
            [(email, None) for email in affiliates], schema=PARTNER, orient="row"
        ),
        "affiliates_derived": pl.DataFrame(schema=PARTNER),
    }
    return {name: frame.lazy() for name, frame in frames.items()}


def _linked(keys: tuple[str, ...], kind: str) -> pl.DataFrame:
    return pl.DataFrame([(key, "keep", kind) for key in keys], schema=LINKED, orient="row")


def chosen(*told: Segment, **strategies: Any) -> Choices:
    standard = default_map()
    changed = standard.strategies.model_copy(update=strategies)
    field_map = standard.model_copy(
        update={"contacts_without_company": told, "strategies": changed}
    )
    return Choices(field_map=field_map, objects={}, pricebook_id="", minutes=60)


def planned(frames: dict[str, pl.LazyFrame], *told: Segment, **strategies: Any) -> pl.DataFrame:
    return segments.people_plan(frames, chosen(*told, **strategies))


def fates(plan: pl.DataFrame) -> dict[str, tuple[str, str, str | None]]:
    rows = plan.select("contact_key", "segment", "become", "account_key").rows()
    return {key: (segment, become, account) for key, segment, become, account in rows}


def test_who_has_a_company_is_under_it_whatever_the_segments_say() -> None:
    plan = planned(account(CY), Segment(who="everyone", become="lead"))
    assert fates(plan) == {"3": ("company", "contact", "domain:acme.com")}


def test_the_first_segment_that_fits_counts() -> None:
    plan = planned(
        account(ANN, BOB, CY, DEE, buyers=("1",)),
        Segment(who="buyers", become="account_per_person"),
        Segment(who="tag: vip", become="one_account", account="The VIPs"),
        Segment(who="everyone", become="no_account"),
    )
    assert fates(plan) == {
        "1": ("buyers", "contact", "person:1"),
        "2": ("tag: vip", "contact", "shared:the vips"),
        "3": ("company", "contact", "domain:acme.com"),
        "4": ("tag: vip", "contact", "shared:the vips"),
    }


def test_lists_and_affiliates_are_segments_too() -> None:
    plan = planned(
        account(ANN, BOB, DEE, affiliates=("Dee@Gmail.com",)),
        Segment(who="list: NEWS", become="lead"),
        Segment(who="affiliates", become="account_per_person"),
    )
    assert fates(plan) == {
        "1": ("no segment", "contact", None),
        "2": ("list: NEWS", "lead", None),
        "4": ("affiliates", "contact", "person:4"),
    }


def test_nobody_with_a_sale_or_a_booking_becomes_a_lead() -> None:
    plan = planned(
        account(ANN, BOB, DEE, buyers=("1",), booked=("2",)),
        Segment(who="everyone", become="lead"),
    )
    assert plan["become"].to_list() == ["contact", "contact", "lead"]
    assert plan["held_back"].to_list() == [True, True, False]


def test_an_affiliate_whose_record_names_the_contact_is_no_lead() -> None:
    frames = account(ANN, affiliates=("ann@gmail.com",))
    lead = Segment(who="everyone", become="lead")
    assert planned(frames, lead)["become"].to_list() == ["lead"]
    assert planned(frames, lead, affiliates="custom_object")["become"].to_list() == ["contact"]


def test_a_persons_own_account_has_the_persons_name_address_and_lineage() -> None:
    frames = account({**ANN, "city": "Austin", "country": "US", "phone": "+1 512 555 0199"}, BOB)
    told = (
        Segment(who="tag: VIP", become="one_account", account="The VIPs"),
        Segment(who="everyone", become="account_per_person"),
    )
    rows = segments.personal_accounts(
        frames["contacts_unified"].collect(), planned(frames, *told), told
    ).sort("account_key")
    assert rows.select("account_key", "name", "city", "country", "source_line").rows() == [
        ("person:1", "Ann Lee", "Austin", "United States", 2),
        ("shared:the vips", "The VIPs", None, None, 3),
    ]


def test_a_number_that_a_spreadsheet_has_spoilt_is_no_account_s_phone() -> None:
    frames = account({**ANN, "phone": "4.47E+11", "country": "GB"})
    told = (Segment(who="everyone", become="account_per_person"),)
    unified = frames["contacts_unified"].collect()
    assert unified["phone_verdict"].to_list() == ["damaged"]
    rows = segments.personal_accounts(unified, planned(frames, *told), told)
    assert rows["phone"].to_list() == [None]


@pytest.mark.parametrize("name", ["", "  "])
def test_a_shared_account_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="account"):
        Segment(who="everyone", become="one_account", account=name)


def test_no_word_for_affiliate_tags_tells_of_none() -> None:
    tagged = pl.DataFrame({"contact_key": ["1"], "tag": ["Affiliate"], "tag_folded": ["affiliate"]})
    partner = pl.DataFrame(
        {"affiliate_key": ["affiliate:ann"], "name": ["Ann"], "username": ["ann"],
         "email": ["ann@gmail.com"], "disposition": ["keep"]}
    )  # fmt: skip
    known = pl.DataFrame({"contact_key": ["1"], "email": ["ann@gmail.com"]})
    found = [
        companies.affiliates(partner, partner.clear(), known, tagged, words)["affiliate_tags"][0]
        for words in (("affiliate",), ())
    ]
    assert found == ["Affiliate", None]


@pytest.mark.parametrize(
    ("status", "inactive"),
    [("Subscribed", False), ("Hard bounce", True), ("Removed by admin", True), ("", False)],
)
def test_members_whom_kartra_mails_nothing_are_inactive(status: str, *, inactive: bool) -> None:
    frames = account({**BOB, "status": status})
    held = lists.memberships(frames["parsed_lists"].collect(), frames["contacts_unified"].collect())
    assert held["inactive"].to_list() == [inactive]


def test_contacts_and_leads_are_everybody_once_and_leads_bring_their_tags() -> None:
    frames = account(ANN, BOB, CY, DEE)
    plan = planned(frames, Segment(who="tag: VIP", become="lead"))
    unified = frames["contacts_unified"].collect()
    contacts = people.contacts(unified, plan)
    leads = people.leads(unified, plan, frames["parsed_tags"].collect())
    assert sorted([*contacts["contact_key"], *leads["contact_key"]]) == ["1", "2", "3", "4"]
    assert leads.select("contact_key", "tags", "opted_out").rows() == [
        ("2", "VIP; Webinar", True),
        ("4", "VIP", True),
    ]


def faults_of(*told: Segment, plan: pl.DataFrame, objects: Any = None) -> list[Fault]:
    field_map = default_map().model_copy(update={"contacts_without_company": told})
    return judged(field_map, plan, objects)


def judged(field_map: FieldMap, plan: pl.DataFrame, objects: Any = None) -> list[Fault]:
    return list(choice_faults(field_map, {**nobody(), "people_plan": plan}, objects or {}))


def nobody() -> dict[str, pl.DataFrame]:
    """Frames of accounts and contacts, as far as choices are judged by them."""
    accounts = pl.DataFrame({"keyed_by": ["domain"], "place_held": [None]})
    return {"accounts": accounts, "contacts": pl.DataFrame({"place_held": ["Kent", None]})}


def plan_of(count: int, segment: str = "everyone") -> pl.DataFrame:
    return pl.DataFrame({"segment": [segment] * count, "held_back": [True] + [False] * (count - 1)})


def test_one_account_for_more_people_than_its_lock_bears_is_refused() -> None:
    shared = Segment(who="everyone", become="one_account", account="All")
    assert not [f for f in faults_of(shared, plan=plan_of(SHARED_LIMIT)) if f.stops]
    [fault] = [f for f in faults_of(shared, plan=plan_of(SHARED_LIMIT + 1)) if f.stops]
    assert "501 people would share the account 'All'" in fault.what
    assert fault.place == ("contacts_without_company", 0, "become")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ([], "the org has no Person Accounts"),
        ([{"name": "IsPersonAccount", "type": "boolean"}], "cannot be moved as Person Accounts"),
    ],
)
def test_person_accounts_are_refused_with_the_way_out(fields: list[Any], said: str) -> None:
    objects = {"Account": ObjectDescribe.from_json({"name": "Account", "fields": fields})}
    person = Segment(who="everyone", become="person_account")
    [fault] = [f for f in faults_of(person, plan=plan_of(2), objects=objects) if f.stops]
    assert said in fault.what
    assert "account_per_person" in fault.way_out


def test_people_whom_nobody_will_see_and_leads_held_back_are_told() -> None:
    told = faults_of(Segment(who="everyone", become="no_account"), plan=plan_of(7))
    assert any("7 people become contacts without an account" in fault.what for fault in told)
    told = faults_of(Segment(who="everyone", become="lead"), plan=plan_of(7))
    assert any("1 of 7 people stay contacts" in fault.what for fault in told)
    told = faults_of(Segment(who="tag: gold", become="lead"), plan=plan_of(3, "no segment"))
    assert any("nobody without a company is left" in fault.what for fault in told)
    assert any("3 people without a company are in no segment" in fault.what for fault in told)
    assert not any(fault.stops for fault in told)


def test_another_key_of_accounts_than_the_account_was_prepared_by_stops() -> None:
    standard = default_map()
    policies = standard.policies.model_copy(update={"account_key": "name"})
    keyed = standard.model_copy(update={"policies": policies})
    [fault] = [f for f in judged(keyed, plan_of(1)) if f.stops]
    assert "keyed by domain" in fault.what
    assert fault.place == ("policies", "account_key")


def test_places_that_would_be_lost_are_counted() -> None:
    said = [f.what for f in judged(default_map(), plan_of(1))]
    assert any(one.startswith("1 addresses of `contacts`") for one in said)


def test_an_org_without_the_relations_names_the_setting() -> None:
    fault = no_object("account_contact_relations", "AccountContactRelation")
    assert fault.place == ("strategies", "account_contact_relations")
    assert "Contacts to Multiple Accounts" in fault.way_out


def further(*rows: Mapping[str, object], **more: Any) -> list[tuple[Any, ...]]:
    frames = account(*rows, **more)
    found = relations.further_accounts(frames)
    return found.select("contact_key", "account_key", "evidence", "known").rows()


def test_a_merged_person_is_related_to_the_company_of_the_other_row() -> None:
    other = {**CY, "id": "9", "email": "cy@beta.io", "company": "Beta"}
    assert further(CY, other, same=(("3", "9"),)) == [("3", "domain:beta.io", "merged_row", False)]
    known = {"id": "5", "email": "eve@beta.io", "company": "Beta", "last_name": "Fox"}
    assert further(CY, other, known, same=(("3", "9"),)) == [
        ("3", "domain:beta.io", "merged_row", True)
    ]


def test_a_company_that_only_a_merged_row_names_gets_an_account() -> None:
    other = {**CY, "id": "9", "email": "cy@beta.io", "company": "Beta"}
    found = relations.further_accounts(account(CY, other, same=(("3", "9"),)))
    rows = relations.new_accounts(found)
    assert rows.select("account_key", "name", "domain", "source_line").rows() == [
        ("domain:beta.io", "Beta", "beta.io", 3)
    ]


def test_company_text_and_address_may_lead_to_two_known_accounts() -> None:
    acme = {"id": "5", "email": "eve@acme.com", "company": "Acme", "last_name": "Fox"}
    both = {"id": "6", "email": "hal@acme.com", "company": "Zeta", "website": "zeta.io",
            "last_name": "Roe"}  # fmt: skip
    assert further(acme, both) == [("6", "domain:acme.com", "email_domain", True)]


def test_company_text_that_names_another_account_is_a_relation() -> None:
    rows = (
        {"id": "5", "email": "eve@acme.com", "company": "Acme", "last_name": "Fox"},
        {"id": "6", "email": "joe@acme.com", "company": "Acme", "last_name": "Joe"},
        {"id": "7", "email": "x@gamma.io", "company": "Gamma", "last_name": "Poe"},
        {"id": "8", "email": "y@acme.com", "company": "Gamma LLC", "last_name": "Noe"},
    )
    assert further(*rows) == [("8", "domain:gamma.io", "company_name", True)]


def test_who_has_one_company_has_no_further_one() -> None:
    assert further(ANN, BOB, CY, DEE) == []


def test_currencies_of_what_somebody_spent_are_never_added_up() -> None:
    spend = pl.DataFrame(
        {"contact_key": ["1", "2", "2", "3"], "currency": ["USD", "USD", "EUR", None],
         "net": pl.Series(["99.00", "10.00", "20.00", "-5.00"]).cast(pl.Decimal(18, 2))}
    )  # fmt: skip
    rows = tags.computed_spend(spend).sort("contact_key")
    assert rows["computed_spend_text"].to_list() == [
        "USD 99.00",
        "EUR 20.00; USD 10.00",
        "-5.00",
    ]
    assert [None if one is None else str(one) for one in rows["computed_spend"]] == [
        "99.00",
        None,
        "-5.00",
    ]


def test_what_people_lose_by_becoming_leads_is_told() -> None:
    person = {**BOB, "facebook": "bob.ray", "notes": "Likes mail", "score": "7", "x__size": "L",
              "middle_name": "J"}  # fmt: skip
    frames = account(person, CY)
    lead = Segment(who="everyone", become="lead")
    field_map = default_map().model_copy(update={"contacts_without_company": (lead,)})
    left = {one.source: one.filled for one in unmapped_columns(frames, field_map)}
    told = {name: filled for name, filled in left.items() if name.startswith("leads.")}
    assert told["leads.facebook"] == told["leads.x__size"] == 1
    assert not {"leads.notes", "leads.score", "leads.mailing_status"} & set(told)

    plan = planned(frames, lead)
    frames["people_plan"] = plan.lazy()
    leads = who.lead_rows(frames, chosen(lead))
    judged_frames = {"people_plan": plan, "leads": leads}
    [fault] = [
        one
        for one in choice_faults(field_map, {**nobody(), **judged_frames}, {})
        if one.place == ("phases", "leads")
    ]
    assert "facebook (1)" in fault.what
    assert "x__size (1)" in fault.what
    # The org shows no such field of leads, so that the rule does not count.
    assert "middle_name (1)" in fault.what
    assert not fault.stops
