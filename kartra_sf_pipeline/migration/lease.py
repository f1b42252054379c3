"""Locks that the system frees with their holder: one writer per ledger, a run that lives."""

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


def run_lock(runs_folder: Path, run_id: str) -> FileLock:
    """The lock that the process of a run holds from its first phase to its end; not yet taken."""
    folder = runs_folder / ".running"
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"{run_id}.lock", is_singleton=True)


def is_interrupted(runs_folder: Path, run_id: str) -> bool:
    """Whether the process that ran it has died without a word.

    Of a run that never took its lock here (another machine's, with a shared ledger) nothing is
    known: it counts as running.
    """
    path = runs_folder / ".running" / f"{run_id}.lock"
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    return True
