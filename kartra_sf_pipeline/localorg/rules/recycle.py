"""The recycle bin: records come back with what went along with them, or go for good."""

from __future__ import annotations

import sqlite3

import polars as pl

from kartra_sf_pipeline.localorg import contents
from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.ids import to_18
from kartra_sf_pipeline.localorg.rules.batch import keys
from kartra_sf_pipeline.localorg.rules.derive.campaigns import recount
from kartra_sf_pipeline.localorg.rules.derive.sales import add_up_lines
from kartra_sf_pipeline.localorg.schema import SObject
from kartra_sf_pipeline.localorg.store import Store
from kartra_sf_pipeline.localorg.visibility import GRANTING

# Status code and message of a record that could not be brought back.
Refused = tuple[str, str]
_NOT_IN_BIN: Refused = ("UNDELETE_FAILED", "Entity is not in the recycle bin")


def undelete(store: Store, connection: sqlite3.Connection, value: str) -> Refused | None:
    """Bring one record back with its dependants and the lookups that pointed at it.

    A lookup that was given another value since stays as it is. Returns why not, or None. Call
    inside `store.write()`.
    """
    record_id = to_18(value)
    sobject = store.schema.by_prefix.get(record_id[:3]) if record_id else None
    if record_id is None or sobject is None:
        return ("MALFORMED_ID", f"malformed id {value}")
    if not sobject.has("undeletable") or not _deleted(connection, sobject, record_id):
        return _NOT_IN_BIN
    for (parent,) in connection.execute("SELECT parent FROM _bin WHERE id = ?", (record_id,)):
        owner = store.schema.by_prefix.get(parent[:3])
        if owner is not None and _deleted(connection, owner, parent):
            return ("UNDELETE_FAILED", f"The record's parent {parent} is in the recycle bin")
    family = _family(connection, record_id)
    connection.execute("SAVEPOINT undelete")
    try:
        _bring_back(store, connection, family)
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK TO undelete")
        return ("DUPLICATE_VALUE", "duplicate value found: another record took its unique value")
    finally:
        connection.execute("RELEASE undelete")
    return None


def purge(store: Store, connection: sqlite3.Connection, value: str) -> Refused | None:
    """Take one record out of the bin for good, with what went along with it."""
    record_id = to_18(value)
    sobject = store.schema.by_prefix.get(record_id[:3]) if record_id else None
    if record_id is None or sobject is None:
        return ("MALFORMED_ID", f"malformed id {value}")
    if not _deleted(connection, sobject, record_id):
        return ("INVALID_ID_FIELD", "Id not found in recycle bin")
    family = _family(connection, record_id)
    for name, ids in _by_object(store, family).items():
        connection.execute(
            f"DELETE FROM {quote(name)} WHERE IsDeleted = 1 "
            "AND Id IN (SELECT value FROM json_each(?))",
            (_listed(ids),),
        )
    _forget(connection, family)
    contents.sweep(connection)
    return None


def _deleted(connection: sqlite3.Connection, sobject: SObject, record_id: str) -> bool:
    row = connection.execute(
        f"SELECT IsDeleted FROM {quote(sobject.name)} WHERE Id = ?", (record_id,)
    ).fetchone()
    return row is not None and bool(row[0])


def _family(connection: sqlite3.Connection, record_id: str) -> list[str]:
    """The record and everything that its deletion took along."""
    rows = connection.execute(
        "WITH RECURSIVE family(id) AS (SELECT ? UNION SELECT b.id FROM _bin b "
        "JOIN family f ON b.parent = f.id) SELECT id FROM family",
        (record_id,),
    )
    return [r[0] for r in rows]


def _by_object(store: Store, ids: list[str]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for record_id in ids:
        sobject = store.schema.by_prefix.get(record_id[:3])
        if sobject is not None:
            out.setdefault(sobject.name, []).append(record_id)
    return out


def _listed(ids: list[str]) -> str:
    return keys(pl.Series(ids, dtype=pl.String))


def _bring_back(store: Store, connection: sqlite3.Connection, family: list[str]) -> None:
    now = now_text()
    opportunities: list[str] = []
    campaigns: list[str] = []
    for name, ids in _by_object(store, family).items():
        sobject = store.schema.object(name)
        assert sobject is not None
        stamps = "".join(
            f", {c} = '{now}'" for c in ("LastModifiedDate", "SystemModstamp") if sobject.field(c)
        )
        listed = _listed(ids)
        connection.execute(
            f"UPDATE {quote(name)} SET IsDeleted = 0{stamps} "
            "WHERE Id IN (SELECT value FROM json_each(?))",
            (listed,),
        )
        for owner, column, parents in (
            ("OpportunityLineItem", "OpportunityId", opportunities),
            ("CampaignMember", "CampaignId", campaigns),
            ("Opportunity", "CampaignId", campaigns),
        ):
            if name == owner:
                parents += [
                    r[0]
                    for r in connection.execute(
                        f"SELECT DISTINCT {column} FROM {owner} WHERE {column} IS NOT NULL "
                        "AND Id IN (SELECT value FROM json_each(?))",
                        (listed,),
                    )
                ]
        if name in GRANTING:
            store.catalog.permissions_changed()
    lookups = connection.execute(
        "SELECT object, field, id, gone FROM _bin_lookup "
        "WHERE gone IN (SELECT value FROM json_each(?))",
        (_listed(family),),
    ).fetchall()
    for name, field, record_id, gone in lookups:
        child = store.schema.object(name)
        if child is not None and child.field(field) is not None:
            connection.execute(
                f"UPDATE {quote(name)} SET {quote(field)} = ? "
                f"WHERE Id = ? AND {quote(field)} IS NULL",
                (gone, record_id),
            )
            if name == "Opportunity" and field == "CampaignId":
                campaigns.append(gone)
    _forget(connection, family)
    if opportunities:
        add_up_lines(connection, _listed(opportunities))
    recount(connection, campaigns)


def _forget(connection: sqlite3.Connection, ids: list[str]) -> None:
    listed = _listed(ids)
    for table, column in (("_bin", "id"), ("_bin_lookup", "gone")):
        connection.execute(
            f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))", (listed,)
        )
