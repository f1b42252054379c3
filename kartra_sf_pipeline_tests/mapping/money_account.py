"""A few buyers whose transactions are of every kind that a strategy decides on."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline_tests.mapping.account import prepared_from

_PEOPLE = (
    ("1", "ann@lee.example.org", "Ann", "Lee", "Lee Coaching"),
    ("2", "bob@stone.example.com", "Bob", "Stone", ""),
    ("3", "cy@gmail.com", "Cy", "Young", ""),
    ("4", "dora@gmail.com", "Dora", "Klee", ""),
)
_COLUMNS = (
    "ID", "Transaction_Type", "Date", "Product", "Price_point", "Quantity", "Buyer_Email",
    "Amount ({0})", "Base_Price ({0})", "Processor", "Processor_transaction_id",
    "subscription_id", "lead_id",
)  # fmt: skip
# id, type, day, product, amount, subscription, contact
_Row = tuple[str, str, str, str, str, str, str]
DOLLARS: tuple[_Row, ...] = (
    ("101", "Sale", "2026-01-02", "Course", "97.00", "", "1"),
    ("102", "Partial refund", "2026-01-09", "Course", "20.00", "", "1"),
    ("103", "Sale", "2026-01-03", "Book", "50.00", "", "2"),
    ("104", "Chargeback", "2026-02-01", "Book", "50.00", "", "2"),
    # 900 stands in the subscriptions, too.
    ("105", "Sale", "2026-01-05", "Club", "49.00", "900", "1"),
    ("106", "Rebill", "2026-02-05", "Club", "49.00", "900", "1"),
    ("107", "Rebill", "2026-03-05", "Club", "49.00", "900", "1"),
    ("108", "Failed", "2026-04-05", "Club", "49.00", "900", "1"),
    ("109", "Refund", "2026-03-06", "Club", "49.00", "900", "1"),
    ("110", "Cancellation", "2026-04-06", "Club", "0.00", "900", "1"),
    # 901 and 902 are known by their payments alone; 902 began before the export does.
    ("111", "Sale", "2026-01-07", "Club", "39.00", "901", "2"),
    ("112", "Rebill", "2026-02-07", "Club", "39.00", "901", "2"),
    ("113", "Sale", "2026-02-08", "Club", "10.00", "901", "2"),
    ("114", "Rebill", "2026-01-11", "Club", "29.00", "902", "3"),
    ("115", "Rebill", "2026-02-11", "Club", "29.00", "902", "3"),
    ("116", "Failed", "2026-03-01", "Course", "97.00", "", "2"),
    ("117", "Failed", "2026-03-01", "Course", "97.00", "", "77"),
    ("118", "Sale", "2026-03-02", "Course", "97.00", "", "77"),
    ("119", "Mystery", "2026-03-02", "Course", "97.00", "", "1"),
    ("120", "Rebill", "2026-03-02", "Club", "49.00", "", "1"),
    ("121", "Sale", "2026-03-03", "Gift", "0.00", "", "3"),
    ("122", "Sale", "2026-03-04", "", "5.00", "", "3"),
)
EUROS: tuple[_Row, ...] = (
    ("130", "Sale", "2026-02-02", "Course", "80.00", "", "4"),
    ("131", "Sale", "2026-02-03", "Club", "45.00", "903", "4"),
    ("132", "Rebill", "2026-03-03", "Club", "45.00", "903", "4"),
    ("133", "Refund", "2026-03-04", "Course", "80.00", "", "4"),
)
EARLIER = frozenset({"101", "102", "105", "106", "108", "117"})
"""Rows that an older export holds, too."""


def write_money(folder: Path, *, euros: bool = True) -> Path:
    """The exports of the account."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(
        folder / "contacts_kartra_30-06-2026_a.csv",
        ("id", "email", "first_name", "last_name", "company", "date_joined", "tags"),
        [(*person, "2025-12-01 10:00:00", "buyer") for person in _PEOPLE],
    )
    _write(
        folder / "report_all_subscriptions_30-06-2026_a.csv",
        ("Subscription_ID", "Status", "Recurrence_Term", "Product", "Price point", "Buyer_Name",
         "Buyer_Email", "lead_id", "Start date", "End date", "Next payment date",
         "Next payment amount", "Payment number", "Payments left"),
        [("900", "Cancelled", "monthly", "Club", "Monthly", "Ann Lee", "ann@lee.example.org", "1",
          "05 Jan 2026", "06 Apr 2026", "", "", "3", "Until cancelled")],
    )  # fmt: skip
    _payments(folder / "report_all_transactions_30-06-2026_a.csv", "USD", DOLLARS)
    earlier = [row for row in DOLLARS if row[0] in EARLIER]
    _payments(folder / "report_all_transactions_10-06-2026_a.csv", "USD", earlier)
    if euros:
        _payments(folder / "report_all_transactions_30-06-2026_b.csv", "EUR", EUROS)
    return folder


@cache
def money_account(*, euros: bool = True) -> dict[str, pl.DataFrame]:
    """The account as it was read (`raw_…`, `quarantine`) and prepared."""
    with tempfile.TemporaryDirectory() as folder:
        read = read_folder(write_money(Path(folder), euros=euros))
    raw = {f"raw_{export}": frame for export, frame in read.frames.items()}
    return {**raw, "quarantine": read.quarantine, **prepared_from(read.frames)}


def _payments(path: Path, currency: str, rows: Iterable[_Row]) -> None:
    _write(
        path,
        [name.format(currency) for name in _COLUMNS],
        [
            (id_, kind, f"{day} 12:00:00", product, "Monthly" if of else "Full", "1",
             f"buyer{buyer}@example.org", amount, amount, "Stripe", f"ch_{id_}", of, buyer)
            for id_, kind, day, product, amount, of, buyer in rows
        ],
    )  # fmt: skip


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(rows)
