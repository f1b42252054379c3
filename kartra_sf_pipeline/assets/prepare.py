"""Prepare: typed values, split names, matched people, transactions as facts."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import DATA_ENGINEERING, PREPARE
from kartra_sf_pipeline.assets.previews import counts, preview
from kartra_sf_pipeline.prepare.affiliates import prepare_affiliates
from kartra_sf_pipeline.prepare.bookings import prepare_bookings
from kartra_sf_pipeline.prepare.companies import prepare_companies
from kartra_sf_pipeline.prepare.contacts import prepare_contacts, unify_contacts
from kartra_sf_pipeline.prepare.matching import match_contacts
from kartra_sf_pipeline.prepare.notes import prepare_notes
from kartra_sf_pipeline.prepare.products import derive_products
from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.suppression import (
    Staleness,
    Suppressed,
    booked_by,
    follow_people,
    parse_rules,
    payments_of,
    reference_date,
    suppress_people,
)
from kartra_sf_pipeline.prepare.tags import parse_lists, parse_tags
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline.resources import RunSettings
from kartra_sf_pipeline.settings import Settings

Frame = pl.DataFrame
Result = dg.MaterializeResult[pl.DataFrame]

_COMMON: dict[str, Any] = {"group_name": PREPARE, "kinds": {"polars"}, "owners": DATA_ENGINEERING}


def _out(description: str) -> dg.AssetOut:
    return dg.AssetOut(description=description, **_COMMON)


def _about(frame: Frame, **more: Any) -> dict[str, Any]:
    about: dict[str, Any] = {"rows": frame.height, "preview": preview(frame), **more}
    if "disposition" in frame.columns:
        about["dispositions"] = counts(frame, "disposition")
        set_aside = frame.filter(pl.col("disposition") != "keep")
        about["reasons"] = counts(set_aside, "reason")
    return about


def _result(frame: Frame, **more: Any) -> Result:
    return dg.MaterializeResult(value=frame, metadata=_about(frame, **more))


def _output(name: str, frame: Frame, **more: Any) -> dg.Output[Frame]:
    return dg.Output(frame, output_name=name, metadata=_about(frame, **more))


@dg.asset(**_COMMON)
def contacts_prepared(
    settings: RunSettings, raw_contacts: pl.LazyFrame, raw_companies: Frame
) -> Result:
    """Every contact row with typed values, consent, its key and what becomes of it."""
    given = settings.load()
    frame = prepare_contacts(
        raw_contacts,
        zone=given.zone,
        communications_polarity=given.communications_polarity,
        raw_companies=raw_companies,
    )
    return _result(
        frame,
        emails=counts(frame, "email_verdict"),
        names=counts(frame, "name_verdict"),
        phones=counts(frame, "phone_verdict"),
    )


@dg.asset(**_COMMON)
def contact_matches(contacts_prepared: Frame) -> Result:
    """Pairs of contacts that may be one person, with scores, evidence and the decision."""
    frame = match_contacts(contacts_prepared)
    return _result(frame, decisions=counts(frame, "decision"))


@dg.multi_asset(
    outs={
        "contacts_unified": _out("One row per person after merging, with what was folded in."),
        "contact_rows": _out("What became of each row of the contacts export."),
        "contacts_suppressed": _out("People who stay behind by choice, with the rule."),
    }
)
def unified_people(
    settings: RunSettings,
    contacts_prepared: Frame,
    contact_matches: Frame,
    raw_companies: Frame,
    raw_transactions: pl.LazyFrame,
    raw_calendar_bookings: pl.LazyFrame,
) -> Iterator[dg.Output[Frame]]:
    """Merges by the matches' decisions, survivorship per field; then the people whom the settings
    leave behind are set aside.
    """
    unified, rows = unify_contacts(contacts_prepared, contact_matches, raw_companies=raw_companies)
    people = _without_suppressed(
        settings.load(), unified, rows, raw_transactions, raw_calendar_bookings
    )
    unified, rows = people.unified, people.contact_rows
    yield _output(
        "contacts_unified",
        unified,
        mailable=int(unified["mailable"].fill_null(value=False).sum()),
        consent=counts(unified, "consent_reason"),
    )
    yield _output("contact_rows", rows)
    yield _output("contacts_suppressed", people.people, rules=counts(people.people, "reason"))


def _without_suppressed(
    given: Settings,
    unified: Frame,
    rows: Frame,
    raw_transactions: pl.LazyFrame,
    raw_bookings: pl.LazyFrame,
) -> Suppressed:
    rules = parse_rules(given.suppress)
    active = pl.Series([], dtype=pl.String)
    if "stale" in rules:
        buyers = payments_of(raw_transactions, unified)["contact_key"]
        active = pl.concat([buyers, booked_by(raw_bookings, unified)]).unique()
    stale = Staleness(given.stale_months, given.stale_max_score, reference_date(unified))
    return suppress_people(unified, rows, rules, stale=stale, active=active)


@dg.asset(**_COMMON)
def parsed_tags(contacts_unified: Frame) -> Result:
    """One row per contact and tag."""
    frame = parse_tags(contacts_unified)
    return _result(frame, distinct_tags=frame["tag_folded"].n_unique())


@dg.asset(**_COMMON)
def parsed_lists(contacts_unified: Frame) -> Result:
    """One row per contact and list membership."""
    frame = parse_lists(contacts_unified)
    return _result(frame, distinct_lists=frame["list_folded"].n_unique())


@dg.multi_asset(
    outs={
        "companies_prepared": _out("One row per account: keyed by domain, else by its name."),
        "company_rows": _out("What became of each row of the companies export."),
    }
)
def found_companies(contacts_unified: Frame, raw_companies: Frame) -> Iterator[dg.Output[Frame]]:
    """Kartra has no company object: accounts come from contacts and from a company export."""
    accounts, rows = prepare_companies(contacts_unified, raw_companies)
    yield _output("companies_prepared", accounts)
    yield _output("company_rows", rows)


@dg.asset(**_COMMON)
def transactions_prepared(
    settings: RunSettings,
    raw_transactions: Frame,
    raw_subscriptions: Frame,
    contacts_unified: Frame,
    contacts_suppressed: Frame,
) -> Result:
    """Every billing event: typed, joined to its buyer, and what becomes of it."""
    frame = prepare_transactions(
        raw_transactions, raw_subscriptions, contacts_unified, zone=settings.load().zone
    )
    if contacts_suppressed.height:
        frame = follow_people(
            frame, raw_transactions, contacts_suppressed, email="buyer_email", lead_id="lead_id"
        )
    return _result(frame, types=counts(frame, "type"))


@dg.multi_asset(
    outs={
        "subscriptions_prepared": _out("Every subscription row, with what its payments add up to."),
        "subscriptions_derived": _out("Subscriptions that only the transactions know of."),
    }
)
def recurring_plans(
    settings: RunSettings,
    raw_subscriptions: Frame,
    transactions_prepared: Frame,
    contacts_unified: Frame,
    contacts_suppressed: Frame,
) -> Iterator[dg.Output[Frame]]:
    """Status from the export; rebuilt from the transactions where the export has no row."""
    prepared, derived = prepare_subscriptions(
        raw_subscriptions, transactions_prepared, contacts_unified, zone=settings.load().zone
    )
    if contacts_suppressed.height:
        prepared = follow_people(
            prepared, raw_subscriptions, contacts_suppressed, email="buyer_email", lead_id="lead_id"
        )
    yield _output("subscriptions_prepared", prepared)
    yield _output("subscriptions_derived", derived)


@dg.multi_asset(
    outs={
        "affiliates_prepared": _out("Every affiliate row."),
        "affiliates_derived": _out("Affiliates that only the transactions know of."),
    }
)
def partners(raw_affiliates: Frame, transactions_prepared: Frame) -> Iterator[dg.Output[Frame]]:
    """From the export first, else from the sales that name one."""
    prepared, derived = prepare_affiliates(raw_affiliates, transactions_prepared)
    yield _output("affiliates_prepared", prepared)
    yield _output("affiliates_derived", derived)


@dg.asset(**_COMMON)
def bookings_prepared(
    settings: RunSettings,
    raw_calendar_bookings: Frame,
    contacts_unified: Frame,
    contacts_suppressed: Frame,
) -> Result:
    """Every booking, its start in UTC, joined to its attendee."""
    frame = prepare_bookings(raw_calendar_bookings, contacts_unified, zone=settings.load().zone)
    if contacts_suppressed.height:
        frame = follow_people(
            frame, raw_calendar_bookings, contacts_suppressed, email="attendee_email"
        )
    return _result(frame)


@dg.asset(**_COMMON)
def notes_prepared(
    settings: RunSettings, raw_notes: Frame, contacts_unified: Frame, contacts_suppressed: Frame
) -> Result:
    """Every note, joined to its contact."""
    frame = prepare_notes(raw_notes, contacts_unified, zone=settings.load().zone)
    if contacts_suppressed.height:
        frame = follow_people(
            frame, raw_notes, contacts_suppressed, email="contact_email", lead_id="contact_id"
        )
    return _result(frame)


@dg.asset(**_COMMON)
def products_derived(transactions_prepared: Frame, subscriptions_prepared: Frame) -> Result:
    """The catalogue that transactions and subscriptions imply: Kartra exports none."""
    return _result(derive_products(transactions_prepared, subscriptions_prepared))
