from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.row_plan import row_plan
from kartra_sf_pipeline.mapping.strategies import Strategies
from kartra_sf_pipeline.prepare.bookings import prepare_bookings
from kartra_sf_pipeline.prepare.contacts import prepare_contacts, unify_contacts
from kartra_sf_pipeline.prepare.notes import prepare_notes
from kartra_sf_pipeline.prepare.subscriptions import prepare_subscriptions
from kartra_sf_pipeline.prepare.suppression import (
    RULES,
    Staleness,
    Suppressed,
    UnknownRule,
    booked_by,
    conditions,
    follow_people,
    parse_rules,
    payments_of,
    reference_date,
    suppress_people,
)
from kartra_sf_pipeline.prepare.transactions import prepare_transactions
from kartra_sf_pipeline.settings import Settings
from kartra_sf_pipeline_tests.prepare.commerce_frames import ZONE, raw, transaction

CONSENT = {"gdpr_status": "Accepted", "gdpr_communications": "Yes"}
CONTACTS = raw(
    "contacts",
    {"id": "1", "email": "ann@acme.com", "last_name": "Ash", "status": "Subscribed", **CONSENT},
    {"id": "2", "email": "bob@acme.com", "last_name": "Beck", "status": "Multiple soft bounces"},
    {
        "id": "2",
        "email": "bob@acme.com",
        "last_name": "Beck",
        "extract_date": date(2026, 5, 1),
        "source_file": "older.csv",
    },
    {"id": "3", "email": "cy@acme.com", "last_name": "Cole", "blacklisted": "1"},
    {"id": "4", "email": "di@acme.com", "last_name": "Dorn", "date_joined": "2020-01-01 10:00:00"},
    {"id": "5", "email": "ed@acme.com", "last_name": "East", "date_joined": "2020-01-01 10:00:00"},
    {"id": "6", "email": "fi@acme.com", "last_name": "Fox", "date_joined": "2020-01-01 10:00:00"},
    {"id": "7", "email": "gus@acme.com", "last_name": "Gray", "date_joined": "2026-01-01 10:00:00"},
)
TRANSACTIONS = raw(
    "transactions",
    transaction("Sale", "1", lead_id="1", buyer_email="ann@acme.com"),
    transaction("Sale", "2", lead_id="2", buyer_email="bob@acme.com"),
    transaction("Refund", "3", lead_id="2", buyer_email="bob@acme.com", date="2026-02-01"),
    transaction("Sale", "4", lead_id="5", buyer_email="ed@acme.com"),
    transaction("Sale", "5", lead_id="99", buyer_email="nobody@else.com"),
    transaction("Cancellation", "6", lead_id="2", buyer_email="bob@acme.com", subscription_id="8"),
    transaction("Failed", "7", lead_id="4", buyer_email="di@acme.com"),
)
BOOKINGS = raw(
    "calendar_bookings",
    {"calendar": "Call", "date": "16 Jan 2026", "time": "15:00", "attendee_email": "fi@acme.com"},
    {"calendar": "Call", "date": "17 Jan 2026", "time": "15:00", "attendee_email": "bob@acme.com"},
)
NOTES = raw("notes", {"note": "Hello", "contact_id": "2"}, {"note": "Hi", "contact_id": "1"})

NOBODY_ALIKE = pl.DataFrame(schema=dict.fromkeys(("left_key", "right_key", "decision"), pl.String))


def unified() -> tuple[pl.DataFrame, pl.DataFrame]:
    prepared = prepare_contacts(CONTACTS, zone=ZONE)
    return unify_contacts(prepared, NOBODY_ALIKE)


def suppressed(*rules: str, stale: Staleness | None = None) -> Suppressed:
    people, rows = unified()
    active = pl.concat(
        [
            payments_of(TRANSACTIONS.lazy(), people)["contact_key"],
            booked_by(BOOKINGS.lazy(), people),
        ]
    )
    stale = stale or Staleness(as_of=reference_date(people))
    return suppress_people(people, rows, rules, stale=stale, active=active)


def keys(frame: pl.DataFrame) -> set[str]:
    return set(frame["contact_key"])


def test_nobody_is_left_out_unless_asked_for() -> None:
    people, rows = unified()
    result = suppressed()
    assert result.unified.equals(people)
    assert result.contact_rows.equals(rows)
    assert result.people.is_empty()
    assert "reason" in result.people.columns


@pytest.mark.parametrize(
    ("rule", "gone"),
    [
        ("bounced", {"2"}),
        ("blocklisted", {"3"}),
        ("never_consented", {"4", "5", "6", "7"}),
        ("stale", {"4"}),
        ("no_valid_email", set[str]()),
    ],
)
def test_each_rule_takes_its_people_out(rule: str, gone: set[str]) -> None:
    result = suppressed(rule)
    assert keys(result.people) == gone
    assert keys(result.unified) == {"1", "2", "3", "4", "5", "6", "7"} - gone
    assert result.people["reason"].unique().to_list() == ([rule] if gone else [])


def test_those_who_stay_keep_every_column_of_theirs() -> None:
    people, _ = unified()
    result = suppressed("bounced")
    assert result.unified.equals(people.filter(pl.col("contact_key") != "2"))
    assert result.people.schema == people.schema
    assert result.people.select("disposition", "reason").rows() == [("suppress", "bounced")]


def test_every_row_of_a_person_left_out_says_why_and_none_is_lost() -> None:
    result = suppressed("bounced", "blocklisted")
    rows = result.contact_rows
    assert rows.height == CONTACTS.height
    assert rows.select("source_file", "source_line").equals(
        CONTACTS.select("source_file", "source_line")
    )
    out = rows.filter(pl.col("disposition") == "suppress")
    assert sorted(out["reason"]) == ["blocklisted", "bounced", "bounced"]
    assert out["contact_key"].null_count() == out.height
    assert out["detail"].str.starts_with("Left out by choice.").all()


def test_the_graver_rule_claims_a_person_of_two() -> None:
    people = unified()[0].with_columns(blocklisted=pl.lit(True), email=pl.lit(None, pl.String))
    rows = unified()[1]
    result = suppress_people(
        people, rows, list(RULES), stale=Staleness(), active=pl.Series([], dtype=pl.String)
    )
    assert set(result.people["reason"]) == {"blocklisted"}


def test_money_calls_and_notes_of_people_left_out_follow_them() -> None:
    result = suppressed("bounced", "stale")
    money = prepare_transactions(TRANSACTIONS, raw("subscriptions"), result.unified, zone=ZONE)
    after = follow_people(
        money, TRANSACTIONS, result.people, email="buyer_email", lead_id="lead_id"
    )
    assert after.height == money.height
    assert after.schema == money.schema
    by_id = {
        row["transaction_id"]: (row["disposition"], row["reason"])
        for row in after.iter_rows(named=True)
    }
    assert by_id["1"] == ("keep", None)
    assert {by_id[n] for n in ("2", "3", "6")} == {("suppress", "person_suppressed")}
    assert by_id["4"] == ("keep", None)
    assert by_id["5"] == ("quarantine", "buyer_not_found")
    assert by_id["7"] == ("suppress", "failed_payment")

    bookings = follow_people(
        prepare_bookings(BOOKINGS, result.unified, zone=ZONE),
        BOOKINGS,
        result.people,
        email="attendee_email",
    )
    assert bookings["reason"].to_list() == [None, "person_suppressed"]
    notes = follow_people(
        prepare_notes(NOTES, result.unified, zone=ZONE),
        NOTES,
        result.people,
        email="contact_email",
        lead_id="contact_id",
    )
    assert notes["disposition"].to_list() == ["suppress", "keep"]


def _nothing(*columns: str) -> pl.DataFrame:
    fate = ("disposition", "reason", "detail", "source_file")
    return pl.DataFrame(
        schema=dict.fromkeys((*columns, *fate), pl.String) | {"source_line": pl.Int64}
    )


def test_every_source_row_is_still_planned_once() -> None:
    result = suppressed(*RULES)
    none = raw("subscriptions")
    money = prepare_transactions(TRANSACTIONS, none, result.unified, zone=ZONE)
    frames = {
        "quarantine": pl.DataFrame(
            schema=dict.fromkeys(("export", "source_file", "reason", "detail", "raw"), pl.String)
            | {"source_line": pl.Int64}
        ),
        "contact_rows": result.contact_rows,
        "company_rows": result.contact_rows.clear().rename({"contact_key": "account_key"}),
        "transactions_prepared": follow_people(
            money, TRANSACTIONS, result.people, email="buyer_email", lead_id="lead_id"
        ),
        "subscriptions_prepared": prepare_subscriptions(none, money, result.unified, zone=ZONE)[0],
        "affiliates_prepared": result.contact_rows.clear().rename({"contact_key": "affiliate_key"}),
        "bookings_prepared": prepare_bookings(raw("calendar_bookings"), result.unified, zone=ZONE),
        "notes_prepared": prepare_notes(raw("notes"), result.unified, zone=ZONE),
        "activities_prepared": _nothing("activity_key", "type"),
        "attachments_prepared": _nothing("file_key"),
        "assignment_facts": _nothing("member_key", "export", "object"),
        "people_plan": _nothing("contact_key", "become"),
        "campaigns": _nothing("_key"),
        "groups": _nothing("_key"),
        "raw_lists": raw("lists"),
        "raw_custom_fields": raw("custom_fields"),
        "raw_sequences": raw("sequences"),
    }
    plan = row_plan({name: frame.lazy() for name, frame in frames.items()}, {}, Strategies())
    assert plan.height == CONTACTS.height + TRANSACTIONS.height
    assert plan.filter(pl.col("export") == "contacts")["planned"].to_list().count("load") == 1


def test_age_counts_to_the_newest_extract_and_may_look_at_points() -> None:
    people, _ = unified()
    assert reference_date(people) == date(2026, 6, 30)
    nobody = pl.Series([], dtype=pl.String)
    old = conditions(Staleness(5, None, date(2026, 6, 30)), nobody)["stale"]
    assert keys(people.filter(old)) == {"4", "5", "6", "7"}
    scored = people.with_columns(score=pl.when(pl.col("contact_key") == "4").then(9).otherwise(0))
    calm = conditions(Staleness(24, 5, date(2026, 6, 30)), nobody)["stale"]
    assert keys(scored.filter(calm)) == {"5", "6"}
    assert people.filter(conditions(Staleness(), nobody)["stale"]).is_empty()


def test_leaving_one_row_of_a_person_out_never_widens_consent() -> None:
    contacts = raw(
        "contacts",
        {"id": "1", "email": "al.roe@acme.com", "first_name": "Al", "last_name": "Roe",
         "phone": "+14155550101", "status": "Unsubscribed", **CONSENT},
        {"id": "2", "email": "al.roe@acme.org", "first_name": "Al", "last_name": "Roe",
         "phone": "+14155550101", "status": "Subscribed", **CONSENT},
    )  # fmt: skip
    prepared = prepare_contacts(contacts, zone=ZONE)
    pair = pl.DataFrame({"left_key": ["1"], "right_key": ["2"], "decision": ["merge"]})
    people, rows = unify_contacts(prepared, pair)
    result = suppress_people(
        people,
        rows,
        ["unsubscribed"],
        stale=Staleness(),
        active=pl.Series([], dtype=pl.String),
    )
    assert result.unified.is_empty()
    assert result.contact_rows["reason"].to_list() == ["unsubscribed", "unsubscribed"]


def test_rules_are_read_in_any_spelling_and_strange_ones_refused() -> None:
    assert parse_rules(" Stale, never-consented ,,bounced") == (
        "bounced",
        "never_consented",
        "stale",
    )
    assert parse_rules("") == ()
    with pytest.raises(UnknownRule, match="merged always"):
        parse_rules("duplicate")


def test_a_setting_that_names_no_rule_is_the_users_mistake() -> None:
    with pytest.raises(SettingsError, match=r"bouncy.*KARTRA_SF_SUPPRESS"):
        Settings.load(suppress="bouncy")
    assert Settings.load(suppress="stale").suppress == "stale"
