from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.localorg.bulk.multipart import parts
from kartra_sf_pipeline.localorg.errors import ApiError
from kartra_sf_pipeline_tests.conftest import LocalOrg

DATA = "/services/data/v62.0"
JOB = {"object": "Account", "operation": "insert", "contentType": "CSV", "lineEnding": "LF"}


@pytest.fixture
def http(empty_org: LocalOrg) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {empty_org.access_token}"}
    with httpx.Client(base_url=empty_org.url, headers=headers, timeout=60) as client:
        yield client


def packed(body: bytes) -> dict[str, Any]:
    return {
        "content": gzip.compress(body),
        "headers": {"Content-Encoding": "gzip", "Content-Type": "application/json"},
    }


def test_packed_bodies_are_read(http: httpx.Client) -> None:
    name = "long name " * 20
    reply = http.post(f"{DATA}/sobjects/Account", **packed(json.dumps({"Name": name}).encode()))
    assert reply.status_code == 201
    job = http.post(f"{DATA}/jobs/ingest", **packed(json.dumps(JOB).encode())).json()["id"]
    csv = b"Name\n" + b"".join(b"n%d\n" % i for i in range(50_000))
    path = f"{DATA}/jobs/ingest/{job}"
    headers = {"Content-Encoding": "gzip", "Content-Type": "text/csv"}
    reply = http.put(f"{path}/batches", content=gzip.compress(csv), headers=headers)
    assert reply.status_code == 201
    http.patch(path, json={"state": "UploadComplete"})
    assert finished(http, job)["numberRecordsProcessed"] == 50_000


@pytest.mark.parametrize(
    "body",
    [b"", b"no gzip", gzip.compress(b'{"Name": "A"}')[:-9]],
    ids=["empty", "plain", "cut off"],
)
def test_a_body_that_is_not_packed_as_it_says_is_refused(http: httpx.Client, body: bytes) -> None:
    headers = {"Content-Encoding": "gzip"}
    reply = http.post(f"{DATA}/sobjects/Account", content=body, headers=headers)
    assert reply.status_code == 400
    assert reply.json()[0]["errorCode"] == "INVALID_CONTENT"


def test_replies_are_packed_for_those_who_take_it(http: httpx.Client) -> None:
    path = f"{DATA}/sobjects/Account/describe"
    reply = http.get(path)
    assert reply.headers["content-encoding"] == "gzip"
    assert reply.headers["vary"] == "Accept-Encoding"
    assert "sforce-limit-info" in reply.headers
    plain = http.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == reply.json()


def finished(http: httpx.Client, job: str) -> dict[str, Any]:
    for _ in range(600):
        found = http.get(f"{DATA}/jobs/ingest/{job}").json()
        if found["state"] in {"JobComplete", "Failed"}:
            return found
        time.sleep(0.05)
    raise AssertionError("the job did not end")


def both(job: dict[str, Any], csv: bytes) -> dict[str, Any]:
    return {
        "files": {
            "job": (None, json.dumps(job), "application/json"),
            "content": ("content", csv, "text/csv"),
        }
    }


def test_a_small_job_comes_with_its_data(http: httpx.Client) -> None:
    csv = b'Name,Description\nOne,"two\nlines"\nTwo,\n'
    created = http.post(f"{DATA}/jobs/ingest", **both(JOB, csv))
    assert created.status_code == 200
    assert created.json()["state"] == "UploadComplete"
    assert "contentUrl" not in created.json()
    done = finished(http, created.json()["id"])
    assert (done["state"], done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (
        "JobComplete",
        2,
        0,
    )
    query = {"q": "SELECT Description FROM Account WHERE Name = 'One'"}
    rows = http.get(f"{DATA}/query", params=query).json()["records"]
    assert rows[0]["Description"] == "two\nlines"


def test_a_multipart_job_that_is_too_large_or_lacks_a_part_is_refused(http: httpx.Client) -> None:
    large = b"Name\n" + b"x" * 100_000
    reply = http.post(f"{DATA}/jobs/ingest", **both(JOB, large))
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "EXCEEDED_MAX_SIZE_REQUEST")
    alone = {"files": {"job": (None, json.dumps(JOB), "application/json")}}
    reply = http.post(f"{DATA}/jobs/ingest", **alone)  # type: ignore[arg-type]
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "INVALID_MULTIPART_REQUEST")
    reply = http.post(f"{DATA}/jobs/ingest", **both({"object": "Nothing"}, b"Name\nA\n"))
    assert reply.status_code == 400


@given(st.binary(), st.binary(max_size=200))
def test_parts_come_out_as_they_went_in_or_are_refused(content: bytes, noise: bytes) -> None:
    try:
        parts("multipart/form-data; boundary=b", noise)
    except ApiError as error:
        refused = error.code
    else:
        refused = ""
    assert refused in {"", "INVALID_MULTIPART_REQUEST"}
    if b"--b" in content:
        return
    body = (
        b'--b\r\nContent-Disposition: form-data; name="job"\r\n\r\n{}\r\n'
        b'--b\r\nContent-Disposition: form-data; name="content"; filename="c"\r\n\r\n'
        + content
        + b"\r\n--b--\r\n"
    )
    assert parts("multipart/form-data; boundary=b", body) == (b"{}", content)
