"""The source frame of every load phase at once, for judging a map before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from kartra_sf_pipeline.mapping import sources
from kartra_sf_pipeline.mapping.custom_fields import PREFIX, typed_columns
from kartra_sf_pipeline.mapping.model import FieldMap, Unmapped

Stored = pl.DataFrame | pl.LazyFrame

PREPARED = (
    "contacts_unified",
    "companies_prepared",
    "parsed_tags",
    "parsed_lists",
    "raw_lists",
    "transactions_prepared",
    "subscriptions_prepared",
    "subscriptions_derived",
    "affiliates_prepared",
    "affiliates_derived",
    "bookings_prepared",
    "notes_prepared",
    "products_derived",
)
"""Frames that the phases are made of."""

# Which phases carry a prepared frame's columns to the org.
_CARRIED_BY = {
    "contacts_unified": ("contacts", "contact_tags"),
    "companies_prepared": ("accounts",),
    "transactions_prepared": ("opportunities", "opportunity_line_items", "products"),
    "subscriptions_prepared": ("opportunities",),
    "affiliates_prepared": ("affiliates",),
    "bookings_prepared": ("events",),
    "notes_prepared": ("tasks",),
}

# What the pipeline made for itself, or folds into a column that is mapped under another name.
_WORKING = frozenset(
    """
    source_file source_line disposition reason detail merged_into merged_keys merged_emails
    primary_reason extract_date evidence contacts derived contact_key account_key product_key
    opportunity_key subscription_key adjusts_key contact_evidence adjusts_evidence kartra_id
    email_raw email_verdict email_suggestion name_verdict phone_e164 company domain mailable
    country_iso2 deleted blocklisted tags tags_raw lists lists_raw transaction_id type
    occurred_at close_date price_point amount signed_amount lead_id buyer_email subscription_id
    status first_amount first_paid_on affiliate_id name booking_id class starts_at time_zone
    attendee_email note_id base_price email affiliate_key
    """.split()  # noqa: SIM905 - one word per name reads better than seventy quoted ones
)


def phase_frames(
    stored: Mapping[str, Stored], field_map: FieldMap, pricebook_id: str, minutes: int
) -> dict[str, pl.DataFrame]:
    """Each phase's rows as `transform` will see them; `stored` holds the frames of `PREPARED`.

    Stored transactions are read no further than opportunities need.
    """
    prepared = {
        name: stored[name].lazy().collect() for name in PREPARED if name != "transactions_prepared"
    }
    people, companies = prepared["contacts_unified"], prepared["companies_prepared"]
    catalogue, policies = prepared["products_derived"], field_map.policies
    contacts = sources.contacts(people, companies)
    memberships = sources.memberships(prepared["parsed_lists"], people)
    campaigns = sources.campaigns(memberships, prepared["raw_lists"])
    deals = sources.opportunities(
        stored["transactions_prepared"],
        prepared["subscriptions_prepared"],
        prepared["subscriptions_derived"],
        contacts,
        catalogue,
        policies,
        pricebook_id,
    )
    return {
        "accounts": sources.accounts(companies),
        "affiliates": sources.affiliates(
            prepared["affiliates_prepared"], prepared["affiliates_derived"]
        ),
        "products": sources.products(catalogue),
        "pricebook_entries": sources.pricebook_entries(catalogue, pricebook_id),
        "campaigns": campaigns,
        "contacts": contacts,
        "opportunities": deals,
        "opportunity_contact_roles": sources.opportunity_contact_roles(deals, policies),
        "opportunity_line_items": sources.opportunity_line_items(deals),
        "campaign_members": sources.campaign_members(memberships, campaigns, policies),
        "events": sources.events(prepared["bookings_prepared"], minutes),
        "tasks": sources.tasks(prepared["notes_prepared"]),
        "contact_tags": _contact_tags(people, prepared["parsed_tags"], field_map),
    }


def unmapped_columns(prepared: Mapping[str, Stored], field_map: FieldMap) -> tuple[Unmapped, ...]:
    """Columns that hold values and that no rule names: what the map leaves behind."""
    found = []
    for name, phases in _CARRIED_BY.items():
        frame = prepared[name].lazy()
        used = {rule.source for phase in phases for rule in field_map.phases[phase].fields}
        left = [
            column
            for column in frame.collect_schema().names()
            if column not in used and column not in _WORKING
        ]
        if not left:
            continue
        counted = frame.select(pl.col(left).count()).collect(engine="streaming").row(0)
        for column, filled in zip(left, counted, strict=True):
            if filled or column.startswith(PREFIX):
                found.append(Unmapped(source=f"{name}.{column}", filled=filled))
    return tuple(found)


def _contact_tags(people: pl.DataFrame, tags: pl.DataFrame, field_map: FieldMap) -> pl.DataFrame:
    rules = field_map.phases["contact_tags"].fields
    offered = next((rule.new.values for rule in rules if rule.source == "tags" and rule.new), ())
    known = [
        rule
        for rule in rules
        if rule.source and rule.source.startswith(PREFIX) and rule.source in people.columns
    ]
    return sources.contact_tags(people, tags, typed_columns(people, known), offered)
