"""What an asset shows of its frame: counts and a preview in which personal data are masked."""

import re
from collections.abc import Callable
from typing import Any, Final

import dagster as dg
import polars as pl

from kartra_sf_pipeline.mapping.custom_fields import PREFIX
from kartra_sf_pipeline.mapping.model import PhaseMap

PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 12
PREVIEW_WIDTH = 60

_PERSONAL = re.compile(
    r"email|mail$|phone|name|address|street|city|zip|postal|(^|_)ip($|_)|facebook|twitter|linkedin"
    r"|tax_id|notes?$|description|subject|note$|attendee|author|detail|raw|website|domain|company"
    r"|picture|^file$|^path$|title|body|owner|^user$|x__|kartra_cf_|username|host|expected|found|evidence|_key$|^key$|^alias$|processor_",
    re.IGNORECASE,
)
# Keys may be made of an address or a company's name; names of things are no person's.
_IMPERSONAL = {
    "product", "product_key", "list_name", "tag", "tag_folded", "list_folded", "reason", "object",
    "field", "metric", "item", "name_verdict", "email_verdict", "source_file",
}  # fmt: skip

# On the wire all cells are text under names of the map's choosing: what is shown is named here.
_SHOWN_SOURCES: Final = frozenset(
    """
    kind product product_key price_point currency processor recurrence coupon_code status
    subscription_status subtype label pricebook_id
    """.split()  # noqa: SIM905 - as in a sentence
)
_TYPED: Final = frozenset({"integer", "decimal", "date", "datetime", "boolean"})
_WORKING: Final = frozenset({"_wave", "source_file", "source_line", "RecordType.DeveloperName"})


def mask(text: str) -> str:
    """First character and length class of a text: enough to see its kind, not whose it is."""
    return f"{text[:1]}…({len(text)})" if text else text


def preview(frame: pl.DataFrame) -> dg.TableMetadataValue:
    """The first rows as a table; personal columns are masked."""
    return _preview(frame, lambda name: name not in _IMPERSONAL and bool(_PERSONAL.search(name)))


def shaped_preview(frame: pl.DataFrame, phase: PhaseMap) -> dg.TableMetadataValue:
    """The first rows of a Salesforce-shaped frame: every text is masked, unless it is known that
    nobody is told of by it.

    Shown are numbers, dates and ticks of Kartra's own columns, constants, names of products and
    kinds, and lineage.
    """
    shown = _WORKING | {
        rule.target
        for rule in phase.fields
        if rule.source is None
        or rule.source in _SHOWN_SOURCES
        or (rule.transform in _TYPED and not rule.source.startswith(PREFIX))
    }
    return _preview(frame, lambda name: name not in shown)


def _preview(frame: pl.DataFrame, masked: Callable[[str], bool]) -> dg.TableMetadataValue:
    head = frame.head(PREVIEW_ROWS)
    columns = frame.columns[:PREVIEW_COLUMNS]
    lineage = [c for c in ("source_file", "source_line") if c in frame.columns and c not in columns]
    records = [
        dg.TableRecord(
            {name: _shown(row[name], masked=masked(name)) for name in (*columns, *lineage)}
        )
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


def _shown(value: Any, *, masked: bool) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    if masked:
        return mask(text)
    return text if len(text) <= PREVIEW_WIDTH else text[: PREVIEW_WIDTH - 1] + "…"


def _plain(value: Any) -> str | int | float | bool | None:
    return value if value is None or isinstance(value, bool | int | float) else str(value)
