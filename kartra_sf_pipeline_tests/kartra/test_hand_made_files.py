"""Files that people assemble: known by usual headers, and attachments are never exports."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.kartra.recognise import recognise

CONTACTS = "id,email,first_name\n1,a@example.com,Ann\n"
MANIFEST = "file,email,title\noffer.csv,a@example.com,Offer\n"


@pytest.mark.parametrize(
    ("header", "export"),
    [
        ("type,subject,body,date,time,duration,email,owner,status", "activities"),
        ("Activity Type,Title,Start Date,Start Time,End Time,Contact ID,Assigned To", "activities"),
        ("id,kind,subject,description,timestamp,contact_email", "activities"),
        ("file,contact_id,title,description,date", "attachments"),
        ("File Name,Email,Uploaded At", "attachments"),
        ("Company,Website,Team Member,Team Role", "account_team"),
        ("Transaction ID,User,Role", "opportunity_team"),
        ("subscription_id,user_email,team_role", "opportunity_team"),
        ("Account Name,Territory", "territories"),
        # What resembles them, and is none of them.
        ("note_id,contact_id,contact_email,created_at,author,note", "notes"),
        ("Calendar,Class,Date,Time,Email,Status,Host", "calendar_bookings"),
        ("id,email,first_name,last_name,company,role,territory", "contacts"),
        ("Name,Website,Phone,Address,City,Country,Territory", "companies"),
        ("ID,Transaction_Type,Date,Product,Buyer_Email,Amount (USD)", "transactions"),
    ],
)
def test_hand_made_files_are_known_by_their_headers(header: str, export: str) -> None:
    assert recognise(header.split(","), "table.csv").name == export


def test_rows_keep_their_file_and_line_and_ragged_ones_go_aside(tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text(CONTACTS)
    (tmp_path / "activities.csv").write_text(
        "type,subject,date,email\ncall,Hi,2026-01-02,a@example.com\ncall,Hi\n"
    )
    read = read_folder(tmp_path)
    rows = read.frames["activities"]
    assert rows.select("source_file", "source_line").rows() == [("activities.csv", 2)]
    assert read.quarantine.select("export", "source_line").rows() == [("activities", 3)]
    assert read.frames["territories"].height == 0


def test_a_table_among_the_attachments_is_a_document(tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text(CONTACTS)
    folder = tmp_path / "attachments"
    folder.mkdir()
    (folder / "offer.csv").write_text("neither,of,ours\n1,2,3\n")
    (folder / "prices.xlsx").write_bytes(b"PK")
    assert read_folder(tmp_path).notes == [
        "attachments: 2 files, but no manifest.csv that says whose they are"
    ]
    (folder / "manifest.csv").write_text(MANIFEST)
    read = read_folder(tmp_path)
    assert [report.path for report in read.files] == ["attachments/manifest.csv", "contacts.csv"]
    assert read.frames["attachments"]["file"].to_list() == ["offer.csv"]
    assert read.notes == []


def test_attachments_inside_an_archive_are_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("contacts.csv", CONTACTS)
        archive.writestr("attachments/manifest.csv", MANIFEST)
    read = read_folder(tmp_path)
    assert read.frames["attachments"].height == 0
    assert any("attachments are read from a folder" in note for note in read.notes)


def test_a_manifest_without_whose_files_they_are_names_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text(CONTACTS)
    (tmp_path / "attachments").mkdir()
    (tmp_path / "attachments" / "manifest.csv").write_text("file,title\noffer.csv,Offer\n")
    with pytest.raises(
        ExportError, match=r"attachments/manifest\.csv.*contact_id or contact_email"
    ):
        read_folder(tmp_path)
