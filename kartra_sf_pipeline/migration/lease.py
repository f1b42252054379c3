"""One writer at a time per ledger: a lock that the operating system frees with its holder."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy.engine import URL

from kartra_sf_pipeline.errors import UserError


class LedgerBusy(UserError):
    """Another process is loading or undoing with this ledger."""


def lock_file_of(url: URL) -> Path:
    """Where the lock of a ledger lives: beside a SQLite file, else in this machine's temp folder.

    A ledger on a database server is therefore guarded among the processes of one machine only.
    """
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return Path(f"{Path(url.database).absolute()}.lock")
    name = hashlib.sha256(url.render_as_string(hide_password=True).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"kartra_sf_ledger_{name}.lock"


@contextmanager
def lease(lock_file: Path, *, timeout_seconds: float = 0) -> Iterator[None]:
    """Hold the lock; may be nested within a thread. Raises LedgerBusy when it cannot be had."""
    lock = FileLock(lock_file, is_singleton=True)
    try:
        lock.acquire(timeout=timeout_seconds)
    except Timeout:
        raise LedgerBusy(
            f"Another load or rollback holds {lock_file}.",
            next_step="Wait until it has ended; a process that died has freed it already.",
        ) from None
    try:
        yield
    finally:
        lock.release()
