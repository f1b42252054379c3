"""A small account as the frames of a run, prepared by the real functions where these are ours."""

from __future__ import annotations

from typing import Any

import polars as pl

from kartra_sf_pipeline.prepare.affiliates import prepare_affiliates
from kartra_sf_pipeline.prepare.bookings import prepare_bookings
from kartra_sf_pipeline.prepare.notes import prepare_notes
from kartra_sf_pipeline.prepare.products import derive_products
from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline.scope.behavioural import behavioural_tags
from kartra_sf_pipeline_tests.prepare.commerce_frames import PEOPLE, ZONE, raw, transaction


def person(key: str, email: str | None, status: str | None, **cells: Any) -> dict[str, Any]:
    return {
        "contact_key": key,
        "email": email,
        "email_verdict": "valid" if email else "missing",
        "mailing_status": status,
        "blocklisted": False,
        "mailable": status == "subscribed",
        "name_review": False,
        **cells,
    }


def frames() -> dict[str, pl.DataFrame]:
    """Three contacts of four rows, and a few records of every other kind."""
    raws = {
        "raw_contacts": raw(
            "contacts",
            {"id": "1", "email": "ann@example.com", "last_name": "Ash", "x__size": "M"},
            {"id": "1", "email": "ann@example.com", "last_name": "Ash"},
            {"id": "2", "email": "bob@example.com", "first_name": "Bob", "phone": "N/A"},
            {"id": "3", "first_name": "Cid", "last_name": "N/A"},
        ),
        "raw_companies": raw("companies"),
        "raw_transactions": raw(
            "transactions",
            transaction("Sale", "1"),
            transaction("Refund", "2", date="2026-02-01"),
            transaction("Sale", "3", subscription_id="9", affiliate_username="joe"),
            transaction("Failed", "4"),
            transaction("Sale", "5", lead_id="77", buyer_email="no@example.com"),
        ),
        "raw_subscriptions": raw("subscriptions"),
        "raw_affiliates": raw("affiliates", {"username": "jane"}),
        "raw_calendar_bookings": raw(
            "calendar_bookings",
            {"calendar": "Call", "date": "16 Jan 2026", "attendee_email": "ann@example.com"},
        ),
        "raw_notes": raw("notes", {"note": "Hello", "contact_id": "2"}),
        "raw_custom_fields": raw("custom_fields"),
        "raw_sequences": raw(
            "sequences", {"sequence": "Welcome", "step": "1"}, {"sequence": "Welcome", "step": "2"}
        ),
        "raw_lists": raw("lists"),
    }
    money = prepare_transactions(
        raws["raw_transactions"], raws["raw_subscriptions"], PEOPLE, zone=ZONE
    )
    subscribed = prepare_subscriptions(raws["raw_subscriptions"], money, PEOPLE, zone=ZONE)
    affiliates = prepare_affiliates(raws["raw_affiliates"], money)
    tags = pl.DataFrame(
        {
            "contact_key": ["1", "2", "2"],
            "tag": ["VIP", "VIP", "member_gold"],
            "tag_folded": ["vip", "vip", "member_gold"],
        }
    )
    return raws | {
        "quarantine": pl.DataFrame(
            {
                "export": ["contacts", "contacts"],
                "source_file": ["c.csv", "c.csv"],
                "source_line": [9, 12],
                "reason": ["ragged_row", "ragged_row"],
                "detail": ["", ""],
                "raw": ["", ""],
            }
        ),
        "contacts_unified": pl.DataFrame(
            [
                person("1", "ann@example.com", "subscribed"),
                person("2", "bob@example.com", "bounced"),
                person("3", None, None, blocklisted=True, name_review=True),
            ]
        ),
        "contact_rows": pl.DataFrame(
            {
                "disposition": ["keep", "merge", "keep", "keep"],
                "reason": [None, "older_extract", None, None],
            }
        ),
        "contact_matches": pl.DataFrame({"decision": ["review"]}),
        "companies_prepared": pl.DataFrame({"account_key": ["domain:acme.com"]}),
        "parsed_tags": tags,
        "behavioural_tags": behavioural_tags(tags),
        "parsed_lists": pl.DataFrame(
            {"contact_key": ["1"], "list_name": ["News"], "list_folded": ["news"]}
        ),
        "transactions_prepared": money,
        "subscriptions_prepared": subscribed[0],
        "subscriptions_derived": subscribed[1],
        "affiliates_prepared": affiliates[0],
        "affiliates_derived": affiliates[1],
        "bookings_prepared": prepare_bookings(raws["raw_calendar_bookings"], PEOPLE, zone=ZONE),
        "notes_prepared": prepare_notes(raws["raw_notes"], PEOPLE, zone=ZONE),
        "products_derived": derive_products(money),
    }
