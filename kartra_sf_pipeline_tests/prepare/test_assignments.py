from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.prepare.assignments import (
    prepare_account_team,
    prepare_opportunity_team,
    prepare_territories,
)
from kartra_sf_pipeline_tests.prepare.commerce_frames import fates, raw

COMPANIES = pl.DataFrame({"account_key": ["domain:acme.com", "name:fern"]})
NAMES = pl.DataFrame(
    {
        "account_key": ["domain:acme.com", "domain:acme.com", "name:fern", "domain:gone.com"],
        "alias": ["domain:acme.com", "name:acme", "name:fern", "domain:gone.com"],
    }
)
DEALS = {"opportunity_key": pl.String, "disposition": pl.String}
PAYMENTS = {"transaction_id": pl.String, **DEALS, "reason": pl.String, "contact_key": pl.String}


def member(**cells: Any) -> dict[str, Any]:
    return {"account_name": "ACME Inc.", "user": "Seller@acme.example", "role": "Rep", **cells}


@pytest.mark.parametrize(
    ("cells", "account"),
    [
        ({}, "domain:acme.com"),
        ({"account_name": None, "account_domain": "https://www.acme.com/team"}, "domain:acme.com"),
        ({"account_name": "Whatever", "account_domain": "acme.com"}, "domain:acme.com"),
        ({"account_name": "fern"}, "name:fern"),
    ],
)
def test_an_account_is_found_by_its_domain_else_its_name(
    cells: dict[str, Any], account: str
) -> None:
    frame = prepare_account_team(raw("account_team", member(**cells)), COMPANIES, NAMES)
    assert fates(frame) == [("keep", None)]
    assert frame["account_key"].to_list() == [account]
    assert frame["user"].to_list() == ["seller@acme.example"]


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"account_name": "Nobody"}, "account_not_found"),
        ({"account_name": None}, "account_not_found"),
        # The domain speaks against the name.
        ({"account_domain": "other.com"}, "account_not_found"),
        # Known by name, but no account of this run.
        ({"account_domain": "gone.com"}, "account_not_found"),
        ({"user": None}, "user_not_named"),
    ],
)
def test_members_of_no_account_are_held_back(cells: dict[str, Any], reason: str) -> None:
    frame = prepare_account_team(raw("account_team", member(**cells)), COMPANIES, NAMES)
    assert fates(frame) == [("quarantine", reason)]
    assert frame["detail"].null_count() == 0


def test_an_opportunity_is_found_by_a_payment_or_a_plan() -> None:
    transactions = pl.DataFrame(
        [
            ("1", "T1", "keep", None, "p"),
            ("2", "S9", "merge", "first_payment", "p"),
            ("3", None, "suppress", "failed_payment", None),
            ("4", "S8", "keep", None, "p"),
            ("5", None, "suppress", "failed_payment", "p"),
        ],
        schema=PAYMENTS,
        orient="row",
    )
    plans = pl.DataFrame(
        [("9", "S9", "keep")], schema={"subscription_id": pl.String, **DEALS}, orient="row"
    )
    rows = [
        {"transaction_id": "1"},
        {"transaction_id": "2"},
        {"subscription_id": "9"},
        # Only payments know of it.
        {"subscription_id": "8"},
        {"transaction_id": "3"},
        {"transaction_id": "77"},
        # Nobody's failed payment makes no deal; one of a buyer may, by the map.
        {"transaction_id": "5"},
    ]
    frame = prepare_opportunity_team(
        raw("opportunity_team", *({"user": "a@b.example", "role": "Rep", **row} for row in rows)),
        transactions,
        plans,
    )
    assert frame["opportunity_key"].to_list() == ["T1", "S9", "S9", "S8", None, None, "T5"]
    held = [("quarantine", "opportunity_not_found")] * 2
    assert fates(frame) == [("keep", None)] * 4 + held + [("keep", None)]


def test_a_territory_must_be_named() -> None:
    rows = [
        {"account_name": "Acme", "territory": "North_America"},
        {"account_name": "Acme", "territory": "-"},
    ]
    frame = prepare_territories(raw("territories", *rows), COMPANIES, NAMES)
    assert fates(frame) == [("keep", None), ("quarantine", "territory_not_named")]


def test_a_subscription_s_id_is_looked_up_as_written_before_its_key_is() -> None:
    transactions = pl.DataFrame(
        [("1", "SSub-8", "merge", None, "p")], schema=PAYMENTS, orient="row"
    )
    plans = pl.DataFrame(
        [("SUB-9", "SSUB-9", "keep"), ("S7", "SS7", "keep"), ("7", "S7", "keep")],
        schema={"subscription_id": pl.String, **DEALS},
        orient="row",
    )
    ids = ["SUB-9", "SSUB-9", "S7", "7", "SS7", "Sub-8", "SSub-8", "UB-9"]
    rows = [{"user": "a@b.example", "subscription_id": one} for one in ids]
    frame = prepare_opportunity_team(raw("opportunity_team", *rows), transactions, plans)
    assert frame["opportunity_key"].to_list() == [
        "SSUB-9", "SSUB-9", "SS7", "S7", "SS7", "SSub-8", "SSub-8", None,
    ]  # fmt: skip


def test_columns_that_the_files_do_not_have_by_themselves_are_kept() -> None:
    nobody = pl.DataFrame(schema=PAYMENTS)
    plans = pl.DataFrame(schema={"subscription_id": pl.String, **DEALS})
    further = pl.lit("North").alias("x__region")
    for frame in (
        prepare_account_team(raw("account_team", member()).with_columns(further), COMPANIES, NAMES),
        prepare_opportunity_team(
            raw("opportunity_team", {"user": "a@b.example"}).with_columns(further), nobody, plans
        ),
        prepare_territories(
            raw("territories", {"account_name": "Acme"}).with_columns(further), COMPANIES, NAMES
        ),
    ):
        assert frame["x__region"].to_list() == ["North"]
