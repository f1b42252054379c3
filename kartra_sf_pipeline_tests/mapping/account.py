"""A small account as it is prepared, and the local org's describes, for judging maps."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.mapping.org_facts import OrgFacts, ask_org
from kartra_sf_pipeline.prepare.account_names import name_accounts
from kartra_sf_pipeline.prepare.affiliates import prepare_affiliates
from kartra_sf_pipeline.prepare.bookings import prepare_bookings
from kartra_sf_pipeline.prepare.companies import prepare_companies
from kartra_sf_pipeline.prepare.contacts import prepare_contacts, unify_contacts
from kartra_sf_pipeline.prepare.identity import NOTHING_KNOWN
from kartra_sf_pipeline.prepare.matching import match_contacts
from kartra_sf_pipeline.prepare.notes import prepare_notes
from kartra_sf_pipeline.prepare.products import derive_products
from kartra_sf_pipeline.prepare.spend import contact_spend
from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.tags import parse_lists, parse_tags
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe
from kartra_sf_pipeline.sample.account import write_account
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.hand_made import hand_made_frames

ZONE = "America/New_York"
NO_ALIASES = pl.DataFrame(schema={"account_key": pl.String, "account": pl.String})


def scanned_account() -> dict[str, pl.LazyFrame]:
    """The prepared account as the assets hand it on: unread."""
    return {name: frame.lazy() for name, frame in prepared_account().items()}


@cache
def prepared_account() -> dict[str, pl.DataFrame]:
    """What a map is proposed from and judged by; its people and tags, without a sale."""
    with tempfile.TemporaryDirectory() as folder:
        write_account(Path(folder), contacts=150, seed=11)
        raw = read_folder(Path(folder)).frames
    return prepared_from({**raw, "transactions": raw["transactions"].head(0)})


def prepared_from(
    raw: Mapping[str, pl.DataFrame], exports: Path = Path("no-such-folder")
) -> dict[str, pl.DataFrame]:
    """The prepared frames of an account that was read; `exports` holds its attachments, if any."""
    prepared = prepare_contacts(raw["contacts"], zone=ZONE, communications_polarity=None)
    people, contact_rows = unify_contacts(prepared, match_contacts(prepared))
    companies, company_rows = prepare_companies(people, raw["companies"])
    names, _ = name_accounts(people, raw["companies"], companies, NO_ALIASES, NOTHING_KNOWN)
    sales = prepare_transactions(raw["transactions"], raw["subscriptions"], people, zone=ZONE)
    subscriptions, derived = prepare_subscriptions(raw["subscriptions"], sales, people, zone=ZONE)
    affiliates, partners = prepare_affiliates(raw["affiliates"], sales)
    made = {
        "contacts_prepared": prepared,
        "contacts_unified": people,
        "account_names": names,
        "contact_spend": contact_spend(sales),
        "contact_rows": contact_rows,
        "companies_prepared": companies,
        "company_rows": company_rows,
        "parsed_tags": parse_tags(people),
        "parsed_lists": parse_lists(people),
        "raw_lists": raw["lists"],
        "raw_custom_fields": raw["custom_fields"],
        "transactions_prepared": sales,
        "subscriptions_prepared": subscriptions,
        "subscriptions_derived": derived,
        "affiliates_prepared": affiliates,
        "affiliates_derived": partners,
        "bookings_prepared": prepare_bookings(raw["calendar_bookings"], people, zone=ZONE),
        "notes_prepared": prepare_notes(raw["notes"], people, zone=ZONE),
        "products_derived": derive_products(sales, subscriptions),
    }
    return made | hand_made_frames(raw, made, exports, ZONE)


def facts_of(org: LocalOrg) -> OrgFacts:
    """What the running org shows."""
    return ask_org(connect(AccessToken(org.url, org.access_token)))


def text_field(name: str, **more: object) -> FieldDescribe:
    """A custom field of the org; a text of 255 characters unless told otherwise."""
    label = name.removesuffix("__c").replace("_", " ")
    raw = {"name": name, "label": label, "type": "string", "length": 255}
    raw |= {"createable": True, "updateable": True, "nillable": True, "custom": True}
    return FieldDescribe.from_json({**raw, **more})


def picklist(name: str, *values: str, **more: object) -> FieldDescribe:
    """A picklist of the org."""
    offered = [{"value": value, "active": True} for value in values]
    return text_field(name, **{"type": "picklist", "picklistValues": offered, **more})


def with_fields(
    objects: dict[str, ObjectDescribe], sobject: str, *fields: FieldDescribe
) -> dict[str, ObjectDescribe]:
    """The describes with fields added to an object, or replaced there."""
    known = {**objects[sobject].fields, **{field.name: field for field in fields}}
    return {**objects, sobject: replace(objects[sobject], fields=known)}
