"""Raw frames from a few cells: what is not given is null, as in an export without that column."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from kartra_sf_pipeline.kartra.exports import EXPORTS, raw_columns

ZONE = "America/New_York"
_TYPES: dict[str, Any] = {"source_line": pl.Int64, "extract_date": pl.Date}


def raw(export: str, *rows: dict[str, Any], file: str | None = None) -> pl.DataFrame:
    """A `raw_<export>` frame; lines count from 2, the extract date is 2026-06-30 unless given."""
    name = file or f"{export}.csv"
    money = {"currency": "USD"} if EXPORTS[export].money else {}
    defaults = {"extract_date": date(2026, 6, 30), "source_file": name, **money}
    filled = [{"source_line": n, **defaults, **row} for n, row in enumerate(rows, start=2)]
    extra = sorted({key for row in rows for key in row if key.startswith("x__")})
    columns = (*raw_columns(export), *extra)
    return pl.DataFrame(
        [{column: row.get(column) for column in columns} for row in filled],
        schema={column: _TYPES.get(column, pl.String) for column in columns},
    )


def people(*rows: tuple[str | None, str | None, Sequence[str]]) -> pl.DataFrame:
    """Unified contacts from (kartra id, e-mail, merged keys)."""
    return pl.DataFrame(
        [
            {
                "contact_key": kartra_id or f"email:{email}",
                "kartra_id": kartra_id,
                "email": email,
                "email_raw": email,
                "merged_keys": list(merged),
            }
            for kartra_id, email, merged in rows
        ],
        schema={
            "contact_key": pl.String,
            "kartra_id": pl.String,
            "email": pl.String,
            "email_raw": pl.String,
            "merged_keys": pl.List(pl.String),
        },
    )


PEOPLE = people(
    ("1", "ann@example.com", ["11", "email:ann@old.example"]),
    ("2", "bob@example.com", []),
    (None, "cid@example.com", []),
)


def transaction(kind: str, number: str, **cells: Any) -> dict[str, Any]:
    """A transaction of contact 1 for the Gold course, 100.00 on 10 January 2026."""
    return {
        "transaction_id": number,
        "transaction_type": kind,
        "date": "2026-01-10 12:00:00",
        "product": "Gold",
        "price_point": "Monthly",
        "quantity": "1",
        "amount": "100.00",
        "base_price": "100.00",
        "buyer_email": "ann@example.com",
        "lead_id": "1",
        "subscription_id": "N/A",
        **cells,
    }


def fates(frame: pl.DataFrame) -> list[tuple[str, str | None]]:
    """Disposition and reason of each row, in order."""
    return frame.select("disposition", "reason").rows()
