from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.localorg.rest.references import ReferenceMissing, fill
from kartra_sf_pipeline_tests.conftest import LocalOrg

DATA = "/services/data/v62.0"


@pytest.fixture
def http(empty_org: LocalOrg) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {empty_org.access_token}"}
    with httpx.Client(base_url=empty_org.url, headers=headers, timeout=60) as client:
        yield client


def part(name: str, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    out = {"referenceId": name, "method": method, "url": DATA + path, **more}
    return out if body is None else {**out, "body": body}


def composite(http: httpx.Client, *parts: dict[str, Any], strict: bool = False) -> list[Any]:
    reply = http.post(f"{DATA}/composite", json={"allOrNone": strict, "compositeRequest": parts})
    assert reply.status_code == 200, reply.text
    return reply.json()["compositeResponse"]


def count(http: httpx.Client, kind: str) -> int:
    query = {"q": f"SELECT COUNT() FROM {kind}"}
    return http.get(f"{DATA}/query", params=query).json()["totalSize"]


def test_later_parts_use_what_earlier_ones_answered(http: httpx.Client) -> None:
    made, person, found, read = composite(
        http,
        part("acc", "POST", "/sobjects/Account", {"Name": "Acme & Sons"}),
        part("con", "POST", "/sobjects/Contact", {"LastName": "A", "AccountId": "@{acc.id}"}),
        part("q", "GET", "/query?q=SELECT Id, Account.Name FROM Contact WHERE Id = '@{con.id}'"),
        part("r", "GET", "/sobjects/Account/@{q.records[0].Account.attributes.type}x"),
    )
    assert list(made) == ["body", "httpHeaders", "httpStatusCode", "referenceId"]
    assert made["httpStatusCode"] == 201
    assert made["httpHeaders"] == {"Location": f"{DATA}/sobjects/Account/{made['body']['id']}"}
    assert person["body"]["success"]
    assert found["body"]["records"][0]["Account"]["Name"] == "Acme & Sons"
    assert found["httpHeaders"] == {}
    assert read["httpStatusCode"] == 404
    again = composite(
        http,
        part("a", "POST", "/sobjects/Account", {"Name": "B"}),
        part("b", "GET", "/sobjects/Account/@{a.id}?fields=Name"),
        strict=True,
    )
    assert again[1]["body"]["Name"] == "B"
    assert count(http, "Account") == 2


def test_one_failure_takes_an_all_or_none_call_back(http: httpx.Client) -> None:
    first, second, third = composite(
        http,
        part("ok", "POST", "/sobjects/Account", {"Name": "A"}),
        part("bad", "POST", "/sobjects/Contact", {"LastName": "B", "Email": "no"}),
        part("never", "POST", "/sobjects/Account", {"Name": "C"}),
        strict=True,
    )
    assert second["body"][0]["errorCode"] == "INVALID_EMAIL_ADDRESS"
    for other in (first, third):
        assert other["httpStatusCode"] == 400
        assert other["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert count(http, "Account") == 0


def test_without_all_or_none_only_dependants_of_a_failure_are_held_back(http: httpx.Client) -> None:
    bad, dependant, free = composite(
        http,
        part("bad", "POST", "/sobjects/Account", {}),
        part("dep", "POST", "/sobjects/Contact", {"LastName": "B", "AccountId": "@{bad.id}"}),
        part("free", "POST", "/sobjects/Account", {"Name": "C"}),
    )
    assert bad["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    (halted,) = dependant["body"]
    assert halted["errorCode"] == "PROCESSING_HALTED"
    assert halted["message"] == "Invalid reference specified. No value for bad.id found in bad."
    assert free["httpStatusCode"] == 201
    assert (count(http, "Account"), count(http, "Contact")) == (1, 0)


def test_parts_are_answered_like_calls_of_their_own(http: httpx.Client) -> None:
    gone, wrong, loads, listed = composite(
        http,
        part("a", "GET", "/sobjects/Foo"),
        part("b", "GET", "/query/?q=select count() from XYZZY"),
        part("c", "GET", "/jobs/ingest"),
        part(
            "d", "POST", "/composite/sobjects", {"records": [{"attributes": {"type": "Account"}}]}
        ),
    )
    assert gone["body"] == [
        {"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}
    ]
    assert wrong["body"][0]["message"].startswith("\nselect count() from XYZZY\n")
    assert loads["httpStatusCode"] == 404
    assert not listed["body"][0]["success"]


def test_a_collection_inside_an_all_or_none_call_takes_only_itself_back(http: httpx.Client) -> None:
    account = {"attributes": {"type": "Account"}}
    _, inner = composite(
        http,
        part("a", "POST", "/sobjects/Account", {"Name": "Stays"}),
        part(
            "b",
            "POST",
            "/composite/sobjects",
            {"allOrNone": True, "records": [{**account, "Name": "Goes"}, account]},
        ),
        strict=True,
    )
    assert [r["success"] for r in inner["body"]] == [False, False]
    names = http.get(f"{DATA}/query", params={"q": "SELECT Name FROM Account"}).json()["records"]
    assert [n["Name"] for n in names] == ["Stays"]


@pytest.mark.parametrize(
    "parts",
    [
        [part(f"r{i}", "GET", "/limits") for i in range(26)],
        [part(f"r{i}", "GET", "/query?q=SELECT Id FROM Account") for i in range(6)],
        [part("same", "GET", "/limits")] * 2,
        [part("bad-name", "GET", "/limits")],
        [part("a", "TRACE", "/limits")],
        [{"referenceId": "a", "method": "GET", "url": 5}],
        [],
        "text",
    ],
)
def test_a_composite_call_that_is_none_is_refused_as_a_whole(
    http: httpx.Client, parts: Any
) -> None:
    reply = http.post(f"{DATA}/composite", json={"compositeRequest": parts})
    assert reply.status_code == 400
    assert reply.json()[0]["errorCode"] in {
        "LIMIT_EXCEEDED",
        "INVALID_INPUT",
        "MISSING_ARGUMENT",
        "JSON_PARSER_ERROR",
    }


def test_a_batch_goes_on_after_a_failure_unless_told_to_halt(http: httpx.Client) -> None:
    requests = [
        {"method": "GET", "url": "v62.0/limits"},
        {"method": "GET", "url": "v62.0/sobjects/Nothing"},
        {"method": "POST", "url": "v62.0/sobjects/Account", "richInput": {"Name": "B"}},
    ]
    body = http.post(f"{DATA}/composite/batch", json={"batchRequests": requests}).json()
    assert list(body) == ["hasErrors", "results"]
    assert body["hasErrors"]
    assert [list(r) for r in body["results"]] == [["statusCode", "result"]] * 3
    assert [r["statusCode"] for r in body["results"]] == [200, 404, 201]
    halting = {"haltOnError": True, "batchRequests": requests}
    body = http.post(f"{DATA}/composite/batch", json=halting).json()
    assert body["results"][2]["statusCode"] == 412
    assert body["results"][2]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"
    assert count(http, "Account") == 1


def test_each_request_of_a_batch_counts_and_a_composite_call_counts_once(
    http: httpx.Client,
) -> None:
    def used(reply: httpx.Response) -> int:
        return int(reply.headers["sforce-limit-info"].partition("=")[2].partition("/")[0])

    start = used(http.get(f"{DATA}/limits"))
    parts = [part(f"r{i}", "GET", "/limits") for i in range(4)]
    assert used(http.post(f"{DATA}/composite", json={"compositeRequest": parts})) == start + 1
    requests = [{"method": "GET", "url": "v62.0/limits"}] * 4
    http.post(f"{DATA}/composite/batch", json={"batchRequests": requests})
    assert used(http.get(f"{DATA}/limits")) == start + 6


def test_every_graph_succeeds_or_fails_by_itself(http: httpx.Client) -> None:
    good = part("newAccount", "POST", "/sobjects/Account", {"Name": "G"})
    bad = part("bad", "POST", "/sobjects/Account", {})
    body = http.post(
        f"{DATA}/composite/graph",
        json={
            "graphs": [
                {"graphId": "one", "compositeRequest": [good]},
                {"graphId": "two", "compositeRequest": [good, bad]},
            ]
        },
    ).json()
    first, second = body["graphs"]
    assert list(first) == ["graphId", "graphResponse", "isSuccessful"]
    assert (first["isSuccessful"], second["isSuccessful"]) == (True, False)
    assert count(http, "Account") == 1


def node(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind, "referenceId": name}, **fields}


def test_a_tree_writes_parents_and_children_and_names_them_by_reference(http: httpx.Client) -> None:
    people = {"records": [node("Contact", "c1", LastName="A"), node("Contact", "c2", LastName="B")]}
    tree = {"records": [node("Account", "a1", Name="One", Contacts=people)]}
    reply = http.post(f"{DATA}/composite/tree/Account", json=tree)
    assert reply.status_code == 201
    body = reply.json()
    assert not body["hasErrors"]
    assert [r["referenceId"] for r in body["results"]] == ["a1", "c1", "c2"]
    query = {"q": "SELECT AccountId FROM Contact"}
    rows = http.get(f"{DATA}/query", params=query).json()["records"]
    assert {r["AccountId"] for r in rows} == {body["results"][0]["id"]}


def test_a_tree_with_one_bad_record_writes_nothing(http: httpx.Client) -> None:
    people = {"records": [node("Contact", "c1", LastName="A", Email="no")]}
    tree = {"records": [node("Account", "a1", Name="One", Contacts=people)]}
    reply = http.post(f"{DATA}/composite/tree/Account", json=tree)
    assert reply.status_code == 400
    (wrong,) = reply.json()["results"]
    assert wrong["referenceId"] == "c1"
    assert wrong["errors"][0]["statusCode"] == "INVALID_EMAIL_ADDRESS"
    assert count(http, "Account") == 0


@pytest.mark.parametrize(
    "tree",
    [
        {},
        [],
        {"records": []},
        {"records": [{"Name": "no attributes"}]},
        {"records": [node("Account", "a"), node("Account", "a")]},
        {"records": [node("Contact", "a")]},
        {"records": [node("Account", "a", Nothing={"records": []})]},
        {"records": [node("Account", f"a{i}", Name="x") for i in range(201)]},
    ],
)
def test_a_tree_that_is_none_is_refused(http: httpx.Client, tree: Any) -> None:
    reply = http.post(f"{DATA}/composite/tree/Account", json=tree)
    assert reply.status_code == 400
    assert reply.json()[0]["errorCode"] in {"INVALID_INPUT", "INVALID_FIELD"}


def test_records_are_retrieved_in_the_order_of_their_ids_with_null_for_absent_ones(
    http: httpx.Client,
) -> None:
    ids = [http.post(f"{DATA}/sobjects/Account", json={"Name": name}).json()["id"] for name in "AB"]
    asked = [ids[1], "001000000000000AAA", ids[0]]
    path = f"{DATA}/composite/sobjects/Account"
    for reply in (
        http.get(path, params={"ids": ",".join(asked), "fields": "Name"}),
        http.post(path, json={"ids": asked, "fields": ["Name"]}),
    ):
        assert [r and r["Name"] for r in reply.json()] == ["B", None, "A"]
    for wrong in ({"ids": ids[0]}, {"fields": "Name"}, {"ids": ids[0], "fields": "Foo"}):
        assert http.get(path, params=wrong).status_code == 400
    assert http.post(path, json=[1]).status_code == 400


@given(st.text(), st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5))
def test_any_text_is_filled_or_refused(text: str, answer: Any) -> None:
    with suppress(ReferenceMissing):
        fill({"k": ["@{" + text + "}", text]}, {"a": answer})
