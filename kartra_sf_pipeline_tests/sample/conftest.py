from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.kartra.model import ExportSet
from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.sample import write_account


@dataclass(frozen=True)
class Account:
    folder: Path
    counts: dict[str, int]
    exports: ExportSet
    people: pl.DataFrame
    money: pl.DataFrame

    def frame(self, export: str) -> pl.DataFrame:
        return self.exports.frames[export]

    def newest_contacts(self) -> pl.DataFrame:
        """Each contact once, as the newest part file has it."""
        return self.frame("contacts").sort("extract_date").unique("id", keep="last")

    def transactions(self) -> pl.DataFrame:
        """Each transaction once, with the time and the amount typed."""
        return (
            self.frame("transactions")
            .unique("transaction_id", keep="first")
            .with_columns(
                at=pl.col("date").str.to_datetime("%Y-%m-%d %H:%M:%S"),
                paid=pl.col("amount").cast(pl.Decimal(18, 2)),
            )
        )


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    folder = tmp_path_factory.mktemp("account")
    truth = tmp_path_factory.mktemp("truth")
    counts = write_account(folder, contacts=2500, seed=11, truth=truth)
    return Account(
        folder=folder,
        counts=counts,
        exports=read_folder(folder),
        people=pl.read_parquet(truth / "contacts.parquet"),
        money=pl.read_parquet(truth / "transactions.parquet"),
    )
