"""Delete and hard delete, with what goes along and what has to be counted again."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

import polars as pl

from kartra_sf_pipeline.localorg import contents
from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.rules import lookups
from kartra_sf_pipeline.localorg.rules.batch import Batch, fetch, keys, outcome
from kartra_sf_pipeline.localorg.rules.derive.campaigns import recount
from kartra_sf_pipeline.localorg.rules.derive.sales import add_up_lines
from kartra_sf_pipeline.localorg.schema import SObject
from kartra_sf_pipeline.localorg.store import Store
from kartra_sf_pipeline.localorg.visibility import GRANTING

# Lookups that keep a record from being deleted, with the word for what holds it.
_HELD_BY = {
    "Product2": (("OpportunityLineItem", "Product2Id", "opportunity products"),),
    "PricebookEntry": (("OpportunityLineItem", "PricebookEntryId", "opportunity products"),),
    "Campaign": (),
}

# Links that go with whatever they point at.
_FOLLOWING = {
    ("ContentDocumentLink", "LinkedEntityId"),
    ("ObjectTerritory2Association", "ObjectId"),
}


@dataclass
class _Gone:
    """Ids of everything that one call removes, and what has to be counted again.

    `parents` says for what goes along which record took it.
    """

    ids: dict[str, set[str]] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    opportunities: set[str] = field(default_factory=set)
    campaigns: set[str] = field(default_factory=set)


def remove(
    store: Store,
    connection: sqlite3.Connection,
    sobject: SObject,
    ids: pl.Series,
    *,
    hard: bool = False,
) -> pl.DataFrame:
    """Delete records by id with their dependants; outcomes as `save` returns them.

    A soft delete leaves the rows marked; a hard one takes them out of the table. Lookups that do
    not cascade are emptied. An id that comes twice fails the second time.
    """
    if sobject.name == "ContentNote":
        # A note is a document seen as a note; both have the same id.
        sobject = store.schema.object("ContentDocument") or sobject
    height = len(ids)
    batch = Batch(
        store=store,
        connection=connection,
        sobject=sobject,
        rows=pl.int_range(height, eager=True, dtype=pl.UInt32),
        creating=pl.repeat(False, height, dtype=pl.Boolean, eager=True),
        ids=pl.repeat(None, height, dtype=pl.String, eager=True),
        now=now_text(),
    )
    lookups.resolve_own_ids(batch, ids, "Id not specified in a delete call")
    again = pl.DataFrame({"id": batch.ids}).select(~pl.col("id").is_first_distinct())
    batch.fail(
        again.to_series() & batch.ids.is_not_null(), "ENTITY_IS_DELETED", "entity is deleted"
    )
    if sobject.name == "Pricebook2":
        standard = connection.execute("SELECT Id FROM Pricebook2 WHERE IsStandard = 1").fetchall()
        batch.fail(
            batch.ids.is_in([r[0] for r in standard]),
            "DELETE_FAILED",
            "The standard price book cannot be deleted.",
        )
    if sobject.name == "AccountContactRelation":
        direct = batch.look_up(sobject.name, batch.ids, ["IsDirect"])["IsDirect"]
        batch.fail(
            direct == 1,
            "DELETE_FAILED",
            "The direct relationship of a contact and its account can't be deleted: give the "
            "contact another account, or none.",
        )
    for child, column, what in _HELD_BY.get(sobject.name, ()):
        held = fetch(
            connection,
            f"SELECT DISTINCT c.{column} FROM json_each(?) k CROSS JOIN {child} c "
            f"ON c.{column} = k.value WHERE c.IsDeleted = 0",
            {"Id": pl.String},
            (keys(batch.ids),),
        )["Id"]
        batch.fail(
            batch.ids.is_in(held.implode()),
            "DELETE_FAILED",
            f"Your attempt to delete this record could not be completed because some {what} "
            "are associated with it.",
        )
    _restricted(batch)
    going = batch.ids.filter(batch.live)
    if not going.is_empty():
        gone = _Gone()
        _collect(store, connection, sobject, going.to_list(), gone)
        _take(store, connection, gone, hard=hard, now=batch.now)
        if hard and "ContentVersion" in gone.ids:
            contents.sweep(connection)
    return outcome(batch)


def _restricted(batch: Batch) -> None:
    """Custom lookups that forbid deleting what they point at."""
    for child in batch.store.schema:
        for f in child.fields:
            if f.delete_constraint != "Restrict" or batch.sobject.name not in f.reference_to:
                continue
            held = fetch(
                batch.connection,
                f"SELECT DISTINCT c.{quote(f.name)} FROM {quote(child.name)} c "
                f"WHERE c.IsDeleted = 0 AND c.{quote(f.name)} "
                "IN (SELECT value FROM json_each(?))",
                {"Id": pl.String},
                (keys(batch.ids),),
            )["Id"]
            batch.fail(
                batch.ids.is_in(held.implode()),
                "DELETE_FAILED",
                "Your attempt to delete this record could not be completed because some "
                f"{child.label_plural} are associated with it.",
            )


def _collect(
    store: Store, connection: sqlite3.Connection, sobject: SObject, ids: list[str], gone: _Gone
) -> None:
    """Add records and, recursively, their dependants to what goes."""
    known = gone.ids.setdefault(sobject.name, set())
    new = [i for i in ids if i not in known]
    if not new:
        return
    known.update(new)
    listed = keys(pl.Series(new, dtype=pl.String))
    for owner, column, parents in (
        ("OpportunityLineItem", "OpportunityId", gone.opportunities),
        ("CampaignMember", "CampaignId", gone.campaigns),
        ("Opportunity", "CampaignId", gone.campaigns),
    ):
        if sobject.name == owner:
            parents.update(
                r[0]
                for r in connection.execute(
                    f"SELECT DISTINCT {column} FROM {owner} WHERE {column} IS NOT NULL "
                    "AND Id IN (SELECT value FROM json_each(?))",
                    (listed,),
                )
            )
    for child, column in _dependants(store, sobject):
        rows = connection.execute(
            f"SELECT c.Id, c.{quote(column)} FROM {quote(child.name)} c WHERE c.{quote(column)} "
            "IN (SELECT value FROM json_each(?)) AND c.IsDeleted = 0",
            (listed,),
        ).fetchall()
        if rows:
            known = gone.ids.get(child.name, set())
            gone.parents.update((i, parent) for i, parent in rows if i not in known)
            _collect(store, connection, child, [r[0] for r in rows], gone)


def _dependants(store: Store, sobject: SObject) -> list[tuple[SObject, str]]:
    found = []
    for relation in sobject.child_relationships:
        child = store.schema.object(relation.child)
        if relation.cascade_delete and child is not None and child.field(relation.field):
            found.append((child, relation.field))
    for child in store.schema:
        found += [
            (child, f.name)
            for f in child.fields
            if sobject.name in f.reference_to
            and (
                (f.custom and f.delete_constraint == "Cascade")
                or (child.name, f.name) in _FOLLOWING
            )
        ]
    return found


def _take(
    store: Store, connection: sqlite3.Connection, gone: _Gone, *, hard: bool, now: str
) -> None:
    listed = {n: keys(pl.Series(list(i), dtype=pl.String)) for n, i in gone.ids.items()}
    for name, ids in listed.items():
        if hard:
            connection.execute(
                f"DELETE FROM {quote(name)} WHERE Id IN (SELECT value FROM json_each(?))", (ids,)
            )
        else:
            sobject = store.schema.object(name)
            stamp = ""
            if sobject is not None:
                stamp = "".join(
                    f", {c} = '{now}'"
                    for c in ("LastModifiedDate", "SystemModstamp")
                    if sobject.field(c)
                )
            connection.execute(
                f"UPDATE {quote(name)} SET IsDeleted = 1{stamp} "
                "WHERE Id IN (SELECT value FROM json_each(?))",
                (ids,),
            )
        if name in GRANTING:
            store.catalog.permissions_changed()
    if not hard:
        connection.executemany(
            "INSERT OR REPLACE INTO _bin VALUES (?, ?)", list(gone.parents.items())
        )
    # After all rows are marked: what went together keeps its lookups in the bin.
    for name, ids in listed.items():
        _empty_lookups(store, connection, name, ids, hard=hard)
    if gone.opportunities:
        add_up_lines(connection, keys(pl.Series(list(gone.opportunities), dtype=pl.String)))
    recount(connection, list(gone.campaigns))


def _empty_lookups(
    store: Store, connection: sqlite3.Connection, name: str, listed: str, *, hard: bool
) -> None:
    """Live records that pointed at what is gone point at nothing now."""
    for child in store.schema:
        for f in child.stored_fields:
            if (
                f.type != "reference"
                or name not in f.reference_to
                or not f.nillable
                or not (f.updateable or f.createable)
            ):
                continue
            column = quote(f.name)
            pointing = f"{column} IN (SELECT value FROM json_each(?)) AND IsDeleted = 0"
            if not hard:
                found = connection.execute(
                    "INSERT OR REPLACE INTO _bin_lookup "
                    f"SELECT {column}, ?, ?, Id FROM {quote(child.name)} WHERE {pointing}",
                    (child.name, f.name, listed),
                )
                if not found.rowcount:
                    continue
            connection.execute(
                f"UPDATE {quote(child.name)} SET {column} = NULL WHERE {pointing}", (listed,)
            )
