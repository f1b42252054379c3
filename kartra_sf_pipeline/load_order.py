"""The phases of a load by name, in their order: the one list that map, gates and loader share."""

from __future__ import annotations

PHASE_NAMES = (
    "accounts",
    "affiliates",
    "products",
    "pricebook_entries",
    "campaigns",
    "campaign_member_statuses",
    "groups",
    "contacts",
    "leads",
    "affiliate_records",
    "account_contact_relations",
    "subscription_records",
    "opportunities",
    "transaction_records",
    "opportunity_contact_roles",
    "opportunity_line_items",
    "campaign_members",
    "campaign_lead_members",
    "group_members",
    "account_team_members",
    "opportunity_team_members",
    "territory_associations",
    "events",
    "tasks",
    "files",
    "contact_tags",
)

OPTIONAL_PHASES = frozenset(
    {
        "campaign_member_statuses",
        "groups",
        "leads",
        "affiliate_records",
        "account_contact_relations",
        "subscription_records",
        "transaction_records",
        "campaign_lead_members",
        "group_members",
        "account_team_members",
        "opportunity_team_members",
        "territory_associations",
        "files",
    }
)
"""Phases that a map may leave out: each belongs to a strategy that is not everybody's."""
