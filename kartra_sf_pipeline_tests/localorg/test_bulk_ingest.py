from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kartra_sf_pipeline_tests.conftest import LocalOrg

DATA = "/services/data/v62.0"
JOBS = f"{DATA}/jobs/ingest"


@pytest.fixture
def http(empty_org: LocalOrg) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {empty_org.access_token}"}
    with httpx.Client(base_url=empty_org.url, headers=headers, timeout=60) as client:
        yield client


def new_job(http: httpx.Client, kind: str, operation: str, **more: str) -> dict[str, Any]:
    response = http.post(JOBS, json={"object": kind, "operation": operation, **more})
    assert response.status_code == 200, response.text
    return response.json()


def finish(http: httpx.Client, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        job = http.get(f"{JOBS}/{job_id}").json()
        if job["state"] in {"JobComplete", "Failed", "Aborted"}:
            return job
        time.sleep(0.02)
    raise AssertionError(job)


def run(
    http: httpx.Client, kind: str, operation: str, data: str | bytes, **more: str
) -> dict[str, Any]:
    job_id = new_job(http, kind, operation, **more)["id"]
    content = data.encode() if isinstance(data, str) else data
    assert http.put(f"{JOBS}/{job_id}/batches", content=content).status_code == 201
    assert http.patch(f"{JOBS}/{job_id}", json={"state": "UploadComplete"}).status_code == 200
    return finish(http, job_id)


def rows(http: httpx.Client, job: dict[str, Any], what: str, delimiter: str = ",") -> list[Any]:
    response = http.get(f"{JOBS}/{job['id']}/{what}")
    assert response.headers["content-type"] == "text/csv; charset=UTF-8"
    return list(csv.reader(io.StringIO(response.text, newline=""), delimiter=delimiter))


def contacts(count: int) -> str:
    lines = [f"p{i}@example.com,N{i}" for i in range(count)]
    return "Email,LastName\n" + "\n".join(lines) + "\n"


def test_a_job_passes_through_its_states(http: httpx.Client) -> None:
    made = new_job(http, "contact", "upsert", externalIdFieldName="email")
    assert list(made) == [
        "id",
        "operation",
        "object",
        "createdById",
        "createdDate",
        "systemModstamp",
        "state",
        "externalIdFieldName",
        "concurrencyMode",
        "contentType",
        "apiVersion",
        "contentUrl",
        "lineEnding",
        "columnDelimiter",
    ]
    assert made["contentUrl"] == f"services/data/v62.0/jobs/ingest/{made['id']}/batches"
    assert (made["object"], made["externalIdFieldName"]) == ("Contact", "email")
    http.put(f"{JOBS}/{made['id']}/batches", content=contacts(3).encode())
    closed = http.patch(f"{JOBS}/{made['id']}", json={"state": "UploadComplete"}).json()
    assert closed["state"] == "UploadComplete"
    assert "lineEnding" not in closed
    early = http.get(f"{JOBS}/{made['id']}").json()
    assert early["state"] in {"UploadComplete", "InProgress"}
    assert early["numberRecordsProcessed"] == 0
    done = finish(http, made["id"])
    assert done["state"] == "JobComplete"
    assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (3, 0)
    assert done["jobType"] == "V2Ingest"
    assert http.get(JOBS).json()["records"][0]["id"] == made["id"]


def test_results_tell_the_fate_of_every_row_in_another_order(http: httpx.Client) -> None:
    data = contacts(50) + "bad,X\n,\n"
    job = run(http, "Contact", "upsert", data, externalIdFieldName="Email")
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (52, 2)
    header, *good = rows(http, job, "successfulResults")
    assert header == ["sf__Id", "sf__Created", "Email", "LastName"]
    assert {r[1] for r in good} == {"true"}
    sent = [f"p{i}@example.com" for i in range(50)]
    assert sorted(r[2] for r in good) == sorted(sent)
    assert [r[2] for r in good] != sent
    header, *failed = rows(http, job, "failedResults")
    assert header == ["sf__Id", "sf__Error", "Email", "LastName"]
    assert {r[2]: r[1] for r in failed} == {
        "bad": "INVALID_EMAIL_ADDRESS:Email: invalid email address: bad:Email --",
        "": "MISSING_ARGUMENT:Email not specified:Email --",
    }
    assert rows(http, job, "unprocessedRecords") == [["Email", "LastName"]]
    again = run(http, "Contact", "upsert", contacts(50), externalIdFieldName="Email")
    _, *same = rows(http, again, "successfulResults")
    assert {r[1] for r in same} == {"false"}
    assert {r[0] for r in same} == {r[0] for r in good}


def test_every_cell_is_quoted_and_text_survives(http: httpx.Client) -> None:
    text = 'He said "no",\nthen\u2028left; ok'
    data = io.StringIO()
    csv.writer(data, lineterminator="\n").writerow(["LastName", "Description", "Title"])
    csv.writer(data, lineterminator="\n").writerow(["Öl", text, ""])
    job = run(http, "Contact", "insert", data.getvalue())
    raw = http.get(f"{JOBS}/{job['id']}/successfulResults").text
    assert raw.startswith('"sf__Id","sf__Created","LastName","Description","Title"\n"003')
    assert raw.endswith('",""\n')
    _, (_, _, name, description, title) = rows(http, job, "successfulResults")
    assert (name, description, title) == ("Öl", text, "")


def test_numbers_come_back_as_the_server_keeps_them(http: httpx.Client) -> None:
    data = "Name,NumberOfEmployees,AnnualRevenue\nA,2676,912260031\nB,,5\n"
    job = run(http, "Account", "insert", data)
    _, *found = rows(http, job, "successfulResults")
    assert sorted(r[2:] for r in found) == [["A", "2676", "9.12260031E8"], ["B", "", "5.0"]]


@pytest.mark.parametrize(
    ("name", "sign"),
    [("TAB", "\t"), ("SEMICOLON", ";"), ("PIPE", "|"), ("CARET", "^"), ("BACKQUOTE", "`")],
)
def test_all_delimiters_and_crlf(http: httpx.Client, name: str, sign: str) -> None:
    data = sign.join(["LastName", "Title"]) + "\r\n" + sign.join(["A,B", "C"]) + "\r\n"
    job = run(http, "Contact", "insert", data, columnDelimiter=name, lineEnding="CRLF")
    assert job["state"] == "JobComplete", job
    _, row = rows(http, job, "successfulResults", sign)
    assert row[2:] == ["A,B", "C"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Foo,LastName\n1,A\n", "InvalidBatch : Field name not found : Foo"),
        (
            "LastName\r\nA\r\n",
            "ClientInputError : LineEnding is invalid on user data. "
            "Current LineEnding setting is LF",
        ),
        ("LastName,Nothing.Email\nA,x\n", "InvalidBatch : Unable to find relationship: Nothing"),
        ("", "InvalidBatch : Failed to parse header row"),
    ],
)
def test_a_bad_file_fails_the_job_and_no_row_is_tried(
    http: httpx.Client, data: str, message: str
) -> None:
    job = run(http, "Contact", "insert", data)
    assert (job["state"], job["errorMessage"]) == ("Failed", message)
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (0, 0)
    assert len(rows(http, job, "failedResults")) == 1
    if data.startswith("Foo"):
        assert rows(http, job, "unprocessedrecords") == [["Foo", "LastName"], ["1", "A"]]


def test_bad_bytes_and_ragged_rows_fail_the_job(http: httpx.Client) -> None:
    for data in (b"LastName\n\xff\xfe\n", b"LastName,Title\nA,B,C,D\n"):
        job = run(http, "Contact", "insert", data)
        assert job["state"] == "Failed"
        assert job["errorMessage"].startswith("ClientInputError")


def test_update_and_delete_by_id(http: httpx.Client) -> None:
    job = run(http, "Contact", "insert", "LastName\nA\nB\nC\n")
    _, *made = rows(http, job, "successfulResults")
    ids = [r[0] for r in made]
    data = "Id,Title\n" + "".join(f"{i},#N/A\n" for i in ids) + "003Lo00000zzzzz,X\n"
    changed = run(http, "Contact", "update", data)
    assert changed["numberRecordsFailed"] == 1
    _, failure = rows(http, changed, "failedResults")
    assert failure[1] == "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--"
    gone = run(http, "Contact", "delete", "Id\n" + "\n".join(ids[:2]) + "\n")
    assert gone["numberRecordsFailed"] == 0
    hard = run(http, "Contact", "hardDelete", f"Id\n{ids[2]}\n")
    assert hard["numberRecordsFailed"] == 0
    wide = run(http, "Contact", "delete", f"Id,LastName\n{ids[0]},A\n")
    assert wide["errorMessage"] == "InvalidBatch : Delete batch must contain only ids"


def test_jobs_that_cannot_be(http: httpx.Client) -> None:
    for body in (
        {"object": "Nothing", "operation": "insert"},
        {"object": "Contact", "operation": "merge"},
        {"object": "Contact", "operation": "upsert"},
        {"object": "Contact", "operation": "upsert", "externalIdFieldName": "Phone"},
        {"object": "Contact", "operation": "insert", "columnDelimiter": "DOT"},
        {"object": "OpportunityStage", "operation": "insert"},
    ):
        response = http.post(JOBS, json=body)
        assert (response.status_code, response.json()[0]["errorCode"]) == (400, "INVALIDJOB")
    assert http.get(f"{JOBS}/750Lo00000zzzzz").status_code == 404


def test_abort_and_delete(http: httpx.Client) -> None:
    job_id = new_job(http, "Contact", "insert")["id"]
    http.put(f"{JOBS}/{job_id}/batches", content=b"LastName\nA\n")
    early = http.delete(f"{JOBS}/{job_id}")
    assert early.json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert http.get(f"{JOBS}/{job_id}/successfulResults").status_code == 400
    aborted = http.patch(f"{JOBS}/{job_id}", json={"state": "Aborted"}).json()
    assert aborted["state"] == "Aborted"
    assert rows(http, {"id": job_id}, "unprocessedrecords") == [["LastName"], ["A"]]
    assert http.delete(f"{JOBS}/{job_id}").status_code == 204
    assert http.get(f"{JOBS}/{job_id}").status_code == 404
    done = run(http, "Contact", "insert", "LastName\nA\n")
    late = http.patch(f"{JOBS}/{done['id']}", json={"state": "Aborted"})
    assert late.json() == [
        {
            "errorCode": "INVALIDJOBSTATE",
            "message": "Aborting already Completed Job not allowed",
        }
    ]


def test_a_second_upload_spoils_the_job(http: httpx.Client) -> None:
    job_id = new_job(http, "Contact", "insert")["id"]
    for _ in range(2):
        http.put(f"{JOBS}/{job_id}/batches", content=b"LastName\nA\n")
    closing = http.patch(f"{JOBS}/{job_id}", json={"state": "UploadComplete"})
    assert (closing.status_code, closing.json()[0]["errorCode"]) == (400, "INVALIDJOB")


def test_an_upload_in_chunks_without_a_length(http: httpx.Client) -> None:
    job_id = new_job(http, "Contact", "insert")["id"]
    pieces = (piece for piece in (b"Last", b"Name\nA", b"\nB\n"))
    assert http.put(f"{JOBS}/{job_id}/batches", content=pieces).status_code == 201
    http.patch(f"{JOBS}/{job_id}", json={"state": "UploadComplete"})
    assert finish(http, job_id)["numberRecordsProcessed"] == 2


def test_a_blank_id_column_beside_the_key_is_accepted(http: httpx.Client) -> None:
    data = "Id,Email,LastName\n,a@example.com,A\n"
    job = run(http, "Contact", "upsert", data, externalIdFieldName="Email")
    assert job["numberRecordsFailed"] == 0, rows(http, job, "failedResults")
