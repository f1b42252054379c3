"""Every request that the server answered, and how many calls of the allocation are used.

Kept in a file of its own: a request that only reads never waits for a load. Query strings and
record values are not kept.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from kartra_sf_pipeline.localorg.clock import now_text

DAILY_CALLS = 5_000_000
_LISTED = "seq at method path object operation status rows writes ms"
_COLUMNS: tuple[str, ...] = tuple(_LISTED.split())


class Audit:
    """Append-only; safe from any thread."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            directory / "audit.sqlite", isolation_level=None, check_same_thread=False
        )
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS request (seq INTEGER PRIMARY KEY, at TEXT, method TEXT, "
            "path TEXT, object TEXT, operation TEXT, status INTEGER, rows INTEGER, "
            "writes INTEGER, ms INTEGER, second INTEGER, counted INTEGER)"
        )
        day_ago = int(time.time()) - 86_400
        self._used = self._db.execute(
            "SELECT count(*) FROM request WHERE counted = 1 AND second > ?", (day_ago,)
        ).fetchone()[0]

    @property
    def used(self) -> int:
        """Calls of the last 24 hours, this server's start counted from the file."""
        return self._used

    def count(self) -> None:
        """One more call of the daily allocation."""
        with self._lock:
            self._used += 1

    def add(
        self,
        *,
        method: str,
        path: str,
        status: int,
        ms: int,
        about: dict[str, Any],
        counted: bool,
    ) -> None:
        """Keep one request."""
        with self._lock:
            self._db.execute(
                "INSERT INTO request (at, method, path, object, operation, status, rows, writes, "
                "ms, second, counted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    now_text(),
                    method,
                    path,
                    about.get("object", ""),
                    about.get("operation", ""),
                    status,
                    about.get("rows"),
                    int(bool(about.get("writes"))),
                    ms,
                    int(time.time()),
                    int(counted),
                ),
            )

    def since(self, seq: int, limit: int = 10_000) -> list[dict[str, Any]]:
        """Requests after number `seq`, oldest first."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM request WHERE seq > ? ORDER BY seq LIMIT ?",
                (seq, limit),
            ).fetchall()
        found = [dict(zip(_COLUMNS, r, strict=True)) for r in rows]
        for row in found:
            row["writes"] = bool(row["writes"])
        return found

    def last(self) -> int:
        """The number of the newest request."""
        with self._lock:
            return self._db.execute("SELECT coalesce(max(seq), 0) FROM request").fetchone()[0]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
