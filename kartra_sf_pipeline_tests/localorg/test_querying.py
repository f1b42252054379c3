from __future__ import annotations

from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest

from kartra_sf_pipeline_tests.localorg.clients import connect


@pytest.fixture(scope="module")
def org(local_org: Any) -> Salesforce:
    """One account with two contacts, one contact without account, an event, opportunities."""
    local_org.admin("POST", "reset")
    client = connect(local_org)
    acme = client.Account.create(
        {"Name": "Acme", "BillingCity": "Łódź", "AnnualRevenue": 912260031}
    )["id"]
    client.Account.create({"Name": "Étoile"})
    ann = client.Contact.create(
        {"FirstName": "Ann", "LastName": "O'Hara", "AccountId": acme, "Email": "ann@acme.example"}
    )["id"]
    client.Contact.create({"LastName": "Béla", "AccountId": acme})
    client.Contact.create({"LastName": "Loner_1"})
    client.Event.create(
        {
            "Subject": "Call",
            "WhoId": ann,
            "WhatId": acme,
            "StartDateTime": "2026-05-01T09:00:00Z",
            "DurationInMinutes": 30,
        }
    )
    for name, stage, amount, day in (
        ("One", "Closed Won", 10.5, "2026-01-31"),
        ("Two", "Closed Won", 20, "2026-02-28"),
        ("Three", "Prospecting", None, "2026-02-01"),
    ):
        client.Opportunity.create(
            {
                "Name": name,
                "StageName": stage,
                "Amount": amount,
                "CloseDate": day,
                "AccountId": acme,
            }
        )
    return client


def names(client: Salesforce, soql: str) -> list[Any]:
    return [
        next(v for k, v in r.items() if k != "attributes") for r in client.query(soql)["records"]
    ]


def refusal(client: Salesforce, soql: str) -> dict[str, str]:
    with pytest.raises(SalesforceMalformedRequest) as caught:
        client.query(soql)
    return caught.value.content[0]  # type: ignore[index]


def test_attributes_come_first_and_names_are_spelt_as_the_schema_spells_them(
    org: Salesforce,
) -> None:
    record = org.query("select id, nAME, account.name from contact where lastname = 'béla'")[
        "records"
    ][0]
    assert list(record) == ["attributes", "Id", "Name", "Account"]
    assert record["attributes"] == {
        "type": "Contact",
        "url": f"/services/data/v62.0/sobjects/Contact/{record['Id']}",
    }
    assert record["Account"]["attributes"]["type"] == "Account"
    assert record["Account"]["Name"] == "Acme"


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("LastName = 'o\\'hara'", ["O'Hara"]),
        ("LastName LIKE 'BÉ%'", ["Béla"]),
        ("LastName LIKE '%\\_1'", ["Loner_1"]),
        ("LastName LIKE '_on%'", ["Loner_1"]),
        ("AccountId = null", ["Loner_1"]),
        ("AccountId != null AND FirstName = null", ["Béla"]),
        ("Email != 'ann@acme.example'", ["Béla", "Loner_1"]),
        ("NOT Email = 'ann@acme.example'", ["Béla", "Loner_1"]),
        ("NOT (Email LIKE 'ann%' OR LastName = 'Béla')", ["Loner_1"]),
        ("LastName IN ('béla', 'LONER_1')", ["Béla", "Loner_1"]),
        ("Email NOT IN ('ann@acme.example')", ["Béla", "Loner_1"]),
        ("Account.Name = 'acme'", ["Béla", "O'Hara"]),
        ("Account.Name != 'Acme'", ["Loner_1"]),
        ("AccountId IN (SELECT Id FROM Account WHERE BillingCity = 'łódź')", ["Béla", "O'Hara"]),
        ("Id NOT IN (SELECT WhoId FROM Event)", ["Béla", "Loner_1"]),
        ("CreatedDate = TODAY AND CreatedDate > LAST_N_DAYS:1", []),
        ("CreatedDate >= LAST_N_DAYS:1 AND LastName < 'C'", ["Béla"]),
        ("HasOptedOutOfEmail = false AND (LastName = 'Béla' OR LastName = 'x')", ["Béla"]),
    ],
)
def test_conditions_choose_the_right_rows(org: Salesforce, where: str, expected: list[str]) -> None:
    assert names(org, f"SELECT LastName FROM Contact WHERE {where} ORDER BY LastName") == expected


def test_nulls_sort_first_unless_told_otherwise(org: Salesforce) -> None:
    query = "SELECT Amount FROM Opportunity ORDER BY Amount"
    assert names(org, query) == [None, 10.5, 20.0]
    assert names(org, f"{query} DESC") == [None, 20.0, 10.5]
    assert names(org, f"{query} DESC NULLS LAST LIMIT 2 OFFSET 1") == [10.5, None]


def test_a_semi_join_and_its_field_must_point_to_the_same_object(org: Salesforce) -> None:
    answer = refusal(org, "SELECT Id FROM Lead WHERE Id IN (SELECT AccountId FROM Contact)")
    assert answer["errorCode"] == "MALFORMED_QUERY"
    assert "should point to the same object type" in answer["message"]


def test_children_come_nested_and_null_when_there_are_none(org: Salesforce) -> None:
    rows = org.query(
        "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName LIMIT 1) FROM Account "
        "ORDER BY Name"
    )["records"]
    assert [r["Name"] for r in rows] == ["Acme", "Étoile"]
    assert rows[0]["Contacts"]["totalSize"] == 1
    assert rows[0]["Contacts"]["done"] is True
    assert rows[0]["Contacts"]["records"][0]["LastName"] == "Béla"
    assert rows[1]["Contacts"] is None


def test_a_polymorphic_parent_is_a_name_and_typeof_opens_it(org: Salesforce) -> None:
    row = org.query("SELECT Who.Name, Who.Type, What.Name, Owner.Name FROM Event")["records"][0]
    assert (row["Who"]["Name"], row["Who"]["Type"]) == ("Ann O'Hara", "Contact")
    assert row["What"]["attributes"]["type"] == "Name"
    opened = org.query(
        "SELECT TYPEOF What WHEN Account THEN BillingCity WHEN Opportunity THEN Amount "
        "ELSE Name END FROM Event"
    )["records"][0]
    assert opened["What"]["attributes"]["type"] == "Account"
    assert opened["What"]["BillingCity"] == "Łódź"
    answer = refusal(org, "SELECT Who.AccountId FROM Event")
    assert "No such column 'AccountId' on entity 'Name'" in answer["message"]


def test_aggregates_group_count_and_filter(org: Salesforce) -> None:
    rows = org.query(
        "SELECT StageName, COUNT(Id), SUM(Amount) total, MAX(CloseDate), COUNT_DISTINCT(AccountId) "
        "FROM Opportunity GROUP BY StageName HAVING COUNT(Id) > 1 ORDER BY COUNT(Id) DESC"
    )["records"]
    assert rows == [
        {
            "attributes": {"type": "AggregateResult"},
            "StageName": "Closed Won",
            "expr0": 2,
            "total": 30.5,
            "expr1": "2026-02-28",
            "expr2": 1,
        }
    ]
    months = org.query(
        "SELECT CALENDAR_MONTH(CloseDate) m, AVG(Amount) FROM Opportunity "
        "GROUP BY CALENDAR_MONTH(CloseDate) ORDER BY CALENDAR_MONTH(CloseDate)"
    )["records"]
    assert [(r["m"], r["expr0"]) for r in months] == [(1, 10.5), (2, 20.0)]


def test_a_bare_count_answers_the_total_and_no_records(org: Salesforce) -> None:
    answer = org.query("SELECT count() FROM Contact")
    assert (answer["totalSize"], answer["records"]) == (3, [])


def test_fields_functions_need_a_limit(org: Salesforce) -> None:
    row = org.query("SELECT FIELDS(ALL) FROM Account WHERE Name = 'Acme' LIMIT 200")["records"][0]
    assert row["BillingAddress"]["city"] == "Łódź"
    assert row["AnnualRevenue"] == 912260031.0
    assert (
        "must have a LIMIT of at most 200"
        in refusal(org, "SELECT FIELDS(CUSTOM) FROM Account")["message"]
    )


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        (
            "SELECT Id FROM XYZZY",
            "INVALID_TYPE",
            "\nSELECT Id FROM XYZZY\n               ^\nERROR at Row:1:Column:16\nsObject type "
            "'XYZZY' is not supported.",
        ),
        (
            "SELECT Id, Foo__c FROM Account",
            "INVALID_FIELD",
            "\nSELECT Id, Foo__c FROM Account\n           ^\nERROR at Row:1:Column:12\nNo such "
            "column 'Foo__c' on entity 'Account'.",
        ),
        ("SELECT Parent__r.Name FROM Account", "INVALID_FIELD", "relationship 'Parent__r'"),
        ("SELECT Id, (SELECT Id FROM Contact) FROM Account", "INVALID_TYPE", "FROM part of query"),
        (
            "SELECT Id FROM Account WHERE CreatedDate > '2026-01-01'",
            "INVALID_FIELD",
            "value of filter criterion for field 'CreatedDate' must be of type dateTime and should "
            "not be enclosed in quotes",
        ),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "must be of type string"),
        (
            "SELECT Id FROM Account WHERE Id = 'nonsense'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid ID field: nonsense",
        ),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", "grouped or aggregated: Name"),
        ("SELECT Id, Id FROM Account", "MALFORMED_QUERY", "duplicate field selected: Id"),
        (
            "SELECT Id FROM Account OFFSET 2001",
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Maximum SOQL offset allowed is 2000",
        ),
    ],
)
def test_a_wrong_query_is_refused_in_the_platforms_words(
    org: Salesforce, soql: str, code: str, message: str
) -> None:
    answer = refusal(org, soql)
    assert list(answer) == ["message", "errorCode"]
    assert answer["errorCode"] == code
    assert message in answer["message"]


def test_pages_follow_each_other_although_rows_go_in_between(org: Salesforce) -> None:
    rows = [{"Name": f"P{i:05d}", "IsActive": True} for i in range(2_500)]
    made: list[str] = []
    for start in range(0, len(rows), 200):
        body = {
            "allOrNone": True,
            "records": [
                {"attributes": {"type": "Product2"}, **r} for r in rows[start : start + 200]
            ],
        }
        made += [r["id"] for r in org.restful("composite/sobjects", method="POST", json=body)]
    first = org.query("SELECT Name FROM Product2 ORDER BY Name")
    assert (first["totalSize"], first["done"], len(first["records"])) == (2_500, False, 2_000)
    assert first["nextRecordsUrl"].startswith("/services/data/v62.0/query/0r8")
    assert first["nextRecordsUrl"].endswith("-2000")
    org.Product2.delete(made[0])
    rest = org.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert "nextRecordsUrl" not in rest
    assert [r["Name"] for r in rest["records"]] == [f"P{i:05d}" for i in range(2_000, 2_500)]
    assert len(org.query_all("SELECT Id FROM Product2")["records"]) == 2_499
    assert org.query("SELECT Id FROM Product2", include_deleted=True)["totalSize"] == 2_500
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_QUERY_LOCATOR"):
        org.query_more("0r8000000000000000-2000")


def test_columns_true_describes_the_select_list(org: Salesforce, local_org: Any) -> None:
    answer = requests.get(
        f"{local_org.url}/services/data/v62.0/query",
        params={"q": "SELECT Id, Account.Name FROM Contact", "columns": "true"},
        headers={"Authorization": f"Bearer {local_org.access_token}"},
        timeout=10,
    ).json()
    assert [c["columnName"] for c in answer["columnMetadata"]] == ["Id", "Account"]
    assert answer["columnMetadata"][1]["joinColumns"][0]["columnName"] == "Name"
    assert (answer["entityName"], answer["keyPrefix"]) == ("Contact", "003")


def test_tooling_queries_tell_their_entity(org: Salesforce) -> None:
    answer = org.toolingexecute(
        "query/?q=SELECT+QualifiedApiName,DataType+FROM+FieldDefinition+WHERE+"
        "EntityDefinition.QualifiedApiName='Contact'+AND+QualifiedApiName='LastName'"
    )
    assert (answer["size"], answer["entityTypeName"]) == (1, "FieldDefinition")
    assert answer["queryLocator"] is None
    assert answer["records"][0]["DataType"] == "Text(80)"
