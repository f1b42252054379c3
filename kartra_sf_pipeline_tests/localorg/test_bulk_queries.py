from __future__ import annotations

import csv
import io
import time
from typing import Any

import pytest
import requests

from kartra_sf_pipeline_tests.localorg.clients import connect

HOSTILE = 'a "quoted", line\nand another; 日本語 \u2028 end'


class Jobs:
    """The bulk query resource over plain HTTP."""

    def __init__(self, org: Any) -> None:
        self.base = f"{org.url}/services/data/v62.0/jobs/query"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {org.access_token}"

    def create(self, soql: str, **more: Any) -> requests.Response:
        body = {"operation": "query", "query": soql, **more}
        return self.session.post(self.base, json=body, timeout=10)

    def finish(self, soql: str, **more: Any) -> dict[str, Any]:
        job = self.create(soql, **more).json()
        states = [job["state"]]
        while states[-1] not in {"JobComplete", "Failed", "Aborted"}:
            time.sleep(0.02)
            job = self.session.get(f"{self.base}/{job['id']}", timeout=10).json()
            states.append(job["state"])
        job["states"] = states
        return job

    def results(self, job: dict[str, Any], **params: Any) -> requests.Response:
        return self.session.get(f"{self.base}/{job['id']}/results", params=params, timeout=10)


@pytest.fixture(scope="module")
def jobs(local_org: Any) -> Jobs:
    local_org.admin("POST", "reset")
    client = connect(local_org)
    acme = client.Account.create({"Name": 'Acme "A"', "AnnualRevenue": 912260031})["id"]
    for i in range(5):
        client.Contact.create(
            {"LastName": f"L{i}", "Description": HOSTILE, "AccountId": acme if i else None}
        )
    return Jobs(local_org)


def read(response: requests.Response, delimiter: str = ",") -> list[dict[str, str]]:
    text = response.content.decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_a_job_is_queued_runs_and_completes_over_several_polls(jobs: Jobs) -> None:
    job = jobs.finish("SELECT Id FROM Contact")
    assert job["states"][0] == "UploadComplete"
    assert job["states"][-1] == "JobComplete"
    assert "InProgress" in job["states"] or len(job["states"]) > 2
    assert (job["numberRecordsProcessed"], job["object"], job["jobType"]) == (
        5,
        "Contact",
        "V2Query",
    )
    assert job["apiVersion"] == 62.0


def test_every_cell_is_quoted_and_hostile_text_survives(jobs: Jobs) -> None:
    job = jobs.finish(
        "SELECT LastName, Description, Account.Name, Account.AnnualRevenue, HasOptedOutOfEmail, "
        "CreatedDate FROM Contact ORDER BY LastName"
    )
    response = jobs.results(job)
    assert response.headers["Content-Type"].lower() == "text/csv; charset=utf-8"
    first, second, *_ = read(response)
    assert response.content.split(b"\n")[0].startswith(b'"LastName","Description","Account.Name"')
    assert (first["Description"], first["Account.Name"]) == (HOSTILE, "")
    assert second["Account.Name"] == 'Acme "A"'
    assert second["Account.AnnualRevenue"] == "9.12260031E8"
    assert second["HasOptedOutOfEmail"] == "false"
    assert second["CreatedDate"].endswith(".000Z")
    assert b'"","",' in response.content


def test_pages_have_their_own_header_line_and_a_locator(jobs: Jobs) -> None:
    job = jobs.finish("SELECT LastName FROM Contact ORDER BY LastName")
    seen: list[str] = []
    locator: str | None = None
    while locator != "null":
        params = {"maxRecords": 2} | ({} if locator is None else {"locator": locator})
        page = jobs.results(job, **params)
        rows = read(page)
        assert page.headers["Sforce-NumberOfRecords"] == str(len(rows))
        seen += [r["LastName"] for r in rows]
        locator = page.headers["Sforce-Locator"]
    assert seen == ["L0", "L1", "L2", "L3", "L4"]


def test_delimiter_and_line_ending_are_the_callers(jobs: Jobs) -> None:
    job = jobs.finish(
        "SELECT Id, LastName FROM Contact LIMIT 1", columnDelimiter="PIPE", lineEnding="CRLF"
    )
    assert jobs.results(job).content.startswith(b'"Id"|"LastName"\r\n"003')


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        ("SELECT COUNT() FROM Contact", "API_ERROR", "not supported in Bulk V2 Query"),
        (
            "SELECT LastName, COUNT(Id) FROM Contact GROUP BY LastName",
            "API_ERROR",
            "not supported in Bulk V2 Query",
        ),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "API_ERROR",
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content type",
        ),
        ("SELECT BillingAddress FROM Account", "API_ERROR", "compound data not supported"),
        ("SELECT Id FROM Contact OFFSET 1", "API_ERROR", "OFFSET not supported"),
        (
            "SELECT TYPEOF What WHEN Account THEN Name END FROM Event",
            "API_ERROR",
            "TYPEOF not supported",
        ),
        ("SELECT Nope FROM Contact", "INVALID_FIELD", "No such column 'Nope'"),
    ],
)
def test_what_a_bulk_query_cannot_do_is_refused_when_it_is_created(
    jobs: Jobs, soql: str, code: str, message: str
) -> None:
    response = jobs.create(soql)
    assert response.status_code == 400
    assert response.json()[0]["errorCode"] == code
    assert message in response.json()[0]["message"]


def test_deleted_rows_come_with_query_all_alone(jobs: Jobs, local_org: Any) -> None:
    client = connect(local_org)
    gone = client.Contact.create({"LastName": "Gone"})["id"]
    client.Contact.delete(gone)
    soql = "SELECT Id, IsDeleted FROM Contact WHERE LastName = 'Gone'"
    assert jobs.finish(soql)["numberRecordsProcessed"] == 0
    job = jobs.finish(soql, operation="queryAll")
    assert read(jobs.results(job)) == [{"Id": gone, "IsDeleted": "true"}]


def test_a_finished_job_cannot_be_aborted_but_can_be_deleted(jobs: Jobs) -> None:
    job = jobs.finish("SELECT Id FROM Contact")
    url = f"{jobs.base}/{job['id']}"
    refused = jobs.session.patch(url, json={"state": "Aborted"}, timeout=10)
    assert refused.status_code == 400
    assert refused.json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert jobs.session.delete(url, timeout=10).status_code == 204
    assert jobs.session.get(url, timeout=10).status_code == 404
    assert job["id"] not in {
        j["id"] for j in jobs.session.get(jobs.base, timeout=10).json()["records"]
    }


def test_results_are_read_with_the_version_that_made_the_job(jobs: Jobs) -> None:
    job = jobs.finish("SELECT Id FROM Contact")
    other = jobs.base.replace("v62.0", "v61.0")
    assert jobs.session.get(f"{other}/{job['id']}/results", timeout=10).status_code == 409


def test_simple_salesforce_pages_through_a_bulk_query(jobs: Jobs, local_org: Any) -> None:
    client = connect(local_org)
    pages = list(
        client.bulk2.Contact.query(  # type: ignore[attr-defined]
            "SELECT LastName FROM Contact ORDER BY LastName", max_records=3, wait=0.05
        )
    )
    assert len(pages) == 2
    assert all(page.startswith('"LastName"\n') for page in pages)
