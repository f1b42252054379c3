"""The write-ahead ledger: what is about to be sent, then what became of it.

Rows are noted before the org sees them and settled after it has answered, so that a killed
process leaves at most rows whose outcome is unknown, never rows that nobody knows of.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Select, bindparam, case, func, insert, select, update
from sqlalchemy.engine import make_url

from kartra_sf_pipeline.errors import UserError
from kartra_sf_pipeline.migration import database, tables
from kartra_sf_pipeline.migration.identities import Identities, of_org
from kartra_sf_pipeline.migration.lease import lease, lock_file_of

RECORDS_SCHEMA: dict[str, pl.DataType] = {
    "record_id": pl.Int64(),
    "phase": pl.String(),
    "object": pl.String(),
    "key": pl.String(),
    "intent": pl.String(),
    "action": pl.String(),
    "sf_id": pl.String(),
    "pre_image": pl.String(),
    "written": pl.String(),
    "error_code": pl.String(),
    "error_fields": pl.String(),
    "error_message": pl.String(),
    "source_file": pl.String(),
    "source_line": pl.Int64(),
    "undone": pl.String(),
}
#: The columns of a load's outcome frame; `phase` last, since two phases may share an object.
OUTCOME_SCHEMA: dict[str, pl.DataType] = {
    "object": pl.String(),
    "key": pl.String(),
    "sf_id": pl.String(),
    "outcome": pl.String(),
    "error_code": pl.String(),
    "error_fields": pl.String(),
    "error_message": pl.String(),
    "source_file": pl.String(),
    "source_line": pl.Int64(),
    "phase": pl.String(),
}
_INTENT_COLUMNS = (
    "key",
    "intent",
    "sf_id",
    "pre_image",
    "written",
    "source_file",
    "source_line",
)
_COUNTED = ("created", "updated", "rejected", "unknown")
# The columns of tables.runs in their order, then the counts.
_RUNS_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(
        ("run_id", "job", "target", "org_id", "instance_url", "exports_hash", "status"), pl.String()
    ),
    "started_at": pl.Datetime("us", "UTC"),
    "finished_at": pl.Datetime("us", "UTC"),
    **dict.fromkeys(_COUNTED, pl.Int64()),
}


class UnknownRun(UserError):
    """No run of that id is in the ledger."""


class Ledger:
    """A ledger at a database URL or, given a path, in a SQLite file there (made with its folder).

    Safe to open from several processes; only a holder of `lease()` writes records.
    """

    def __init__(self, location: str | Path) -> None:
        text = str(location)
        url = make_url(text if "://" in text else f"sqlite:///{text}")
        self.name = url.render_as_string(hide_password=True)
        self._lock_file = lock_file_of(url)
        self._engine = database.open_engine(url, setup_lock=Path(f"{self._lock_file}.setup"))
        self.identities = Identities(self._engine)

    def close(self) -> None:
        """Give back the database connections."""
        self._engine.dispose()

    def lease(self, *, timeout_seconds: float = 0) -> AbstractContextManager[None]:
        """Be the only writer; raises LedgerBusy when another process is. May be nested."""
        return lease(self._lock_file, timeout_seconds=timeout_seconds)

    def begin_run(
        self, job: str, target: str, org_id: str, instance_url: str, exports_hash: str
    ) -> str:
        """Open a run and return its id, which is its stamp, too: `20261124T175301-4f3a` (UTC)."""
        started = _now()
        run_id = f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
        with self._engine.begin() as connection:
            connection.execute(
                insert(tables.runs).values(
                    run_id=run_id,
                    job=job,
                    target=target,
                    org_id=org_id,
                    instance_url=instance_url,
                    exports_hash=exports_hash,
                    status="running",
                    started_at=started,
                )
            )
        return run_id

    def finish_run(self, run_id: str, status: str) -> None:
        """Close a run as `succeeded`, `failed` or `rolled_back`."""
        statement = update(tables.runs).where(tables.runs.c.run_id == run_id)
        with self._engine.begin() as connection:
            found = connection.execute(statement.values(status=status, finished_at=_now()))
            if found.rowcount == 0:
                raise _unknown_run(run_id, self.name)

    def runs(self) -> pl.DataFrame:
        """All runs, newest first, their records counted by action (`unknown`: never settled)."""
        return self._runs(None)

    def run(self, run_id: str) -> dict[str, Any]:
        """One run as a row of `runs()`; raises UnknownRun."""
        found = self._runs(run_id)
        if found.is_empty():
            raise _unknown_run(run_id, self.name)
        return found.row(0, named=True)

    def latest_loaded_run(self, target: str, org_id: str) -> str | None:
        """The newest run that created or updated records in that org and was not rolled back."""
        found = self.runs().filter(
            pl.col("target") == target,
            pl.col("org_id") == org_id,
            pl.col("status") != "rolled_back",
            pl.sum_horizontal("created", "updated", "unknown") > 0,
        )
        return found["run_id"][0] if found.height else None

    def record_gate(self, phase: str, data_version: str, passed: bool, run_id: str | None) -> None:
        """Note what a gate said of exactly this data; the last word on it counts."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(tables.gates).values(
                    phase=phase,
                    data_version=data_version,
                    passed=passed,
                    checked_at=_now(),
                    run_id=run_id,
                )
            )

    def gate_passed(self, phase: str, data_version: str) -> bool:
        """Whether the last check of this phase on exactly this data passed."""
        gates = tables.gates.c
        statement = (
            select(gates.passed)
            .where(gates.phase == phase, gates.data_version == data_version)
            .order_by(gates.gate_id.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            return bool(connection.execute(statement).scalar())

    def start_phase(
        self, run_id: str, phase: str, sobject: str, data_version: str, planned: int
    ) -> None:
        """Note that a phase begins; a second start within the run replaces the first.

        Raises UnknownRun.
        """
        table = tables.phases
        known = select(tables.runs.c.run_id).where(tables.runs.c.run_id == run_id)
        with self._engine.begin() as connection:
            if connection.execute(known).scalar() is None:
                raise _unknown_run(run_id, self.name)
            connection.execute(
                table.delete().where(table.c.run_id == run_id, table.c.phase == phase)
            )
            connection.execute(
                insert(table).values(
                    run_id=run_id,
                    phase=phase,
                    object=sobject,
                    data_version=data_version,
                    state="started",
                    planned=planned,
                    started_at=_now(),
                )
            )

    def finish_phase(
        self, run_id: str, phase: str, counts: Mapping[str, int], seconds: float
    ) -> None:
        """Note a phase's counts: created, updated, unchanged, rejected."""
        table = tables.phases
        kept = {name: counts[name] for name in ("created", "updated", "unchanged", "rejected")}
        statement = update(table).where(table.c.run_id == run_id, table.c.phase == phase)
        with self._engine.begin() as connection:
            connection.execute(statement.values(state="finished", seconds=seconds, **kept))

    def phases(self, run_id: str) -> pl.DataFrame:
        """The phases of a run in the order they started, with their counts."""
        table = tables.phases.c
        schema: dict[str, pl.DataType] = {
            **dict.fromkeys(("phase", "object", "data_version", "state"), pl.String()),
            **dict.fromkeys(("planned", "created", "updated", "unchanged", "rejected"), pl.Int64()),
            "seconds": pl.Float64(),
        }
        statement = select(*(table[name] for name in schema)).where(table.run_id == run_id)
        return self._frame(statement.order_by(table.started_at), schema)

    def note_job(self, run_id: str, phase: str, sobject: str, operation: str, job_id: str) -> None:
        """Note a job's id before anything is uploaded to it."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(tables.jobs).values(
                    job_id=job_id,
                    run_id=run_id,
                    phase=phase,
                    object=sobject,
                    operation=operation,
                    state="Open",
                    noted_at=_now(),
                )
            )

    def finish_job(self, job_id: str, state: str, rows: int, error_message: str | None) -> None:
        """Note how the org said that a job ended."""
        statement = update(tables.jobs).where(tables.jobs.c.job_id == job_id)
        with self._engine.begin() as connection:
            connection.execute(
                statement.values(state=state, rows=rows, error_message=error_message)
            )

    def jobs(self, run_id: str) -> pl.DataFrame:
        """The jobs of a run in the order they were made."""
        table = tables.jobs.c
        text = ("job_id", "phase", "object", "operation", "state", "error_message")
        schema: dict[str, pl.DataType] = {**dict.fromkeys(text, pl.String()), "rows": pl.Int64()}
        statement = select(*(table[name] for name in schema)).where(table.run_id == run_id)
        return self._frame(statement.order_by(table.noted_at), schema)

    def open_jobs(self, org_id: str) -> pl.DataFrame:
        """Jobs of runs of that org of whose end the ledger has not heard: run_id, job_id, phase,
        operation.
        """
        jobs, runs = tables.jobs.c, tables.runs.c
        names = ("run_id", "job_id", "phase", "operation")
        statement = (
            select(*(jobs[name] for name in names))
            .join(tables.runs, runs.run_id == jobs.run_id)
            .where(jobs.state == "Open", of_org(org_id))
            .order_by(jobs.noted_at)
        )
        return self._frame(statement, dict.fromkeys(names, pl.String()))

    def write_intents(
        self, run_id: str, phase: str, sobject: str, intents: pl.DataFrame
    ) -> pl.Series:
        """Note records about to be sent; returns their record ids in the order of the frame.

        `intents`: key, intent (create or update), sf_id, pre_image, written, source_file,
        source_line.
        """
        with self._engine.begin() as connection:
            last = connection.execute(select(func.max(tables.records.c.record_id))).scalar() or 0
            numbered = intents.select(
                pl.int_range(last + 1, last + 1 + pl.len(), dtype=pl.Int64).alias("record_id"),
                pl.lit(run_id).alias("run_id"),
                pl.lit(phase).alias("phase"),
                pl.lit(sobject).alias("object"),
                *_INTENT_COLUMNS,
            )
            database.execute_many(connection, insert(tables.records), numbered)
        return numbered["record_id"]

    def settle(self, outcomes: pl.DataFrame) -> None:
        """Note what became of records.

        `outcomes`: record_id, action (created, updated or rejected), sf_id, error_code,
        error_fields, error_message.
        """
        self._update_records(
            outcomes,
            ("action", "sf_id", "error_code", "error_fields", "error_message"),
        )

    def mark_undone(self, undone: pl.DataFrame) -> None:
        """Note what a rollback made of records: record_id, undone."""
        self._update_records(undone, ("undone",))

    def records(self, run_id: str) -> pl.DataFrame:
        """Every record that the run touched or tried to, in the order of sending."""
        table = tables.records.c
        statement = select(*(table[name] for name in RECORDS_SCHEMA)).where(table.run_id == run_id)
        return self._frame(statement.order_by(table.record_id), RECORDS_SCHEMA)

    def written(self, run_id: str) -> pl.DataFrame:
        """What the run wrote into records that the org had: phase, key, written (JSON)."""
        table = tables.records.c
        schema: dict[str, pl.DataType] = dict.fromkeys(("phase", "key", "written"), pl.String())
        statement = select(*(table[name] for name in schema)).where(
            table.run_id == run_id, table.action == "updated", table.written.is_not(None)
        )
        return self._frame(statement, schema)

    def outcomes(self, run_id: str) -> pl.DataFrame:
        """The run's records as an outcome frame; `unknown` where the org's answer never came.

        Records that the run left unchanged are not in the ledger.
        """
        known = pl.col("action").fill_null("unknown").alias("outcome")
        return self.records(run_id).with_columns(known).select(*OUTCOME_SCHEMA)

    def _runs(self, run_id: str | None) -> pl.DataFrame:
        records, runs = tables.records.c, tables.runs.c
        action = func.coalesce(records.action, "unknown")
        sums = [func.sum(case((action == name, 1), else_=0)).label(name) for name in _COUNTED]
        counting = select(records.run_id, *sums).group_by(records.run_id)
        if run_id is not None:
            # Else one run's counts would cost a pass over the records of all.
            counting = counting.where(records.run_id == run_id)
        counts = counting.subquery()
        statement = (
            select(*runs, *(func.coalesce(counts.c[name], 0) for name in _COUNTED))
            .outerjoin(counts, counts.c.run_id == runs.run_id)
            .order_by(runs.started_at.desc(), runs.run_id.desc())
        )
        if run_id is not None:
            statement = statement.where(runs.run_id == run_id)
        return self._frame(statement, _RUNS_SCHEMA)

    def _update_records(self, frame: pl.DataFrame, columns: Iterable[str]) -> None:
        names = list(columns)
        statement = (
            update(tables.records)
            .where(tables.records.c.record_id == bindparam("which"))
            .values({name: bindparam(f"new_{name}") for name in names})
        )
        rows = frame.select(
            pl.col("record_id").alias("which"), *(pl.col(n).alias(f"new_{n}") for n in names)
        )
        with self._engine.begin() as connection:
            database.execute_many(connection, statement, rows)

    def _frame(self, statement: Select[Any], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
        with self._engine.connect() as connection:
            rows = [tuple(row) for row in connection.execute(statement)]
        return pl.DataFrame(rows, schema=dict(schema), orient="row")


def _unknown_run(run_id: str, ledger: str) -> UnknownRun:
    return UnknownRun(
        f"There is no run {run_id} in the ledger {ledger}.",
        next_step="List the runs with `kartra-sf status`.",
    )


def _now() -> datetime:
    return datetime.now(UTC)
