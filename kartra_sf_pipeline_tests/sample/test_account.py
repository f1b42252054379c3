"""The folder as a whole: the same for the same seed, in the shapes that the reader knows."""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.kartra.exports import EXPORTS, TRANSACTION_HEADERS
from kartra_sf_pipeline.kartra.hand_made import HAND_MADE
from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.sample import write_account
from kartra_sf_pipeline_tests.sample.conftest import Account

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    counts = write_account(tmp_path / "one", contacts=500, seed=3)
    again = write_account(tmp_path / "two", contacts=500, seed=3, truth=tmp_path / "truth")
    assert counts == again
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_writes_other_people_and_payments(tmp_path: Path) -> None:
    write_account(tmp_path / "one", contacts=500, seed=3)
    write_account(tmp_path / "two", contacts=500, seed=4)
    one, two = read_folder(tmp_path / "one").frames, read_folder(tmp_path / "two").frames
    shared = set(one["contacts"]["email"]) & set(two["contacts"]["email"])
    assert len(shared) < 50
    assert one["transactions"]["date"].to_list() != two["transactions"]["date"].to_list()


def test_the_committed_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    write_account(tmp_path / "sample", contacts=2500, seed=7)
    assert contents(tmp_path / "sample") == contents(SAMPLE)
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 4_000_000


def test_every_export_is_there_and_every_row_can_be_read(account: Account) -> None:
    hand_made = {export.name for export in HAND_MADE}
    assert {report.export for report in account.exports.files} == set(EXPORTS) - hand_made
    assert account.exports.quarantine.is_empty()
    read = {report.path: report.rows for report in account.exports.files}
    assert read == account.counts


@settings(max_examples=12, deadline=None)
@given(contacts=st.integers(1, 70), seed=st.integers(0, 2**40))
def test_the_smallest_accounts_are_whole_too(contacts: int, seed: int) -> None:
    with TemporaryDirectory() as folder:
        counts = write_account(Path(folder), contacts=contacts, seed=seed)
        exports = read_folder(Path(folder))
    assert sum(report.rows for report in exports.files) == sum(counts.values())
    assert exports.frames["contacts"]["id"].n_unique() == contacts


def test_file_names_carry_the_day_and_a_clock_that_agrees(account: Account) -> None:
    dated = [name for name in account.counts if re.search(r"\d{2}-\d{2}-\d{4}", name)]
    assert len(dated) == 7
    for name in dated:
        match = re.search(r"_(\d{2}-\d{2}-\d{4})_([0-9a-f]{13})\.csv$", name)
        assert match is not None, name
        day = datetime.strptime(match[1], "%d-%m-%Y").date()
        assert datetime.fromtimestamp(int(match[2][:8], 16), UTC).date() == day
        assert int(match[2][8:], 16) < 1_000_000


def test_transactions_have_the_57_headers_in_kartras_order(account: Account) -> None:
    files = sorted(account.folder.glob("report_all_transactions_*.csv"))
    assert len(files) == 2
    for file in files:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            assert tuple(next(csv.reader(handle))) == TRANSACTION_HEADERS
    assert len(TRANSACTION_HEADERS) == 57


def test_part_files_differ_in_their_bytes_as_real_ones_do(account: Account) -> None:
    oldest, middle, newest = sorted(
        account.folder.glob("contacts_kartra_*.csv"),
        key=lambda path: path.name[19:21] + path.name[16:18],
    )
    assert oldest.read_bytes().startswith(b"\xef\xbb\xbf")
    assert not middle.read_bytes().startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in middle.read_bytes()
    header = [path.read_text("utf-8-sig").splitlines()[0].split(",") for path in (oldest, newest)]
    assert set(header[1]) - set(header[0]) == {"photo-release", "tshirt_size"}


def test_part_files_overlap_and_the_newest_tells_how_a_contact_is_today(account: Account) -> None:
    contacts = account.frame("contacts")
    assert contacts["id"].n_unique() == 2500
    assert 2550 < len(contacts) < 2700
    repeated = contacts.filter(pl.col("id").is_duplicated())
    assert repeated["extract_date"].n_unique() == 3
    changed = repeated.group_by("id").agg(
        pl.struct("email", "phone", "company", "last_name", "tags", "gdpr_status").n_unique()
    )
    assert changed.filter(pl.col("email") > 1).height > len(changed) * 0.3
    today = account.newest_contacts().join(account.people, left_on="id", right_on="contact_id")
    same = today["email"].str.strip_chars().str.to_lowercase() == today["email_right"]
    assert same.all()


def test_an_account_of_several_blocks_repeats_no_id_and_no_address(tmp_path: Path) -> None:
    truth = tmp_path / "truth"
    counts = write_account(tmp_path / "account", contacts=20_600, seed=5, truth=truth)
    people = pl.read_parquet(truth / "contacts.parquet")
    money = pl.read_parquet(truth / "transactions.parquet")
    assert people["contact_id"].n_unique() == people["email"].n_unique() == len(people) == 20_600
    assert money["transaction_id"].n_unique() == len(money)
    rows = sum(n for name, n in counts.items() if "transactions" in name)
    assert money["rows"].sum() == rows
    firms = people.drop_nulls("company").unique("company_key")
    assert firms["company"].n_unique() == firms["domain"].n_unique() == len(firms)
    subscriptions = next((tmp_path / "account").glob("report_all_subscriptions_*.csv"))
    ids = pl.read_csv(subscriptions, infer_schema=False)["Subscription_ID"]
    assert ids.n_unique() == len(ids)


def test_nothing_happens_after_the_day_of_the_export(tmp_path: Path) -> None:
    write_account(tmp_path, contacts=500, seed=1, today=date(2025, 3, 9))
    frames = read_folder(tmp_path).frames
    for export, column in (("contacts", "date_joined"), ("transactions", "date")):
        assert frames[export][column].max() < "2025-03-09"  # type: ignore[operator]
    assert frames["contacts"]["extract_date"].max() == date(2025, 3, 9)
    due = frames["subscriptions"]["next_payment_date"].str.to_date("%d %b %Y", strict=False)
    assert (due.drop_nulls() >= date(2025, 3, 9)).all()


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    write_account(tmp_path, contacts=20, seed=1)
    write_account(tmp_path, contacts=20, seed=1)
    assert (tmp_path / "mine.txt").read_text() == "keep"


def test_an_account_without_contacts_or_folder_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="at least one contact, not 0"):
        write_account(tmp_path, contacts=0, seed=1)
    with pytest.raises(SettingsError, match="0 or more"):
        write_account(tmp_path, contacts=1, seed=-1)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SettingsError, match="not a folder"):
        write_account(file, contacts=1, seed=1)
