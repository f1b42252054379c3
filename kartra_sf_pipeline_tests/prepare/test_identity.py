"""Loaded keys and who gets them, for any account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.account_names import loaded_keys, merged_away, name_accounts
from kartra_sf_pipeline.prepare.companies import prepare_companies
from kartra_sf_pipeline.prepare.company_matching import account_aliases, match_companies
from kartra_sf_pipeline.prepare.contacts import prepare_contacts, unify_contacts
from kartra_sf_pipeline.prepare.identity import (
    CLAIM_SCHEMA,
    KNOWN_SCHEMA,
    NOTHING_KNOWN,
    Settled,
    contact_aliases,
    settle_keys,
)
from kartra_sf_pipeline.prepare.matching import match_contacts
from kartra_sf_pipeline.prepare.merges import contact_merges
from kartra_sf_pipeline.prepare.survivorship import Unified, unify_people
from kartra_sf_pipeline_tests.prepare.people import raw_companies, raw_contacts

START = datetime(2026, 1, 1, tzinfo=UTC)
ANN = {"first_name": "Ann", "last_name": "Lee", "phone": "2125550123", "country": "United States"}


def known(*rows: tuple[str, str] | tuple[str, str, int], sobject: str = "Contact") -> pl.DataFrame:
    """Alias and key, and in which run the key was loaded first (the first one, 0, if not said)."""
    return pl.DataFrame(
        [
            (sobject, row[0], row[1], f"run{run}", START + timedelta(days=run))
            for row in rows
            for run in [row[2] if len(row) == 3 else 0]
        ],
        schema=KNOWN_SCHEMA,
        orient="row",
    )


def people(known_before: pl.DataFrame, *rows: dict[str, Any]) -> Unified:
    prepared = prepare_contacts(raw_contacts(*rows))
    return unify_people(prepared, match_contacts(prepared), known_before)


# Any account: contacts are numbers, groups are named by their smallest member.


@st.composite
def accounts(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Claims of a few groups, and what was loaded before of the same and of other contacts."""
    contacts = draw(st.lists(st.integers(1, 12), unique=True, min_size=1))
    groups = [draw(st.integers(0, 4)) for _ in contacts]
    names = {g: min(c for c, of in zip(contacts, groups, strict=True) if of == g) for g in groups}
    claims = [
        (str(names[g]), str(c), True, c) for c, g in zip(contacts, groups, strict=True)
    ] + [
        (str(names[g]), f"email:{draw(st.integers(1, 4))}", False, c)
        for c, g in zip(contacts, groups, strict=True)
        if draw(st.booleans())
    ]  # fmt: skip
    alias = st.one_of(
        st.integers(1, 15).map(str), st.integers(1, 4).map(lambda number: f"email:{number}")
    )
    runs = draw(st.dictionaries(alias, st.integers(0, 3), max_size=6))
    folded = draw(st.dictionaries(alias, st.sampled_from(sorted(runs)), max_size=8)) if runs else {}
    rows = [(key, key, run) for key, run in runs.items()]
    rows += [(alias, key, runs[key]) for alias, key in folded.items()]
    return pl.DataFrame(claims, schema=CLAIM_SCHEMA, orient="row"), known(*dict.fromkeys(rows))


def final(claims: pl.DataFrame, settled: Settled) -> dict[str, str]:
    """The key under which each group goes on."""
    return {group: group for group in claims["group"].unique()} | dict(settled.keys.iter_rows())


@given(accounts())
def test_keys_stay_unique_and_loaded_ones_are_never_given_to_nobody_known_by_them(
    account: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    claims, loaded = account
    settled = settle_keys(claims, loaded, "Contact")
    keys = final(claims, settled)
    assert len(set(keys.values())) == len(keys)
    established = set(loaded["key"])
    aliases = {key: {key} for key in established}
    for alias, key in loaded.select("alias", "key").iter_rows():
        aliases[key].add(alias)
    signs = {
        group: set(rows["alias"]) for (group,), rows in claims.group_by("group")
    }  # fmt: skip
    for group, key in keys.items():
        # An established person's group keeps an established key, and one that it has a claim to.
        if group in established:
            assert key in established
        if key in established:
            assert aliases[key] & signs[group]  # type: ignore[index]
    told = set(settled.apart["loaded_key"])
    reachable = {key for key in established if any(aliases[key] & s for s in signs.values())}
    # Whatever was loaded and is still there goes on or is told; nothing of it is dropped.
    assert reachable == {key for key in keys.values() if key in established} | told
    assert not told & set(keys.values())


@given(accounts(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(
    account: tuple[pl.DataFrame, pl.DataFrame], random: Any
) -> None:
    claims, loaded = account
    orders = [random.sample(range(frame.height), frame.height) for frame in account]
    once = settle_keys(claims, loaded, "Contact")
    again = settle_keys(claims[orders[0]], loaded[orders[1]], "Contact")
    assert once.keys.sort("group").equals(again.keys.sort("group"))
    assert once.apart.equals(again.apart)


def test_a_key_of_ones_own_outweighs_the_sign_of_an_older_one() -> None:
    claims = pl.DataFrame(
        [("12", "12", True, 12), ("12", "email:1", False, 12)], schema=CLAIM_SCHEMA, orient="row"
    )
    settled = settle_keys(claims, known(("12", "12", 2), ("email:1", "email:1", 1)), "Contact")
    assert final(claims, settled) == {"12": "12"}
    assert settled.apart["loaded_key"].to_list() == ["email:1"]


@given(accounts())
def test_a_second_run_on_the_same_account_moves_nobody(
    account: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    claims, loaded = account
    keys = final(claims, settle_keys(claims, loaded, "Contact"))
    now = claims.filter("own").select(
        "alias", key=pl.col("group").replace(list(keys), list(keys.values()))
    )
    runs = dict(loaded.select("key", "first_loaded_run").iter_rows())
    later = [
        (alias, key, int(str(runs.get(key, "run9")).removeprefix("run")))
        for alias, key in now.iter_rows()
    ]
    earlier = loaded.filter(
        (pl.col("alias") == pl.col("key")) | ~pl.col("alias").is_in(now["alias"].implode())
    )
    both = pl.concat([earlier, known(*later)]).unique()
    assert final(claims, settle_keys(claims, both, "Contact")) == keys


# People


def test_nothing_known_is_as_it_was() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "1", "email": "a@x.com", **ANN},
        {"id": "2", "email": "b@x.com", **ANN},
    ]
    prepared = prepare_contacts(raw_contacts(*rows))
    matches = match_contacts(prepared)
    found = unify_people(prepared, matches, NOTHING_KNOWN)
    before, fates = unify_contacts(prepared, matches)
    assert found.unified.equals(before)
    assert found.contact_rows.equals(fates)
    assert found.apart.is_empty()


def test_the_contact_that_bears_the_loaded_key_is_the_persons_row() -> None:
    found = people(
        known(("2", "2")),
        {"id": "1", "email": "a@x.com", **ANN},
        {"id": "2", "email": "b@x.com", **ANN},
    )
    person = found.unified.row(0, named=True)
    assert (person["contact_key"], person["kartra_id"], person["merged_keys"]) == ("2", "2", ["1"])
    assert person["source_line"] == 3
    assert found.contact_rows["disposition"].to_list() == ["merge", "keep"]


def test_a_split_leaves_the_key_with_its_own_contact_else_with_the_oldest() -> None:
    loaded = known(("5", "5"), ("7", "5"), ("9", "5"))

    def row(number: str) -> dict[str, Any]:
        return {"id": number, "email": f"{number}@x.com", "first_name": f"P{number}"}

    assert people(loaded, row("7"), row("5")).unified["contact_key"].sort().to_list() == ["5", "7"]
    found = people(loaded, row("9"), row("7")).unified
    assert dict(found.select("kartra_id", "contact_key").iter_rows()) == {"7": "5", "9": "9"}


def test_merges_of_a_person_whose_key_nobody_bears_are_told_of_rows_that_are_there() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "7", "email": "a@x.com", **ANN},
        {"id": "9", "email": "b@x.com", **ANN},
    ]
    prepared = prepare_contacts(raw_contacts(*rows))
    matches = match_contacts(prepared)
    found = unify_people(prepared, matches, known(("5", "5"), ("7", "5")))
    assert found.unified["merged_keys"].to_list() == [["7", "9"]]
    (told,) = contact_merges(prepared, matches, found.unified).iter_rows(named=True)
    assert (told["survivor_key"], told["merged_key"], told["matched_with"]) == ("5", "9", "7")
    assert (told["survivor_line"], told["merged_line"]) == (2, 3)
    noted = contact_aliases(found.unified.lazy()).collect().rows()
    assert noted == [("5", "5"), ("5", "7"), ("5", "9")]


# Accounts


def account_run(
    loaded: pl.DataFrame, contacts: list[dict[str, Any]], companies: list[dict[str, Any]]
) -> tuple[pl.DataFrame, pl.DataFrame, Settled]:
    raw = raw_companies(*companies)
    prepared = prepare_contacts(raw_contacts(*contacts), raw_companies=raw)
    unified, _ = unify_contacts(prepared, match_contacts(prepared), raw_companies=raw)
    implied, _ = prepare_companies(unified, raw)
    merged = account_aliases(match_companies(implied))
    names, settled = name_accounts(unified, raw, implied, merged, loaded)
    accounts, rows = prepare_companies(unified, raw, merged_away(names), loaded_keys(names))
    return accounts, rows, settled


def test_an_account_known_by_name_keeps_its_key_when_it_shows_its_domain() -> None:
    accounts, rows, settled = account_run(
        known(("name:acme", "name:acme"), sobject="Account"),
        [{"id": "1", "email": "a@gmail.com", "company": "Acme", "website": "acme.com"}],
        [{"name": "Acme Inc", "website": "acme.com", "city": "Rome"}],
    )
    assert accounts.select("account_key", "domain", "website", "city", "contacts").rows() == [
        ("name:acme", "acme.com", "acme.com", "Rome", 1)
    ]
    assert rows.select("disposition", "account_key").rows() == [("keep", "name:acme")]
    assert settled.apart.is_empty()


def test_a_name_alone_does_not_lead_from_one_domain_to_another() -> None:
    loaded = known(
        ("domain:acme.com", "domain:acme.com"), ("name:acme", "domain:acme.com"), sobject="Account"
    )
    who = {"id": "1", "email": "a@gmail.com", "company": "Acme"}
    other, _, _ = account_run(loaded, [{**who, "website": "acme.io"}], [])
    assert other["account_key"].to_list() == ["domain:acme.io"]
    nameless, _, _ = account_run(loaded, [who], [])
    assert nameless["account_key"].to_list() == ["domain:acme.com"]


def test_two_loaded_accounts_that_are_one_go_on_under_the_first_and_are_told() -> None:
    loaded = known(
        ("domain:acme.com", "domain:acme.com", 1), ("name:acme", "name:acme", 0), sobject="Account"
    )
    accounts, _, settled = account_run(
        loaded, [{"id": "1", "email": "a@gmail.com", "company": "Acme", "website": "acme.com"}], []
    )
    assert accounts["account_key"].to_list() == ["name:acme"]
    assert settled.apart.select("object", "key", "loaded_key").rows() == [
        ("Account", "name:acme", "domain:acme.com")
    ]
