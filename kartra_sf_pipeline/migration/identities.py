"""Under which keys an org's records are known: what earlier runs loaded, and its aliases.

A key counts as loaded where a run created or updated its record, or found it in the org unchanged.
Aliases are noted before the rows are sent, like intents, and count once their key does. What a
rollback has taken back is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Final

import polars as pl
from sqlalchemy import ColumnElement, Engine, Select, and_, func, insert, or_, select

from kartra_sf_pipeline.migration import database, tables

IDENTITY_SCHEMA: Final[dict[str, pl.DataType]] = {
    "object": pl.String(),
    "alias": pl.String(),
    "key": pl.String(),
    "first_loaded_run": pl.String(),
    "first_loaded_at": pl.Datetime("us", "UTC"),
}
#: The phases whose records have aliases.
PHASES_WITH_ALIASES: Final = ("accounts", "contacts", "leads")
# Aliases are noted of people, whatever became of them.
_PEOPLE: Final = {"Lead": "Contact"}

_ROWS_AT_ONCE = 50_000
_TAKEN_BACK = ("deleted", "already_gone")
_STILL_THERE = ("kept_in_use", "failed")
_ORG_ID_CHARS = 15


class Identities:
    """The identities in a ledger's database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known(self, org_id: str) -> pl.DataFrame:
        """Every alias of what the org holds by this ledger's word, in `IDENTITY_SCHEMA`.

        Each loaded key is an alias of itself. An alias that was folded into another record since
        leads there, too; of several such, the latest counts.
        """
        keys = self._keys(org_id)
        own = keys.with_columns(alias=pl.col("key"))
        people = keys.with_columns(_as=pl.col("object").replace(_PEOPLE))
        latest = self._latest(org_id).rename({"object": "_as"})
        folded = latest.join(people, on=["_as", "key"])
        return (
            pl.concat([frame.select(*IDENTITY_SCHEMA) for frame in (own, folded)])
            .unique(["object", "alias", "key"])
            .sort("object", "alias", "key")
        )

    def loaded_as(self, org_id: str, phase: str, sobject: str) -> pl.Series:
        """The keys of what a phase has loaded into that org as `sobject`, by this ledger's word."""
        keys = self._keys(org_id, (phase,))
        return keys.filter(pl.col("object") == sobject)["key"]

    def orgs(self, target: str | None = None) -> list[str]:
        """The orgs that runs (of this target) have begun to load, the latest first."""
        runs = tables.runs.c
        latest = func.max(runs.started_at)
        statement = select(runs.org_id).group_by(runs.org_id).order_by(latest.desc())
        if target is not None:
            statement = statement.where(runs.target == target)
        with self._engine.connect() as connection:
            return [row[0] for row in connection.execute(statement)]

    def note_aliases(self, run_id: str, sobject: str, aliases: pl.DataFrame) -> None:
        """Note what the records about to be sent are known by: `key`, `alias`.

        Only what differs from what is noted already is written. A key is its own alias anyway: that
        is noted only where it led elsewhere before.
        """
        org_id = self._org_of(run_id)
        led = self._latest(org_id).filter(pl.col("object") == sobject)
        fresh = (
            aliases.select("key", "alias")
            .unique(maintain_order=True)
            .join(led.select("alias", _led="key"), on="alias", how="left", maintain_order="left")
            .filter(pl.coalesce("_led", "alias") != pl.col("key"))
        )
        self._write(run_id, sobject, fresh.with_columns(sf_id=pl.lit(None, pl.String)))

    def confirm(self, run_id: str, sobject: str, outcomes: pl.DataFrame) -> None:
        """Note the keys that the org was found to hold, where no run in this ledger wrote them.

        `outcomes` are those of a phase (`ledger.OUTCOME_SCHEMA`).
        """
        unchanged = outcomes.filter(
            (pl.col("outcome") == "unchanged") & pl.col("sf_id").is_not_null()
        ).select("key", "sf_id", alias="key")
        if unchanged.is_empty():
            return
        loaded = self._keys(self._org_of(run_id)).filter(pl.col("object") == sobject)
        self._write(run_id, sobject, unchanged.join(loaded, on="key", how="anti"))

    def _keys(self, org_id: str, phases: Sequence[str] = PHASES_WITH_ALIASES) -> pl.DataFrame:
        """Loaded keys of the org: object, key, first_loaded_run, first_loaded_at."""
        runs, records, noted = tables.runs.c, tables.records.c, tables.identities.c
        of_that_org = of_org(org_id)
        taken_back = (
            select(records.sf_id)
            .join(tables.runs, runs.run_id == records.run_id)
            # A null in the list would make SQL's NOT IN true of nothing.
            .where(of_that_org, records.undone.in_(_TAKEN_BACK), records.sf_id.is_not(None))
        )
        written = (
            select(records.object, records.key, records.run_id)
            .join(tables.runs, runs.run_id == records.run_id)
            .where(
                of_that_org,
                records.phase.in_(phases),
                # What one run made and another only updated goes when the first is taken back.
                or_(
                    records.action == "created",
                    and_(records.action == "updated", records.sf_id.not_in(taken_back)),
                ),
                or_(
                    and_(records.undone.is_(None), runs.status != "rolled_back"),
                    records.undone.in_(_STILL_THERE),
                ),
            )
        )
        found = (
            select(noted.object, noted.key, noted.run_id)
            .join(tables.runs, runs.run_id == noted.run_id)
            .where(
                of_that_org,
                noted.sf_id.is_not(None),
                noted.sf_id.not_in(taken_back),
                runs.status != "rolled_back",
            )
        )
        schema = _texts("object", "key", "first_loaded_run")
        loads = pl.concat([self._frame(statement, schema) for statement in (written, found)])
        return (
            loads.unique()
            .join(self._starts(), on="first_loaded_run")
            .sort("first_loaded_at", "first_loaded_run")
            .unique(["object", "key"], keep="first", maintain_order=True)
        )

    def _starts(self) -> pl.DataFrame:
        runs = tables.runs.c
        schema = _texts("first_loaded_run") | {"first_loaded_at": pl.Datetime("us")}
        found = self._frame(select(runs.run_id, runs.started_at), schema)
        return found.with_columns(pl.col("first_loaded_at").dt.replace_time_zone("UTC"))

    def _latest(self, org_id: str) -> pl.DataFrame:
        """Where each alias led at last: object, alias, key."""
        runs, noted = tables.runs.c, tables.identities.c
        statement = (
            select(noted.object, noted.alias, noted.key)
            .join(tables.runs, runs.run_id == noted.run_id)
            .where(
                of_org(org_id),
                runs.status != "rolled_back",
            )
            .order_by(noted.identity_id)
        )
        schema = _texts("object", "alias", "key")
        return self._frame(statement, schema).unique(["object", "alias"], keep="last")

    def _write(self, run_id: str, sobject: str, rows: pl.DataFrame) -> None:
        if rows.is_empty():
            return
        told = rows.select(
            pl.lit(run_id).alias("run_id"), pl.lit(sobject).alias("object"), "alias", "key", "sf_id"
        )
        with self._engine.begin() as connection:
            database.execute_many(connection, insert(tables.identities), told)

    def _org_of(self, run_id: str) -> str:
        runs = tables.runs.c
        with self._engine.connect() as connection:
            return connection.execute(select(runs.org_id).where(runs.run_id == run_id)).scalar_one()

    def _frame(self, statement: Select[Any], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """The rows, fetched by the tens of thousands: a million Python tuples are much memory."""
        parts = [pl.DataFrame(schema=dict(schema))]
        with self._engine.connect() as connection:
            found = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(statement)
            for chunk in found.partitions():
                rows = [_plain(row) for row in chunk]
                parts.append(pl.DataFrame(rows, schema=dict(schema), orient="row"))
        return pl.concat(parts)


def _texts(*names: str) -> dict[str, pl.DataType]:
    return {name: pl.String() for name in names}


def of_org(org_id: str) -> ColumnElement[bool]:
    """Runs of that org: 15 characters of its id tell it, three more repeat their case."""
    return func.substr(tables.runs.c.org_id, 1, _ORG_ID_CHARS) == org_id[:_ORG_ID_CHARS]


def _plain(row: Any) -> tuple[Any, ...]:
    """A row whose times are UTC without a zone, as SQLite gives them and a server may not."""
    return tuple(
        cell.astimezone(UTC).replace(tzinfo=None)
        if getattr(cell, "tzinfo", None) is not None
        else cell
        for cell in row
    )
