"""Bulk jobs against a server that misbehaves on the wire in ways that were seen in the field."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import polars as pl
import pytest

from kartra_sf_pipeline.errors import OrgError, OrgUnavailable
from kartra_sf_pipeline.salesforce import bulk
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline.salesforce.jobs import Poll
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.salesforce.wire import (
    Reply,
    Seen,
    Wire,
    as_json,
    refused,
    root,
    serve,
)

QUICK = Poll(first=0.005, longest=0.01, patience=5)
Override = Callable[[Seen, "JobServer"], Reply | None]


class JobServer:
    """Enough of an ingest server to accept files and say what became of their rows."""

    def __init__(self, override: Override) -> None:
        self.override = override
        self.states: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.polls: dict[str, int] = {}
        self.content_type = "text/csv; charset=UTF-8"

    def __call__(self, seen: Seen) -> Reply:
        reply = self.override(seen, self)
        return reply if reply is not None else self.usual(seen)

    def usual(self, seen: Seen) -> Reply:
        parts = seen.path.partition("?")[0].split("/jobs/ingest")
        if len(parts) == 1:
            return root()
        _, *rest = parts[1].split("/")
        if not rest:
            job = f"750{len(self.states):012d}AAA"
            self.states[job] = "Open"
            return as_json({"id": job, "state": "Open"})
        job, *what = rest
        if seen.method == "PUT":
            self.files[job] = seen.body
            return Reply(201)
        if seen.method == "PATCH":
            self.states[job] = seen.json["state"]
            return as_json({"id": job, "state": self.states[job]})
        if what:
            return Reply(200, self.result(job, what[0]), self.content_type)
        self.polls[job] = self.polls.get(job, 0) + 1
        if self.states[job] == "UploadComplete" and self.polls[job] > 2:
            self.states[job] = "JobComplete"
        return as_json(
            {"id": job, "state": self.states[job], "object": "Contact", "operation": "insert"}
        )

    def result(self, job: str, kind: str) -> bytes:
        """Rows whose first cell starts with `bad` fail; all come back in reverse order."""
        header, *rows = csv.reader(io.StringIO(self.files[job].decode(), newline=""))
        bad = [row for row in rows if row[0].startswith("bad")]
        good = [row for row in rows if not row[0].startswith("bad")]
        out = io.StringIO(newline="")
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        if kind == "successfulResults":
            writer.writerows(
                [["sf__Id", "sf__Created", *header], *(["003", "true", *r] for r in good[::-1])]
            )
        elif kind == "failedResults":
            error = "INVALID_EMAIL_ADDRESS:Email: invalid email address: bad:Email --"
            writer.writerows(
                [["sf__Id", "sf__Error", *header], *(["", error, *r] for r in bad[::-1])]
            )
        else:
            writer.writerow(header)
        return out.getvalue().encode()


@contextmanager
def job_server(
    override: Override = lambda _seen, _server: None,
) -> Iterator[tuple[Org, JobServer, Wire]]:
    server = JobServer(override)
    with serve(server) as wire:
        yield connect(AccessToken(wire.url, "token")), server, wire


ROWS = pl.DataFrame({"LastName": ["Ünal", 'bad\n"x", y', "a\u2028b"], "Email": ["#N/A", None, "e"]})


def test_rows_come_back_by_value_whatever_their_order() -> None:
    with job_server() as (org, _, wire):
        heard: list[str] = []
        (result,) = bulk.ingest(org, "Contact", "insert", ROWS, on_job=heard.append, poll=QUICK)
        assert (result.state, result.uploaded, result.unaccounted) == ("JobComplete", 3, 0)
        assert heard == [result.job_id]
        assert result.successful.sort("LastName").rows() == [
            ("003", "true", "a\u2028b", "e"),
            ("003", "true", "Ünal", "#N/A"),
        ]
        failed = result.failed.row(0, named=True)
        assert failed["LastName"] == 'bad\n"x", y'
        assert failed["Email"] is None
        assert failed["error_code"] == "INVALID_EMAIL_ADDRESS"
        assert failed["error_fields"] == "Email"
        assert wire.seen[1].json == {
            "object": "Contact",
            "operation": "insert",
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }


def test_results_without_a_charset_are_utf8_all_the_same() -> None:
    with job_server() as (org, server, _):
        server.content_type = "text/csv"
        (result,) = bulk.ingest(org, "Contact", "insert", ROWS, poll=QUICK)
        assert "Ünal" in result.successful["LastName"].to_list()


def test_the_job_id_is_heard_before_any_row_leaves() -> None:
    with job_server() as (org, _, wire):
        at_that_time: list[list[str]] = []
        bulk.ingest(
            org,
            "Contact",
            "insert",
            ROWS,
            on_job=lambda _: at_that_time.append(wire.paths()),
            poll=QUICK,
        )
        assert not any(path.startswith("PUT") for path in at_that_time[0])


def test_many_rows_become_several_jobs_in_order() -> None:
    with job_server() as (org, server, _):
        results = bulk.ingest(org, "Contact", "insert", ROWS, poll=QUICK, max_rows=2)
        assert [result.uploaded for result in results] == [2, 1]
        assert server.files[results[1].job_id] == '"LastName","Email"\n"a\u2028b","e"\n'.encode()


def test_no_rows_make_no_job() -> None:
    with job_server() as (org, _, wire):
        assert bulk.ingest(org, "Contact", "insert", ROWS.head(0), poll=QUICK) == []
        assert bulk.delete(org, "Contact", []) == []
        assert len(wire.seen) == 1


def test_a_broken_upload_is_aborted_and_begun_anew_with_nothing_written_twice() -> None:
    broken = iter([True])

    def override(seen: Seen, _: JobServer) -> Reply | None:
        return Reply(drop=True) if seen.method == "PUT" and next(broken, False) else None

    with job_server(override) as (org, server, _):
        heard: list[str] = []
        (result,) = bulk.ingest(org, "Contact", "insert", ROWS, on_job=heard.append, poll=QUICK)
        first, second = heard
        assert result.job_id == second
        assert server.states[first] == "Aborted"
        assert list(server.files) == [second]


@pytest.mark.parametrize("taken", [True, False])
def test_a_lost_answer_to_closing_is_settled_by_asking(taken: bool) -> None:
    lost = iter([True])

    def override(seen: Seen, server: JobServer) -> Reply | None:
        if seen.method == "PATCH" and next(lost, False):
            if taken:
                server.usual(seen)
            return Reply(drop=True)
        return None

    with job_server(override) as (org, server, wire):
        (result,) = bulk.ingest(org, "Contact", "insert", ROWS, poll=QUICK)
        assert result.state == "JobComplete"
        assert len(server.files) == 1
        assert sum(path.startswith("PATCH") for path in wire.paths()) == (1 if taken else 2)


def test_an_upload_that_the_org_refuses_is_raised_and_its_job_aborted() -> None:
    def override(seen: Seen, _: JobServer) -> Reply | None:
        return refused(400, "INVALIDJOBSTATE", "no") if seen.method == "PUT" else None

    with job_server(override) as (org, server, _):
        with pytest.raises(
            OrgError, match=r"Sending Contact records in bulk: .* 400: INVALIDJOBSTATE no"
        ):
            bulk.ingest(org, "Contact", "insert", ROWS, poll=QUICK)
        assert list(server.states.values()) == ["Aborted"]


def test_a_failed_job_is_reported_with_its_reason_and_its_unprocessed_rows() -> None:
    def override(seen: Seen, server: JobServer) -> Reply | None:
        if seen.method == "GET" and "/jobs/ingest/" in seen.path:
            kind = seen.path.rpartition("/")[2]
            if kind.startswith("750"):
                why = "InvalidBatch : Field name not found : Foo__c"
                return as_json({"id": kind, "state": "Failed", "errorMessage": why})
            (file,) = server.files.values()
            bodies = {"successfulResults": b"", "failedResults": b"", "unprocessedrecords": file}
            return Reply(200, bodies[kind], "text/csv")
        return None

    with job_server(override) as (org, _, __):
        (result,) = bulk.ingest(org, "Contact", "insert", ROWS, poll=QUICK)
        assert result.state == "Failed"
        assert result.error_message == "InvalidBatch : Field name not found : Foo__c"
        assert result.unprocessed.equals(ROWS)
        assert result.unaccounted == 0
        assert result.failed.columns[:5] == [
            "sf__Id",
            "sf__Error",
            "error_code",
            "error_message",
            "error_fields",
        ]


def test_rows_that_no_result_file_holds_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    def override(seen: Seen, _: JobServer) -> Reply | None:
        return Reply(200, b"", "text/csv") if seen.path.endswith("failedResults") else None

    with job_server(override) as (org, _, __):
        (result,) = bulk.ingest(org, "Contact", "insert", ROWS, poll=QUICK)
        assert result.unaccounted == 1
        assert "1 of 3 rows are in no result file" in caplog.text


def test_a_job_that_never_ends_is_left_to_a_later_process() -> None:
    def override(seen: Seen, _: JobServer) -> Reply | None:
        if seen.method == "GET" and seen.path.rpartition("/")[2].startswith("750") and not released:
            return as_json({"id": "750", "state": "InProgress"})
        return None

    released: list[bool] = []
    with job_server(override) as (org, _, __):
        heard: list[str] = []
        impatient = Poll(first=0.01, patience=0.05)
        with pytest.raises(OrgUnavailable, match="is still InProgress"):
            bulk.ingest(org, "Contact", "insert", ROWS, on_job=heard.append, poll=impatient)
        released.append(True)
        result = bulk.results_of(org, heard[0], poll=QUICK)
        assert (result.state, result.successful.height, result.failed.height) == (
            "JobComplete",
            2,
            1,
        )


def test_misuse_is_told_before_anything_is_sent() -> None:
    with job_server() as (org, _, wire):
        with pytest.raises(ValueError, match="external_id"):
            bulk.ingest(org, "Contact", "upsert", ROWS)
        with pytest.raises(ValueError, match="Id alone"):
            bulk.ingest(org, "Contact", "delete", ROWS)
        with pytest.raises(ValueError, match="API name"):
            bulk.ingest(org, "Contact; drop", "insert", ROWS)
        assert len(wire.seen) == 1


def test_bulk_query_reads_pages_with_and_without_a_repeated_header() -> None:
    pages = [b'"Id","Name"\n"1","a\nb"\n"2",""\n', b'"Id","Name"\n"3","\xc3\xa9"\n']

    def script(seen: Seen) -> Reply:
        if seen.method == "POST":
            return as_json({"id": "750Q", "state": "UploadComplete"})
        if seen.path.endswith("/750Q"):
            return as_json({"id": "750Q", "state": "JobComplete"})
        if "results" in seen.path:
            second = "locator=more" in seen.path
            headers = {
                "Sforce_NumberOfRecords": "1" if second else "2",
                "Sforce_Locator": "null" if second else "more",
            }
            return Reply(200, pages[second], "text/csv", headers)
        return root()

    with serve(script) as wire:
        org = connect(AccessToken(wire.url, "t"))
        query = "SELECT id, Name FROM Account"
        assert org.bulk_query(query).rows(named=True) == [
            {"id": "1", "Name": "a\nb"},
            {"id": "2", "Name": None},
            {"id": "3", "Name": "é"},
        ]
        pages[1] = b'"3","\xc3\xa9"\n'
        assert org.bulk_query(query)["id"].to_list() == ["1", "2", "3"]
        pages[1] = b""
        with pytest.raises(OrgError, match="announced 3 rows and sent 2"):
            org.bulk_query(query)
