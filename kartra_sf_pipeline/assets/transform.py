"""Transform: Salesforce-shaped frames by the confirmed field map, and the plan of every row."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import MIGRATION, TRANSFORM
from kartra_sf_pipeline.assets.inputs import columns_of
from kartra_sf_pipeline.assets.map import confirmed_map
from kartra_sf_pipeline.assets.previews import counts, preview, table
from kartra_sf_pipeline.mapping import sources
from kartra_sf_pipeline.mapping.custom_fields import PREFIX, typed_columns
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.org_facts import snapshot_of
from kartra_sf_pipeline.mapping.row_plan import row_plan
from kartra_sf_pipeline.mapping.schema import text_lengths, wanted_fields
from kartra_sf_pipeline.mapping.shape import cut_cells, shape
from kartra_sf_pipeline.resources import RunSettings

Frame = pl.DataFrame
Result = dg.MaterializeResult[pl.DataFrame]

# What `sources.contacts` reads of a person beside what it hands on.
_PERSON = (
    "contact_key", "account_key", "first_name", "last_name", "mailable", "joined_at", "email",
    "email_raw", "phone_verdict", "phone_e164", "phone_raw",
)  # fmt: skip
_MEMBER = ("contact_key", *sources.LINEAGE)
_PLANNED = (*sources.LINEAGE, "disposition", "reason", "detail")

_COMMON: dict[str, Any] = {
    "group_name": TRANSFORM,
    "kinds": {"polars", "salesforce"},
    "owners": MIGRATION,
}


def _shaped(settings: RunSettings, field_map: Frame, phase: str, rows: Frame) -> Result:
    """The phase's rows as its object takes them, with what had to be cut."""
    home = settings.load().home
    confirmed = confirmed_map(home, field_map)
    wire = confirmed.phases[phase]
    lengths = text_lengths(
        snapshot_of(home).objects[wire.object], wanted_fields(confirmed), wire.object
    )
    frame = shape(rows, wire, lengths)
    cut = cut_cells(rows, wire, lengths)
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "object": wire.object,
            "cut_cells": int(cut["cells"].sum()),
            "cut": table(cut),
            "preview": preview(frame),
        },
    )


def _standard_book(home: Path) -> str:
    return snapshot_of(home).standard_pricebook_id


def _map_of(settings: RunSettings, field_map: Frame) -> FieldMap:
    return confirmed_map(settings.load().home, field_map)


@dg.asset(**_COMMON)
def accounts(settings: RunSettings, field_map: Frame, companies_prepared: Frame) -> Result:
    """Account rows: they exist before any contact, so that lookups resolve."""
    return _shaped(settings, field_map, "accounts", sources.accounts(companies_prepared))


@dg.asset(name="affiliates", **_COMMON)
def affiliate_accounts(
    settings: RunSettings, field_map: Frame, affiliates_prepared: Frame, affiliates_derived: Frame
) -> Result:
    """Account rows of affiliates as partner organisations."""
    rows = sources.affiliates(affiliates_prepared, affiliates_derived)
    return _shaped(settings, field_map, "affiliates", rows)


@dg.asset(**_COMMON)
def products(settings: RunSettings, field_map: Frame, products_derived: Frame) -> Result:
    """Product2 rows: one per product and price point."""
    return _shaped(settings, field_map, "products", sources.products(products_derived))


@dg.asset(**_COMMON)
def pricebook_entries(settings: RunSettings, field_map: Frame, products_derived: Frame) -> Result:
    """The standard price of each product."""
    rows = sources.pricebook_entries(products_derived, _standard_book(settings.load().home))
    return _shaped(settings, field_map, "pricebook_entries", rows)


@dg.asset(**_COMMON)
def campaigns(
    settings: RunSettings,
    field_map: Frame,
    parsed_lists: Frame,
    raw_lists: Frame,
    contacts_unified: pl.LazyFrame,
) -> Result:
    """One campaign per Kartra list."""
    members = sources.memberships(parsed_lists, columns_of(contacts_unified, *_MEMBER))
    rows = sources.campaigns(members, raw_lists)
    return _shaped(settings, field_map, "campaigns", rows)


@dg.asset(**_COMMON)
def contacts(
    settings: RunSettings,
    field_map: Frame,
    contacts_unified: Frame,
    companies_prepared: pl.LazyFrame,
) -> Result:
    """Contact rows of the first write: keys, names, addresses, consent; oldest first."""
    rows = sources.contacts(contacts_unified, columns_of(companies_prepared, "account_key"))
    return _shaped(settings, field_map, "contacts", rows)


@dg.asset(**_COMMON)
def opportunity_facts(
    settings: RunSettings,
    field_map: Frame,
    transactions_prepared: pl.LazyFrame,
    subscriptions_prepared: Frame,
    subscriptions_derived: Frame,
    contacts_unified: pl.LazyFrame,
    companies_prepared: pl.LazyFrame,
    products_derived: Frame,
) -> Result:
    """Sales, subscriptions and reversals as deals, before the map gives them field names."""
    policies = _map_of(settings, field_map).policies
    frame = sources.opportunities(
        transactions_prepared,
        subscriptions_prepared,
        subscriptions_derived,
        sources.contacts(
            columns_of(contacts_unified, *_PERSON), columns_of(companies_prepared, "account_key")
        ),
        products_derived,
        policies,
        _standard_book(settings.load().home),
    )
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "kinds": counts(frame, "kind"),
            "amount": float(frame["amount"].sum() or 0),
            "rebill_total": float(frame["rebill_total"].sum() or 0),
        },
    )


@dg.asset(**_COMMON)
def opportunities(settings: RunSettings, field_map: Frame, opportunity_facts: Frame) -> Result:
    """Opportunity rows with stage, close date and amount."""
    return _shaped(settings, field_map, "opportunities", opportunity_facts)


@dg.asset(**_COMMON)
def opportunity_contact_roles(
    settings: RunSettings, field_map: Frame, opportunity_facts: Frame
) -> Result:
    """The buyer of each opportunity."""
    policies = _map_of(settings, field_map).policies
    rows = sources.opportunity_contact_roles(opportunity_facts, policies)
    return _shaped(settings, field_map, "opportunity_contact_roles", rows)


@dg.asset(**_COMMON)
def opportunity_line_items(
    settings: RunSettings, field_map: Frame, opportunity_facts: Frame
) -> Result:
    """One line per opportunity of a known product."""
    rows = sources.opportunity_line_items(opportunity_facts)
    return _shaped(settings, field_map, "opportunity_line_items", rows)


@dg.asset(**_COMMON)
def campaign_members(
    settings: RunSettings,
    field_map: Frame,
    parsed_lists: Frame,
    contacts_unified: pl.LazyFrame,
    campaigns: Frame,
) -> Result:
    """One member per contact and list."""
    rows = sources.campaign_members(
        sources.memberships(parsed_lists, columns_of(contacts_unified, *_MEMBER)),
        campaigns.select(campaign_key="_key", list_folded=pl.col("_key").str.strip_prefix("list:")),
        _map_of(settings, field_map).policies,
    )
    return _shaped(settings, field_map, "campaign_members", rows)


@dg.asset(**_COMMON)
def events(settings: RunSettings, field_map: Frame, bookings_prepared: Frame) -> Result:
    """Event rows of calendar bookings."""
    rows = sources.events(bookings_prepared, settings.load().event_minutes)
    return _shaped(settings, field_map, "events", rows)


@dg.asset(**_COMMON)
def tasks(settings: RunSettings, field_map: Frame, notes_prepared: Frame) -> Result:
    """Completed tasks, one per note."""
    return _shaped(settings, field_map, "tasks", sources.tasks(notes_prepared))


@dg.asset(**_COMMON)
def contact_tags(
    settings: RunSettings, field_map: Frame, contacts_unified: pl.LazyFrame, parsed_tags: Frame
) -> Result:
    """Tags, notes and custom fields: written last, on contacts that are confirmed."""
    rules = _map_of(settings, field_map).phases["contact_tags"].fields
    offered = next((r.new.values for r in rules if r.source == "tags" and r.new), ())
    custom = [rule for rule in rules if rule.source and rule.source.startswith(PREFIX)]
    people = contacts_unified.select(
        *_MEMBER, "notes", *dict.fromkeys(str(rule.source) for rule in custom)
    ).collect()
    rows = sources.contact_tags(people, parsed_tags, typed_columns(people, custom), offered)
    return _shaped(settings, field_map, "contact_tags", rows)


@dg.asset(**_COMMON)
def planned_rows(
    settings: RunSettings,
    field_map: Frame,
    quarantine: pl.LazyFrame,
    contact_rows: pl.LazyFrame,
    company_rows: pl.LazyFrame,
    transactions_prepared: pl.LazyFrame,
    subscriptions_prepared: pl.LazyFrame,
    affiliates_prepared: pl.LazyFrame,
    bookings_prepared: pl.LazyFrame,
    notes_prepared: pl.LazyFrame,
    campaigns: pl.LazyFrame,
    raw_lists: Frame,
    raw_custom_fields: Frame,
    raw_sequences: pl.LazyFrame,
) -> Result:
    """What is meant to become of each source row, before anything is sent."""
    rules = _map_of(settings, field_map).phases["contact_tags"].fields
    columns = {
        rule.source.removeprefix(PREFIX): rule.target
        for rule in rules
        if rule.source and rule.source.startswith(PREFIX)
    }
    frame = row_plan(
        {
            "quarantine": columns_of(quarantine, "export", *_PLANNED),
            "contact_rows": columns_of(contact_rows, *_PLANNED, "contact_key"),
            "company_rows": columns_of(company_rows, *_PLANNED, "account_key"),
            "transactions_prepared": columns_of(
                transactions_prepared, *_PLANNED, "opportunity_key"
            ),
            "subscriptions_prepared": columns_of(
                subscriptions_prepared, *_PLANNED, "opportunity_key"
            ),
            "affiliates_prepared": columns_of(affiliates_prepared, *_PLANNED, "affiliate_key"),
            "bookings_prepared": columns_of(bookings_prepared, *_PLANNED, "booking_key"),
            "notes_prepared": columns_of(notes_prepared, *_PLANNED, "note_key"),
            "campaign_rows": columns_of(campaigns, *sources.LINEAGE, "_key").rename(
                {"_key": "campaign_key"}
            ),
            "raw_lists": raw_lists,
            "raw_custom_fields": raw_custom_fields,
            "raw_sequences": columns_of(raw_sequences, *sources.LINEAGE),
        },
        columns,
    )
    by_export = frame.group_by("export", "planned").len("rows").sort("export", "planned")
    return dg.MaterializeResult(
        value=frame, metadata={"rows": frame.height, "planned": table(by_export)}
    )
