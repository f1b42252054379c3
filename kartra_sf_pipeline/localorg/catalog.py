"""The org's deployed schema: tables, indexes, custom objects and fields, and who sees them.

Custom definitions and changed standard fields are kept as JSON beside the data, in the same file
and the same transactions.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import polars as pl

from kartra_sf_pipeline.localorg import features
from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.database import Database, quote
from kartra_sf_pipeline.localorg.schema import (
    NUMBER_TYPES,
    TEXT_TYPES,
    Field,
    PicklistValue,
    Schema,
    SObject,
    Stage,
)
from kartra_sf_pipeline.localorg.seed import new_ids, stage_row
from kartra_sf_pipeline.localorg.views import VIEWS
from kartra_sf_pipeline.localorg.visibility import apply_permissions

# Look-ups that deletes and child queries follow; each index costs time on every bulk insert.
_INDEXED = {
    "Contact": ("AccountId", "Email"),
    "Opportunity": ("AccountId",),
    "OpportunityLineItem": ("OpportunityId", "PricebookEntryId"),
    "OpportunityContactRole": ("OpportunityId", "ContactId"),
    "CampaignMember": ("CampaignId", "ContactId"),
    "CampaignMemberStatus": ("CampaignId",),
    "PricebookEntry": ("Product2Id",),
    "Event": ("WhoId", "WhatId"),
    "Task": ("WhoId", "WhatId"),
    "ContentVersion": ("ContentDocumentId",),
    "ContentDocumentLink": ("ContentDocumentId", "LinkedEntityId"),
    "AccountContactRelation": ("AccountId", "ContactId"),
    "AccountTeamMember": ("AccountId",),
    "OpportunityTeamMember": ("OpportunityId",),
    "GroupMember": ("GroupId",),
    "ObjectTerritory2Association": ("ObjectId",),
    "FieldPermissions": ("ParentId",),
    "PermissionSetAssignment": ("PermissionSetId",),
}


def _column(field: Field) -> str:
    kind = "TEXT"
    if field.type in NUMBER_TYPES:
        kind = "REAL"
    elif field.type in {"int", "boolean"}:
        kind = "INTEGER"
    elif field.type in TEXT_TYPES and not field.case_sensitive:
        kind = "TEXT COLLATE NOCASE"
    if field.name == "Id":
        kind = "TEXT PRIMARY KEY"
    elif field.type == "boolean":
        kind = "INTEGER NOT NULL DEFAULT 0"
    return f"{quote(field.name)} {kind}"


class Catalog:
    """The schema of one file; every change runs in its `write()` and is undone with it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.RLock()
        # `_schema` is what the writing transaction sees; others see the committed one.
        self._schema = self._committed = features.base_schema(database)
        self._visible: Schema | None = None
        self._dirty = False
        self._generation = 0

    def load(self) -> None:
        """Read the deployed definitions of an existing file."""
        self._schema = self._committed = self._described()
        # A newer version of this package may know more standard objects than the file.
        with self._database.write() as connection:
            self._complete(connection)

    def features_changed(self) -> None:
        """Call inside `write()` when a feature was switched on, or a currency changed."""
        with self._database.write() as connection:
            self._schema = self._described()
            self._complete(connection)
            features.first_records(self._database, self._schema, self._database.user_id)
            self._schema = features.settled(self._schema, self._database)
            self._dirty = True

    def _described(self) -> Schema:
        """Standard objects, features and what was deployed, put together anew."""
        schema = features.base_schema(self._database)
        with self._database.read() as connection:
            objects = connection.execute("SELECT definition FROM _object ORDER BY rowid").fetchall()
            overlay = connection.execute(
                "SELECT object, definition FROM _field ORDER BY rowid"
            ).fetchall()
        for (definition,) in objects:
            raw = json.loads(definition)
            raw["flags"] = frozenset(raw["flags"])
            schema = schema.replace_object(SObject(**raw, fields=()))
        for name, definition in overlay:
            sobject = schema.object(name)
            if sobject is not None:
                schema = schema.replace_object(
                    _merged(sobject, Field.from_json(json.loads(definition)))
                )
        return features.settled(schema, self._database)

    def _complete(self, connection: sqlite3.Connection) -> None:
        """Create the tables and columns that the file does not have yet."""
        have = {
            r[0].casefold()
            for r in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        }
        for sobject in self._schema:
            if sobject.name.casefold() not in have:
                self._create_table(connection, sobject)
                continue
            columns = {
                r[1].casefold()
                for r in connection.execute(f"PRAGMA table_info({quote(sobject.name)})")
            }
            for field in sobject.stored_fields:
                if field.name.casefold() not in columns:
                    connection.execute(
                        f"ALTER TABLE {quote(sobject.name)} ADD COLUMN {_column(field)}"
                    )
                    self._index(connection, sobject, field)

    def restart(self) -> None:
        """Forget what was deployed; the caller empties the tables."""
        base = features.settled(features.base_schema(self._database), self._database)
        self._schema = Schema(base.objects, self._schema.version + 1)
        self._dirty = True

    def go_back(self) -> None:
        """Return to the committed schema after a transaction was rolled back."""
        self._schema = self._committed
        self._dirty = False

    def publish(self) -> None:
        """Show other threads what a transaction that is now committed has changed."""
        if self._dirty or self._schema is not self._committed:
            self._committed = self._schema
            self._visible = None
            self._generation += 1
            self._dirty = False

    @contextmanager
    def undoing(self) -> Iterator[None]:
        """Takes back what the block did to data and schema when it raises; inside `write()`."""
        schema = self._schema
        with self._database.write() as connection:
            connection.execute("SAVEPOINT component")
            try:
                yield
            except BaseException:
                self._schema = schema
                connection.execute("ROLLBACK TO component")
                raise
            finally:
                connection.execute("RELEASE component")

    def create_tables(self, connection: sqlite3.Connection) -> None:
        """Create the tables of every object in an empty file."""
        for sobject in self._schema:
            self._create_table(connection, sobject)

    def _create_table(self, connection: sqlite3.Connection, sobject: SObject) -> None:
        if sobject.name in VIEWS:
            for statement in VIEWS[sobject.name]:
                connection.execute(statement)
            return
        columns = [_column(f) for f in sobject.stored_fields]
        if sobject.field("IsDeleted") is None:
            columns.append('"IsDeleted" INTEGER NOT NULL DEFAULT 0')
        connection.execute(f"CREATE TABLE {quote(sobject.name)} ({', '.join(columns)})")
        for field in sobject.stored_fields:
            self._index(connection, sobject, field)

    def _index(self, connection: sqlite3.Connection, sobject: SObject, field: Field) -> None:
        name = quote(f"ix_{sobject.name}_{field.name}")
        connection.execute(f"DROP INDEX IF EXISTS {name}")
        if field.name == "Id" or not field.stored:
            return
        table, column = quote(sobject.name), quote(field.name)
        if field.unique:
            connection.execute(
                f"CREATE UNIQUE INDEX {name} ON {table} ({column}) WHERE IsDeleted = 0"
            )
        elif field.external_id or field.name in _INDEXED.get(sobject.name, ()):
            connection.execute(
                f"CREATE INDEX {name} ON {table} ({column}) WHERE {column} IS NOT NULL"
            )

    @property
    def schema(self) -> Schema:
        """Every object and field, whoever may see them."""
        return self._schema if self._database.writing() else self._committed

    def visible_schema(self) -> Schema:
        """What the API user sees; see `visibility.apply_permissions`."""
        if self._database.writing():
            return apply_permissions(self.schema, self._database)
        with self._lock:
            visible, generation = self._visible, self._generation
        if visible is None:
            visible = apply_permissions(self.schema, self._database)
            with self._lock:
                if generation == self._generation:
                    self._visible = visible
        return visible

    def permissions_changed(self) -> None:
        """Call inside `write()` after writing rows that grant something or assign grants."""
        self._dirty = True

    def put_object(self, sobject: SObject) -> SObject:
        """Create a custom object or change its labels and flags; fields are kept and merged.

        Returns the object as stored, with the key prefix that it was given.
        """
        with self._database.write() as connection:
            existing = self._schema.object(sobject.name)
            if existing is None:
                used = {o.key_prefix for o in self._schema if o.custom}
                number = next(n for n in range(62 * 62) if _custom_prefix(n) not in used)
                sobject = replace(sobject, key_prefix=_custom_prefix(number), custom=True)
                self._schema = features.settled(
                    self._schema.replace_object(sobject), self._database
                )
                sobject = self._schema.object(sobject.name) or sobject
                self._create_table(connection, sobject)
                for field in sobject.fields:
                    self._save_field(connection, sobject.name, field)
            else:
                sobject = replace(sobject, key_prefix=existing.key_prefix, fields=existing.fields)
                self._schema = self._schema.replace_object(sobject)
            definition = {
                "name": sobject.name,
                "label": sobject.label,
                "label_plural": sobject.label_plural,
                "key_prefix": sobject.key_prefix,
                "flags": sorted(sobject.flags),
                "custom": True,
                "description": sobject.description,
            }
            connection.execute(
                "INSERT INTO _object VALUES (?, ?) "
                "ON CONFLICT(name) DO UPDATE SET definition = excluded.definition",
                (sobject.name, json.dumps(definition)),
            )
            return sobject

    def put_field(self, object_name: str, field: Field) -> Field:
        """Add a field or change its definition, index included; existing values stay.

        Raises KeyError for an unknown object and sqlite3.IntegrityError when a field becomes
        unique while its values are not.
        """
        with self._database.write() as connection:
            sobject = self._schema.object(object_name)
            if sobject is None:
                raise KeyError(object_name)
            before = sobject.field(field.name)
            if before is None and field.stored:
                connection.execute(f"ALTER TABLE {quote(sobject.name)} ADD COLUMN {_column(field)}")
            merged = _merged(sobject, field)
            if before is None or (before.unique, before.external_id) != (
                field.unique,
                field.external_id,
            ):
                self._index(connection, merged, field)
            self._schema = self._schema.replace_object(merged)
            self._save_field(connection, sobject.name, field)
            return field

    def _save_field(self, connection: sqlite3.Connection, owner: str, field: Field) -> None:
        connection.execute(
            "INSERT INTO _field VALUES (?, ?, ?) "
            "ON CONFLICT(object, name) DO UPDATE SET definition = excluded.definition",
            (owner, field.name, json.dumps(field.to_json())),
        )

    def drop_field(self, object_name: str, field_name: str, *, standard: bool = False) -> bool:
        """Remove a custom field with its values and grants; False when it is not there.

        `standard` lets a standard field of a custom object go: details have no owner.
        """
        with self._database.write() as connection:
            sobject = self._schema.object(object_name)
            field = sobject.field(field_name) if sobject else None
            if sobject is None or field is None or not (field.custom or standard):
                return False
            connection.execute(f"DROP INDEX IF EXISTS {quote(f'ix_{sobject.name}_{field.name}')}")
            if field.stored:
                connection.execute(
                    f"ALTER TABLE {quote(sobject.name)} DROP COLUMN {quote(field.name)}"
                )
            connection.execute(
                "DELETE FROM _field WHERE object = ? AND name = ?", (sobject.name, field.name)
            )
            connection.execute(
                "DELETE FROM FieldPermissions WHERE Field = ?", (f"{sobject.name}.{field.name}",)
            )
            self._schema = self._schema.replace_object(
                sobject.with_fields(f for f in sobject.fields if f.name != field.name)
            )
            self._dirty = True
            return True

    def drop_object(self, name: str) -> bool:
        """Remove a custom object with all its records; False when it is not there."""
        with self._database.write() as connection:
            sobject = self._schema.object(name)
            if sobject is None or not sobject.custom:
                return False
            connection.execute(f"DROP TABLE {quote(sobject.name)}")
            connection.execute("DELETE FROM _object WHERE name = ?", (sobject.name,))
            connection.execute("DELETE FROM _field WHERE object = ?", (sobject.name,))
            for table in ("FieldPermissions", "ObjectPermissions"):
                connection.execute(f"DELETE FROM {table} WHERE SobjectType = ?", (sobject.name,))
            self._schema = features.settled(
                self._schema.without_object(sobject.name), self._database
            )
            self._dirty = True
            return True

    def put_stage(self, stage: Stage) -> None:
        """Add an opportunity stage, or change what an existing one decides."""
        with self._database.write() as connection:
            opportunity = self._schema.object("Opportunity")
            field = opportunity.field("StageName") if opportunity else None
            assert field is not None
            values = tuple(v for v in field.picklist_values if v.value != stage.label)
            if len(values) == len(field.picklist_values):
                new = (*values, PicklistValue(stage.label, stage.label))
                self.put_field("Opportunity", replace(field, picklist_values=new))
            connection.execute("DELETE FROM OpportunityStage WHERE ApiName = ?", (stage.label,))
            order = connection.execute("SELECT count(*) FROM OpportunityStage").fetchone()[0] + 1
            frame = pl.DataFrame([stage_row(stage, order, self._database.user_id, now_text())])
            frame.insert_column(0, new_ids(self._database, "OpportunityStage", 1))
            self._database.insert_frame(connection, "OpportunityStage", frame)

    def stages(self) -> dict[str, Stage]:
        """Folded stage name to what it decides, from the OpportunityStage rows."""
        rows = self._database.query(
            "SELECT MasterLabel, IsClosed, IsWon, DefaultProbability, ForecastCategory "
            "FROM OpportunityStage"
        )
        return {r[0].casefold(): Stage(r[0], bool(r[1]), bool(r[2]), r[3], r[4]) for r in rows}


def _custom_prefix(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return f"a{digits[number // 62]}{digits[number % 62]}"


def _merged(sobject: SObject, field: Field) -> SObject:
    if sobject.field(field.name) is None:
        return sobject.with_fields((*sobject.fields, field))
    folded = field.name.casefold()
    return sobject.with_fields(field if f.name.casefold() == folded else f for f in sobject.fields)
