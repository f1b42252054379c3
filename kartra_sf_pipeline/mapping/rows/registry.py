"""Which frames each phase's rows are made of, and the function that makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from kartra_sf_pipeline.mapping.rows import (
    activities,
    catalogue,
    files,
    money,
    relations,
    segments,
    subscriptions,
    teams,
    who,
)
from kartra_sf_pipeline.mapping.rows.choices import Choices, Frames

Build = Callable[[Frames, Choices], pl.DataFrame]


@dataclass(frozen=True)
class Rows:
    """How one frame is made: the assets that it needs, and the function of them."""

    needs: tuple[str, ...]
    build: Build


def _products(frames: Frames, _: Choices) -> pl.DataFrame:
    return catalogue.products(frames["products_derived"].collect())


def _pricebook_entries(frames: Frames, choices: Choices) -> pl.DataFrame:
    derived = frames["products_derived"].collect()
    if not choices.in_currencies("pricebook_entries"):
        return catalogue.pricebook_entries(derived, choices.pricebook_id)
    deals = frames["opportunity_facts"].select("product_key", "currency", "amount", "has_lines")
    return catalogue.prices_in_currencies(derived, deals.collect(), choices.pricebook_id)


def _subscriptions(frames: Frames, choices: Choices) -> pl.DataFrame:
    return subscriptions.recurring(
        frames["transactions_prepared"],
        frames["subscriptions_prepared"].collect(),
        frames["subscriptions_derived"].collect(),
        who.contact_rows(frames, choices),
        choices.field_map.strategies,
    )


def _deals(frames: Frames, choices: Choices) -> pl.DataFrame:
    return money.opportunities(
        frames["transactions_prepared"],
        _subscriptions(frames, choices),
        who.contact_rows(frames, choices),
        frames["products_derived"].collect(),
        choices.pricebook_id,
        choices.field_map.strategies,
        in_currencies=choices.in_currencies("opportunities"),
    )


def _payments(frames: Frames, choices: Choices) -> pl.DataFrame:
    return money.transaction_records(
        frames["transactions_prepared"],
        _subscriptions(frames, choices),
        who.contact_rows(frames, choices),
        choices.field_map.strategies,
    )


def _opportunities(frames: Frames, _: Choices) -> pl.DataFrame:
    return frames["opportunity_facts"].collect()


def _roles(frames: Frames, choices: Choices) -> pl.DataFrame:
    return money.opportunity_contact_roles(
        frames["opportunity_facts"].collect(), choices.field_map.policies
    )


def _lines(frames: Frames, _: Choices) -> pl.DataFrame:
    return money.opportunity_line_items(frames["opportunity_facts"].collect())


_PAYMENTS = (
    "transactions_prepared",
    "subscriptions_prepared",
    "subscriptions_derived",
    "contacts_unified",
    "people_plan",
)

DERIVED: dict[str, Rows] = {
    "people_plan": Rows(segments.PLAN_NEEDS, segments.people_plan),
    "further_accounts": Rows(relations.NEEDS, who.further_account_rows),
    "memberships_left_out": Rows(who.LISTS, who.left_out_rows),
    "opportunity_facts": Rows((*_PAYMENTS, "products_derived"), _deals),
    "assignment_facts": Rows(teams.NEEDS, teams.assignments),
}
"""Frames that several phases share, in the order of their making."""

PHASE_ROWS: dict[str, Rows] = {
    "accounts": Rows(who.ACCOUNTS, who.account_rows),
    "affiliates": Rows(who.AFFILIATES, who.affiliate_rows),
    "products": Rows(("products_derived",), _products),
    "pricebook_entries": Rows(("products_derived", "opportunity_facts"), _pricebook_entries),
    "campaigns": Rows(who.LISTS, who.campaign_rows),
    "campaign_member_statuses": Rows(who.LISTS, who.status_rows),
    "contacts": Rows(who.CONTACTS, who.contact_rows),
    "opportunities": Rows(("opportunity_facts",), _opportunities),
    "opportunity_contact_roles": Rows(("opportunity_facts",), _roles),
    "opportunity_line_items": Rows(("opportunity_facts",), _lines),
    "campaign_members": Rows(who.MEMBERS, who.campaign_member_rows),
    "events": Rows(activities.EVENTS, activities.event_rows),
    "tasks": Rows(activities.TASKS, activities.task_rows),
    "contact_tags": Rows(who.TAGS, who.tag_rows),
    "groups": Rows(who.LISTS, who.group_rows),
    "leads": Rows(who.LEADS, who.lead_rows),
    "affiliate_records": Rows(who.AFFILIATES, who.affiliate_rows),
    "account_contact_relations": Rows(who.RELATIONS, who.relation_rows),
    "subscription_records": Rows(_PAYMENTS, _subscriptions),
    "transaction_records": Rows(_PAYMENTS, _payments),
    "campaign_lead_members": Rows(who.MEMBERS, who.campaign_lead_member_rows),
    "group_members": Rows(who.LISTS, who.group_member_rows),
    "account_team_members": Rows(("assignment_facts",), teams.account_team_rows),
    "opportunity_team_members": Rows(("assignment_facts",), teams.opportunity_team_rows),
    "territory_associations": Rows(("assignment_facts",), teams.territory_rows),
    "files": Rows(files.FILES, files.file_rows),
}
"""By the name of the phase; `needs` are prepared frames or those of `DERIVED`."""
