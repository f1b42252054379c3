from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.prepare.blocks import WINDOW, candidate_pairs
from kartra_sf_pipeline.prepare.clusters import components, guard_chains
from kartra_sf_pipeline.prepare.coded import coded, columns_of
from kartra_sf_pipeline.prepare.comparison import Pairs
from kartra_sf_pipeline.prepare.contacts import prepare_contacts
from kartra_sf_pipeline.prepare.match_features import features
from kartra_sf_pipeline.prepare.matching import MATCH_SCHEMA, match_contacts
from kartra_sf_pipeline.prepare.screening import at_most, letters_of
from kartra_sf_pipeline_tests.prepare.people import raw_contacts

PHONE = {"phone": "2125550123", "country": "United States"}
STREET = {"address": "12 Main St", "zip": "10001"}


def person(number: int, first: str, last: str, email: str, **more: object) -> dict[str, object]:
    return {"id": str(number), "first_name": first, "last_name": last, "email": email, **more}


def matched(*rows: dict[str, object]) -> pl.DataFrame:
    return match_contacts(prepare_contacts(raw_contacts(*rows)))


def decision(left: dict[str, object], right: dict[str, object]) -> tuple[str, str] | None:
    """Decision and rule of the only pair, None if it is not even listed."""
    found = matched(left, right)
    assert found.schema == MATCH_SCHEMA
    return None if found.is_empty() else (found["decision"].item(), found["rule"].item())


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (
            person(1, "Ann", "Lee", "ann.lee@gmail.com"),
            person(2, "Ann", "Lee", "Ann.Lee@gmail.com"),
            ("merge", "same_email"),
        ),
        (
            person(1, "Ann", "Lee", "ann.lee@gmail.com"),
            person(2, "Ann", "Lee", "annlee+news@gmail.com"),
            ("merge", "same_mailbox"),
        ),
        (
            person(1, "Ann", "Lee", "ann.lee@gmail.com"),
            person(2, "Ann", "Lee", "ann.lee@gmali.com"),
            ("merge", "typo_domain"),
        ),
        (
            person(1, "Ann", "Lee", "ann.lee@gmail.com"),
            person(2, "", "", "ann.lee@gmali.com"),
            ("review", "typo_domain"),
        ),
        (
            person(1, "Robert", "Lee", "a@x.com", **PHONE),
            person(2, "Bob", "Lee", "b@y.com", **PHONE),
            ("merge", "name_phone"),
        ),
        (
            person(1, "Ann", "Léé", "a@x.com", **STREET),
            person(2, "ANN", "Lee", "b@y.com", **STREET),
            ("merge", "name_address"),
        ),
        (
            person(1, "Ann", "Leighton", "a@x.com", **PHONE),
            person(2, "Ann", "Leihgton", "b@y.com", **PHONE),
            ("merge", "name_phone"),
        ),
        (
            person(1, "Catherine", "Lee", "a@x.com", **PHONE),
            person(2, "Cathrin", "Lee", "b@y.com", **PHONE),
            ("review", "name_phone"),
        ),
        (
            person(1, "Ann", "Lee", "a@x.com", company="Acme"),
            person(2, "Ann", "Lee", "b@y.com", company="Acme Inc."),
            ("review", "weighed"),
        ),
        (
            person(1, "Ann", "Lee", "ann.lee@x.com"),
            person(2, "Ann", "Lee", "ann.lee@y.com"),
            ("review", "weighed"),
        ),
    ],
)
def test_what_makes_two_rows_one_person(
    left: dict[str, object], right: dict[str, object], expected: tuple[str, str]
) -> None:
    assert decision(left, right) == expected


def test_a_name_alone_is_no_evidence() -> None:
    assert decision(person(1, "Ann", "Lee", "a@x.com"), person(2, "Ann", "Lee", "b@y.com")) is None


def test_a_household_is_not_one_person() -> None:
    relatives = [
        person(1, "Ann", "Lee", "a@x.com", **PHONE, **STREET),
        person(2, "Oliver", "Lee", "b@x.com", **PHONE, **STREET),
    ]
    assert decision(*relatives) in (None, ("ignore", "weighed"))


def test_father_and_son_are_for_review() -> None:
    found = decision(
        person(1, "John", "Lee Sr.", "a@x.com", **PHONE, **STREET),
        person(2, "John", "Lee Jr.", "b@y.com", **PHONE, **STREET),
    )
    assert found is not None
    assert found[0] == "review"


def test_placeholders_are_not_compared_as_names() -> None:
    found = matched(
        person(1, "", "", "info@x.com", **PHONE), person(2, "", "", "info@y.com", **PHONE)
    )
    assert found["decision"].to_list() == ["review"]


def test_only_kept_rows_are_compared() -> None:
    rows = [
        person(1, "Ann", "Lee", "a@x.com", **PHONE),
        person(2, "Ann", "Lee", "b@y.com", lead_deleted="1", **PHONE),
    ]
    assert matched(*rows).is_empty()


def test_nobody_to_compare() -> None:
    assert matched().schema == MATCH_SCHEMA
    assert matched(person(1, "Ann", "Lee", "a@x.com")).is_empty()


def test_evidence_says_what_agreed_and_result_does_not_depend_on_row_order() -> None:
    rows = [
        person(n, "Ann", f"Lee{'x' * (n % 3)}", f"ann{n % 4}@x.com", **PHONE) for n in range(1, 9)
    ]
    forward, backward = matched(*rows), matched(*reversed(rows))
    assert "same phone" in forward["evidence"][0]

    def unordered(frame: pl.DataFrame) -> set[tuple[object, ...]]:
        return {
            (*sorted((r["left_key"], r["right_key"])), r["score"], r["decision"])
            for r in frame.iter_rows(named=True)
        }

    assert unordered(forward) == unordered(backward)


def test_a_huge_block_is_compared_near_and_costs_a_bounded_number_of_pairs() -> None:
    size = 500
    rows = [person(n, "Ann", f"Lee{n:03d}", f"p{n}@x.com", **PHONE) for n in range(size)]
    rows.append(person(size, "Ann", "Lee250", "other@y.com", **PHONE))
    prepared = prepare_contacts(raw_contacts(*rows))
    pairs, reports = candidate_pairs(columns_of(features(prepared)))
    assert len(pairs) <= (size + 1) * WINDOW
    assert next(r for r in reports if r.name == "phone").big_rows == size + 1
    found = match_contacts(prepared).filter(pl.col("decision") == "merge")
    assert {tuple(sorted(pair)) for pair in found.select("left_key", "right_key").rows()} >= {
        ("250", str(size))
    }


def namesakes(count: int) -> pl.DataFrame:
    """Two Ann Lees of 12 Main Street, Springfield, among so many others who share some of that."""
    rows = [
        person(
            n,
            "Ann" if n % 3 else f"Anouk{n}",
            "Lee" if n % 4 else f"Leighton{n}",
            f"p{n}@mail{n}.com",
            address=f"{n % 5 + 1000} {'Main' if n % 2 else f'Mainau{n}'} St",
            city="Springfield" if n % 5 else f"Shelby{n}",
        )
        for n in range(10, 10 + count)
    ]
    rows += [
        person(n, "Ann", "Lee", f"own{n}@host{n}.com", address="1000 Main St", city="Springfield")
        for n in (1, 2)
    ]
    pairs = match_contacts(prepare_contacts(raw_contacts(*rows)))
    return pairs.filter(left_key="1", right_key="2")


def test_a_common_name_at_a_common_address_is_no_proof_where_many_share_both() -> None:
    assert namesakes(10)["decision"].to_list() == ["merge"]
    found = namesakes(3_000)
    assert found["decision"].to_list() == ["review"]
    assert "may be namesakes" in found["evidence"].item()


def test_people_without_a_last_name_still_meet() -> None:
    found = decision(
        person(1, "Jacqueline", "", "a@x.com", address="2 Eaglemont Retreat", zip="50450"),
        person(2, "Jacquelin", "", "b@y.com", address="8 Eaglemonturetreat", zip="50450"),
    )
    assert found is not None


WORD = st.text("abcdeé'", min_size=1, max_size=9) | st.sampled_from(
    ["barbara", "barbra", "martha", "marhta", "j", "john", "jon", "anna", "hannah", "aaaa", "aaab"]
)


@settings(deadline=None, max_examples=80)
@given(st.lists(WORD, min_size=2, max_size=12, unique=True))
def test_what_is_left_out_unread_would_not_have_been_alike(words: list[str]) -> None:
    texts = pl.Series(words)
    left, right = (
        np.array(side, dtype=np.uint32)
        for side in zip(*combinations(range(1, len(words) + 1), 2), strict=True)
    )
    column = coded(texts, texts.sort())
    codes = column.codes
    pairs = Pairs(left - 1, right - 1, {"first": column})
    alike = pairs.similarity("first", "name", np.ones(len(left), dtype=bool))
    bound = at_most(letters_of(column), codes[left - 1], codes[right - 1])
    assert (bound >= alike - 1e-5).all()


def edges(*pairs: tuple[str, str, float]) -> pl.DataFrame:
    frame = pl.DataFrame(list(pairs), schema=["left_key", "right_key", "score"], orient="row")
    return frame.with_columns(
        decision=pl.lit("merge"), evidence=pl.lit("same phone"), rule=pl.lit("name_phone")
    )


def merged(frame: pl.DataFrame) -> set[tuple[str, str]]:
    kept = frame.filter(pl.col("decision") == "merge")
    return {(a, b) for a, b in kept.select("left_key", "right_key").rows()}


def test_a_chain_is_cut_to_those_who_resemble_its_centre() -> None:
    guarded = guard_chains(edges(("a", "b", 0.99), ("b", "c", 0.99), ("c", "d", 0.96)))
    assert merged(guarded) == {("a", "b"), ("b", "c")}
    assert (
        guarded.filter(pl.col("decision") == "review")["evidence"].item().startswith("same phone;")
    )


def test_a_full_triangle_stays() -> None:
    pairs = edges(("a", "b", 0.99), ("b", "c", 0.99), ("a", "c", 0.99))
    assert merged(guard_chains(pairs)) == {("a", "b"), ("b", "c"), ("a", "c")}


KEYS = st.integers(0, 12).map(lambda n: f"k{n:02d}")


@settings(deadline=None, max_examples=60)
@given(st.sets(st.tuples(KEYS, KEYS).filter(lambda p: p[0] < p[1]), min_size=1, max_size=25))
def test_after_the_guard_every_group_has_a_member_like_all_others(
    pairs: set[tuple[str, str]],
) -> None:
    guarded = guard_chains(edges(*((a, b, 0.97) for a, b in sorted(pairs))))
    links = merged(guarded)
    assert links
    groups = components(guarded.filter(pl.col("decision") == "merge"))
    for (_,), group in groups.group_by("cluster"):
        members = set(group["contact_key"])
        assert any(all((min(c, m), max(c, m)) in links for m in members - {c}) for c in members)
