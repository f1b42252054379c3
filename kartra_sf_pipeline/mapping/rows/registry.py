"""Which frames each phase's rows are made of, and the function that makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.custom_fields import PREFIX, typed_columns
from kartra_sf_pipeline.mapping.rows import (
    activities,
    catalogue,
    companies,
    lists,
    money,
    people,
    tags,
)
from kartra_sf_pipeline.mapping.rows.choices import Choices, Frames
from kartra_sf_pipeline.mapping.rows.lineage import LINEAGE

Build = Callable[[Frames, Choices], pl.DataFrame]


@dataclass(frozen=True)
class Rows:
    """How one frame is made: the assets that it needs, and the function of them."""

    needs: tuple[str, ...]
    build: Build


def _accounts(frames: Frames, _: Choices) -> pl.DataFrame:
    return companies.accounts(frames["companies_prepared"].collect())


def _affiliates(frames: Frames, choices: Choices) -> pl.DataFrame:
    return companies.affiliates(
        frames["affiliates_prepared"].collect(),
        frames["affiliates_derived"].collect(),
        frames["contacts_unified"].select("contact_key", "email").collect(),
        frames["parsed_tags"].collect(),
        choices.field_map.strategies.affiliate_tags,
    )


def _products(frames: Frames, _: Choices) -> pl.DataFrame:
    return catalogue.products(frames["products_derived"].collect())


def _pricebook_entries(frames: Frames, choices: Choices) -> pl.DataFrame:
    return catalogue.pricebook_entries(frames["products_derived"].collect(), choices.pricebook_id)


def _memberships(frames: Frames) -> pl.DataFrame:
    people_seen = frames["contacts_unified"].select(
        "contact_key", "mailing_status", "blocklisted", *LINEAGE
    )
    return lists.memberships(frames["parsed_lists"].collect(), people_seen.collect())


def _campaigns(frames: Frames, _: Choices) -> pl.DataFrame:
    return lists.campaigns(_memberships(frames), frames["raw_lists"].collect())


def _statuses(frames: Frames, choices: Choices) -> pl.DataFrame:
    return lists.campaign_member_statuses(_campaigns(frames, choices), choices.field_map.policies)


def _campaign_members(frames: Frames, choices: Choices) -> pl.DataFrame:
    return lists.campaign_members(
        _memberships(frames), _campaigns(frames, choices), choices.field_map.policies
    )


def _contacts(frames: Frames, _: Choices) -> pl.DataFrame:
    known = frames["companies_prepared"].select("account_key").collect()
    return people.contacts(frames["contacts_unified"].collect(), known)


def _deals(frames: Frames, choices: Choices) -> pl.DataFrame:
    return money.opportunities(
        frames["transactions_prepared"],
        frames["subscriptions_prepared"].collect(),
        frames["subscriptions_derived"].collect(),
        _contacts(frames, choices),
        frames["products_derived"].collect(),
        choices.pricebook_id,
    )


def _opportunities(frames: Frames, _: Choices) -> pl.DataFrame:
    return frames["opportunity_facts"].collect()


def _roles(frames: Frames, choices: Choices) -> pl.DataFrame:
    return money.opportunity_contact_roles(
        frames["opportunity_facts"].collect(), choices.field_map.policies
    )


def _lines(frames: Frames, _: Choices) -> pl.DataFrame:
    return money.opportunity_line_items(frames["opportunity_facts"].collect())


def _events(frames: Frames, choices: Choices) -> pl.DataFrame:
    return activities.events(frames["bookings_prepared"].collect(), choices.minutes)


def _tasks(frames: Frames, _: Choices) -> pl.DataFrame:
    return activities.tasks(frames["notes_prepared"].collect())


def _contact_tags(frames: Frames, choices: Choices) -> pl.DataFrame:
    rules = choices.field_map.phases["contact_tags"].fields
    offered = next((rule.new.values for rule in rules if rule.source == "tags" and rule.new), ())
    unified = frames["contacts_unified"].collect()
    known = [
        rule
        for rule in rules
        if rule.source and rule.source.startswith(PREFIX) and rule.source in unified.columns
    ]
    return tags.contact_tags(
        unified, frames["parsed_tags"].collect(), typed_columns(unified, known), offered
    )


def _not_offered(_: Frames, choices: Choices) -> pl.DataFrame:
    raise SettingsError(
        "The field map chooses a strategy that is not offered yet.",
        next_step="Choose another one under `strategies`.",
    )


_AFFILIATES = ("affiliates_prepared", "affiliates_derived", "contacts_unified", "parsed_tags")
_LISTS = ("parsed_lists", "raw_lists", "contacts_unified")

DERIVED: dict[str, Rows] = {
    "opportunity_facts": Rows(
        (
            "transactions_prepared",
            "subscriptions_prepared",
            "subscriptions_derived",
            "contacts_unified",
            "companies_prepared",
            "products_derived",
        ),
        _deals,
    ),
}
"""Frames that several phases share, in the order of their making."""

PHASE_ROWS: dict[str, Rows] = {
    "accounts": Rows(("companies_prepared",), _accounts),
    "affiliates": Rows(_AFFILIATES, _affiliates),
    "products": Rows(("products_derived",), _products),
    "pricebook_entries": Rows(("products_derived",), _pricebook_entries),
    "campaigns": Rows(_LISTS, _campaigns),
    "campaign_member_statuses": Rows(_LISTS, _statuses),
    "contacts": Rows(("contacts_unified", "companies_prepared"), _contacts),
    "opportunities": Rows(("opportunity_facts",), _opportunities),
    "opportunity_contact_roles": Rows(("opportunity_facts",), _roles),
    "opportunity_line_items": Rows(("opportunity_facts",), _lines),
    "campaign_members": Rows(_LISTS, _campaign_members),
    "events": Rows(("bookings_prepared",), _events),
    "tasks": Rows(("notes_prepared",), _tasks),
    "contact_tags": Rows(("contacts_unified", "parsed_tags"), _contact_tags),
    "groups": Rows((), _not_offered),
    "leads": Rows((), _not_offered),
    "affiliate_records": Rows(_AFFILIATES, _affiliates),
    "account_contact_relations": Rows((), _not_offered),
    "subscription_records": Rows((), _not_offered),
    "transaction_records": Rows((), _not_offered),
    "campaign_lead_members": Rows((), _not_offered),
    "group_members": Rows((), _not_offered),
    "account_team_members": Rows((), _not_offered),
    "opportunity_team_members": Rows((), _not_offered),
    "territory_associations": Rows((), _not_offered),
    "files": Rows((), _not_offered),
}
"""By the name of the phase; `needs` are prepared frames or those of `DERIVED`."""
