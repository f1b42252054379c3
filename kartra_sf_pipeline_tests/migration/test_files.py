"""Files: one request each, no double after a kill, taken back with their documents."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.migration.contents import ContentError, Contents
from kartra_sf_pipeline.migration.current import MATCH
from kartra_sf_pipeline.migration.diff import VERDICT
from kartra_sf_pipeline.migration.fields import bind_columns, data_columns, match_key
from kartra_sf_pipeline.migration.files import create_one_by_one
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.loader import Meeting
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.migration.rollback import rollback
from kartra_sf_pipeline.migration.sending import Sender
from kartra_sf_pipeline.proof.read_back import read_back
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.migration.fixtures import Audit
from kartra_sf_pipeline_tests.migration.small_account import load_all, rows

CONTACTS, FILES = phase_named("contacts"), phase_named("files")
COLUMNS = (
    "Kartra_Id__c Title PathOnClient VersionData Contact:FirstPublishLocation.Kartra_Id__c "
    "Description"
)
MANY = 60
LOAD = """
import sys
from pathlib import Path
import polars as pl
from kartra_sf_pipeline.migration.contents import Contents
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.loader import Meeting
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline_tests.migration.small_account import load_all
url, token, ledger, frame, folder = sys.argv[1:]
org = connect(AccessToken(url, token))
meeting = Meeting(contents=Contents(Path(folder)))
load_all(org, Ledger(ledger), {phase_named("files"): pl.read_parquet(frame)}, meeting)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "exports"
    (root / "files").mkdir(parents=True)
    (root / "files" / "contract.pdf").write_bytes(b"%PDF \x00\xff content")
    (tmp_path / "secret.txt").write_text("outside")
    return root


@pytest.fixture
def meeting(folder: Path) -> Meeting:
    return Meeting(contents=Contents(folder))


def some_files() -> pl.DataFrame:
    return rows(
        "attachments", COLUMNS,
        ("F1", "F1", "Contract", "contract.pdf", "file:files/contract.pdf", "1", "signed"),
        ("N1", "N1", "Note", "note.snote", "text:<p>called twice</p>", "1", None),
    )  # fmt: skip


def with_contact(org: Org, ledger: Ledger) -> str:
    load_all(org, ledger, {CONTACTS: rows("contacts", "Kartra_Id__c LastName", ("1", "1", "Lee"))})
    return str(org.query("SELECT Id FROM Contact")["Id"][0])


def test_files_arrive_on_their_record_with_their_content(
    org: Org, ledger: Ledger, meeting: Meeting, audit: Audit
) -> None:
    contact = with_contact(org, ledger)
    run, results = load_all(org, ledger, {FILES: some_files()}, meeting)
    outcomes = results["files"].outcomes
    assert outcomes["outcome"].to_list() == ["created", "created"], outcomes.rows()
    links = org.query(
        "SELECT ContentDocument.Title, ContentDocument.FileType FROM ContentDocumentLink "
        f"WHERE LinkedEntityId = '{contact}' ORDER BY ContentDocument.Title"
    )
    assert links.rows() == [("Contract", "PDF"), ("Note", "SNOTE")]
    summary, differences = read_back(
        org, {FILES: some_files()}, outcomes, contents=meeting.contents
    )
    assert differences.is_empty(), differences.rows()
    # Key, title, path, size, checksum and contact of both, and one description.
    assert summary.select("records", "fields", "equal").row(0) == (2, 13, 13)
    assert "called twice" not in str(ledger.records(run).rows())

    before = audit.now()
    _, again = load_all(org, ledger, {FILES: some_files()}, meeting)
    assert again["files"].outcomes["outcome"].to_list() == ["unchanged", "unchanged"]
    assert audit.writes_after(before) == []

    assert rollback(org, ledger, run).counts["deleted"] == 2
    assert org.count("SELECT COUNT() FROM ContentDocument") == 0
    assert org.count("SELECT COUNT() FROM ContentVersion") == 0


def test_another_content_and_a_lost_record_are_differences(
    org: Org, ledger: Ledger, meeting: Meeting, folder: Path
) -> None:
    with_contact(org, ledger)
    _, results = load_all(org, ledger, {FILES: some_files()}, meeting)
    (folder / "files" / "contract.pdf").write_bytes(b"another one")
    _, differences = read_back(
        org, {FILES: some_files()}, results["files"].outcomes, contents=meeting.contents
    )
    assert differences.select("key", "field").rows() == [
        ("F1", "ContentSize"),
        ("F1", "Checksum"),
    ]


def test_what_cannot_be_read_or_has_no_contact_is_a_reject_with_its_reason(
    org: Org, ledger: Ledger, meeting: Meeting
) -> None:
    with_contact(org, ledger)
    frame = rows(
        "attachments", COLUMNS,
        ("A", "A", "gone", "a.pdf", "file:files/gone.pdf", "1", None),
        ("B", "B", "outside", "b.txt", "file:../secret.txt", "1", None),
        ("C", "C", "nobody", "c.snote", "text:<p>x</p>", "9", None),
        ("D", "D", "t" * 300, "d.snote", "text:<p>x</p>", "1", None),
    )  # fmt: skip
    _, results = load_all(org, ledger, {FILES: frame}, meeting)
    outcomes = results["files"].outcomes
    assert outcomes["error_code"].to_list() == [
        "CONTENT_NOT_READ",
        "CONTENT_NOT_READ",
        "PARENT_NOT_FOUND",
        "STRING_TOO_LONG",
    ]
    assert outcomes["error_message"][0] == "the file is not in the folder of attachments"
    assert outcomes["error_message"][1] == "the path leads out of the folder of attachments"
    assert org.count("SELECT COUNT() FROM ContentVersion") == 0


def test_a_file_too_large_for_json_goes_as_parts(org: Org, ledger: Ledger, folder: Path) -> None:
    with_contact(org, ledger)
    contents = Contents(folder, largest_in_json=10)
    frame = some_files()
    _, results = load_all(org, ledger, {FILES: frame}, Meeting(contents=contents))
    _, differences = read_back(org, {FILES: frame}, results["files"].outcomes, contents=contents)
    assert differences.is_empty(), differences.rows()


def test_a_document_that_somebody_gave_a_new_version_is_kept(
    org: Org, ledger: Ledger, meeting: Meeting
) -> None:
    with_contact(org, ledger)
    run, _ = load_all(org, ledger, {FILES: some_files()}, meeting)
    document = org.query("SELECT ContentDocumentId FROM ContentVersion WHERE Kartra_Id__c = 'F1'")
    org.create(
        "ContentVersion",
        {"PathOnClient": "contract.pdf", "VersionData": "bmV3",
         "ContentDocumentId": document["ContentDocumentId"][0]},
    )  # fmt: skip
    report = rollback(org, ledger, run)
    assert report.counts["kept_in_use"] == 1
    assert report.counts["deleted"] == 1
    assert org.count("SELECT COUNT() FROM ContentVersion") == 2


def test_a_load_of_files_that_was_killed_is_finished_without_a_double(
    org: Org, empty_org: LocalOrg, tmp_path: Path, folder: Path, meeting: Meeting
) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = Ledger(path)
    frame = rows(
        "attachments", "Kartra_Id__c Title PathOnClient VersionData",
        *((f"F{i}", f"F{i}", f"File {i}", "c.pdf", "file:files/contract.pdf")
          for i in range(MANY)),
    )  # fmt: skip
    frame.write_parquet(tmp_path / "files.parquet")
    arguments = [empty_org.url, empty_org.access_token, path, tmp_path / "files.parquet", folder]
    victim = subprocess.Popen([sys.executable, "-c", LOAD, *map(str, arguments)])
    try:
        wait_for_files(org, 3, victim)
    finally:
        victim.kill()
        victim.wait()
    killed = str(ledger.runs()["run_id"][0])

    second, results = load_all(org, ledger, {FILES: frame}, meeting)
    counts = results["files"].counts
    assert counts["created"] + counts["unchanged"] == MANY
    assert 0 < counts["created"] < MANY
    keys = org.query("SELECT Kartra_Id__c FROM ContentVersion")["Kartra_Id__c"]
    assert sorted(keys) == sorted(frame["_key"])
    ledger.finish_run(killed, "failed")
    assert rollback(org, ledger, second).clean
    assert rollback(org, ledger, killed).clean
    assert org.count("SELECT COUNT() FROM ContentDocument") == 0


def wait_for_files(org: Org, number: int, victim: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if org.count("SELECT COUNT() FROM ContentVersion") >= number:
            return
        assert victim.poll() is None
        time.sleep(0.005)
    raise AssertionError("no file arrived")


def test_a_file_whose_answer_was_lost_is_not_sent_twice(
    org: Org, ledger: Ledger, meeting: Meeting
) -> None:
    frame = some_files().drop("Contact:FirstPublishLocation.Kartra_Id__c")
    run, _ = load_all(org, ledger, {FILES: frame}, meeting)
    columns = bind_columns(org, "ContentVersion", data_columns(frame))
    sender = Sender(org, ledger, run, FILES, columns, columns[:1])
    again = frame.with_columns(
        match_key(columns[:1]).alias(MATCH),
        pl.lit("create").alias(VERDICT),
        Id=pl.lit(None, pl.String),
    )
    told = pl.concat(create_one_by_one(sender, again, meeting.contents))
    assert told["action"].to_list() == ["created", "created"]
    assert org.count("SELECT COUNT() FROM ContentVersion") == 2


def test_a_reference_without_a_folder_says_so() -> None:
    with pytest.raises(ContentError, match="no folder"):
        Contents().read("file:a.pdf")
    with pytest.raises(ContentError, match="begin with"):
        Contents().read("a.pdf")


def test_a_file_that_changed_after_it_was_planned_is_not_sent(
    org: Org, ledger: Ledger, meeting: Meeting, folder: Path
) -> None:
    with_contact(org, ledger)
    contract = folder / "files" / "contract.pdf"
    digests = [hashlib.sha256(contract.read_bytes()).hexdigest(), None]
    planned = some_files().with_columns(pl.Series("_sha256", digests))
    contract.write_bytes(b"another one")
    _, results = load_all(org, ledger, {FILES: planned}, meeting)
    outcomes = results["files"].outcomes
    assert outcomes["outcome"].to_list() == ["rejected", "created"]
    assert outcomes["error_message"][0] == "the file has changed since it was planned: run again"
