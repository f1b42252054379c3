"""One SQLite file with many readers and one writer: connections, transactions, settings, ids.

What the tables mean is no matter of this module. Names that start with an underscore are the
server's own tables.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

import polars as pl

from kartra_sf_pipeline.localorg.ids import make_ids

_OWN_TABLES = """
CREATE TABLE IF NOT EXISTS _meta (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS _object (name TEXT PRIMARY KEY COLLATE NOCASE, definition TEXT);
CREATE TABLE IF NOT EXISTS _field (
    object TEXT COLLATE NOCASE, name TEXT COLLATE NOCASE, definition TEXT,
    PRIMARY KEY (object, name));
CREATE TABLE IF NOT EXISTS _sequence (prefix TEXT PRIMARY KEY, next INTEGER);
-- What a deletion took along, and the lookups that it emptied: for the recycle bin.
CREATE TABLE IF NOT EXISTS _bin (id TEXT PRIMARY KEY, parent TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS _bin_parent ON _bin (parent);
CREATE TABLE IF NOT EXISTS _bin_lookup (
    gone TEXT, object TEXT, field TEXT, id TEXT,
    PRIMARY KEY (gone, object, field, id)) WITHOUT ROWID;
-- Who may use a record type, and which values of a picklist it has.
CREATE TABLE IF NOT EXISTS _record_type_access (
    parent TEXT, record_type TEXT, visible INTEGER, is_default INTEGER,
    PRIMARY KEY (parent, record_type)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _record_type_value (
    record_type TEXT, field TEXT COLLATE NOCASE, value TEXT COLLATE NOCASE,
    PRIMARY KEY (record_type, field, value)) WITHOUT ROWID;
-- Bodies of files by their SHA-256: the same content is kept once.
CREATE TABLE IF NOT EXISTS _content (key TEXT PRIMARY KEY, body BLOB);
"""
FIRST_ID = 1


def quote(name: str) -> str:
    """An SQL identifier; API names hold no quotes, `Group` is a keyword."""
    return '"' + name.replace('"', '""') + '"'


def _nothing() -> None:
    """What happens after a transaction when nobody asked for more."""


class Database:
    """Every method may be called from any thread.

    `on_commit` and `on_rollback` run at the end of each writing transaction, inside its lock.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.path = directory / "org.sqlite"
        self.on_commit: Callable[[], None] = _nothing
        self.on_rollback: Callable[[], None] = _nothing
        self.org_id = ""
        self.user_id = ""
        self._lock = threading.RLock()
        self._depth = 0
        self._owner = 0
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._writer = self._connect(cache_mb=128)
        self._writer.executescript(_OWN_TABLES)

    def _connect(self, *, cache_mb: int = 16) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=60
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA cache_size=-{cache_mb * 1024}")
        connection.execute("PRAGMA wal_autocheckpoint=16384")
        connection.execute("PRAGMA temp_store=MEMORY")
        connection.execute("PRAGMA mmap_size=268435456")
        return connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for SELECTs that sees the last commit; temporary tables are allowed.

        Inside `write()` it is the writer's own, which sees what is not committed yet.
        """
        if self.writing():
            yield self._writer
            return
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            yield connection
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._idle.put(connection)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """The one writing transaction; nests, and an error takes data and schema back together."""
        with self._lock:
            if self._depth:
                self._depth += 1
                try:
                    yield self._writer
                finally:
                    self._depth -= 1
                return
            self._writer.execute("BEGIN IMMEDIATE")
            self._depth = 1
            try:
                self._owner = threading.get_ident()
                yield self._writer
                self._writer.execute("COMMIT")
                self.on_commit()
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                self.on_rollback()
                raise
            finally:
                self._depth = 0
                self._owner = 0

    def writing(self) -> bool:
        """True in the thread that is inside `write()`."""
        return self._owner == threading.get_ident()

    def query(
        self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()
    ) -> list[Any]:
        """All rows of a SELECT; inside `write()` it sees what is not committed yet."""
        if self.writing():
            return self._writer.execute(sql, parameters).fetchall()
        with self.read() as connection:
            return connection.execute(sql, parameters).fetchall()

    def close(self) -> None:
        """Close every idle connection and fold the log into the file."""
        with self._lock:
            while True:
                try:
                    self._idle.get_nowait().close()
                except Empty:
                    break
            self._writer.close()

    def get_meta(self, key: str) -> str | None:
        """A setting of this org, or None."""
        rows = self.query("SELECT value FROM _meta WHERE key = ?", (key,))
        return rows[0][0] if rows else None

    def set_meta(self, key: str, value: str) -> None:
        """Keep a setting of this org across restarts."""
        with self.write() as connection:
            connection.execute("INSERT OR REPLACE INTO _meta VALUES (?, ?)", (key, value))

    def new_ids_for_prefix(self, prefix: str, count: int) -> pl.Series:
        """Unused ids that start with `prefix`; jobs and deployments have ids, too."""
        with self.write() as connection:
            row = connection.execute(
                "INSERT INTO _sequence VALUES (?, ?) ON CONFLICT(prefix) "
                "DO UPDATE SET next = next + ? RETURNING next",
                (prefix, FIRST_ID + count, count),
            ).fetchone()
            return make_ids(prefix, row[0] - count, count)

    def insert_frame(
        self,
        connection: sqlite3.Connection,
        object_name: str,
        frame: pl.DataFrame,
        constants: Mapping[str, str] | None = None,
    ) -> None:
        """Append rows whose columns are API names and whose values are in stored form.

        `constants` are further columns with one value for all rows, ids and moments without
        quotes: they cost nothing per row.
        """
        fixed = constants or {}
        names = ", ".join(quote(c) for c in [*frame.columns, *fixed])
        marks = ", ".join(["?"] * len(frame.columns) + [f"'{v}'" for v in fixed.values()])
        sql = f"INSERT INTO {quote(object_name)} ({names}) VALUES ({marks})"
        for part in frame.iter_slices(20_000):
            connection.executemany(sql, part.rows())
