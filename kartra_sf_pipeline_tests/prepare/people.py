"""Contact and company rows as the reader gives them, written short."""

from __future__ import annotations

from datetime import date

import polars as pl

from kartra_sf_pipeline.kartra.model import raw_schema

NEWEST = date(2026, 6, 30)


def raw_contacts(*rows: dict[str, object]) -> pl.DataFrame:
    return _raw("contacts", rows)


def raw_companies(*rows: dict[str, object]) -> pl.DataFrame:
    return _raw("companies", rows)


def _raw(export: str, rows: tuple[dict[str, object], ...]) -> pl.DataFrame:
    schema: dict[str, pl.DataType | type[pl.DataType]] = dict(raw_schema(export))
    custom = {name: pl.String for row in rows for name in row if name not in schema}
    filled = [
        {
            "source_file": f"{export}.csv",
            "source_line": number + 2,
            "extract_date": NEWEST,
            **row,
        }
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(filled, schema=schema | custom)
