from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from kartra_sf_pipeline.prepare.suppression import RULES, Staleness
from kartra_sf_pipeline.scope.suppression_choices import SCHEMA, suppression_choices

OLD, NEW = datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def person(key: str, **cells: Any) -> dict[str, Any]:
    return {
        "contact_key": key,
        "email": f"p{key}@acme.com",
        "mailing_status": "subscribed",
        "blocklisted": False,
        "consent_reason": "consented",
        "joined_at": NEW,
        "score": 0,
        "lists": None,
        "merged_keys": [],
        **cells,
    }


SCHEMAS: dict[str, Any] = {
    "contact_key": pl.String,
    "email": pl.String,
    "mailing_status": pl.String,
    "blocklisted": pl.Boolean,
    "consent_reason": pl.String,
    "joined_at": pl.Datetime("us", "UTC"),
    "score": pl.Int64,
    "lists": pl.List(pl.String),
    "merged_keys": pl.List(pl.String),
}
PAYMENTS = pl.DataFrame({"contact_key": ["2"], "payments": [3]})


def choices(
    *people: dict[str, Any],
    left: list[dict[str, Any]] | None = None,
    chosen: tuple[str, ...] = (),
    months: int = 24,
) -> dict[str, dict[str, Any]]:
    frame = suppression_choices(
        {
            "contacts_unified": pl.DataFrame(people, schema=SCHEMAS),
            "contacts_suppressed": pl.DataFrame(left or [], schema=SCHEMAS),
            "contact_rows": pl.DataFrame({"reason": ["deleted_in_kartra", None]}),
        },
        PAYMENTS,
        PAYMENTS["contact_key"],
        stale=Staleness(months, None, date(2026, 6, 30)),
        chosen=chosen,
    )
    assert frame.schema == SCHEMA
    return {row["rule"]: row for row in frame.iter_rows(named=True)}


def test_each_rule_says_how_many_what_it_saves_and_what_goes_with_them() -> None:
    found = choices(
        person("1"),
        person("2", mailing_status="bounced", lists=["A", "B"]),
        person("3", mailing_status="bounced", joined_at=OLD),
        person("4", blocklisted=True, joined_at=OLD),
    )
    bounced = found["bounced"]
    assert (bounced["contacts"], bounced["share"]) == (2, 0.5)
    assert (bounced["buyers"], bounced["payments"]) == (1, 3)
    assert (bounced["list_memberships"], bounced["storage_saved_kb"]) == (2, 2 * 2 + 2)
    assert found["stale"]["contacts"] == 2
    assert found["stale"]["further"] == 0
    assert "24 months before 2026-06-30" in found["stale"]["why"]


def test_what_always_holds_is_on_and_the_rest_is_the_customers_choice() -> None:
    found = choices(person("1", merged_keys=["8", "9"]), person("2", blocklisted=True))
    assert set(found) == {"duplicate", "deleted_in_kartra", *RULES, "any_chosen"}
    assert found["duplicate"]["contacts"] == 2
    assert found["deleted_in_kartra"]["contacts"] == 1
    on = {rule for rule, row in found.items() if row["default"]}
    assert on == {"duplicate", "deleted_in_kartra"}
    assert on == {rule for rule, row in found.items() if row["chosen"]}


def test_people_who_stay_behind_already_are_still_counted() -> None:
    found = choices(
        person("1"), left=[person("4", blocklisted=True)], chosen=("blocklisted", "bounced")
    )
    assert found["blocklisted"]["contacts"] == 1
    assert found["blocklisted"]["chosen"]
    assert found["any_chosen"]["contacts"] == 1
    assert not found["stale"]["chosen"]


def test_a_rule_that_brings_the_account_into_a_smaller_plan_says_so() -> None:
    crowd = [person(str(n + 10)) for n in range(2_490)]
    gone = [person(str(n + 9_000), mailing_status="unsubscribed") for n in range(20)]
    assert choices(*crowd, *gone)["unsubscribed"]["kartra_tier"] == "12,500 to 2,500"
    assert choices(*crowd)["unsubscribed"]["kartra_tier"] == "stays at 2,500"


def test_an_account_without_people_has_rows_of_zero() -> None:
    found = choices()
    assert found["stale"]["contacts"] == 0
    assert found["stale"]["share"] is None
