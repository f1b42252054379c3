"""A whole sample account, block by block, into a folder of exports."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.sample import catalogue
from kartra_sf_pipeline.sample.contact_rows import contact_frame, older_version
from kartra_sf_pipeline.sample.draw import Bools
from kartra_sf_pipeline.sample.emails import email_columns
from kartra_sf_pipeline.sample.files import CsvFile, export_name
from kartra_sf_pipeline.sample.hand_made import (
    booking_frame,
    company_frame,
    custom_field_frame,
    list_frame,
    note_frame,
    sequence_frame,
)
from kartra_sf_pipeline.sample.orders import make_orders
from kartra_sf_pipeline.sample.partners import Partners
from kartra_sf_pipeline.sample.people import EPOCH_DAY, SHARE_BUYERS, Block, People, make_people
from kartra_sf_pipeline.sample.screens import Screens
from kartra_sf_pipeline.sample.subscription_rows import exported_subscriptions, subscription_frame
from kartra_sf_pipeline.sample.transaction_rows import make_transactions
from kartra_sf_pipeline.sample.truth import Truth, contact_truth

# Part of what a seed means: another block size draws another account.
BLOCK = 20_000
TODAY = date(2026, 6, 30)

# The parts of the contacts export: days before today, and the span of contact numbers in it.
_PARTS = ((48, 0.0, 0.56), (20, 0.54, 0.80), (0, 0.78, 1.0))
_SHARE_TOUCHED = 0.015
_SECOND_REPORT_DAYS = 20
_REPORT_OVERLAP_DAYS = 30


@dataclass
class _Folder:
    """The open files of an account."""

    contacts: list[CsvFile]
    transactions: list[CsvFile]
    subscriptions: CsvFile
    bookings: CsvFile
    notes: CsvFile
    companies: CsvFile

    def all(self) -> list[CsvFile]:
        return [
            *self.contacts,
            *self.transactions,
            self.subscriptions,
            self.bookings,
            self.notes,
            self.companies,
        ]


def write_account(
    out: Path,
    *,
    contacts: int,
    seed: int,
    truth: Path | None = None,
    today: date = TODAY,
    buyers: float = SHARE_BUYERS,
) -> dict[str, int]:
    """Write a believable, messy Kartra account into `out` (made when absent); rows per CSV file.

    Beside the exports stands `control_totals.yaml`: what Kartra's screens would show.

    `contacts` counts distinct Kartra contacts: the part files overlap and hold some more rows.
    The same arguments give the same bytes. `today` is the day of the last export. With `truth`,
    that folder gets what only tests and benchmarks may know (see `truth.Truth`). Files of the
    same names are replaced; others are left alone. `buyers` is the share of contacts that order:
    a contact has some 8.5 transaction rows if it does.

    Memory holds one block of 20,000 contacts, whatever the size of the account.

    Raises SettingsError for fewer than one contact, a negative seed, or an `out` that is a file.
    """
    if contacts < 1:
        raise SettingsError(
            f"A sample account has at least one contact, not {contacts}.",
            next_step="Ask for a number of contacts from 1 up.",
        )
    if seed < 0:
        raise SettingsError(f"A seed is 0 or more, not {seed}.", next_step="Give another seed.")
    for folder in (out, truth):
        if folder is not None and folder.exists() and not folder.is_dir():
            raise SettingsError(f"{folder} is not a folder.", next_step="Name another folder.")
    out.mkdir(parents=True, exist_ok=True)
    partners = Partners(seed, contacts)
    screens = Screens()
    with ExitStack() as stack:
        files = _open(out, seed, today)
        for file in files.all():
            stack.enter_context(file)
        known = stack.enter_context(Truth(truth)) if truth is not None else None
        for number, first in enumerate(range(0, contacts, BLOCK)):
            size = min(BLOCK, contacts - first)
            block = Block(seed, number, first, size, contacts, today, buyers)
            _write_block(block, partners, files, screens, known)
        counts = {file.path.name: file.rows for file in files.all()}
        small = _write_small(out, seed, today, partners)
        screens.write(out, today, small[export_name("affiliates", today, seed)])
        counts |= small
        counts = dict(sorted(counts.items()))
        if known is not None:
            known.note({"contacts": contacts, "seed": seed, "today": today, "files": counts})
    return counts


def _open(out: Path, seed: int, today: date) -> _Folder:
    dates = [today - timedelta(days=days) for days, _, _ in _PARTS]
    reports = [today - timedelta(days=_SECOND_REPORT_DAYS), today]
    return _Folder(
        contacts=[
            CsvFile(
                out / export_name("contacts_kartra", taken, seed), bom=part != 1, crlf=part == 1
            )
            for part, taken in enumerate(dates)
        ],
        transactions=[
            CsvFile(out / export_name("report_all_transactions", taken, seed), bom=True)
            for taken in reports
        ],
        subscriptions=CsvFile(out / export_name("report_all_subscriptions", today, seed), bom=True),
        bookings=CsvFile(out / "calendar_bookings.csv", crlf=True),
        notes=CsvFile(out / "notes.csv", crlf=True),
        companies=CsvFile(out / "companies.csv"),
    )


def _write_block(
    block: Block, partners: Partners, folder: _Folder, screens: Screens, truth: Truth | None
) -> None:
    people = make_people(block)
    emails = email_columns(people)
    can_buy = ~emails["email_kind"].is_in(["invalid"]).to_numpy()
    orders = make_orders(people, can_buy)
    rows, cells = contact_frame(people, emails, orders.bought(), partners.ids)
    then = older_version(people, rows, emails["email_then"])
    for part, file in enumerate(folder.contacts):
        now_here, then_here = _membership(people, part)
        places = np.concatenate([np.flatnonzero(then_here), np.flatnonzero(now_here)])
        frame = pl.concat([then.filter(pl.Series(then_here)), rows.filter(pl.Series(now_here))])
        frame = frame[np.argsort(places, kind="stable")]
        file.write(frame.drop(catalogue.LATE_FIELDS) if part == 0 else frame)

    exported = exported_subscriptions(block, orders)
    money = make_transactions(people, rows, cells["full_name"], emails, orders, exported, partners)
    turn = (block.today - timedelta(days=_SECOND_REPORT_DAYS)).toordinal() - EPOCH_DAY
    at = money.rows["at"]
    lines = money.rows.drop("at")
    early = at < turn * 86_400
    late = at >= (turn - _REPORT_OVERLAP_DAYS) * 86_400
    folder.transactions[0].write(lines.filter(early))
    folder.transactions[1].write(lines.filter(late))
    plans = subscription_frame(
        block, rows, cells["full_name"], emails["email"], orders, money, exported
    )
    folder.subscriptions.write(plans)
    screens.add(cells["deleted"], money.truth["type"], lines["Revenue (USD)"], len(plans))
    folder.bookings.write(booking_frame(people, emails["email"], cells["full_name"]))
    folder.notes.write(note_frame(people, rows, emails["email"]))
    folder.companies.write(company_frame(people))
    if truth is not None:
        truth.add("contacts", contact_truth(people, emails, cells))
        twice = (early & late).cast(pl.Int64)
        truth.add("transactions", money.truth.with_columns(rows=pl.col("rows") + twice))


def _membership(people: People, part: int) -> tuple[Bools, Bools]:
    """Which contacts of a block stand in a part file as they are today, and which as they were.

    The newest part that has a contact shows today's state. The last part also has some old
    contacts that something has happened to since.
    """
    place = people.serial / people.block.total
    touched = people.block.draw("touched").chance(_SHARE_TOUCHED)
    inside = [(place >= low) & (place < high) for _, low, high in _PARTS]
    inside[-1] |= touched
    newer = np.zeros(people.size, dtype=np.bool_)
    for later in inside[part + 1 :]:
        newer |= later
    return inside[part] & ~newer, inside[part] & newer


def _write_small(out: Path, seed: int, today: date, partners: Partners) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, frame in (
        (export_name("affiliates", today, seed), partners.frame()),
        ("lists.csv", list_frame()),
        ("custom_fields.csv", custom_field_frame()),
        ("sequences.csv", sequence_frame()),
    ):
        with CsvFile(out / name) as file:
            file.write(frame)
        counts[name] = file.rows
    return counts
