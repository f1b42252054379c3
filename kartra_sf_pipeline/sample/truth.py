"""What the generator knows and no export says: for tests and benchmarks alone."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from kartra_sf_pipeline.sample.draw import text, where
from kartra_sf_pipeline.sample.people import People


class Truth:
    """A folder with `contacts.parquet`, `transactions.parquet` and `account.json`.

    `contacts` has one row per Kartra id. `cluster` is the id of the person's first contact: equal
    clusters are one person. `duplicate_kind` tells how a second record differs; `household` is
    equal for relatives, who are different people. `given`, `family`... are the name as it is, and
    `name_shown` how it stands in the cells. `company` and `domain` are the firm that a person is
    of, whatever the cells say. `transactions` has one row per transaction id: what it should
    become, and in how many `rows` of the files it stands.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> Truth:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for writer in self._writers.values():
            writer.close()

    def add(self, name: str, frame: pl.DataFrame) -> None:
        """Append rows to one of the files."""
        table: pa.Table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(self.folder / f"{name}.parquet", table.schema)
        self._writers[name].write_table(table)

    def note(self, facts: dict[str, object]) -> None:
        """Write the account's own facts: arguments and rows per file."""
        path = self.folder / "account.json"
        path.write_text(json.dumps(facts, indent=2, sort_keys=True, default=str) + "\n", "utf-8")


def contact_truth(people: People, emails: pl.DataFrame, cells: pl.DataFrame) -> pl.DataFrame:
    """The rows of `contacts.parquet` for a block."""
    ids = pl.Series(people.contact_id).cast(pl.String)
    second = people.duplicate_of >= 0
    related = people.family_of >= 0
    home = np.where(related, people.family_of, people.person)
    firm = np.maximum(people.firm, 0)
    employed = people.firm >= 0
    return pl.DataFrame(
        {
            "contact_id": ids,
            "cluster": ids.gather(people.person),
            "duplicate_kind": where(second, emails["email_kind"], None),
            "household": ids.gather(home),
            "given": people.given,
            "middle": people.middle,
            "family": people.family,
            "family2": people.family2,
            "suffix": people.suffix,
            "name_shown": cells["name_shown"],
            "full_name": cells["full_name"],
            "email": emails["email"],
            "true_email": emails["true_email"],
            "email_kind": where(second, "plain", emails["email_kind"]),
            "phone_e164": cells["phone_e164"],
            "company": where(employed, people.firms.names.gather(firm), None),
            "domain": where(employed, people.firms.domains.gather(firm), None),
            "company_key": where(employed, text("F", people.firms.numbers[firm]), None),
            "country": people.country,
            "gdpr_code": cells["gdpr_code"],
            "deleted": cells["deleted"],
            "buyer": cells["buyer"],
        }
    )
