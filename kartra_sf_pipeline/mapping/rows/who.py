"""From prepared frames to the rows of accounts, people, lists and tags: what the registry names."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.mapping.custom_fields import typed_columns
from kartra_sf_pipeline.mapping.rows import companies, lists, people, relations, segments, tags
from kartra_sf_pipeline.mapping.rows.choices import Choices, Frames
from kartra_sf_pipeline.mapping.rows.lineage import LINEAGE
from kartra_sf_pipeline.mapping.rows.places import with_place_codes

ACCOUNTS: Final = ("companies_prepared", "contacts_unified", "people_plan", "further_accounts")
CONTACTS: Final = ("contacts_unified", "people_plan")
LEADS: Final = (*CONTACTS, "parsed_tags")
RELATIONS: Final = ("further_accounts", "people_plan")
AFFILIATES: Final = ("affiliates_prepared", "affiliates_derived", *LEADS)
LISTS: Final = ("parsed_lists", "raw_lists", "contacts_unified")
MEMBERS: Final = (*LISTS, "people_plan")
TAGS: Final = (*LEADS, "contact_spend")


def account_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Accounts of companies, of people without one, and of companies that merged rows name."""
    plan = frames["people_plan"].collect()
    asked = plan["account_source"].is_in(["person", "shared"]).any()
    unified = frames["contacts_unified"]
    rows = companies.accounts(
        frames["companies_prepared"].collect(),
        relations.new_accounts(frames["further_accounts"].collect()),
        segments.personal_accounts(
            (unified if asked else unified.head(0)).collect(),
            plan,
            choices.field_map.contacts_without_company,
        ),
    )
    return with_place_codes(rows, choices.objects.get("Account"))


def affiliate_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Affiliates; as records of their own they name the contact that they are."""
    chosen = choices.field_map.strategies
    known = frames["contacts_unified"].select("contact_key", "email")
    if chosen.affiliates == "custom_object":
        known = known.join(
            _of(frames, "contact"), on="contact_key", how="semi", maintain_order="left"
        )
    return companies.affiliates(
        frames["affiliates_prepared"].collect(),
        frames["affiliates_derived"].collect(),
        known.collect(),
        frames["parsed_tags"].collect(),
        chosen.affiliate_tags,
    )


def further_account_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """People's further accounts where the map asks for them; empty otherwise."""
    if not choices.field_map.strategies.account_contact_relations:
        return pl.DataFrame(schema=relations.FURTHER_SCHEMA)
    return relations.further_accounts(frames)


def relation_rows(frames: Frames, _: Choices) -> pl.DataFrame:
    """Further accounts of contacts."""
    return relations.account_contact_relations(
        frames["further_accounts"].collect(), frames["people_plan"].collect()
    )


def contact_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Contacts, oldest first."""
    rows = people.contacts(frames["contacts_unified"].collect(), frames["people_plan"].collect())
    return with_place_codes(rows, choices.objects.get("Contact"))


def lead_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Leads, oldest first; custom columns as the map's rules for leads type them."""
    unified = frames["contacts_unified"].collect()
    rows = people.leads(unified, frames["people_plan"].collect(), frames["parsed_tags"].collect())
    typed = _typed(unified, choices, "leads")
    rows = rows.drop(
        name for name in rows.columns if name != "contact_key" and name in typed.columns
    )
    rows = rows.join(typed, on="contact_key", how="left", maintain_order="left")
    return with_place_codes(rows, choices.objects.get("Lead"))


def campaign_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Lists that become campaigns."""
    chosen = choices.field_map.strategies.lists
    return lists.campaigns(_memberships(frames), frames["raw_lists"].collect(), chosen)


def status_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Member statuses of these campaigns."""
    return lists.campaign_member_statuses(
        campaign_rows(frames, choices), choices.field_map.policies
    )


def campaign_member_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Memberships of contacts."""
    return _members(frames, choices, "contact")


def campaign_lead_member_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Memberships of leads."""
    return _members(frames, choices, "lead")


def group_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Lists that become public groups."""
    chosen = choices.field_map.strategies.lists
    return lists.groups(_memberships(frames), frames["raw_lists"].collect(), chosen)


def group_member_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Users of the org who are on these lists."""
    return lists.group_members(_judged_memberships(frames, choices))


def left_out_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Memberships that no campaign and no group takes."""
    return lists.memberships_left_out(_judged_memberships(frames, choices))


def tag_rows(frames: Frames, choices: Choices) -> pl.DataFrame:
    """Tags, notes, custom fields and computed spend of contacts."""
    rules = choices.field_map.phases["contact_tags"].fields
    offered = next((rule.new.values for rule in rules if rule.source == "tags" and rule.new), ())
    unified = (
        frames["contacts_unified"]
        .join(_of(frames, "contact"), on="contact_key", how="semi", maintain_order="left")
        .collect()
    )
    custom = _typed(unified, choices, "contact_tags")
    if choices.field_map.strategies.computed_spend:
        spent = tags.computed_spend(frames["contact_spend"].collect())
        custom = custom.join(spent, on="contact_key", how="left", maintain_order="left")
    # A blank cell that the map gives a value, or clears, is something to write.
    spoken = any(rule.on_blank != "keep" or rule.constant is not None for rule in rules)
    return tags.contact_tags(
        unified, frames["parsed_tags"].collect(), custom, offered, everybody=spoken
    )


def _of(frames: Frames, become: str) -> pl.LazyFrame:
    return frames["people_plan"].filter(pl.col("become") == become).select("contact_key")


def _typed(unified: pl.DataFrame, choices: Choices, phase: str) -> pl.DataFrame:
    mapped = choices.field_map.phases[phase]
    return typed_columns(unified, mapped.fields, choices.objects.get(mapped.object))


def _memberships(frames: Frames) -> pl.DataFrame:
    people_seen = frames["contacts_unified"].select(
        "contact_key", "mailing_status", "blocklisted", *LINEAGE
    )
    return lists.memberships(frames["parsed_lists"].collect(), people_seen.collect())


def _members(frames: Frames, choices: Choices, become: str) -> pl.DataFrame:
    chosen = _of(frames, become).collect()
    return lists.campaign_members(
        _memberships(frames).join(chosen, on="contact_key", how="semi", maintain_order="left"),
        campaign_rows(frames, choices),
        choices.field_map.policies,
    )


def _judged_memberships(frames: Frames, choices: Choices) -> pl.DataFrame:
    memberships, chosen = _memberships(frames), choices.field_map.strategies.lists
    return lists.memberships_sorted(
        memberships,
        lists.all_lists(memberships, frames["raw_lists"].collect(), chosen),
        frames["contacts_unified"].select("contact_key", "email").collect(),
        choices.users,
    )
