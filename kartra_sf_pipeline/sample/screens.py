"""What Kartra's own screens would show of a sample account, as an owner would note it down."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.kartra.files import CONTROL_TOTALS_NAME
from kartra_sf_pipeline.sample.orders import REBILL, SALE, TYPES


class Screens:
    """Counts and revenue of the account, added up while it is made, not read from its files.

    A payment whose type is blank in the report is in nobody's revenue: the screen sums by type.
    """

    def __init__(self) -> None:
        self.contacts = 0
        self.transactions = 0
        self.subscriptions = 0
        self._cents = 0

    def add(
        self, deleted: pl.Series, kinds: pl.Series, revenue: pl.Series, subscriptions: int
    ) -> None:
        """A block: whether each contact is deleted; type and revenue (text) of each transaction."""
        self.contacts += len(deleted) - int(deleted.sum())
        self.transactions += len(kinds)
        self.subscriptions += subscriptions
        paid = revenue.filter(kinds.is_in([TYPES[SALE], TYPES[REBILL]]).fill_null(value=False))
        self._cents += int(paid.str.replace(".", "", literal=True).cast(pl.Int64).sum())

    def write(self, folder: Path, read_on: date, affiliates: int) -> None:
        """`control_totals.yaml`, beside the exports."""
        lines = (
            "# Read off Kartra's screens on the day of the last export.",
            f"read_on: {read_on}",
            f"contacts: {self.contacts:,}",
            f"transactions: {self.transactions:,}",
            f"subscriptions: {self.subscriptions:,}",
            f"affiliates: {affiliates:,}",
            "revenue:",
            f"  USD: {Decimal(self._cents).scaleb(-2):,.2f}",
        )
        (folder / CONTROL_TOTALS_NAME).write_bytes(("\n".join(lines) + "\n").encode())
