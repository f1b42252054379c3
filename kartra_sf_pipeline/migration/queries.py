"""Questions to the org about many records: by value, by condition, through REST or in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from kartra_sf_pipeline.salesforce import soql
from kartra_sf_pipeline.salesforce.org import Org

#: Up to here a few REST queries are faster than a bulk query job; beyond, far slower.
REST_KEYS = 2_000
# Activities of more than about a year ago are archived, and then only queryAll shows them.
_ARCHIVED = frozenset({"Event", "Task"})
# The org's clock may differ from ours; a wider window only costs rows that are thrown away.
_CLOCKS_APART = timedelta(days=1)


def select(org: Org, sobject: str, paths: Sequence[str], condition: str) -> pl.DataFrame:
    """The paths of all records under the condition, as text, through REST."""
    query, archived = _query(sobject, ", ".join(paths), condition)
    return _as_text(org.query(query, deleted=archived))


def select_in_bulk(org: Org, sobject: str, paths: Sequence[str], condition: str) -> pl.DataFrame:
    """The paths of all records under the condition, as text, through a bulk query job."""
    query, archived = _query(sobject, ", ".join(paths), condition)
    return _as_text(org.bulk_query(query, deleted=archived))


def select_each(
    org: Org, sobject: str, paths: Sequence[str], field: str, values: pl.Series
) -> pl.DataFrame:
    """The paths of all records whose field has one of the values; as many queries as it takes."""
    distinct = values.drop_nulls().unique(maintain_order=True)
    pages = [select(org, sobject, paths, part) for part in soql.in_chunks(field, distinct)]
    return pl.concat([pl.DataFrame(schema=dict.fromkeys(paths, pl.String)), *pages])


def count(org: Org, sobject: str, condition: str) -> int:
    """The number of records under the condition."""
    query, archived = _query(sobject, "COUNT(Id) found", condition)
    return int(org.query(query, deleted=archived)["found"][0])


def modified_after(since: datetime) -> str:
    """The condition that holds for whatever has been written since then."""
    return f"SystemModstamp >= {soql.quote(since - _CLOCKS_APART)}"


def _query(sobject: str, what: str, condition: str) -> tuple[str, bool]:
    """The SOQL, and whether it has to ask for archived records, too."""
    archived = sobject in _ARCHIVED
    kept = f"({condition}) AND IsDeleted = false" if archived else condition
    return f"SELECT {what} FROM {soql.name(sobject)} WHERE {kept}", archived


def _as_text(answer: pl.DataFrame) -> pl.DataFrame:
    """Whichever API answered: text."""
    return answer.select(pl.all().cast(pl.String))
