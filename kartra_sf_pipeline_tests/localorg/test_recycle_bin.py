from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from kartra_sf_pipeline.localorg.rules.recycle import undelete
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.localorg.clients import connect
from kartra_sf_pipeline_tests.localorg.engine import KEY, Engine, key_field

DATA = "/services/data/v62.0"
SOAP = "/services/Soap/u/62.0"
PARTNER = "{urn:partner.soap.sforce.com}"


@pytest.fixture
def http(empty_org: LocalOrg) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {empty_org.access_token}"}
    with httpx.Client(base_url=empty_org.url, headers=headers, timeout=60) as client:
        yield client


def create(http: httpx.Client, kind: str, **fields: Any) -> str:
    return http.post(f"{DATA}/sobjects/{kind}", json=fields).json()["id"]


def query(http: httpx.Client, soql: str, resource: str = "query") -> list[dict[str, Any]]:
    return http.get(f"{DATA}/{resource}", params={"q": soql}).json()["records"]


def soap(org: LocalOrg, operation: str, *ids: str, token: str | None = None) -> httpx.Response:
    listed = "".join(f"<ids>{i}</ids>" for i in ids)
    session = f"<sessionId>{token or org.access_token}</sessionId>"
    return httpx.post(
        org.url + SOAP,
        content=(
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header>'
            f'<SessionHeader xmlns="urn:partner.soap.sforce.com">{session}</SessionHeader>'
            f'</e:Header><e:Body><{operation} xmlns="urn:partner.soap.sforce.com">{listed}'
            f"</{operation}></e:Body></e:Envelope>"
        ),
    )


def results(reply: httpx.Response) -> list[tuple[bool, str | None]]:
    assert reply.status_code == 200, reply.text
    return [
        (
            r.findtext(f"{PARTNER}success") == "true",
            r.findtext(f"{PARTNER}errors/{PARTNER}statusCode"),
        )
        for r in ElementTree.fromstring(reply.content).iter(f"{PARTNER}result")
    ]


def test_a_record_comes_back_with_what_went_along(empty_org: LocalOrg, http: httpx.Client) -> None:
    account = create(http, "Account", Name="A")
    other = create(http, "Account", Name="B", ParentId=account)
    person = create(http, "Contact", LastName="P", AccountId=account)
    deal = create(
        http, "Opportunity", Name="O", AccountId=account, StageName="X", CloseDate="2026-01-01"
    )
    http.delete(f"{DATA}/sobjects/Account/{account}")
    assert query(http, "SELECT Id FROM Contact") == []
    assert query(http, "SELECT ParentId FROM Account")[0]["ParentId"] is None
    (binned,) = query(http, "SELECT Id, AccountId, IsDeleted FROM Contact", "queryAll")
    assert (binned["Id"], binned["AccountId"], binned["IsDeleted"]) == (person, account, True)
    # A child alone has no parent to come back to.
    assert results(soap(empty_org, "undelete", person)) == [(False, "UNDELETE_FAILED")]
    assert results(soap(empty_org, "undelete", account)) == [(True, None)]
    assert query(http, "SELECT AccountId FROM Contact")[0]["AccountId"] == account
    assert query(http, "SELECT Id, AccountId FROM Opportunity")[0]["Id"] == deal
    (parent,) = query(http, f"SELECT ParentId FROM Account WHERE Id = '{other}'")
    assert parent["ParentId"] == account


def test_a_lookup_that_was_set_anew_stays(empty_org: LocalOrg, http: httpx.Client) -> None:
    first, second = (create(http, "Campaign", Name=n) for n in "AB")
    child = create(http, "Campaign", Name="C", ParentId=first)
    http.delete(f"{DATA}/sobjects/Campaign/{first}")
    http.patch(f"{DATA}/sobjects/Campaign/{child}", json={"ParentId": second})
    assert results(soap(empty_org, "undelete", first)) == [(True, None)]
    (row,) = query(http, f"SELECT ParentId FROM Campaign WHERE Id = '{child}'")
    assert row["ParentId"] == second


def test_counts_follow_what_comes_back(empty_org: LocalOrg, http: httpx.Client) -> None:
    campaign = create(http, "Campaign", Name="C")
    deal = create(
        http, "Opportunity", Name="O", StageName="X", CloseDate="2026-01-01", CampaignId=campaign
    )
    count = "SELECT NumberOfOpportunities FROM Campaign"
    http.delete(f"{DATA}/sobjects/Opportunity/{deal}")
    assert query(http, count)[0]["NumberOfOpportunities"] == 0
    assert results(soap(empty_org, "undelete", deal)) == [(True, None)]
    assert query(http, count)[0]["NumberOfOpportunities"] == 1


def test_a_unique_value_that_was_taken_meanwhile_keeps_a_record_in_the_bin(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "org")
    engine.add_field("Account", key_field())
    (first,) = engine.insert("Account", {"Name": "A", KEY: "k"})
    engine.remove("Account", first["id"])
    (second,) = engine.insert("Account", {"Name": "B", KEY: "K"})
    with engine.store.write() as connection:
        refused = undelete(engine.store, connection, first["id"])
    assert refused is not None
    assert refused[0] == "DUPLICATE_VALUE"
    engine.remove("Account", second["id"], hard=True)
    with engine.store.write() as connection:
        assert undelete(engine.store, connection, first["id"]) is None
    assert engine.one("SELECT Name FROM Account WHERE IsDeleted = 0") == "A"


def test_what_is_not_in_the_bin_cannot_come_back(empty_org: LocalOrg, http: httpx.Client) -> None:
    account = create(http, "Account", Name="A")
    replies = results(soap(empty_org, "undelete", account, "nonsense", "001000000000000AAA"))
    assert replies == [
        (False, "UNDELETE_FAILED"),
        (False, "MALFORMED_ID"),
        (False, "UNDELETE_FAILED"),
    ]
    http.delete(f"{DATA}/sobjects/Account/{account}")
    assert results(soap(empty_org, "emptyRecycleBin", account)) == [(True, None)]
    assert results(soap(empty_org, "undelete", account)) == [(False, "UNDELETE_FAILED")]
    assert query(http, "SELECT Id FROM Account", "queryAll") == []


def test_soap_calls_need_a_session(empty_org: LocalOrg) -> None:
    reply = soap(empty_org, "undelete", token="wrong")
    assert reply.status_code == 500
    assert b"INVALID_SESSION_ID" in reply.content
    assert b"No operation available" in soap(empty_org, "convertLead").content


def test_a_client_learns_what_changed_and_what_went(empty_org: LocalOrg) -> None:
    client: Any = connect(empty_org)
    kept, gone = (client.Account.create({"Name": n})["id"] for n in "AB")
    client.Account.delete(gone)
    start = datetime.now(UTC) - timedelta(minutes=5)
    end = datetime.now(UTC) + timedelta(minutes=5)
    changed = client.Account.updated(start, end)
    assert list(changed) == ["ids", "latestDateCovered"]
    assert changed["ids"] == [kept]
    went = client.Account.deleted(start, end)
    assert list(went) == ["deletedRecords", "earliestDateAvailable", "latestDateCovered"]
    assert [r["id"] for r in went["deletedRecords"]] == [gone]
    assert went["deletedRecords"][0]["deletedDate"].endswith(".000+0000")


@pytest.mark.parametrize(
    "span",
    [
        {},
        {"start": "x", "end": "y"},
        {"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z"},
        {"start": "2001-01-01T00:00:00+00:00", "end": "2001-01-02T00:00:00+00:00"},
    ],
)
def test_a_span_of_time_that_is_none_is_refused(http: httpx.Client, span: dict[str, str]) -> None:
    reply = http.get(f"{DATA}/sobjects/Account/deleted/", params=span)
    assert reply.status_code == 400
    assert reply.json()[0]["errorCode"] in {"MISSING_ARGUMENT", "INVALID_REPLICATION_DATE"}
