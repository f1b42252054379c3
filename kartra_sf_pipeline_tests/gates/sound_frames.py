"""Sound frames for each gate: what the pipeline itself makes of the sample account."""

from decimal import Decimal
from functools import cache
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.gates.suites.load import PHASES as LOADED
from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.mapping import sources
from kartra_sf_pipeline.mapping.account_map import propose_map
from kartra_sf_pipeline.mapping.custom_fields import PREFIX, plan_custom_fields, typed_columns
from kartra_sf_pipeline.mapping.model import Policies
from kartra_sf_pipeline.mapping.row_plan import row_plan
from kartra_sf_pipeline.mapping.shape import shape
from kartra_sf_pipeline.prepare.affiliates import prepare_affiliates
from kartra_sf_pipeline.prepare.bookings import prepare_bookings
from kartra_sf_pipeline.prepare.companies import prepare_companies
from kartra_sf_pipeline.prepare.contacts import prepare_contacts, unify_contacts
from kartra_sf_pipeline.prepare.matching import match_contacts
from kartra_sf_pipeline.prepare.notes import prepare_notes
from kartra_sf_pipeline.prepare.products import derive_products
from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.tags import parse_lists, parse_tags
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline.sample.account import write_account
from kartra_sf_pipeline.scope.audit import audit
from kartra_sf_pipeline.scope.control_file import ControlTotals
from kartra_sf_pipeline.scope.control_totals import control_totals
from kartra_sf_pipeline.scope.extract_judgement import extract_judgement
from kartra_sf_pipeline.scope.source_identity import source_identity

ZONE = "America/New_York"
BOOK = "01s000000000001AAA"
LENGTHS = {
    "accounts": {"name": 255, "website": 255},
    "products": {"name": 255},
    "campaigns": {"name": 80},
    "contacts": {"lastname": 80, "firstname": 40, "email": 80, "phone": 40},
    "opportunities": {"name": 120},
    "events": {"subject": 255},
    "tasks": {"subject": 255},
}


def sound_frame(asset: str) -> pl.DataFrame:
    """The frame of an asset, as a run on a small sample account would leave it."""
    return _frames()[asset]


@cache
def _frames() -> dict[str, pl.DataFrame]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        write_account(Path(folder), contacts=300, seed=11)
        read = read_folder(Path(folder))
    raw = read.frames
    prepared = prepare_contacts(raw["contacts"], zone=ZONE, communications_polarity=None)
    unified, contact_rows = unify_contacts(prepared, match_contacts(prepared))
    companies, company_rows = prepare_companies(unified, raw["companies"])
    transactions = prepare_transactions(
        raw["transactions"], raw["subscriptions"], unified, zone=ZONE
    )
    subscriptions, derived = prepare_subscriptions(
        raw["subscriptions"], transactions, unified, zone=ZONE
    )
    affiliates, other_affiliates = prepare_affiliates(raw["affiliates"], transactions)
    bookings = prepare_bookings(raw["calendar_bookings"], unified, zone=ZONE)
    notes = prepare_notes(raw["notes"], unified, zone=ZONE)
    products = derive_products(transactions)
    tags, lists = parse_tags(unified), parse_lists(unified)
    policies = Policies()
    offered = sources.picklist_tags(tags, policies)
    field_map = propose_map(plan_custom_fields(unified, raw["custom_fields"]), offered)
    custom = [
        rule
        for rule in field_map.phases["contact_tags"].fields
        if rule.source and rule.source.startswith(PREFIX)
    ]
    people = sources.contacts(unified, companies)
    deals = sources.opportunities(
        transactions, subscriptions, derived, people, products, policies, BOOK
    )
    memberships = sources.memberships(lists, unified)
    campaigns = sources.campaigns(memberships, raw["lists"])
    rows = {
        "accounts": companies,
        "affiliates": sources.affiliates(affiliates, other_affiliates),
        "products": sources.products(products),
        "pricebook_entries": sources.pricebook_entries(products, BOOK),
        "campaigns": campaigns,
        "contacts": people,
        "opportunities": deals,
        "opportunity_contact_roles": sources.opportunity_contact_roles(deals, policies),
        "opportunity_line_items": sources.opportunity_line_items(deals),
        "campaign_members": sources.campaign_members(memberships, campaigns, policies),
        "events": sources.events(bookings, 60),
        "tasks": sources.tasks(notes),
        "contact_tags": sources.contact_tags(
            unified, tags, typed_columns(unified, custom), offered
        ),
    }
    shaped = {
        name: shape(frame, field_map.phases[name], LENGTHS.get(name, {}))
        for name, frame in rows.items()
    }
    kept = prepared.filter(pl.col("disposition") == "keep").height
    sold = transactions.filter(pl.col("reason").fill_null("") != "older_extract").height
    read_off = ControlTotals(
        counts={"contacts": kept, "transactions": sold},
        money={("revenue", "USD"): Decimal("0.01")},
        tolerance_percent=Decimal(0),
    )
    counted = {
        "contacts_prepared": prepared,
        "contacts_unified": unified,
        "transactions_prepared": transactions,
        "quarantine": read.quarantine,
    }
    revenue = control_totals(counted, read_off).filter(pl.col("what") == "revenue")["found"][0]
    read_off.money["revenue", "USD"] = revenue
    return {
        "control_totals": control_totals(counted, read_off),
        "source_identity": source_identity({name: frame.lazy() for name, frame in raw.items()}),
        "extract_judgement": extract_judgement(raw["contacts"].lazy(), read.quarantine),
        "account_audit": audit(counted, plan_contacts=12_500),
        "spreadsheet_damage": read.damage.clear(),
        **{f"raw_{export}": frame for export, frame in raw.items()},
        "contacts_prepared": prepared,
        "contacts_unified": unified,
        "records_loaded_apart": pl.DataFrame(
            {"object": ["Contact"], "first_loaded_run": ["r"], "decision": ["ignore"]}
        ),
        "companies_prepared": companies,
        "transactions_prepared": transactions,
        "subscriptions_prepared": subscriptions,
        "affiliates_prepared": affiliates,
        "bookings_prepared": bookings,
        "notes_prepared": notes,
        **shaped,
        "planned_rows": row_plan(
            {
                "quarantine": read.quarantine,
                "contact_rows": contact_rows,
                "company_rows": company_rows,
                "transactions_prepared": transactions,
                "subscriptions_prepared": subscriptions,
                "affiliates_prepared": affiliates,
                "bookings_prepared": bookings,
                "notes_prepared": notes,
                "campaign_rows": campaigns,
                "raw_lists": raw["lists"],
                "raw_custom_fields": raw["custom_fields"],
                "raw_sequences": raw["sequences"],
            },
            {str(rule.source).removeprefix(PREFIX): rule.target for rule in custom},
        ),
        **{f"loaded_{phase}": _outcomes(shaped[phase]) for phase in LOADED},
        "reconciliation": pl.DataFrame(
            {"export": ["contacts"], "rows": [5], "difference": [0], "balanced": [True]}
        ),
        "read_back": pl.DataFrame({"object": ["Contact"], "missing": [0], "differences": [0]}),
    }


def _outcomes(planned: pl.DataFrame) -> pl.DataFrame:
    return planned.select(
        "source_file",
        "source_line",
        key="_key",
        sf_id=pl.lit("001000000000001AAA"),
        outcome=pl.lit("created"),
        error_code=pl.lit(None, dtype=pl.String),
    )
