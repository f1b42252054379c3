from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.contacts import prepare_contacts, unify_contacts
from kartra_sf_pipeline.prepare.matching import match_contacts
from kartra_sf_pipeline.prepare.merges import contact_merges
from kartra_sf_pipeline.prepare.tags import parse_lists, parse_tags
from kartra_sf_pipeline_tests.prepare.people import raw_companies, raw_contacts

PHONE = {"phone": "2125550123", "country": "United States"}
ANN = {"first_name": "Ann", "last_name": "Lee", **PHONE}
OLD, NEW = date(2026, 5, 1), date(2026, 6, 1)


def unified(*rows: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    prepared = prepare_contacts(raw_contacts(*rows))
    return unify_contacts(prepared, match_contacts(prepared))


def only(*rows: dict[str, Any]) -> dict[str, Any]:
    people, _ = unified(*rows)
    assert people.height == 1
    return people.row(0, named=True)


def test_values_are_the_newest_extracts_under_the_oldest_key_and_its_blanks_are_filled() -> None:
    found = only(
        {"id": "1", "email": "a@x.com", "extract_date": OLD, "company": "Old Co", "x__size": "M",
         "score": "5", **ANN},
        {"id": "2", "email": "b@x.com", "extract_date": NEW, "company": "New Co", "x__size": None,
         **ANN},
    )  # fmt: skip
    assert (found["contact_key"], found["merged_keys"]) == ("1", ["2"])
    assert found["values_from"] == "2"
    assert (found["company"], found["x__size"], found["score"]) == ("New Co", "M", 5)
    assert found["primary_reason"] == "newest_extract"
    assert (found["source_file"], found["source_line"]) == ("contacts.csv", 2)
    assert (found["email"], found["merged_emails"]) == ("b@x.com", ["a@x.com"])


def test_most_complete_row_breaks_a_tie_then_the_lower_id() -> None:
    fuller = only(
        {"id": "1", "email": "a@x.com", **ANN},
        {"id": "2", "email": "b@x.com", "city": "Rome", "company": "Acme", **ANN},
    )
    assert (fuller["values_from"], fuller["primary_reason"]) == ("2", "most_complete")
    equal = only({"id": "10", "email": "b@x.com", **ANN}, {"id": "9", "email": "a@x.com", **ANN})
    assert (equal["contact_key"], equal["primary_reason"]) == ("9", "lowest_key")


def test_an_address_is_taken_whole_or_not_at_all() -> None:
    found = only(
        {"id": "1", "email": "a@x.com", "extract_date": NEW, "city": "Rome", **ANN},
        {"id": "2", "email": "b@x.com", "extract_date": OLD, "address": "1 Main St",
         "city": "Paris", **ANN},
    )  # fmt: skip
    assert (found["street"], found["city"]) == (None, "Rome")


def test_a_name_beats_a_placeholder_and_a_good_address_a_mistyped_one() -> None:
    found = only(
        {"id": "1", "email": "ann.lee@gmail.com", "extract_date": OLD, **ANN},
        {
            "id": "2",
            "email": "ann.lee@gmali.com",
            "extract_date": NEW,
            "first_name": "Ann",
            **PHONE,
        },
    )
    assert (found["contact_key"], found["values_from"]) == ("1", "2")
    assert (found["first_name"], found["last_name"], found["name_verdict"]) == (
        "Ann",
        "Lee",
        "given",
    )
    assert (found["email"], found["email_verdict"]) == ("ann.lee@gmail.com", "valid")
    assert "ann.lee@gmali.com" in found["merged_emails"]


def test_tags_and_lists_are_the_union() -> None:
    people, _ = unified(
        {"id": "1", "email": "a@x.com", "tags": "Gold;VIP", "lists": "News;A", **ANN},
        {"id": "2", "email": "b@x.com", "tags": "gold;New", "lists": "News;B", **ANN},
    )
    assert parse_tags(people)["tag_folded"].sort().to_list() == ["gold", "new", "vip"]
    assert parse_lists(people)["list_folded"].sort().to_list() == ["a", "b", "news"]


CONSENT = {"gdpr_status": "Accepted", "gdpr_communications": "Yes", "status": "Subscribed"}


@pytest.mark.parametrize(
    ("column", "word", "canonical", "reason"),
    [
        ("gdpr_status", "Declined", ("gdpr_status", "refused"), "gdpr_refused"),
        ("gdpr_status", "Pending", ("gdpr_status", "pending"), "gdpr_pending"),
        ("gdpr_status", "", ("gdpr_status", None), "consent_absent"),
        ("gdpr_communications", "No", ("communications", "no"), "communications_refused"),
        ("gdpr_communications", "1", ("communications", "review"), "communications_unclear"),
        ("status", "Unsubscribed", ("mailing_status", "unsubscribed"), "status_unsubscribed"),
        ("blacklisted", "1", ("blocklisted", True), "blocklisted"),
    ],
)
@pytest.mark.parametrize("restrictive_first", [True, False])
def test_most_restrictive_consent_stands_whichever_row_survives(
    column: str,
    word: str,
    canonical: tuple[str, Any],
    reason: str,
    restrictive_first: bool,
) -> None:
    open_row = {"id": "1", "email": "a@x.com", "extract_date": OLD, **ANN, **CONSENT}
    closed = {"id": "2", "email": "b@x.com", "extract_date": NEW, **ANN, **CONSENT, column: word}
    if restrictive_first:
        open_row["extract_date"], closed["extract_date"] = NEW, OLD
    found = only(open_row, closed)
    assert found[canonical[0]] == canonical[1]
    assert (found["mailable"], found["consent_reason"]) == (False, reason)


def test_two_open_rows_stay_mailable_and_keep_the_evidence_together() -> None:
    found = only(
        {"id": "1", "email": "a@x.com", **ANN, **CONSENT, "gdpr_status_ip": "10.0.0.1",
         "gdpr_status_date": "14 Aug 2025 11:42:00"},
        {"id": "2", "email": "b@x.com", **ANN, **CONSENT},
    )  # fmt: skip
    assert found["mailable"] is True
    assert found["gdpr_status_ip"] == "10.0.0.1"
    assert found["gdpr_status_at"] is not None


def test_contact_rows_account_for_every_row() -> None:
    _, rows = unified(
        {"id": "1", "email": "a@x.com", "extract_date": OLD, **ANN},
        {"id": "1", "email": "a2@x.com", "extract_date": NEW, **ANN},
        {"id": "2", "email": "b@x.com", "extract_date": NEW, "company": "Acme", **ANN},
        {"id": "3", "email": "c@x.com", "lead_deleted": "1"},
        {"first_name": "Nobody"},
    )
    assert rows.select("disposition", "reason", "contact_key").rows() == [
        ("merge", "older_extract", "1"),
        ("keep", None, "1"),
        ("merge", "same_person", "1"),
        ("suppress", "deleted_in_kartra", None),
        ("quarantine", "no_identity", None),
    ]


def test_addresses_of_older_extracts_are_remembered() -> None:
    found = only(
        {"id": "1", "email": "old@x.com", "extract_date": OLD, **ANN},
        {"id": "1", "email": "new@x.com", "extract_date": NEW, **ANN},
    )
    assert (found["email"], found["merged_emails"]) == ("new@x.com", ["old@x.com"])
    # Between extracts of one record the newest is right, blanks included.
    assert found["merged_keys"] == []


def test_accounts_are_judged_again_after_merging() -> None:
    contacts = raw_contacts({"id": "1", "email": "ann@acme.com", **ANN})
    companies = raw_companies({"name": "Acme", "domain": "acme.com"})
    prepared = prepare_contacts(contacts)
    alone, _ = unify_contacts(prepared, match_contacts(prepared))
    joined, _ = unify_contacts(prepared, match_contacts(prepared), raw_companies=companies)
    assert alone["account_key"].to_list() == [None]
    assert joined["account_key"].to_list() == ["domain:acme.com"]


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.sampled_from(["a@x.com", "b@x.com", "c@y.com", None]), min_size=2, max_size=5),
    st.lists(st.integers(1, 5), max_size=6),
    st.sampled_from([None, "Rome"]),
)
def test_a_newer_extract_of_the_same_people_moves_nobody_to_another_key(
    emails: list[str | None], again: list[int], city: str | None
) -> None:
    old = [
        {"id": str(n), "email": email, "extract_date": OLD, **ANN}
        for n, email in enumerate(emails, start=1)
    ]
    new = [{**old[n - 1], "extract_date": NEW, "city": city} for n in again if n <= len(old)]
    before, _ = unified(*old)
    after, _ = unified(*old, *new)
    assert set(after["contact_key"]) == set(before["contact_key"])


def test_a_merge_is_told_with_what_decided_and_what_differs() -> None:
    prepared = prepare_contacts(
        raw_contacts(
            {"id": "1", "email": "a@x.com", "city": "Rome", **ANN},
            {"id": "2", "email": "b@x.com", "city": "Paris", **ANN},
            {"id": "3", "email": "c@y.com", "first_name": "Zoe", "last_name": "Roe"},
        )
    )
    matches = match_contacts(prepared)
    told = contact_merges(prepared, matches, unify_contacts(prepared, matches)[0])
    (row,) = told.rows(named=True)
    assert (row["survivor_key"], row["merged_key"], row["matched_with"]) == ("1", "2", "1")
    assert row["rule"] == "name_phone"
    assert "same phone" in row["evidence"]
    assert row["fields_that_differ"] == ["email", "city"]
    assert (row["survivor_line"], row["merged_line"]) == (2, 3)


ROWS = st.fixed_dictionaries(
    {
        "id": st.sampled_from([None, "1", "2", "3", "N/A"]),
        "email": st.sampled_from([None, "a@gmail.com", "A@gmali.com", "b@x.com", "junk"]),
        "first_name": st.sampled_from([None, "Ann", "Ann Lee", "Acme LLC"]),
        "last_name": st.sampled_from([None, "Lee", "Roe"]),
        "phone": st.sampled_from([None, "2125550123"]),
        "country": st.just("US"),
        "lead_deleted": st.sampled_from([None, "0", "1"]),
        "extract_date": st.sampled_from([None, OLD, NEW]),
        "gdpr_status": st.sampled_from([None, "2", "3"]),
    }
)


@settings(deadline=None, max_examples=12)
@given(st.lists(ROWS, max_size=20))
def test_conservation_holds_for_any_rows(rows: list[dict[str, Any]]) -> None:
    raw = raw_contacts(*rows)
    prepared = prepare_contacts(raw)
    assert prepared.select("source_file", "source_line").equals(
        raw.select("source_file", "source_line")
    )
    people, fates = unify_contacts(prepared, match_contacts(prepared))
    assert fates.select("source_file", "source_line").equals(
        raw.select("source_file", "source_line")
    )
    assert fates["disposition"].is_in(["keep", "merge", "suppress", "quarantine"]).all()
    assert (fates["disposition"] == "keep").sum() == people.height
    assert people["contact_key"].is_unique().all()
    assert people["last_name"].null_count() == 0
    known = set(people["contact_key"])
    has_person = pl.col("disposition").is_in(["keep", "merge"])
    assert set(fates.filter(has_person)["contact_key"]) <= known
    assert fates.filter(~has_person)["contact_key"].null_count() == fates.filter(~has_person).height
    kept = fates.filter(pl.col("disposition") != "keep")
    assert kept["reason"].null_count() == 0
    folded = people["merged_keys"].explode(empty_as_null=True).drop_nulls()
    assert not set(folded) & known
