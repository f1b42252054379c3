from __future__ import annotations

import json
from dataclasses import replace

import polars as pl

from kartra_sf_pipeline.migration.current import MATCH, ORG
from kartra_sf_pipeline.migration.diff import VERDICT, Changes, compare
from kartra_sf_pipeline.migration.fields import BoundColumn
from kartra_sf_pipeline.migration.phases import Phase, phase_named

CONTACTS = phase_named("contacts")
PHONE = BoundColumn("Phone", "Phone", "phone", 0, False, True, True)
AMOUNT = BoundColumn("Amount", "Amount", "currency", 2, False, True, True)
FROZEN = BoundColumn("Frozen__c", "Frozen__c", "string", 0, False, True, False)
ACCOUNT = BoundColumn(
    "Account.Kartra_Id__c", "Account.Kartra_Id__c", "string", 0, True, True, True, "AccountId"
)
ALL = [PHONE, AMOUNT, FROZEN, ACCOUNT]


def verdicts(
    wanted: dict[str, str | None],
    held: dict[str, str | None] | None,
    phase: Phase = CONTACTS,
    flags: dict[str, str] | None = None,
) -> tuple[str, Changes]:
    columns = [column for column in ALL if column.name in wanted]
    frame = pl.DataFrame(
        {"_key": ["k"], MATCH: ["k"], **{name: [value] for name, value in wanted.items()}},
        schema_overrides=dict.fromkeys(wanted, pl.String),
    )
    org: dict[str, list[str | None]] = {MATCH: ["k"], "Id": ["003000000000001AAA"]}
    for column in columns:
        org[column.name + ORG] = [(held or {}).get(column.name)]
        if column.lookup:
            org[column.lookup + ORG] = [(held or {}).get(column.lookup)]
    for flag, value in (flags or {}).items():
        org[flag + ORG] = [value]
    current = pl.DataFrame(org, schema=dict.fromkeys(org, pl.String))
    changes = compare(frame, current if held is not None else current.clear(), columns, phase)
    return changes.rows[VERDICT][0], changes


def test_a_record_that_the_org_lacks_is_created() -> None:
    verdict, changes = verdicts({"Phone": "+1"}, None)
    assert verdict == "create"
    assert changes.updates.is_empty()


def test_a_record_that_only_completes_is_never_created() -> None:
    assert verdicts({"Phone": "+1"}, None, phase_named("contact_tags"))[0] == "absent"


def test_an_equal_record_is_unchanged() -> None:
    assert verdicts({"Phone": "+1 ", "Amount": "1.50"}, {"Phone": "+1", "Amount": "1.5"})[0] == (
        "unchanged"
    )


def test_an_update_carries_only_the_cells_that_differ_and_what_was_there() -> None:
    verdict, changes = verdicts({"Phone": "+2", "Amount": "1.50"}, {"Phone": "+1", "Amount": "1.5"})
    assert verdict == "update"
    update = changes.updates.row(0, named=True)
    assert json.loads(update["pre_image"]) == {"Phone": "+1"}
    assert json.loads(update["written"]) == {"Phone": "+2"}
    assert "Amount" not in changes.updates.columns


def test_blank_cells_leave_the_org_alone_and_na_clears() -> None:
    assert verdicts({"Phone": None}, {"Phone": "+1"})[0] == "unchanged"
    verdict, changes = verdicts({"Phone": "#N/A"}, {"Phone": "+1"})
    assert verdict == "update"
    assert changes.updates["Phone"].to_list() == ["#N/A"]
    assert verdicts({"Phone": "#N/A"}, {"Phone": None})[0] == "unchanged"


def test_fields_that_cannot_be_updated_do_not_count() -> None:
    assert verdicts({"Frozen__c": "new"}, {"Frozen__c": "old"})[0] == "unchanged"
    once = replace(CONTACTS, create_only=("Phone",))
    assert verdicts({"Phone": "+2"}, {"Phone": "+1"}, once)[0] == "unchanged"


def test_an_amount_that_lines_have_taken_over_does_not_count() -> None:
    wanted: dict[str, str | None] = {"Amount": "10.00"}
    held: dict[str, str | None] = {"Amount": "9.99"}
    phase = phase_named("opportunities")
    for flag, expected in (("true", "unchanged"), ("false", "update")):
        flags = {"HasOpportunityLineItem": flag}
        assert verdicts(wanted, held, phase, flags)[0] == expected


def test_a_parent_is_compared_by_its_key_and_remembered_by_its_id() -> None:
    held: dict[str, str | None] = {
        "Account.Kartra_Id__c": None,
        "AccountId": "001000000000009AAA",
    }
    verdict, changes = verdicts({"Account.Kartra_Id__c": "domain:acme.com"}, held)
    assert verdict == "update"
    assert json.loads(changes.updates["pre_image"][0]) == held
    same = {**held, "Account.Kartra_Id__c": "domain:ACME.com"}
    assert verdicts({"Account.Kartra_Id__c": "domain:acme.com"}, same)[0] == "unchanged"
