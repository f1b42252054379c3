"""Runs queries against the store: pages, cursors that survive a restart, and column metadata."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kartra_sf_pipeline.localorg.schema import Schema
from kartra_sf_pipeline.localorg.soql.compiler import compile_query
from kartra_sf_pipeline.localorg.soql.conditions import Clock
from kartra_sf_pipeline.localorg.soql.definition_objects import COMPLEX, DEFINITION_NAMES
from kartra_sf_pipeline.localorg.soql.definitions import Definitions
from kartra_sf_pipeline.localorg.soql.errors import SoqlError
from kartra_sf_pipeline.localorg.soql.plan import ChildPlan, Plan, RecordShape
from kartra_sf_pipeline.localorg.soql.shaping import Row, Shaper, prefixes
from kartra_sf_pipeline.localorg.store import Store

PAGE_ROWS = 2_000
# Selecting a long text makes the server choose smaller pages.
LONG_TEXT_PAGE_ROWS = 1_000
_LOCATOR_LENGTH = 14
_KEPT_CURSORS = 50
_ID_LENGTH = 18

_CURSORS = """
CREATE TABLE IF NOT EXISTS _query_cursor (
    locator TEXT PRIMARY KEY, soql TEXT, deleted INTEGER, keys BLOB, page_rows INTEGER)
"""


@dataclass(frozen=True)
class Page:
    """One reply of `/query`: the full count, the page's records, where the next page starts,
    and the object of FROM.
    """

    total: int
    records: list[dict[str, Any]]
    next_locator: str | None
    entity: str


class QueryService:
    """Queries of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._definitions = Definitions(store)
        with store.write() as connection:
            connection.execute(_CURSORS)

    def clock(self) -> Clock:
        """Today in the time zone of the API user."""
        rows = self._store.query(
            'SELECT "TimeZoneSidKey" FROM "User" WHERE "Id" = ?', (self._store.user_id,)
        )
        try:
            zone = ZoneInfo(rows[0][0] or "UTC") if rows else ZoneInfo("UTC")
        except (ZoneInfoNotFoundError, ValueError):
            zone = ZoneInfo("UTC")
        return Clock(datetime.now(UTC).astimezone(zone).date(), zone)

    def compile(self, soql: str, *, deleted: bool = False) -> Plan:
        """The plan of a query for the API user, as of now."""
        return compile_query(soql, self.schema(), self.clock(), deleted=deleted)

    def schema(self) -> Schema:
        """What can be queried: the objects that the user sees, and their definitions."""
        return self._definitions.with_records()

    @contextmanager
    def _read(self, plan: Plan) -> Iterator[sqlite3.Connection]:
        source = self._definitions if plan.entity in DEFINITION_NAMES else self._store
        with source.read() as connection:
            self.connection_functions(connection, self.clock())
            if not connection.in_transaction:
                connection.execute("BEGIN")
            yield connection

    def connection_functions(self, connection: sqlite3.Connection, clock: Clock) -> None:
        """Registers the SQL functions that compiled queries may call."""

        def local(text: str | None) -> str | None:
            if text is None:
                return None
            moment = datetime.fromisoformat(text).astimezone(clock.zone)
            return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")

        connection.create_function("sf_fold", 1, _fold, deterministic=True)
        connection.create_function("sf_local", 1, local)

    def query(
        self, soql: str, base: str, *, deleted: bool = False, page_rows: int = PAGE_ROWS
    ) -> Page:
        """The first page of a query.

        Args:
            soql: the query.
            base: URL prefix of the version that was asked.
            deleted: with the rows of the recycle bin.
            page_rows: the page that the client wishes for; long texts make it smaller.

        Raises:
            SoqlError: for anything that the query gets wrong.

        """
        plan = self.compile(soql, deleted=deleted)
        size = min(page_rows, LONG_TEXT_PAGE_ROWS) if plan.has_long_text else page_rows
        with self._read(plan) as connection:
            if plan.counts_only:
                total = connection.execute(plan.count_sql(), plan.params).fetchone()[0]
                return Page(total, [], None, plan.entity)
            rows = connection.execute(plan.rows_sql(), plan.params).fetchmany(size + 1)
            if len(rows) > 1 and any(o.field.type == COMPLEX for o in plan.outputs):
                raise SoqlError(
                    "MALFORMED_QUERY",
                    "When retrieving results with Metadata or FullName fields, the query "
                    "qualifications must specify no more than one row for retrieval. Result size: "
                    f"{len(rows)}",
                )
            if len(rows) <= size:
                records = self._shape(connection, plan, rows, base)
                return Page(len(rows), records, None, plan.entity)
            if plan.aggregate:
                raise SoqlError(
                    "EXCEEDED_ID_LIMIT",
                    "Aggregate query does not support queryMore(), use LIMIT to restrict the "
                    "results to a single batch",
                )
            keys = "".join(k for (k,) in connection.execute(plan.keys_sql(), plan.params))
            records = self._shape(connection, plan, rows[:size], base)
        total = len(keys) // _ID_LENGTH
        locator = self._keep(soql, deleted, keys, size)
        return Page(total, records, f"{locator}-{size}", plan.entity)

    def more(self, locator: str, base: str) -> Page:
        """A later page; `locator` is what the page before gave.

        Raises:
            SoqlError: INVALID_QUERY_LOCATOR when the cursor is gone or never was.

        """
        name, _, place = locator.rpartition("-")
        rows = self._store.query(
            "SELECT soql, deleted, keys, page_rows FROM _query_cursor WHERE locator = ?", (name,)
        )
        if not rows or not place.isdigit():
            raise SoqlError("INVALID_QUERY_LOCATOR", "invalid query locator")
        soql, deleted, keys, size = rows[0]
        total = len(keys) // _ID_LENGTH
        start = int(place)
        end = min(total, start + size)
        page = [keys[i * _ID_LENGTH : (i + 1) * _ID_LENGTH] for i in range(start, end)]
        plan = self.compile(soql, deleted=bool(deleted))
        with self._read(plan) as connection:
            found = connection.execute(plan.page_sql(), {"page": json.dumps(page)}).fetchall()
            records = self._shape(connection, plan, found, base)
        following = f"{name}-{end}" if end < total else None
        return Page(total, records, following, plan.entity)

    def _keep(self, soql: str, deleted: bool, keys: str, size: int) -> str:
        locator = "0r8" + secrets.token_hex(_LOCATOR_LENGTH // 2)
        with self._store.write() as connection:
            connection.execute(
                "INSERT INTO _query_cursor VALUES (?, ?, ?, ?, ?)",
                (locator, soql, int(deleted), keys, size),
            )
            connection.execute(
                "DELETE FROM _query_cursor WHERE rowid <= (SELECT max(rowid) FROM _query_cursor) "
                "- ?",
                (_KEPT_CURSORS,),
            )
        return locator

    def _shape(
        self, connection: sqlite3.Connection, plan: Plan, rows: list[Row], base: str
    ) -> list[dict[str, Any]]:
        shape = plan.shape
        if shape is None:
            return []
        children: dict[int, dict[str, list[Row]]] = {}
        if isinstance(shape, RecordShape):
            self._fetch_children(connection, shape, rows, children)
        shaper = Shaper(base, prefixes(self.schema()), children)
        return shaper.records(shape, rows)

    def _fetch_children(
        self,
        connection: sqlite3.Connection,
        shape: RecordShape,
        rows: list[Row],
        into: dict[int, dict[str, list[Row]]],
    ) -> None:
        for member in shape.members.values():
            if not isinstance(member, ChildPlan):
                continue
            parents = json.dumps([row[shape.id_index] for row in rows])
            found = connection.execute(member.sql, {**member.params, "parents": parents}).fetchall()
            grouped: dict[str, list[Row]] = defaultdict(list)
            for row in found:
                grouped[row[-1]].append(row)
            into[id(member)] = grouped
            self._fetch_children(connection, member.shape, found, into)


def _fold(text: str | None) -> str | None:
    return text.casefold() if isinstance(text, str) else text
