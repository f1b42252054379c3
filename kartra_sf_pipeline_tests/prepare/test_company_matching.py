from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.companies import prepare_companies
from kartra_sf_pipeline.prepare.company_matching import (
    account_aliases,
    match_companies,
    with_aliases,
)
from kartra_sf_pipeline.prepare.contacts import prepare_contacts, unify_contacts
from kartra_sf_pipeline.prepare.matching import match_contacts
from kartra_sf_pipeline_tests.prepare.people import raw_companies, raw_contacts

SEAT = {"address": "1 Main St", "zip": "10001"}


def people_and_file(
    companies: list[dict[str, Any]], contacts: list[dict[str, Any]] | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    raw = raw_companies(*companies)
    prepared = prepare_contacts(raw_contacts(*(contacts or [])), raw_companies=raw)
    return unify_contacts(prepared, match_contacts(prepared), raw_companies=raw)[0], raw


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"name": "Harborfox Fitness"}, {"domain": "harborfoxfitness.com"}, "merge"),
        ({"name": "Delta"}, {"domain": "delta.com"}, "review"),
        ({"name": "Harborfox Fitness", **SEAT}, {"name": "Harborfx Fitness LLC", **SEAT}, "merge"),
        ({"name": "Harborfox Fitness"}, {"name": "Harborfx Fitness"}, "review"),
        (
            {"name": "Acme", "domain": "acme.com"},
            {"name": "ACME Inc.", "domain": "acme.io"},
            "review",
        ),
        ({"name": "Store 12 Boston", **SEAT}, {"name": "Store 13 Boston", **SEAT}, None),
        ({"name": "Harborfox Fitness"}, {"name": "Willowroot Academy"}, None),
    ],
)
def test_what_makes_two_accounts_one_company(
    left: dict[str, Any], right: dict[str, Any], expected: str | None
) -> None:
    accounts, _ = prepare_companies(*people_and_file([left, right]))
    assert accounts.height == 2
    found = match_companies(accounts)["decision"].to_list()
    assert found == ([] if expected is None else [expected])


def test_merged_accounts_are_one_row_under_the_domain_and_people_follow() -> None:
    people, raw = people_and_file(
        [{"name": "Harborfox Fitness LLC", "phone": "1"}, {"domain": "harborfoxfitness.com"}],
        [{"id": "1", "email": "a@gmail.com", "company": "Harborfox Fitness"}],
    )
    aliases = account_aliases(match_companies(prepare_companies(people, raw)[0]))
    assert aliases.rows() == [("name:harborfox fitness", "domain:harborfoxfitness.com")]
    accounts, rows = prepare_companies(people, raw, aliases)
    assert accounts.select("account_key", "name", "phone", "contacts").rows() == [
        ("domain:harborfoxfitness.com", "Harborfox Fitness LLC", "1", 1)
    ]
    assert sorted(rows["disposition"]) == ["keep", "merge"]
    assert with_aliases(people, aliases)["account_key"].to_list() == ["domain:harborfoxfitness.com"]


def test_no_accounts_make_no_pairs() -> None:
    accounts, _ = prepare_companies(*people_and_file([]))
    assert match_companies(accounts).is_empty()
