"""Original dates of creation: by insert, once, and never compared with a later wish."""

from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.migration.current import MATCH
from kartra_sf_pipeline.migration.diff import VERDICT
from kartra_sf_pipeline.migration.fields import bind_columns, match_key
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.migration.sending import Sender, create
from kartra_sf_pipeline.proof.read_back import read_back
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.migration.small_account import load_all, rows

CONTACTS = phase_named("contacts")
THEN = "2019-03-04T05:06:07.000Z"
PEOPLE = rows(
    "contacts",
    "Kartra_Id__c LastName CreatedDate",
    ("1", "1", "Old", THEN),
    ("2", "2", "New", None),
)


@pytest.fixture
def dated_org(org: Org, empty_org: LocalOrg) -> Org:
    granted = org.create(
        "PermissionSet", {"Name": "Audit", "Label": "Audit", "PermissionsCreateAuditFields": True}
    )
    org.create(
        "PermissionSetAssignment", {"PermissionSetId": granted, "AssigneeId": empty_org.user_id}
    )
    org.forget_describes()
    return org


def test_a_record_is_created_on_its_original_day_and_never_changed_for_it(
    dated_org: Org, ledger: Ledger
) -> None:
    _, results = load_all(dated_org, ledger, {CONTACTS: PEOPLE})
    outcomes = results["contacts"].outcomes
    assert outcomes["outcome"].to_list() == ["created", "created"]
    found = dated_org.query("SELECT CreatedDate FROM Contact ORDER BY Kartra_Id__c")["CreatedDate"]
    assert str(found[0]).startswith("2019-03-04T05:06:07")
    assert not str(found[1]).startswith("2019")
    summary, differences = read_back(dated_org, {CONTACTS: PEOPLE}, outcomes)
    assert differences.is_empty()
    assert summary["fields"].to_list() == [5]

    other_day = PEOPLE.with_columns(CreatedDate=pl.lit("2020-01-01T00:00:00.000Z"))
    _, again = load_all(dated_org, ledger, {CONTACTS: other_day})
    assert again["contacts"].outcomes["outcome"].to_list() == ["unchanged", "unchanged"]
    _, differences = read_back(dated_org, {CONTACTS: other_day}, again["contacts"].outcomes)
    assert differences.is_empty()


def test_an_insert_that_was_done_twice_has_created_its_record(
    dated_org: Org, ledger: Ledger
) -> None:
    run, _ = load_all(dated_org, ledger, {CONTACTS: PEOPLE[:1]})
    columns = bind_columns(dated_org, "Contact", ["Kartra_Id__c", "LastName", "CreatedDate"])
    sender = Sender(dated_org, ledger, run, CONTACTS, columns, columns[:1])
    told = sent_again(sender, PEOPLE[:1])
    assert told.row(0)[:2] == ("1", "created")
    assert dated_org.count("SELECT COUNT() FROM Contact") == 1

    other = ledger.begin_run("rehearsal", "local", dated_org.org_id, "u", "h")
    another = Sender(dated_org, ledger, other, CONTACTS, columns, columns[:1])
    refused = sent_again(another, PEOPLE[:1])
    assert refused.select("action", "error_code").row(0) == ("rejected", "DUPLICATE_VALUE")


def sent_again(sender: Sender, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows sent as new ones, as after an answer that never came."""
    new = frame.with_columns(
        match_key(sender.keys).alias(MATCH),
        pl.lit("create").alias(VERDICT),
        Id=pl.lit(None, pl.String),
    )
    return create(sender, new)


def test_without_the_permission_the_org_refuses_the_date(org: Org, ledger: Ledger) -> None:
    _, results = load_all(org, ledger, {CONTACTS: PEOPLE[:1]})
    assert results["contacts"].outcomes["outcome"].to_list() == ["rejected"]
