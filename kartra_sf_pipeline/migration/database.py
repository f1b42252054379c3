"""How the ledger's database is opened, checked and written to in bulk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock
from sqlalchemy import Connection, Engine, Insert, Update, create_engine, event, insert, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from kartra_sf_pipeline.errors import UserError
from kartra_sf_pipeline.migration import tables

_ROWS_PER_STATEMENT = 20_000
_SETUP_SECONDS = 30


class LedgerUnusable(UserError):
    """The ledger cannot be opened, or was written by another version."""


def open_engine(url: URL, *, setup_lock: Path) -> Engine:
    """An engine on a database that holds the ledger's tables, made where they are missing.

    Raises LedgerUnusable. `setup_lock` keeps two processes from creating the tables at once.
    """
    name = url.render_as_string(hide_password=True)
    try:
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url)
        if url.get_backend_name() == "sqlite":
            event.listen(engine, "connect", _set_up_sqlite)
        with FileLock(setup_lock, timeout=_SETUP_SECONDS):
            tables.metadata.create_all(engine)
            version = _stated_version(engine)
    except (SQLAlchemyError, OSError, ImportError) as error:
        raise LedgerUnusable(
            f"The ledger {name} cannot be used: {getattr(error, 'orig', None) or error}.",
            next_step="Check that it is a ledger of this project, and that it can be written to.",
        ) from error
    if version != tables.SCHEMA_VERSION:
        engine.dispose()
        raise LedgerUnusable(
            f"The ledger {name} has schema version {version}; this program reads version "
            f"{tables.SCHEMA_VERSION}.",
            next_step="Use the program that wrote it, or begin another ledger.",
        )
    return engine


def execute_many(connection: Connection, statement: Insert | Update, frame: pl.DataFrame) -> None:
    """One statement for many rows of plain text and numbers; columns are its parameters.

    Where the driver takes positions, tuples go to it directly: SQLAlchemy's work per row would be
    half of the time.
    """
    compiled: Any = statement.compile(dialect=connection.dialect, column_keys=frame.columns)
    order = compiled.positiontup
    for chunk in frame.iter_slices(_ROWS_PER_STATEMENT):
        if chunk.is_empty():
            continue
        if order is None:
            connection.execute(statement, chunk.to_dicts())
        else:
            connection.exec_driver_sql(str(compiled), chunk.select(order).rows())


def _stated_version(engine: Engine) -> int:
    with engine.begin() as connection:
        version = connection.execute(select(tables.schema_version.c.version)).scalar()
        if version is None:
            connection.execute(insert(tables.schema_version).values(version=tables.SCHEMA_VERSION))
            return tables.SCHEMA_VERSION
    return int(version)


def _set_up_sqlite(connection: Any, _: Any) -> None:
    # FULL: an intent that was noted must outlast a power cut, as the org's record would.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
