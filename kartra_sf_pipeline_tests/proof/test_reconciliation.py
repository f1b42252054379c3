from __future__ import annotations

from decimal import Decimal

import polars as pl

from kartra_sf_pipeline.migration.ledger import OUTCOME_SCHEMA
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.proof.reconciliation import (
    conservation,
    dispositions,
    money_totals,
    orphans,
)


def plan(*rows: tuple[str, int, str, str | None, str | None]) -> pl.DataFrame:
    """Rows of one file per export: export, line, planned, object, key."""
    return pl.DataFrame(
        [
            {
                "export": export, "source_file": f"{export}.csv", "source_line": line,
                "planned": planned, "reason": None if planned == "load" else f"{planned}_rule",
                "detail": None, "object": sobject, "key": key,
            }
            for export, line, planned, sobject, key in rows
        ],
        schema_overrides={"object": pl.String, "key": pl.String, "detail": pl.String,
                          "reason": pl.String},
    )  # fmt: skip


def outcomes(*rows: tuple[str, str, str, str]) -> pl.DataFrame:
    """phase, object, key, outcome."""
    return pl.DataFrame(
        [
            {
                "object": sobject, "key": key, "outcome": outcome, "phase": phase,
                "sf_id": None if outcome == "rejected" else f"id-{key}",
                "error_code": "STRING_TOO_LONG" if outcome == "rejected" else None,
                "error_fields": None,
                "error_message": "too long" if outcome == "rejected" else None,
                "source_file": "contacts.csv", "source_line": 2,
            }
            for phase, sobject, key, outcome in rows
        ],
        schema=OUTCOME_SCHEMA,
    )  # fmt: skip


PLAN = plan(
    ("contacts", 2, "load", "Contact", "1"),
    ("contacts", 3, "load", "Contact", "2"),
    ("contacts", 4, "merge", "Contact", "1"),
    ("contacts", 5, "merge", "Contact", "2"),
    ("contacts", 6, "suppress", None, None),
    ("contacts", 7, "quarantine", None, None),
    ("contacts", 8, "load", "Contact", "3"),
    ("lists", 2, "load", "Campaign", "list:a"),
    ("custom_fields", 2, "load", "CustomField", "Contact.Kartra_CF_Size__c"),
)
OUTCOMES = outcomes(
    ("contacts", "Contact", "1", "created"),
    ("contacts", "Contact", "2", "rejected"),
    ("contact_tags", "Contact", "1", "rejected"),
    ("contact_tags", "Contact", "2", "rejected"),
    ("campaigns", "Campaign", "list:a", "unchanged"),
)


def test_each_row_has_the_fate_that_the_org_gave_its_record() -> None:
    found = dispositions(PLAN, OUTCOMES)
    fates = dict(
        zip(
            found.select(pl.concat_str("export", "source_line", separator=":")).to_series(),
            found["disposition"],
            strict=True,
        )
    )
    assert fates == {
        "contacts:2": "loaded",
        "contacts:3": "rejected",
        "contacts:4": "merged",
        "contacts:5": "rejected",
        "contacts:6": "suppressed",
        "contacts:7": "quarantined",
        "contacts:8": "rejected",
        "lists:2": "loaded",
        "custom_fields:2": "loaded",
    }


def test_a_lost_row_says_why() -> None:
    reasons = {
        row["source_line"]: (row["reason"], row["detail"])
        for row in dispositions(PLAN, OUTCOMES).filter(pl.col("export") == "contacts").to_dicts()
    }
    assert reasons[3] == ("STRING_TOO_LONG", "too long")
    assert reasons[5][0] == "destination_rejected"
    assert reasons[8][0] == "not_sent"
    assert reasons[6] == ("suppress_rule", None)


def test_refused_tags_do_not_unload_a_contact_that_arrived() -> None:
    loaded = dispositions(PLAN, OUTCOMES).row(0, named=True)
    assert (loaded["disposition"], loaded["sf_id"]) == ("loaded", "id-1")


def test_a_custom_field_arrives_by_the_outcomes_that_mention_its_kind() -> None:
    deployed = outcomes(("schema", "CustomField", "Contact.Other__c", "unchanged"))
    fates = dispositions(PLAN, pl.concat([OUTCOMES, deployed]))
    assert fates.filter(pl.col("export") == "custom_fields")["disposition"].to_list() == [
        "rejected"
    ]


def test_fates_add_up_to_the_rows_that_were_read() -> None:
    raw = {"contacts": 7, "lists": 1, "custom_fields": 1, "notes": 0}
    found = conservation(dispositions(PLAN, OUTCOMES), raw)
    assert found["export"].to_list() == list(raw)
    assert found["balanced"].all()
    assert found.row(0) == ("contacts", 7, 1, 1, 1, 1, 3, True)


def test_a_row_too_many_or_too_few_is_out_of_balance() -> None:
    fates = dispositions(PLAN, OUTCOMES)
    short = conservation(fates, {"contacts": 8, "lists": 1, "custom_fields": 1})
    assert short["balanced"].to_list() == [False, True, True]
    unread = conservation(fates, {"contacts": 7, "custom_fields": 1})
    assert unread.filter(pl.col("export") == "lists")["balanced"].to_list() == [False]


def test_a_row_counted_twice_does_not_make_up_for_a_lost_one() -> None:
    fates = dispositions(PLAN, OUTCOMES)
    twice = pl.concat([fates.filter(pl.col("source_line") != 7), fates[:1]])
    found = conservation(twice, {"contacts": 7})
    assert found["balanced"][0] is False


def test_an_unknown_fate_is_out_of_balance() -> None:
    odd = dispositions(PLAN, OUTCOMES).with_columns(disposition=pl.lit("lost"))
    assert not conservation(odd, {"contacts": 7})["balanced"].any()


def test_money_adds_up_by_currency_and_fate() -> None:
    money = pl.DataFrame(
        {
            "export": ["transactions"] * 4,
            "source_file": ["transactions.csv"] * 4,
            "source_line": [2, 3, 4, 5],
            "currency": ["USD", "USD", "EUR", "USD"],
            "amount": [Decimal("10.10"), Decimal("-3.10"), Decimal("5.00"), Decimal("1.00")],
        }
    )
    fates = dispositions(
        plan(
            ("transactions", 2, "load", "Opportunity", "T1"),
            ("transactions", 3, "load", "Opportunity", "T2"),
            ("transactions", 4, "merge", "Opportunity", "T1"),
        ),
        outcomes(
            ("opportunities", "Opportunity", "T1", "created"),
            ("opportunities", "Opportunity", "T2", "rejected"),
        ),
    )
    found = {row["currency"]: row for row in money_totals(money, fates).to_dicts()}
    assert found["EUR"]["merged"] == Decimal("5.00")
    assert found["EUR"]["balanced"]
    assert found["USD"]["loaded"] == Decimal("10.10")
    assert found["USD"]["rejected"] == Decimal("-3.10")
    assert found["USD"]["total"] == Decimal("8.00")
    assert not found["USD"]["balanced"]


def test_a_child_whose_parent_was_refused_is_an_orphan() -> None:
    members = pl.DataFrame(
        {
            "_key": ["list:a|1", "list:a|2"],
            "Campaign.Kartra_Id__c": ["list:a", "list:a"],
            "Contact.Kartra_Id__c": ["1", "2"],
            "source_file": ["contacts.csv"] * 2,
            "source_line": [2, 3],
        }
    )
    told = pl.concat(
        [
            OUTCOMES,
            outcomes(
                ("campaign_members", "CampaignMember", "list:a|1", "created"),
                ("campaign_members", "CampaignMember", "list:a|2", "created"),
            ),
        ]
    )
    found = orphans({phase_named("campaign_members"): members}, told)
    assert found.select("key", "field", "parent_key").rows() == [
        ("list:a|2", "Contact.Kartra_Id__c", "2")
    ]
