"""What an asset shows of its frame: counts and a preview in which personal data are masked."""

import re
from typing import Any

import dagster as dg
import polars as pl

PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 12
PREVIEW_WIDTH = 60

_PERSONAL = re.compile(
    r"email|mail$|phone|name|address|street|city|zip|postal|(^|_)ip($|_)|facebook|twitter|linkedin"
    r"|tax_id|notes?$|description|subject|note$|attendee|author|detail|raw|website|domain|company"
    r"|picture|^file$|^path$|title|body|owner|^user$|x__|kartra_cf_|username|host|expected|found|evidence|_key$|^key$|processor_",
    re.IGNORECASE,
)
# Keys may be made of an address or a company's name; names of things are no person's.
_IMPERSONAL = {
    "product", "product_key", "list_name", "tag", "tag_folded", "list_folded", "reason", "object",
    "field", "metric", "item", "name_verdict", "email_verdict", "source_file",
}  # fmt: skip


def mask(text: str) -> str:
    """First character and length class of a text: enough to see its kind, not whose it is."""
    return f"{text[:1]}…({len(text)})" if text else text


def preview(frame: pl.DataFrame) -> dg.TableMetadataValue:
    """The first rows as a table; personal columns are masked."""
    head = frame.head(PREVIEW_ROWS)
    columns = frame.columns[:PREVIEW_COLUMNS]
    lineage = [c for c in ("source_file", "source_line") if c in frame.columns and c not in columns]
    records = [
        dg.TableRecord({name: _shown(name, row[name]) for name in (*columns, *lineage)})
        for row in head.iter_rows(named=True)
    ]
    return dg.MetadataValue.table(
        records,
        schema=dg.TableSchema(
            [dg.TableColumn(name, type=str(frame.schema[name])) for name in (*columns, *lineage)]
        ),
    )


def table(frame: pl.DataFrame, rows: int = 50) -> dg.TableMetadataValue:
    """A frame of figures, shown as it is: never of personal data."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord({name: _plain(value) for name, value in row.items()})
            for row in frame.head(rows).iter_rows(named=True)
        ],
        schema=dg.TableSchema([dg.TableColumn(name) for name in frame.columns]),
    )


def counts(frame: pl.DataFrame, column: str) -> dg.TableMetadataValue:
    """How often each value of a column stands."""
    return table(frame.group_by(column).agg(rows=pl.len()).sort("rows", descending=True))


def _shown(name: str, value: Any) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    if name not in _IMPERSONAL and _PERSONAL.search(name):
        return mask(text)
    return text if len(text) <= PREVIEW_WIDTH else text[: PREVIEW_WIDTH - 1] + "…"


def _plain(value: Any) -> str | int | float | bool | None:
    return value if value is None or isinstance(value, bool | int | float) else str(value)
