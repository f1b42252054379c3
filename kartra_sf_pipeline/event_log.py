"""Dagster's event log on SQLite, without opening and syncing its files for every event."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool

SHOWN_EVERY_SECONDS = 1.0
"""How long a web interface may wait for what a run has written: it watches the files themselves."""


class KeptOpenEventLog(SqliteEventLogStorage):
    """The same files as Dagster's own storage, each held open by one connection.

    Dagster opens a connection per statement; closing the last one of a file makes SQLite move the
    write-ahead log into it and wait for the disk, some twenty times per step. Here a commit goes to
    the write-ahead log alone: a killed process loses nothing, a power cut may lose the last events
    of the log, never of the ledger, which has a database of its own.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: dict[str, sqlalchemy.Engine] = {}
        self._moved: dict[str, float] = {}
        super().__init__(base_dir, inst_data)

    @classmethod
    def from_config_value(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, inst_data: ConfigurableClassData | None, config_value: dict[str, str]
    ) -> KeptOpenEventLog:
        """As Dagster makes it from its configuration."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        # The lock of the parent lets one thread in at a time: one connection per file is enough.
        with self._db_lock:
            engine = self._engine(shard)
            with engine.connect() as connection, connection.begin():
                yield connection
            self._move_now_and_then(shard, engine)

    def _engine(self, shard: str) -> sqlalchemy.Engine:
        known = self._engines.get(shard)
        if known is not None:
            return known
        engine = sqlalchemy.create_engine(
            self.conn_string_for_shard(shard),
            poolclass=StaticPool,
            connect_args={"timeout": 30, "check_same_thread": False},
        )
        self._initdb(engine, for_index_shard=shard == "index")
        self._initialized_dbs.add(shard)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
        self._engines[shard] = engine
        return engine

    def _move_now_and_then(self, shard: str, engine: sqlalchemy.Engine) -> None:
        """Bring the write-ahead log into its file, so that whoever watches the file sees it."""
        now = time.monotonic()
        if now - self._moved.setdefault(shard, now) >= SHOWN_EVERY_SECONDS:
            self._moved[shard] = now
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    def dispose(self) -> None:
        """Close every file; the last one to do so leaves no write-ahead log behind."""
        with self._db_lock:
            for engine in self._engines.values():
                engine.dispose()
            self._engines.clear()
        super().dispose()


def instance_for_a_run() -> DagsterInstance:
    """The instance of DAGSTER_HOME; its event log kept open where it is Dagster's SQLite files."""
    instance = DagsterInstance.get()
    if type(instance.event_log_storage) is not SqliteEventLogStorage:
        return instance
    files = Path(instance.storage_directory()).parent / "history" / "runs"
    instance.dispose()
    kept_open = {
        "module": __name__,
        "class": KeptOpenEventLog.__name__,
        "config": {"base_dir": str(files)},
    }
    return DagsterInstance.from_ref(
        InstanceRef.from_dir(os.environ["DAGSTER_HOME"], overrides={"event_log_storage": kept_open})
    )
