from __future__ import annotations

import shutil
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.exports import EXPORTS, TRANSACTION_HEADERS, raw_columns
from kartra_sf_pipeline.kartra.manifest import FileRule
from kartra_sf_pipeline.kartra.model import ExportSet
from kartra_sf_pipeline.kartra.reader import read_folder, spool_folder

ACCOUNT = Path(__file__).parent / "data" / "account"
CONTACTS = "contacts_kartra_09-06-2026_6a2803f884d5c.csv"
GOOD = "email,first_name\na@example.com,Ann\n"


@pytest.fixture(scope="module")
def account() -> ExportSet:
    return read_folder(ACCOUNT)


def folder_with(tmp_path: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = tmp_path / name.replace("__", ".")
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return tmp_path


def test_every_export_has_its_frame_with_the_whole_schema(account: ExportSet) -> None:
    assert set(account.frames) == set(EXPORTS)
    for name, frame in account.frames.items():
        own = [column for column in frame.columns if not column.startswith("x__")]
        assert own == list(raw_columns(name))
        dtypes = {dtype for column, dtype in frame.schema.items() if column not in own[-3:]}
        assert dtypes <= {pl.String}
        assert frame.schema["source_line"] == pl.Int64
        assert frame.schema["extract_date"] == pl.Date


def test_each_file_goes_to_its_export(account: ExportSet) -> None:
    assert {report.path: report.export for report in account.files} == {
        CONTACTS: "contacts",
        "part2/level 11 founding members report_11-06-2026_6a2b3d5d42805.csv": "contacts",
        "report_all_transactions_10-06-2026.csv": "transactions",
        "subscriptions.csv": "subscriptions",
        "companies_old.csv": "companies",
        "affiliates.csv": "affiliates",
        "calendar.csv": "calendar_bookings",
        "custom_fields.csv": "custom_fields",
        "sequences.csv": "sequences",
        "lists.csv": "lists",
        "notes.zip/notes/notes.csv": "notes",
    }


def test_rows_and_quarantine_add_up_in_every_file(account: ExportSet) -> None:
    for report in account.files:
        frame = account.frames[report.export or ""]
        rows = frame.filter(pl.col("source_file") == report.path).height
        aside = account.quarantine.filter(pl.col("source_file") == report.path).height
        assert (rows, aside) == (report.rows, report.quarantined)


def test_cells_stay_as_they_stand_in_the_file(account: ExportSet) -> None:
    contacts = account.frames["contacts"]
    ada = contacts.row(0, named=True)
    assert ada["notes"] == 'Met in London.\r\nLikes "numbers", dislikes noise.'
    assert ada["phone"] == "020 7946 0018"
    assert ada["tags"] == "Buyer, Webinar Registered"
    assert contacts["first_name"].to_list() == [
        "Ada", "João da Silva", "田中太郎", "Na", "Ada", "Grace Hopper",
    ]  # fmt: skip
    assert contacts["last_name"].to_list() == ["Lovelace", None, None, "N/A", None, None]


def test_lines_are_physical_and_files_follow_their_dates(account: ExportSet) -> None:
    contacts = account.frames["contacts"]
    assert contacts["source_line"].to_list() == [2, 4, 5, 7, 2, 3]
    assert contacts["extract_date"].to_list() == [date(2026, 6, 9)] * 4 + [date(2026, 6, 11)] * 2


def test_a_ragged_row_is_set_aside_with_its_text(account: ExportSet) -> None:
    assert account.quarantine.rows() == [
        (
            "contacts",
            CONTACTS,
            6,
            "ragged",
            "4 fields where the header has 16",
            "104,broken@example.com,Too,Short",
        )
    ]


def test_unknown_and_repeated_columns_are_kept_and_reported(account: ExportSet) -> None:
    report = next(report for report in account.files if report.path == CONTACTS)
    assert report.unknown_columns == ["x__t_shirt_size", "x__company"]
    assert any("repeats company" in note for note in report.notes)
    contacts = account.frames["contacts"]
    assert contacts["x__company"].to_list() == [None, "shadow", None, None, None, None]
    assert contacts["company"][0] == "Analytical Engines"


def test_currency_comes_from_the_header(account: ExportSet) -> None:
    assert account.frames["transactions"]["currency"].unique().to_list() == ["EUR"]
    assert account.frames["affiliates"]["currency"].unique().to_list() == ["USD"]
    assert account.frames["subscriptions"]["currency"].unique().to_list() == [None]


def test_all_57_transaction_columns_find_their_place(account: ExportSet) -> None:
    report = next(report for report in account.files if report.export == "transactions")
    assert len(report.header_columns) == 57
    assert report.unknown_columns == []
    frame = account.frames["transactions"]
    assert frame["transaction_id"].to_list() == ["9001", "9002", "9003"]
    assert frame["amount"].to_list() == ["1,299.00", "19.00", "-9.50"]
    assert frame["subscription_id"].to_list() == ["N/A", "501", "501"]


def test_a_spreadsheet_s_semicolons_and_code_page_are_seen(account: ExportSet) -> None:
    by_export = {report.export: report for report in account.files}
    assert by_export["subscriptions"].delimiter == ";"
    assert account.frames["subscriptions"]["product"].to_list() == ["Club", "Plan; long"]
    assert by_export["companies"].encoding == "cp1252"
    assert by_export["companies"].encoding_assumed
    assert account.frames["companies"]["city"].to_list() == ["Besançon", "Köln"]


def test_a_file_with_a_header_alone_is_zero_rows(account: ExportSet) -> None:
    report = next(report for report in account.files if report.export == "lists")
    assert (report.rows, report.quarantined, report.problem) == (0, 0, None)
    assert account.frames["lists"].height == 0


def test_what_is_no_table_is_named_in_the_notes(account: ExportSet) -> None:
    assert any(note.startswith("README.md: not a table") for note in account.notes)


def test_a_folder_that_is_not_there_says_what_to_put_in_it(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no such folder.*Export to CSV"):
        read_folder(tmp_path / "missing")


def test_an_empty_folder_says_what_to_put_in_it(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"no CSV file.*Export to CSV"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("contacts.csv", b"", r"contacts\.csv: the file is empty \(0 bytes\)"),
        ("contacts.csv", b"\n\r\n", "nothing but blank lines"),
        ("contacts.csv", b"email\na@example.com\n", "line 1: the header row is too short"),
        ("x.csv", b"colour,weight,planet\n1,2,3\n", "no Kartra export has these columns: colour"),
        ("x.csv", b"%PDF-1.7 \x00\x01", "this is a PDF, not CSV"),
        ("x.csv", b"PK\x03\x04....", "spreadsheet workbook, not CSV"),
        ("x.csv", b"<!doctype html><title>Log in</title>", "a web page or XML, not CSV"),
        ("x.csv", b'{"email": "a"}', "this is JSON, not CSV"),
        ("x.csv", b"\x00\x01\x02,\x03\n1,2\n", "not a text table"),
        ("x.csv", bytes(range(128, 256)) * 9, "neither UTF-8 nor Windows cp1252"),
        ("book.xlsx", b"PK\x03\x04", "this is a spreadsheet workbook, not CSV"),
        ("all.zip", b"not a zip", "not a whole zip archive"),
        ("contacts.csv", b"a@example.com,Ann,12345\n", "looks like data, not like a header row"),
        (
            "contacts.csv",
            "email,first_name\na@example.com,Сергей\nb@example.com,Мария\n".encode("cp1251"),
            "line 2: the bytes are neither UTF-8 nor Windows cp1252",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ExportError, match=message) as caught:
        read_folder(tmp_path)
    assert caught.value.next_step
    assert "a@example.com" not in str(caught.value)


@pytest.mark.parametrize(
    ("dropped", "label"),
    [
        ({"ID"}, "ID"),
        ({"Transaction_Type"}, "Transaction_Type"),
        ({"Date"}, "Date"),
        ({"Amount (USD)"}, "Amount"),
        ({"Buyer_Email", "lead_id"}, "Buyer_Email or lead_id"),
    ],
)
def test_a_transactions_file_without_a_key_column_names_it(
    tmp_path: Path, dropped: set[str], label: str
) -> None:
    header = ",".join(name for name in TRANSACTION_HEADERS if name not in dropped)
    folder_with(tmp_path, report_all_transactions__csv=header + "\n")
    with pytest.raises(ExportError, match="Nearest is transactions") as caught:
        read_folder(tmp_path)
    assert caught.value.column == label


def test_a_short_transactions_file_does_not_pass_for_contacts(tmp_path: Path) -> None:
    folder_with(tmp_path, sales__csv="Transaction_Type,Date,Product,Buyer_Email\n")
    with pytest.raises(ExportError, match="Nearest is transactions"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    "header",
    [
        "email,name",
        "email,notes",
        "Email Address;First Name",
        "email,tags",
        "email,favourite_food",
        "lead_email,company,phone,city",
        "email,list",
    ],
)
def test_an_email_and_anything_else_is_contacts(tmp_path: Path, header: str) -> None:
    folder_with(tmp_path, download__csv=header + "\n")
    assert read_folder(tmp_path).files[0].export == "contacts"


def test_all_bad_files_are_named_at_once(tmp_path: Path) -> None:
    folder_with(tmp_path, good__csv=GOOD, one__csv="", two__csv="colour,planet\n")
    with pytest.raises(ExportError, match="2 of 3 files cannot be read") as caught:
        read_folder(tmp_path)
    assert "one.csv" in str(caught.value)
    assert "two.csv" in str(caught.value)


def test_bad_files_do_not_stop_the_others_when_asked(tmp_path: Path) -> None:
    folder_with(tmp_path, good__csv=GOOD, one__csv="")
    found = read_folder(tmp_path, strict=False)
    assert found.frames["contacts"]["email"].to_list() == ["a@example.com"]
    problems = {report.path: report.problem for report in found.files}
    assert problems["good.csv"] is None
    assert isinstance(problems["one.csv"], ExportError)


def test_nothing_readable_is_an_error_even_then(tmp_path: Path) -> None:
    folder_with(tmp_path, one__csv="")
    with pytest.raises(ExportError):
        read_folder(tmp_path, strict=False)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_in_any_form_is_read(tmp_path: Path, encoding: str) -> None:
    text = "email,first_name\r\na@example.com,José 日本\r\n" + "b@example.com,Bob\r\n" * 20
    (tmp_path / "contacts.csv").write_bytes(text.encode(encoding))
    found = read_folder(tmp_path)
    assert found.frames["contacts"]["first_name"][0] == "José 日本"
    assert found.frames["contacts"].height == 21
    assert found.quarantine.height == 0


@pytest.mark.parametrize("name", ["José Muñoz", "Zoë Müller", "François Lefèvre", "Søren Ågård"])
def test_a_western_code_page_is_read_and_said_to_be_assumed(tmp_path: Path, name: str) -> None:
    text = f"email,first_name\na@example.com,{name}\nb@example.com,Bob\n"
    (tmp_path / "contacts.csv").write_bytes(text.encode("cp1252"))
    found = read_folder(tmp_path)
    assert found.frames["contacts"]["first_name"][0] == name
    assert found.files[0].encoding_assumed


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1251", ["Сергей", "Мария Иванова"]),
        ("cp1253", ["Γιώργος", "Ελένη"]),
        ("cp932", ["田中太郎", "鈴木一郎"]),
        ("gb18030", ["王伟", "李娜"]),
        ("mac_roman", ["José", "Müller", "François"]),
        ("cp1250", ["Łukasz", "Małgorzata", "Paweł"]),
    ],
)
def test_other_code_pages_are_refused_until_named(
    tmp_path: Path, encoding: str, names: list[str]
) -> None:
    rows = "".join(f"a{index}@example.com,{name}\n" for index, name in enumerate(names))
    (tmp_path / "contacts.csv").write_bytes(f"email,first_name\n{rows}".encode(encoding))
    with pytest.raises(ExportError, match="neither UTF-8 nor Windows cp1252"):
        read_folder(tmp_path)
    found = read_folder(tmp_path, {"contacts.csv": FileRule(encoding=encoding)})
    assert found.frames["contacts"]["first_name"].to_list() == names


def test_the_manifest_settles_what_detection_cannot(tmp_path: Path) -> None:
    text = "email^first_name\na@example.com^Сергей\n"
    (tmp_path / "odd.csv").write_bytes(text.encode("cp1251"))
    (tmp_path / "draft.csv").write_bytes(b"")
    (tmp_path / "exports.yaml").write_text(
        "files:\n"
        "  odd.csv: {export: contacts, encoding: cp1251, delimiter: '^'}\n"
        "  draft.csv: {ignore: true}\n"
    )
    found = read_folder(tmp_path)
    assert found.frames["contacts"]["first_name"].to_list() == ["Сергей"]
    assert found.files[0].encoding == "cp1251"
    assert "draft.csv: left aside by the manifest" in found.notes


def test_the_manifest_says_what_joins_tags_by_file_and_by_export(tmp_path: Path) -> None:
    header = "id,email,tags,lists\n"
    row = '1,a@example.com,"Gold, monthly|VIP",a;b\n'
    for name in ("contacts_a.csv", "contacts_b.csv"):
        (tmp_path / name).write_text(header + row, encoding="utf-8")
    (tmp_path / "exports.yaml").write_text(
        "files:\n"
        "  contacts_b.csv: {separators: {tags: ' / ', sequences: '|'}}\n"
        "exports:\n"
        "  contacts: {separators: {tags: '|'}}\n"
    )
    first, second = read_folder(tmp_path).files
    assert first.separators == {"tags": "|", "lists": ";"}
    assert second.separators == {"tags": " / ", "lists": ";"}
    assert "the manifest names a separator for sequences, which the file has not" in second.notes
    assert not any("another delimiter" in note for note in (*first.notes, *second.notes))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("files: {a.csv: {separators: {phone: ';'}}}", "separator for 'phone'"),
        ("files: {a.csv: {export: transactions, separators: {tags: ';'}}}", "for 'tags'"),
        ("files: {a.csv: {separators: {tags: and}}}", "no letter"),
        ("files: {a.csv: {separators: ';'}}", "are no table"),
        ("exports: {transactions: {separators: {tags: ';'}}}", "hold one name each"),
        ("exports: {contacts: {delimiter: ';'}}", "something else than `separators`"),
        ("exports: []", "`exports` is not a table"),
    ],
)
def test_a_separator_that_cannot_be_says_why(tmp_path: Path, text: str, says: str) -> None:
    folder_with(tmp_path, good__csv=GOOD, exports__yaml=text)
    with pytest.raises(ExportError, match=says):
        read_folder(tmp_path)


def test_a_manifest_that_is_wrong_says_where(tmp_path: Path) -> None:
    folder_with(tmp_path, good__csv=GOOD, exports__yaml="files:\n  good.csv: {exprt: contacts}\n")
    with pytest.raises(ExportError, match="unknown keys: exprt"):
        read_folder(tmp_path)


def test_a_wrong_encoding_in_the_manifest_names_the_line(tmp_path: Path) -> None:
    folder_with(tmp_path, contacts__csv="email,first_name\na@example.com,José\n")
    with pytest.raises(ExportError, match="line 2: the bytes are not ascii") as caught:
        read_folder(tmp_path, {"contacts.csv": FileRule(encoding="ascii")})
    assert caught.value.line == 2


def test_the_same_file_twice_is_told(tmp_path: Path) -> None:
    folder_with(tmp_path, contacts__csv=GOOD)
    shutil.copy(tmp_path / "contacts.csv", tmp_path / "contacts (1).csv")
    found = read_folder(tmp_path)
    assert found.frames["contacts"].height == 2
    assert any("same content" in note for note in found.notes)


def test_a_blank_header_keeps_its_column_only_if_it_holds_something(tmp_path: Path) -> None:
    folder_with(tmp_path, contacts__csv="email,first_name,,\na@example.com,Ann,,kept\n")
    found = read_folder(tmp_path)
    assert found.files[0].unknown_columns == ["x__column_4"]
    assert found.frames["contacts"]["x__column_4"].to_list() == ["kept"]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"email,first_name\ra@example.com,Ann\rb@example.com,Bob\r", [2, 3]),
        (b"sep=;\r\nemail;first_name\r\na@example.com;Ann\r\nb@example.com;Bob\r\n", [3, 4]),
        (b"\n\nemail,first_name\na@example.com,Ann\n\nb@example.com,Bob", [4, 6]),
        (b'email,"first\nname"\na@example.com,Ann\nb@example.com,Bob\n', [3, 4]),
        (b"email\tfirst_name\na@example.com\tAnn\nb@example.com\tBob\n", [2, 3]),
        (b'"email"|"first_name"\n"a@example.com"|"Ann"\n"b@example.com"|Bob\n', [2, 3]),
    ],
)
def test_lines_are_those_of_an_editor(tmp_path: Path, content: bytes, lines: list[int]) -> None:
    (tmp_path / "contacts.csv").write_bytes(content)
    frame = read_folder(tmp_path).frames["contacts"]
    assert frame["first_name"].to_list() == ["Ann", "Bob"]
    assert frame["source_line"].to_list() == lines


def test_a_header_in_the_api_s_words_is_known(tmp_path: Path) -> None:
    header = (
        "transaction_id,transaction_type,transaction_date,product_name,"
        "transaction_full_amount (GBP),lead_email,transaction_internal_subscription_id"
    )
    folder_with(tmp_path, export__csv=f"{header}\n1,sale,2025-01-01,Club,9.00,a@example.com,N/A\n")
    row = read_folder(tmp_path).frames["transactions"].row(0, named=True)
    assert (row["date"], row["amount"], row["currency"]) == ("2025-01-01", "9.00", "GBP")
    assert (row["buyer_email"], row["subscription_id"]) == ("a@example.com", "N/A")


def zipped(path: Path, **files: str) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return path.read_bytes()


def test_a_locked_archive_says_so(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    content = bytearray(zipped(path, contacts__csv=GOOD))
    # The flag that a member is encrypted, in its own header and in the directory.
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ExportError, match=r"all\.zip/contacts\.csv: .*locked with a password"):
        read_folder(tmp_path)


def test_a_damaged_archive_says_so(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    content = zipped(path, contacts__csv=GOOD)
    path.write_bytes(content.replace(b"Ann", b"Bob", 1))
    with pytest.raises(ExportError, match="cannot be unpacked"):
        read_folder(tmp_path)


def test_an_archive_without_tables_is_named_in_the_notes(tmp_path: Path) -> None:
    folder_with(tmp_path, contacts__csv=GOOD)
    zipped(tmp_path / "pictures.zip", one__png="...")
    assert "pictures.zip: the archive holds no table" in read_folder(tmp_path).notes


def test_spooled_frames_are_the_same_frames(tmp_path: Path, account: ExportSet) -> None:
    spooled = spool_folder(ACCOUNT, tmp_path / "spool")
    for name, frame in account.frames.items():
        assert spooled.frames[name].collect().equals(frame)
    assert spooled.quarantine.collect().equals(account.quarantine)
    assert spooled.files == account.files
