"""Bulk 2.0 query jobs: millions of rows as one frame of strings."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.errors import OrgError
from kartra_sf_pipeline.salesforce import soql
from kartra_sf_pipeline.salesforce.jobs import Poll, read_csv, wait_for_job
from kartra_sf_pipeline.salesforce.pipe import Pipe

PAGE_ROWS = 100_000


def bulk_query(
    org: Pipe,
    soql_text: str,
    *,
    deleted: bool = False,
    page_rows: int = PAGE_ROWS,
    poll: Poll | None = None,
) -> pl.DataFrame:
    """All rows of a query without aggregates, GROUP BY, OFFSET or child subqueries.

    String columns named as the query selects them, null where the org has nothing. Raises OrgError
    when the job fails or when fewer rows arrive than the org says it sent.
    """
    columns = soql.selected_columns(soql_text)
    action = "Querying the org in bulk"
    operation = "queryAll" if deleted else "query"
    job = org.json(
        "POST",
        "jobs/query",
        action=action,
        content={"operation": operation, "query": soql_text},
        # A job that nobody waits for does no harm.
        retry=True,
    )
    path = f"jobs/query/{job['id']}"
    info = wait_for_job(org, path, poll=poll, action=action)
    if info["state"] != "JobComplete":
        raise OrgError(
            f"{action}: job {job['id']} ended as {info['state']}: "
            f"{info.get('errorMessage') or 'no reason given'}."
        )
    pages: list[pl.DataFrame] = []
    header: list[str] = []
    expected = 0
    locator: str | None = None
    while True:
        params = {"maxRecords": str(page_rows)} | ({"locator": locator} if locator else {})
        response = org.request("GET", f"{path}/results", action=action, params=params)
        page = _page(response.content, header)
        header = header or page.columns
        pages.append(_renamed(page, columns))
        expected += int(response.headers.get("Sforce-NumberOfRecords", pages[-1].height))
        locator = response.headers.get("Sforce-Locator")
        if not locator or locator == "null":
            break
    frame = pl.concat(pages)
    if frame.height != expected:
        raise OrgError(
            f"{action}: job {job['id']} announced {expected} rows and sent {frame.height}. "
            "Run the query again."
        )
    return frame


def _page(body: bytes, header: list[str]) -> pl.DataFrame:
    """One page; those after the first may or may not repeat the header: texts say both."""
    page = read_csv(body)
    if not header or not page.width or page.columns == header:
        return page
    return read_csv(",".join(f'"{name}"' for name in header).encode() + b"\n" + body)


def _renamed(page: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The page's columns by the names and in the order of the query; the org may differ in case."""
    if not page.width:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    by_lower = {found.lower(): found for found in page.columns}
    return page.select(pl.col(by_lower[column.lower()]).alias(column) for column in columns)
