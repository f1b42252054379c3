from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.prepare.contacts import CONTACT_COLUMNS, prepare_contacts
from kartra_sf_pipeline_tests.prepare.people import raw_companies, raw_contacts

OLD, NEW = date(2026, 5, 1), date(2026, 6, 1)


def prepared(*rows: dict[str, Any], **settings: Any) -> pl.DataFrame:
    return prepare_contacts(raw_contacts(*rows), **settings)


def one(row: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return prepared(row, **settings).row(0, named=True)


def test_a_full_row_is_typed() -> None:
    found = one(
        {
            "id": "77", "email": "Jane.Doe@Acme.com", "first_name": "Jane", "last_name": "Doe",
            "phone": "(212) 555-0123", "phone_country_code": "+1", "company": " Acme  Inc ",
            "address": "1 Main St", "city": "Austin", "zip": "07001", "state": "TX",
            "country": "USA", "website": "https://www.acme.com", "score": "12",
            "date_joined": "2026-01-05 10:00:00", "tags": "a;b", "lists": "N/A",
            "gdpr_status": "Accepted", "gdpr_communications": "Yes", "status": "Subscribed",
            "gdpr_status_date": "14 Aug 2025 11:42:00", "notes": " one\r\ntwo ",
            "lead_preferred_time_zone": "Europe/London", "x__size": " L ",
        }
    )  # fmt: skip
    expected = {
        "contact_key": "77", "kartra_id": "77", "email": "jane.doe@acme.com",
        "email_raw": "Jane.Doe@Acme.com", "phone_e164": "+12125550123",
        "phone_raw": "+1 (212) 555-0123", "company": "Acme Inc", "postal_code": "07001",
        "state": "Texas", "country": "United States", "country_iso2": "US", "domain": "acme.com",
        "account_key": "domain:acme.com", "score": 12,
        "joined_at": datetime(2026, 1, 5, 15, tzinfo=UTC), "tags": ["a", "b"], "lists": None,
        "gdpr_status": "accepted", "communications": "yes", "mailing_status": "subscribed",
        "gdpr_status_at": datetime(2025, 8, 14, 15, 42, tzinfo=UTC), "notes": "one\ntwo",
        "mailable": True, "consent_reason": "consented", "blocklisted": False, "deleted": False,
        "x__size": " L ", "disposition": "keep", "reason": None, "source_line": 2,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_columns_and_types_stand_even_for_no_rows() -> None:
    empty = prepared()
    assert empty.columns[: len(CONTACT_COLUMNS)] == list(CONTACT_COLUMNS)
    assert empty.schema == prepared({"id": "1", "email": "a@x.com"}).schema
    assert empty.schema["joined_at"] == pl.Datetime("us", "UTC")


def test_identity_is_the_id_else_the_address_else_nothing() -> None:
    frame = prepared(
        {"id": "7", "email": "a@x.com"},
        {"email": "B@x.com"},
        {"id": "N/A", "email": "not an address"},
        {"id": "4.47E+11", "email": ""},
        {"id": "4.47E+11", "email": "c@x.com"},
    )
    assert frame.select("contact_key", "disposition", "reason").rows() == [
        ("7", "keep", None),
        ("email:b@x.com", "keep", None),
        (None, "quarantine", "no_identity"),
        (None, "quarantine", "damaged_id"),
        ("email:c@x.com", "keep", None),
    ]
    assert frame.filter(disposition="quarantine")["detail"].null_count() == 0


def test_newest_extract_keeps_and_older_copies_merge_into_it() -> None:
    frame = prepared(
        {"id": "1", "email": "a@x.com", "city": "New", "extract_date": NEW},
        {"id": "1", "email": "old@x.com", "city": "Old", "extract_date": OLD},
        {"id": "1", "email": "older@x.com", "extract_date": None},
    )
    assert frame.select("disposition", "reason", "merged_into").rows() == [
        ("keep", None, None),
        ("merge", "older_extract", "1"),
        ("merge", "older_extract", "1"),
    ]
    assert frame["detail"][1] == "The newest copy is contacts.csv, line 2."


def test_of_one_day_the_later_row_wins() -> None:
    frame = prepared({"id": "1", "email": "a@x.com"}, {"id": "1", "email": "a@x.com"})
    assert frame["disposition"].to_list() == ["merge", "keep"]


def test_rows_without_id_overlap_by_address_with_rows_that_have_one() -> None:
    frame = prepared(
        {"id": "1", "email": "a@x.com", "extract_date": OLD},
        {"email": "A@x.com", "extract_date": NEW},
    )
    assert frame.select("contact_key", "kartra_id", "disposition").rows() == [
        ("1", "1", "merge"),
        ("1", "1", "keep"),
    ]


def test_two_ids_with_one_address_are_two_contacts_here() -> None:
    frame = prepared({"id": "1", "email": "a@x.com"}, {"id": "2", "email": "a@x.com"})
    assert frame["disposition"].to_list() == ["keep", "keep"]


def test_deletion_counts_where_the_newest_extract_says_it() -> None:
    deleted = prepared(
        {"id": "1", "email": "a@x.com", "extract_date": OLD},
        {"id": "1", "email": "a@x.com", "extract_date": NEW, "lead_deleted": "1"},
    )
    assert deleted["disposition"].to_list() == ["suppress", "suppress"]
    assert deleted["reason"].unique().to_list() == ["deleted_in_kartra"]
    restored = prepared(
        {"id": "1", "email": "a@x.com", "extract_date": OLD, "lead_deleted": "1"},
        {"id": "1", "email": "a@x.com", "extract_date": NEW, "lead_deleted": "0"},
    )
    assert restored["disposition"].to_list() == ["merge", "keep"]


def test_bare_communications_digit_is_held_until_the_polarity_is_set() -> None:
    row = {"id": "1", "email": "a@x.com", "gdpr_status": "2", "gdpr_communications": "1"}
    assert one(row)["mailable"] is False
    assert one(row, communications_polarity="one_is_yes")["mailable"] is True
    assert one(row, communications_polarity="zero_is_yes")["communications"] == "no"


def test_business_address_joins_an_account_but_founds_none() -> None:
    colleague = {"id": "1", "email": "a@acme.com", "company": "Acme"}
    quiet = {"id": "2", "email": "b@acme.com"}
    assert prepared(quiet)["account_key"].to_list() == [None]
    assert prepared(colleague, quiet)["account_key"].to_list() == ["domain:acme.com"] * 2
    companies = raw_companies({"name": "Acme", "website": "acme.com"})
    assert one(quiet, raw_companies=companies)["account_key"] == "domain:acme.com"


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({"email": "a@gmail.com", "company": "The Acme Co., LLC"}, "name:acme"),
        ({"email": "a@gmail.com", "website": "facebook.com/acme"}, None),
        ({"email": "a@gmali.com", "company": "Acme"}, "name:acme"),
        ({"email": "a@gmail.com", "website": "www.acme.com"}, "domain:acme.com"),
        ({"email": "a@mail.acme.com", "company": "Acme"}, "domain:acme.com"),
        ({"email": "a@acme.com", "company": "Self-employed"}, None),
        ({"email": "a@gmail.com", "first_name": "Acme LLC"}, "name:acme"),
    ],
)
def test_account_keys(row: dict[str, Any], key: str | None) -> None:
    assert one({"id": "1", **row})["account_key"] == key


def test_a_name_joins_the_one_domain_that_goes_with_it() -> None:
    frame = prepared(
        {"id": "1", "email": "a@gmail.com", "company": "ACME"},
        {"id": "2", "email": "b@acme.com", "company": "Acme Inc"},
        {"id": "3", "email": "c@gmail.com", "company": "Delta"},
        {"id": "4", "email": "d@delta.com", "company": "Delta"},
        {"id": "5", "email": "e@delta.io", "company": "Delta"},
    )
    assert frame["account_key"].to_list() == [
        "domain:acme.com",
        "domain:acme.com",
        "name:delta",
        "domain:delta.com",
        "domain:delta.io",
    ]


def test_unknown_zone_is_the_users_to_mend() -> None:
    with pytest.raises(SettingsError, match="Nowhere"):
        prepared({"id": "1", "email": "a@x.com"}, zone="Nowhere/Land")


def test_cells_that_cannot_be_read_are_named_and_never_guessed() -> None:
    found = one(
        {
            "id": "4.47E+11", "email": "jane@acme.com", "date_joined": "04/05/2026",
            "phone": "4.47E+11", "phone_country_code": "+44", "score": "many", "first_name": "Jane",
        }
    )  # fmt: skip
    assert found["unreadable_cells"] == "id, date_joined, score, phone"
    assert (found["joined_at"], found["score"], found["phone_e164"]) == (None, None, None)
    assert one({"id": "1", "date_joined": "N/A", "score": ""})["unreadable_cells"] is None


@pytest.mark.parametrize(("cell", "blocked"), [("Blocked", True), ("1.0", True), ("0", False)])
def test_a_blocklist_flag_that_is_no_clear_no_blocks(cell: str, blocked: bool) -> None:
    row = {"id": "1", "email": "a@b.com", "gdpr_status": "2", "gdpr_communications": "Yes"}
    found = one({**row, "blacklisted": cell})
    assert (found["blocklisted"], found["mailable"]) == (blocked, not blocked)


def test_a_lazy_frame_is_typed_in_slices_as_a_whole_one_is() -> None:
    raw = raw_contacts(*({"id": str(n), "email": f"a{n}@b.com", "tags": "x;y"} for n in range(9)))
    assert prepare_contacts(raw.lazy()).equals(prepare_contacts(raw))


def test_what_is_told_to_join_tags_stands_over_what_is_counted() -> None:
    raw = raw_contacts(
        {"id": "1", "email": "a@example.com", "tags": "Gold, monthly/VIP", "lists": "a;b"},
        {"id": "2", "email": "b@example.com", "tags": "Gold, monthly", "lists": "b;c"},
    )
    file = raw["source_file"][0]
    told = pl.DataFrame({"source_file": [file, "other.csv"], "delimiter": ["/", ";"]})
    unsaid = told.with_columns(delimiter=pl.lit(None, pl.String))
    frame = prepare_contacts(raw, separators={"tags": told, "lists": unsaid})
    assert frame["tags"].to_list() == [["Gold, monthly", "VIP"], ["Gold, monthly"]]
    assert frame["lists"].to_list() == [["a", "b"], ["b", "c"]]
