"""Transform: Salesforce-shaped frames by the confirmed field map, and the plan of every row."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import MIGRATION, TRANSFORM
from kartra_sf_pipeline.assets.inputs import scanned
from kartra_sf_pipeline.assets.map import choices_of, confirmed_map
from kartra_sf_pipeline.assets.previews import counts, shaped_preview, table
from kartra_sf_pipeline.load_order import PHASE_NAMES
from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.custom_fields import PREFIX
from kartra_sf_pipeline.mapping.row_plan import NEEDS, row_plan
from kartra_sf_pipeline.mapping.rows.registry import DERIVED, PHASE_ROWS
from kartra_sf_pipeline.mapping.schema import text_lengths, wanted_fields
from kartra_sf_pipeline.mapping.shape import cut_cells, nothing, shape
from kartra_sf_pipeline.resources import RunSettings

Frame = pl.DataFrame
Result = dg.MaterializeResult[pl.DataFrame]

_COMMON: dict[str, Any] = {
    "group_name": TRANSFORM,
    "kinds": {"polars", "salesforce"},
    "owners": MIGRATION,
}

ABOUT: Mapping[str, str] = {
    "accounts": "Account rows: they exist before any contact, so that lookups resolve.",
    "affiliates": "Account rows of affiliates as partner organisations.",
    "products": "Product2 rows: one per product and price point.",
    "pricebook_entries": "The standard price of each product.",
    "campaigns": "One campaign per Kartra list that becomes one.",
    "campaign_member_statuses": "Statuses that the campaigns' members need and are not born with.",
    "groups": "Public groups of users, for the lists that become one.",
    "contacts": "Contact rows of the first write: keys, names, addresses, consent; oldest first.",
    "leads": "Lead rows, for people without company whom the map makes leads.",
    "affiliate_records": "Affiliates as records of a custom object.",
    "account_contact_relations": "Further companies of people who have several.",
    "subscription_records": "Subscriptions as records of a custom object.",
    "opportunities": "Opportunity rows with stage, close date and amount.",
    "transaction_records": "Payments and repayments as records of a custom object.",
    "opportunity_contact_roles": "The buyer of each opportunity.",
    "opportunity_line_items": "One line per opportunity of a known product.",
    "campaign_members": "One member per contact and list.",
    "campaign_lead_members": "One member per lead and list.",
    "group_members": "Users of the org who are on a list that becomes a group.",
    "account_team_members": "Who works an account with its owner.",
    "opportunity_team_members": "Who works an opportunity with its owner.",
    "territory_associations": "Accounts in the territories that their file names.",
    "events": "Event rows of calendar bookings and meetings.",
    "tasks": "Completed tasks: notes, calls and e-mails.",
    "files": "Attachments, and notes where the map keeps them as such.",
    "contact_tags": "Tags, notes and custom fields: written last, on contacts that are confirmed.",
}


def _shaped(settings: RunSettings, field_map: Frame, name: str, **frames: pl.LazyFrame) -> Result:
    """The phase's rows as its object takes them, with what had to be cut."""
    home = settings.load().home
    choices = choices_of(settings.load(), confirmed_map(home, field_map))
    phase = choices.phases.get(name)
    if phase is None:
        known = choices.field_map.phases.get(name) or default_map().phases[name]
        return dg.MaterializeResult(
            value=nothing(known), metadata={"rows": 0, "strategy": "not chosen in the field map"}
        )
    rows = PHASE_ROWS[name].build(frames, choices)
    lengths = text_lengths(
        choices.objects[phase.object], wanted_fields(choices.field_map), phase.object
    )
    frame = shape(rows, phase, lengths, choices)
    cut = cut_cells(rows, phase, lengths)
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "object": phase.object,
            "cut_cells": int(cut["cells"].sum()),
            "cut": table(cut),
            "preview": shaped_preview(frame, phase),
        },
    )


def _phase(name: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=name,
        description=ABOUT[name],
        ins={"field_map": dg.AssetIn(), **scanned(*PHASE_ROWS[name].needs)},
        group_name=TRANSFORM,
        kinds={"polars", "salesforce"},
        owners=MIGRATION,
    )
    def shaped(settings: RunSettings, field_map: Frame, **frames: pl.LazyFrame) -> Result:
        return _shaped(settings, field_map, name, **frames)

    return shaped


@dg.asset(
    ins={"field_map": dg.AssetIn(), **scanned(*DERIVED["opportunity_facts"].needs)}, **_COMMON
)
def opportunity_facts(settings: RunSettings, field_map: Frame, **frames: pl.LazyFrame) -> Result:
    """Sales, subscriptions and reversals as deals, before the map gives them field names."""
    given = settings.load()
    choices = choices_of(given, confirmed_map(given.home, field_map))
    frame = DERIVED["opportunity_facts"].build(frames, choices)
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "kinds": counts(frame, "kind"),
            "money": table(money_by_currency(frame)),
        },
    )


def money_by_currency(facts: Frame) -> Frame:
    """What deals of each currency charged and their rebills came to: currencies never add up."""
    sums = facts.group_by("currency").agg(
        pl.len().alias("deals"), pl.col("charged", "rebill_total").sum()
    )
    return sums.sort("currency", nulls_last=True)


def _derived(
    name: str, frames: dict[str, pl.LazyFrame], settings: RunSettings, given: Frame
) -> Frame:
    home = settings.load().home
    choices = choices_of(settings.load(), confirmed_map(home, given))
    return DERIVED[name].build(frames, choices)


@dg.asset(ins={"field_map": dg.AssetIn(), **scanned(*DERIVED["people_plan"].needs)}, **_COMMON)
def people_plan(settings: RunSettings, field_map: Frame, **frames: pl.LazyFrame) -> Result:
    """Who becomes a contact and who a lead, and under which account, segment by segment."""
    frame = _derived("people_plan", frames, settings, field_map)
    by_segment = frame.group_by("segment", "become", "account_source").agg(
        people=pl.len(), held_back=pl.col("held_back").sum()
    )
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "leads": int((frame["become"] == "lead").sum()),
            "contacts_without_account": int(
                ((frame["become"] == "contact") & frame["account_key"].is_null()).sum()
            ),
            "segments": table(by_segment.sort("people", descending=True)),
        },
    )


@dg.asset(ins={"field_map": dg.AssetIn(), **scanned(*DERIVED["further_accounts"].needs)}, **_COMMON)
def further_accounts(settings: RunSettings, field_map: Frame, **frames: pl.LazyFrame) -> Result:
    """Accounts of people of several companies beside the one they are in, with the evidence."""
    frame = _derived("further_accounts", frames, settings, field_map)
    return dg.MaterializeResult(
        value=frame, metadata={"rows": frame.height, "evidence": counts(frame, "evidence")}
    )


@dg.asset(
    ins={"field_map": dg.AssetIn(), **scanned(*DERIVED["memberships_left_out"].needs)}, **_COMMON
)
def memberships_left_out(settings: RunSettings, field_map: Frame, **frames: pl.LazyFrame) -> Result:
    """List memberships that no campaign and no group takes, each with the reason."""
    frame = _derived("memberships_left_out", frames, settings, field_map)
    reasons = frame.group_by("list_name", "strategy", "reason").agg(people=pl.len())
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "reasons": table(reasons.sort("people", descending=True), rows=200),
        },
    )


@dg.asset(ins={"field_map": dg.AssetIn(), **scanned(*DERIVED["assignment_facts"].needs)}, **_COMMON)
def assignment_facts(settings: RunSettings, field_map: Frame, **frames: pl.LazyFrame) -> Result:
    """Team members and territories with the org's own users, and what becomes of each row."""
    given = settings.load()
    choices = choices_of(given, confirmed_map(given.home, field_map))
    frame = DERIVED["assignment_facts"].build(frames, choices)
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "exports": counts(frame, "export"),
            "reasons": counts(frame.filter(pl.col("disposition") != "keep"), "reason"),
        },
    )


SHAPED = [_phase(name) for name in PHASE_NAMES]


@dg.asset(ins={"field_map": dg.AssetIn(), **scanned(*NEEDS)}, **_COMMON)
def planned_rows(settings: RunSettings, field_map: Frame, **frames: pl.LazyFrame) -> Result:
    """What is meant to become of each source row, before anything is sent."""
    confirmed = confirmed_map(settings.load().home, field_map)
    columns = {
        rule.source.removeprefix(PREFIX): rule.target
        for rule in confirmed.phases["contact_tags"].fields
        if rule.source and rule.source.startswith(PREFIX)
    }
    frame = row_plan(frames, columns, confirmed.strategies)
    by_export = frame.group_by("export", "planned").len("rows").sort("export", "planned")
    return dg.MaterializeResult(
        value=frame, metadata={"rows": frame.height, "planned": table(by_export)}
    )
