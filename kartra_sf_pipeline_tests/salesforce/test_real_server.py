"""The room against a whole org server over HTTP: what is written is there, as it was written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.errors import OrgError
from kartra_sf_pipeline.salesforce import bulk, soql
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline.salesforce.metadata import (
    CustomFieldSpec,
    PermissionSetSpec,
    assign_permission_set,
    build_package,
    deploy,
)
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline.salesforce.snapshot import OrgSnapshot, take_snapshot

KEYS = [
    CustomFieldSpec(
        object, "Kartra_Id__c", "Kartra Id", "Text", length=255, unique=True, external_id=True
    )
    for object in ("Account", "Contact", "Activity")
]
FIELDS = [
    *KEYS,
    CustomFieldSpec("Contact", "Notes__c", "Notes", "LongTextArea", length=32_000),
    CustomFieldSpec(
        "Contact",
        "Tags__c",
        "Tags",
        "MultiselectPicklist",
        values=("VIP", "Größe: 3 & <4>"),
        restricted=True,
        visible_lines=5,
    ),
    CustomFieldSpec("Contact", "Joined__c", "Joined", "DateTime"),
    CustomFieldSpec("Contact", "Worth__c", "Worth", "Currency", precision=16, scale=2),
    CustomFieldSpec("Contact", "Shop__c", "Shop", "Lookup", reference_to="Account"),
]
GRANT = PermissionSetSpec(
    "Kartra_Migration", "Kartra Migration", fields=tuple(field.full_name for field in FIELDS)
)


@pytest.fixture
def org(empty_org: Any) -> Org:
    return connect(AccessToken(empty_org.url, empty_org.access_token))


@pytest.fixture
def ready(org: Org) -> Org:
    result = deploy(org, build_package(FIELDS, GRANT))
    assert result.success, result.problems
    assert assign_permission_set(org, GRANT.name)
    return org


def test_connecting_tells_the_org_and_its_limits(org: Org) -> None:
    assert org.org_id.startswith("00D")
    assert org.user_id.startswith("005")
    maximum, remaining = org.limits()["DailyApiRequests"]
    assert 0 < remaining <= maximum
    assert org.organization()["Id"] == org.org_id
    assert {"Account", "Contact"} <= {entry["name"] for entry in org.describe_global()}


def test_a_wrong_token_is_refused(empty_org: Any) -> None:
    with pytest.raises(OrgError) as caught:
        connect(AccessToken(empty_org.url, "00D000000000001EAA!wrong"))
    assert (caught.value.code, caught.value.status) == ("INVALID_SESSION_ID", 401)


def test_an_unknown_object_and_a_bad_query_are_refused_in_words(org: Org) -> None:
    with pytest.raises(OrgError, match=r"Describing Nothing__c: .* 404"):
        org.describe("Nothing__c")
    with pytest.raises(OrgError) as caught:
        org.query("SELECT Nope FROM Account")
    assert caught.value.code == "INVALID_FIELD"


def test_single_records_are_created_read_changed_and_deleted(org: Org) -> None:
    id = org.create("Account", {"Name": "Ünal & Söhne"})
    org.update("Account", id, {"Phone": "+49 30 1"})
    read = org.get("Account", id, ["Name", "Phone"])
    assert (read["Name"], read["Phone"]) == ("Ünal & Söhne", "+49 30 1")
    org.delete("Account", id)
    with pytest.raises(OrgError):
        org.get("Account", id)
    where = f"FROM Account WHERE Id = {soql.quote(id)}"
    assert org.count(f"SELECT COUNT() {where}") == 0
    assert org.query(f"SELECT Id {where}", deleted=True)["Id"].to_list() == [id]


def test_collections_report_each_row_in_its_place(org: Org) -> None:
    rows = [{"LastName": f"L{n}"} if n % 3 else {"FirstName": "x"} for n in range(250)]
    results = org.collections_create("Contact", rows)
    assert [result.success for result in results] == [bool(n % 3) for n in range(250)]
    assert results[0].error_code == "REQUIRED_FIELD_MISSING"
    assert results[0].error_fields == ("LastName",)
    changed = org.collections_update("Contact", [{"Id": results[1].id, "FirstName": "Ann"}])
    assert changed[0].success
    assert org.get("Contact", str(results[1].id))["FirstName"] == "Ann"


def test_fields_are_seen_once_deployed_and_granted(org: Org) -> None:
    before = take_snapshot(org, ["Contact", "Event"])
    checked = deploy(org, build_package(FIELDS, GRANT), check_only=True)
    assert checked.success, checked.problems
    assert take_snapshot(org, ["Event", "Contact"]).fingerprint == before.fingerprint

    assert deploy(org, build_package(FIELDS, GRANT)).success
    assert "Kartra_Id__c" not in org.describe("Contact").fields
    assert assign_permission_set(org, GRANT.name)
    assert not assign_permission_set(org, GRANT.name)

    after = take_snapshot(org, ["Contact", "Event"])
    assert after.fingerprint != before.fingerprint
    contact = after.objects["Contact"].fields
    key = contact["Kartra_Id__c"]
    assert (key.type, key.length, key.unique, key.external_id, key.custom) == (
        "string",
        255,
        True,
        True,
        True,
    )
    assert contact["Tags__c"].picklist_values == ("VIP", "Größe: 3 & <4>")
    assert contact["Tags__c"].restricted_picklist
    assert (contact["Worth__c"].type, contact["Worth__c"].scale) == ("currency", 2)
    assert contact["Shop__c"].reference_to == ("Account",)
    assert contact["Shop__c"].relationship_name == "Shop__r"
    assert after.objects["Event"].fields["Kartra_Id__c"].external_id
    assert OrgSnapshot.from_json(after.to_json()) == after
    row = after.to_frame().row(by_predicate=pl.col("field") == "Tags__c", named=True)
    assert row["values"] == ["VIP", "Größe: 3 & <4>"]

    # The same package again changes nothing.
    assert deploy(org, build_package(FIELDS, GRANT)).success
    assert take_snapshot(org, ["Contact", "Event"]).fingerprint == after.fingerprint


def test_a_package_with_a_mistake_names_it_and_leaves_nothing(org: Org) -> None:
    bad = CustomFieldSpec("Contact", "Bad__c", "Bad", "Text", length=9_999)
    result = deploy(org, build_package([KEYS[1], bad]))
    assert not result.success
    (problem,) = result.problems
    assert problem.component == "Contact.Bad__c"
    assert problem.message
    grant = PermissionSetSpec("Only", "Only", fields=("Contact.Kartra_Id__c",))
    assert not deploy(org, build_package([], grant)).success
    with pytest.raises(OrgError, match="no permission set 'Only'"):
        assign_permission_set(org, "Only")


TEXTS = [
    "plain",
    'He said "no", twice',
    "two\nlines",
    "é漢😀",
    "semi;colon, comma",
    "=1+1",
    "back\\slash 'quote'",
    "tab\there",
    "a\u2028b\u0085c",
]


def test_texts_survive_the_round_trip_through_bulk(ready: Org) -> None:
    frame = pl.DataFrame(
        {
            "Kartra_Id__c": [f"K{n}" for n in range(len(TEXTS))],
            "LastName": ["Doe"] * len(TEXTS),
            "Notes__c": TEXTS,
            "Joined__c": [datetime(2024, 2, 29, 23, 30, n, tzinfo=UTC) for n in range(len(TEXTS))],
        }
    )
    (result,) = bulk.ingest(ready, "Contact", "upsert", frame, external_id="Kartra_Id__c")
    assert (result.state, result.unaccounted, result.failed.height) == ("JobComplete", 0, 0)
    assert set(result.successful["sf__Created"]) == {"true"}
    query = "SELECT Kartra_Id__c, Notes__c, Joined__c FROM Contact ORDER BY Kartra_Id__c"
    for found in (ready.query(query), ready.bulk_query(query.partition(" ORDER")[0])):
        assert found.sort("Kartra_Id__c")["Notes__c"].to_list() == TEXTS
        assert sorted(found["Joined__c"])[1][:19] == "2024-02-29T23:30:01"


def test_an_empty_cell_keeps_and_a_null_cell_clears(ready: Org) -> None:
    def send(notes: str | None) -> bulk.IngestResult:
        frame = pl.DataFrame(
            {"Kartra_Id__c": ["K1"], "LastName": ["Doe"], "Notes__c": [notes]},
            schema_overrides={"Notes__c": pl.String},
        )
        return bulk.ingest(ready, "Contact", "upsert", frame, external_id="Kartra_Id__c")[0]

    assert send("kept").successful["sf__Created"].to_list() == ["true"]
    assert send(None).successful["sf__Created"].to_list() == ["false"]
    assert ready.query("SELECT Notes__c FROM Contact")["Notes__c"].to_list() == ["kept"]
    send("#N/A")
    assert ready.query("SELECT Notes__c FROM Contact")["Notes__c"].to_list() == [None]


def test_failed_rows_say_why_and_do_not_hold_up_the_others(ready: Org) -> None:
    ready.create("Account", {"Name": "A", "Kartra_Id__c": "A1"})
    frame = pl.DataFrame(
        {
            "Kartra_Id__c": ["K1", "K2", "K3", "K4"],
            "LastName": ["Good", None, "Bad mail", "Orphan"],
            "Email": ["a@example.org", "b@example.org", "not an address", "d@example.org"],
            "Account.Kartra_Id__c": ["A1", None, None, "A404"],
        }
    )
    (result,) = bulk.ingest(ready, "Contact", "upsert", frame, external_id="Kartra_Id__c")
    assert result.successful["Kartra_Id__c"].to_list() == ["K1"]
    codes = dict(result.failed.select("Kartra_Id__c", "error_code").iter_rows())
    assert codes == {
        "K2": "REQUIRED_FIELD_MISSING",
        "K3": "INVALID_EMAIL_ADDRESS",
        "K4": "INVALID_FIELD",
    }
    fields = dict(result.failed.select("Kartra_Id__c", "error_fields").iter_rows())
    assert fields["K2"] == "LastName"
    found = ready.query("SELECT Account.Name, Account.Kartra_Id__c FROM Contact")
    assert found.rows() == [("A", "A1")]


def test_an_unknown_column_fails_the_job_and_touches_no_row(ready: Org) -> None:
    frame = pl.DataFrame({"LastName": ["x"], "Nope__c": ["y"]})
    (result,) = bulk.ingest(ready, "Contact", "insert", frame)
    assert result.state == "Failed"
    assert "Nope__c" in str(result.error_message)
    assert result.successful.height == 0
    assert ready.count("SELECT COUNT() FROM Contact") == 0


def test_more_than_one_page_of_rows_is_read_whole_and_deleted_by_id(ready: Org) -> None:
    rows = 4_321
    frame = pl.DataFrame({"LastName": [f"L{n:05d}" for n in range(rows)]}).with_columns(
        Kartra_Id__c=pl.col("LastName")
    )
    heard: list[str] = []
    results = bulk.ingest(ready, "Contact", "insert", frame, on_job=heard.append, max_rows=3_000)
    assert [result.uploaded for result in results] == [3_000, 1_321]
    assert heard == [result.job_id for result in results]

    ids = pl.concat(result.successful.select("sf__Id", "LastName") for result in results)
    found = ready.query("SELECT Id, LastName FROM Contact")
    assert found.height == rows
    joined = found.join(ids, on="LastName")
    assert (joined["Id"] == joined["sf__Id"]).all()
    assert ready.bulk_query("SELECT Id, Name FROM Contact").height == rows

    wanted = [f"L{n:05d}" for n in range(0, rows, 3)]
    chunks = list(soql.in_chunks("LastName", wanted))
    assert len(chunks) > 1
    assert sum(ready.count(f"SELECT COUNT() FROM Contact WHERE {c}") for c in chunks) == len(wanted)

    (gone,) = bulk.delete(ready, "Contact", found["Id"])
    assert (gone.successful.height, gone.failed.height) == (rows, 0)
    assert ready.count("SELECT COUNT() FROM Contact") == 0
    (again,) = bulk.delete(ready, "Contact", found["Id"].head(1))
    assert again.failed["error_code"].to_list() == ["ENTITY_IS_DELETED"]


def test_no_rows_give_empty_frames_with_their_columns(org: Org) -> None:
    query = "SELECT Id, Account.Name FROM Contact"
    assert (org.query(query).columns, org.query(query).height) == (["Id", "Account.Name"], 0)
    assert org.bulk_query(query).columns == ["Id", "Account.Name"]


def test_aggregates_come_under_their_names(org: Org) -> None:
    org.collections_create("Account", [{"Name": "A"}, {"Name": "A"}, {"Name": "B"}])
    found = org.query("SELECT Name, COUNT(Id) n FROM Account GROUP BY Name ORDER BY Name")
    assert found.rows() == [("A", 2), ("B", 1)]
    assert org.query("SELECT COUNT(Id) FROM Account").to_dict(as_series=False) == {"expr0": [3]}
