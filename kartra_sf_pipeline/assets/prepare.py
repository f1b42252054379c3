"""Prepare: typed values, split names, matched people, transactions as facts."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import DATA_ENGINEERING, PREPARE
from kartra_sf_pipeline.assets.identity import reviewed_apart
from kartra_sf_pipeline.assets.previews import PREVIEW_ROWS, counts, preview, table
from kartra_sf_pipeline.mapping.model import load_map, map_text
from kartra_sf_pipeline.prepare.account_names import loaded_keys, merged_away, name_accounts
from kartra_sf_pipeline.prepare.accounts import AccountKey
from kartra_sf_pipeline.prepare.affiliates import prepare_affiliates
from kartra_sf_pipeline.prepare.bookings import prepare_bookings
from kartra_sf_pipeline.prepare.companies import prepare_companies
from kartra_sf_pipeline.prepare.company_matching import (
    account_aliases,
    companies_shown,
    match_companies,
    with_aliases,
)
from kartra_sf_pipeline.prepare.contacts import prepare_contacts
from kartra_sf_pipeline.prepare.match_features import columns_read
from kartra_sf_pipeline.prepare.matching import Thresholds, find_matches
from kartra_sf_pipeline.prepare.merges import contact_merges
from kartra_sf_pipeline.prepare.notes import prepare_notes
from kartra_sf_pipeline.prepare.products import derive_products
from kartra_sf_pipeline.prepare.review import (
    COMPANY,
    CONTACT,
    CONTACT_READ,
    REVIEW_FILE,
    contacts_shown,
    read_decisions,
    write_review,
)
from kartra_sf_pipeline.prepare.spend import contact_spend as spend_of_contacts
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
from kartra_sf_pipeline.prepare.survivorship import unify_people
from kartra_sf_pipeline.prepare.tags import parse_lists, parse_tags
from kartra_sf_pipeline.prepare.transactions import judge_transactions
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
    settings: RunSettings,
    raw_contacts: pl.LazyFrame,
    raw_companies: Frame,
    export_files: Frame,
) -> Result:
    """Every contact row with typed values, consent, its key and what becomes of it."""
    given = settings.load()
    frame = prepare_contacts(
        raw_contacts,
        zone=given.zone,
        communications_polarity=given.communications_polarity,
        raw_companies=raw_companies,
        keyed_by=_keyed_by(given),
        separators={
            column: export_files.select(source_file="file", delimiter=f"{name}_separator")
            for name, column in (("tag", "tags"), ("list", "lists"))
        },
    )
    return _result(
        frame,
        emails=counts(frame, "email_verdict"),
        names=counts(frame, "name_verdict"),
        phones=counts(frame, "phone_verdict"),
    )


@dg.asset(**_COMMON)
def contact_matches(settings: RunSettings, contacts_prepared: pl.LazyFrame) -> Result:
    """Pairs of contacts that may be one person, with scores, evidence and the decision.

    People's decisions in the home folder's match_review.csv stand over the scores; the file is
    rewritten with the pairs of this run.
    """
    given = settings.load()
    names = contacts_prepared.collect_schema().names()
    decisions = read_decisions(given.home / REVIEW_FILE).of(CONTACT)
    found = find_matches(
        contacts_prepared.select(columns_read(names)).collect(),
        Thresholds(given.merge_at, given.review_at),
        decisions,
    )
    waiting = write_review(
        given.home / REVIEW_FILE,
        CONTACT,
        found.pairs,
        contacts_shown(_paired(contacts_prepared, found.pairs)),
        decisions,
    )
    return _result(
        found.pairs,
        decisions=counts(found.pairs, "decision"),
        compared=found.compared,
        compared_in_full=found.read,
        blocks=table(pl.DataFrame(found.blocks)),
        awaiting_a_decision=waiting,
        decided=decisions.frame.height,
    )


def _paired(prepared: pl.LazyFrame, pairs: Frame) -> Frame:
    """The contacts that stand in a pair, as far as they are shown: the rest need not be read."""
    keys = pl.concat([pairs["left_key"], pairs["right_key"].alias("left_key")]).unique()
    paired = prepared.filter(pl.col("contact_key").is_in(keys.implode()))
    return paired.select(CONTACT_READ).collect()


@dg.multi_asset(
    outs={
        "contacts_unified": _out("One row per person after merging, with what was folded in."),
        "contact_rows": _out("What became of each row of the contacts export."),
        "contact_merges": _out("Every contact that was folded into another: why, what differs."),
        "company_matches": _out("Pairs of accounts that may be one company, with the decision."),
        "contacts_suppressed": _out("People who stay behind by choice, with the rule."),
        "account_names": _out("What each account is known by, and the key it goes on under."),
        "records_loaded_apart": _out(
            "Records that were loaded on their own and are one with others now."
        ),
    }
)
def unified_people(
    settings: RunSettings,
    contacts_prepared: Frame,
    contact_matches: Frame,
    raw_companies: Frame,
    raw_transactions: pl.LazyFrame,
    raw_calendar_bookings: pl.LazyFrame,
    known_identities: Frame,
) -> Iterator[dg.Output[Frame]]:
    """Merges by the matches' decisions, survivorship per field, under the keys that were loaded
    before; then the people whom the settings leave behind are set aside.
    """
    given = settings.load()
    found = unify_people(
        contacts_prepared,
        contact_matches,
        known_identities,
        raw_companies=raw_companies,
        keyed_by=_keyed_by(given),
    )
    unified, rows = found.unified, found.contact_rows
    merges = contact_merges(contacts_prepared, contact_matches, unified)
    accounts, _ = prepare_companies(unified, raw_companies, keyed_by=_keyed_by(given))
    companies = _matched_companies(given, accounts)
    names, settled = name_accounts(
        unified,
        raw_companies,
        accounts,
        account_aliases(companies),
        known_identities,
        keyed_by=_keyed_by(given),
    )
    apart = reviewed_apart(
        given.home, (contacts_prepared, unified, found.apart), (accounts, names, settled.apart)
    )
    own = names.filter("own").select("alias", "account_key")
    unified = with_aliases(unified, own)
    people = _without_suppressed(given, unified, rows, raw_transactions, raw_calendar_bookings)
    unified, rows = people.unified, people.contact_rows
    yield _output(
        "contacts_unified",
        unified,
        mailable=int(unified["mailable"].fill_null(value=False).sum()),
        consent=counts(unified, "consent_reason"),
    )
    yield _output("contact_merges", merges, rules=counts(merges, "rule"))
    yield _output("company_matches", companies, decisions=counts(companies, "decision"))
    yield _output("contact_rows", rows)
    yield _output("contacts_suppressed", people.people, rules=counts(people.people, "reason"))
    yield _output("account_names", names)
    yield _output("records_loaded_apart", apart, decisions=counts(apart, "decision"))


def _keyed_by(given: Settings) -> AccountKey:
    """The account key of the map that is given; a proposed map has the usual one."""
    return _key_of(given.map, map_text(given.map)) if given.map is not None else "domain"


@lru_cache(maxsize=1)
def _key_of(path: Path, _: str) -> AccountKey:
    """Parsing a map takes longer than most steps that ask for this: a text is read once."""
    return load_map(path).policies.account_key


def _matched_companies(given: Settings, accounts: Frame) -> Frame:
    """Pairs of accounts as scored and decided; their part of the review file is rewritten."""
    decisions = read_decisions(given.home / REVIEW_FILE).of(COMPANY)
    pairs = match_companies(accounts, Thresholds(given.merge_at, given.review_at), decisions)
    write_review(given.home / REVIEW_FILE, COMPANY, pairs, companies_shown(accounts), decisions)
    return pairs


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
def found_companies(
    settings: RunSettings, contacts_unified: Frame, raw_companies: Frame, account_names: Frame
) -> Iterator[dg.Output[Frame]]:
    """Kartra has no company object: accounts come from contacts and from a company export."""
    accounts, rows = prepare_companies(
        contacts_unified,
        raw_companies,
        merged_away(account_names),
        loaded_keys(account_names),
        keyed_by=_keyed_by(settings.load()),
    )
    yield _output("companies_prepared", accounts)
    yield _output("company_rows", rows)


@dg.asset(**_COMMON)
def transactions_prepared(
    settings: RunSettings,
    raw_transactions: pl.LazyFrame,
    raw_subscriptions: Frame,
    contacts_unified: Frame,
    contacts_suppressed: Frame,
) -> dg.MaterializeResult[pl.LazyFrame]:
    """Every billing event: typed, joined to its buyer, and what becomes of it."""
    judged = judge_transactions(
        raw_transactions,
        raw_subscriptions,
        contacts_unified,
        zone=settings.load().zone,
        left_out=contacts_suppressed,
    )
    # The frame is not computed here: it streams into its file, whatever its size.
    about = _about(judged.decisions, types=counts(judged.decisions, "type"))
    first = judged.frame.head(PREVIEW_ROWS).collect(engine="streaming")
    return dg.MaterializeResult(value=judged.frame, metadata={**about, "preview": preview(first)})


@dg.asset(**_COMMON)
def contact_spend(transactions_prepared: pl.LazyFrame) -> Result:
    """What each contact paid, computed here: Kartra exports no total, and the map moves none."""
    return _result(spend_of_contacts(transactions_prepared))


@dg.multi_asset(
    outs={
        "subscriptions_prepared": _out("Every subscription row, with what its payments add up to."),
        "subscriptions_derived": _out("Subscriptions that only the transactions know of."),
    }
)
def recurring_plans(
    settings: RunSettings,
    raw_subscriptions: Frame,
    transactions_prepared: pl.LazyFrame,
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
def partners(
    raw_affiliates: Frame, transactions_prepared: pl.LazyFrame
) -> Iterator[dg.Output[Frame]]:
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
def products_derived(transactions_prepared: pl.LazyFrame, subscriptions_prepared: Frame) -> Result:
    """The catalogue that transactions and subscriptions imply: Kartra exports none."""
    return _result(derive_products(transactions_prepared, subscriptions_prepared))
