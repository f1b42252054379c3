from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.companies import COMPANY_COLUMNS, prepare_companies
from kartra_sf_pipeline.prepare.contacts import prepare_contacts, unify_contacts
from kartra_sf_pipeline.prepare.matching import match_contacts
from kartra_sf_pipeline_tests.prepare.people import raw_companies, raw_contacts

OLD, NEW = date(2026, 5, 1), date(2026, 6, 1)


def accounts(
    contacts: list[dict[str, Any]], companies: list[dict[str, Any]] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    raw = raw_companies(*(companies or []))
    prepared = prepare_contacts(raw_contacts(*contacts), raw_companies=raw)
    people, _ = unify_contacts(prepared, match_contacts(prepared), raw_companies=raw)
    found, rows = prepare_companies(people, raw)
    assert found.columns == list(COMPANY_COLUMNS)
    return found, rows, people


def test_people_of_one_domain_are_one_account_under_its_commonest_name() -> None:
    found, _, _ = accounts(
        [
            {"id": "1", "email": "a@acme.com", "company": "ACME", "date_joined": "2026-03-01"},
            {"id": "2", "email": "b@acme.com", "company": "Acme Inc", "date_joined": "2026-01-01"},
            {"id": "3", "email": "c@acme.com", "company": "Acme Inc", "website": "www.acme.com"},
            {"id": "4", "email": "d@acme.com"},
            {"id": "5", "email": "e@other.com"},
        ]
    )
    (row,) = found.rows(named=True)
    assert row == {
        "account_key": "domain:acme.com", "name": "Acme Inc", "website": "www.acme.com",
        "domain": "acme.com", "phone": None, "street": None, "city": None, "state": None,
        "postal_code": None, "country": None, "country_iso2": None, "contacts": 4,
        "source_file": "contacts.csv", "keyed_by": "domain",
        "source_line": 3, "evidence": "company",
    }  # fmt: skip


def test_a_website_alone_names_the_account_after_its_domain() -> None:
    found, _, _ = accounts([{"id": "1", "email": "a@gmail.com", "website": "acme.com/shop"}])
    assert found.select("account_key", "name", "website", "evidence").rows() == [
        ("domain:acme.com", "acme.com", "acme.com/shop", "website")
    ]


def test_companies_file_leads_and_its_rows_are_accounted_for() -> None:
    found, rows, _ = accounts(
        [{"id": "1", "email": "a@acme.com", "company": "acme"}],
        [
            {"name": "Acme Corporation", "website": "https://acme.com", "country": "USA",
             "state": "TX", "extract_date": NEW},
            {"name": "Acme", "domain": "acme.com", "phone": "1", "extract_date": OLD},
            {"name": "ACME CORP", "extract_date": OLD},
            {"name": "Lonely Ltd", "extract_date": NEW},
            {"name": "N/A", "website": "facebook.com/x", "extract_date": NEW},
        ],
    )  # fmt: skip
    assert found.select("account_key", "name", "phone", "state", "contacts", "evidence").rows() == [
        ("domain:acme.com", "Acme Corporation", "1", "Texas", 1, "companies_export"),
        ("name:lonely", "Lonely Ltd", None, None, 0, "companies_export"),
    ]
    assert rows.select("disposition", "reason", "account_key").rows() == [
        ("keep", None, "domain:acme.com"),
        ("merge", "same_account", "domain:acme.com"),
        ("merge", "same_account", "domain:acme.com"),
        ("keep", None, "name:lonely"),
        ("quarantine", "no_name_or_domain", None),
    ]


def test_nothing_gives_empty_frames_with_columns() -> None:
    found, rows, _ = accounts([])
    assert found.is_empty()
    assert rows.is_empty()


def test_only_surviving_people_found_accounts() -> None:
    found, _, _ = accounts(
        [{"id": "1", "email": "a@acme.com", "company": "Acme", "lead_deleted": "1"}]
    )
    assert found.is_empty()


PEOPLE = st.fixed_dictionaries(
    {
        "id": st.integers(1, 6).map(str),
        "email": st.sampled_from(["a@acme.com", "b@acme.com", "c@gmail.com", "d@delta.io", None]),
        "company": st.sampled_from([None, "Acme", "Acme Inc", "Delta", "self employed"]),
        "website": st.sampled_from([None, "acme.com", "delta.io", "facebook.com/x"]),
        "last_name": st.sampled_from([None, "Lee"]),
    }
)
COMPANIES = st.fixed_dictionaries(
    {
        "name": st.sampled_from([None, "Acme", "Delta LLC", "Gamma"]),
        "domain": st.sampled_from([None, "acme.com", "delta.io", "gmail.com"]),
    }
)


@settings(deadline=None, max_examples=10)
@given(st.lists(PEOPLE, max_size=12), st.lists(COMPANIES, max_size=5))
def test_every_account_key_that_a_person_holds_is_an_account(
    contacts: list[dict[str, Any]], companies: list[dict[str, Any]]
) -> None:
    found, rows, people = accounts(contacts, companies)
    keys = set(found["account_key"])
    assert set(people["account_key"].drop_nulls()) <= keys
    assert len(keys) == found.height
    assert (
        found.select("name", "source_file", "source_line").null_count().sum_horizontal().item() == 0
    )
    assert found["contacts"].sum() == people["account_key"].drop_nulls().len()
    assert rows.height == len(companies)
    kept = rows.filter(disposition="keep")["account_key"]
    assert kept.is_unique().all()
    assert set(rows["account_key"].drop_nulls()) == set(kept) <= keys


def by_name(*rows: dict[str, Any]) -> list[tuple[Any, ...]]:
    people = prepare_contacts(
        raw_contacts(*rows), zone="UTC", communications_polarity=None, keyed_by="name"
    )
    found, _ = prepare_companies(people, raw_companies(), keyed_by="name")
    assert found["keyed_by"].unique().to_list() == ["name"]
    return found.select("account_key", "domain", "contacts").rows()


def test_keyed_by_name_one_domain_may_hold_two_accounts() -> None:
    acme = {"id": "1", "email": "a@group.com", "company": "Acme Inc"}
    beta = {"id": "2", "email": "b@group.com", "company": "Beta"}
    assert by_name(acme, beta) == [
        ("name:acme", "group.com", 1),
        ("name:beta", "group.com", 1),
    ]


def test_keyed_by_name_one_name_is_one_account_whatever_its_domains() -> None:
    assert by_name(
        {"id": "1", "email": "a@acme.com", "company": "Acme Inc"},
        {"id": "2", "email": "b@acme.io", "company": "ACME"},
        {"id": "3", "email": "c@acme.io"},
    ) == [("name:acme", "acme.com", 3)]


def test_keyed_by_name_a_domain_without_a_name_is_its_own_account() -> None:
    assert by_name(
        {"id": "1", "email": "a@gmail.com", "website": "acme.com"},
        {"id": "2", "email": "b@acme.com"},
        {"id": "3", "email": "c@group.com", "company": "Acme"},
        {"id": "4", "email": "d@group.com", "company": "Beta"},
        {"id": "5", "email": "e@group.com"},
    ) == [
        ("domain:acme.com", "acme.com", 2),
        ("name:acme", "group.com", 1),
        ("name:beta", "group.com", 1),
    ]
