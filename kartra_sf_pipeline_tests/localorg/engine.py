"""The rules over a real store, without HTTP: what most tests of this room drive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from kartra_sf_pipeline.localorg.rules.header import resolve
from kartra_sf_pipeline.localorg.rules.remove import remove
from kartra_sf_pipeline.localorg.rules.save import save
from kartra_sf_pipeline.localorg.schema import Field
from kartra_sf_pipeline.localorg.store import Store

KEY = "Kartra_Id__c"
KEYED = (
    "Account",
    "Contact",
    "Opportunity",
    "OpportunityLineItem",
    "Product2",
    "Campaign",
    "Event",
    "Task",
)


def key_field() -> Field:
    return Field(
        KEY,
        "Kartra Id",
        "string",
        length=255,
        unique=True,
        external_id=True,
        id_lookup=True,
        custom=True,
    )


class Engine:
    def __init__(self, folder: Path) -> None:
        self.store = Store(folder)

    def add_field(self, object_name: str, field: Field, *, edit: bool = True) -> None:
        """Deploy a field and let the API user have it."""
        store = self.store
        with store.write() as connection:
            store.catalog.put_field(object_name, field)
            rows = connection.execute("SELECT Id FROM PermissionSet WHERE Name = 'T'").fetchall()
            if not rows:
                sets = {"Id": store.new_ids("PermissionSet", 1), "Name": ["T"], "Label": ["T"]}
                store.insert_frame(connection, "PermissionSet", pl.DataFrame(sets))
                rows = connection.execute(
                    "SELECT Id FROM PermissionSet WHERE Name = 'T'"
                ).fetchall()
                assigned = {
                    "Id": store.new_ids("PermissionSetAssignment", 1),
                    "PermissionSetId": [rows[0][0]],
                    "AssigneeId": [store.user_id],
                }
                store.insert_frame(connection, "PermissionSetAssignment", pl.DataFrame(assigned))
            grant = {
                "Id": store.new_ids("FieldPermissions", 1),
                "ParentId": [rows[0][0]],
                "SobjectType": [object_name],
                "Field": [f"{object_name}.{field.name}"],
                "PermissionsRead": [1],
                "PermissionsEdit": [int(edit)],
            }
            store.insert_frame(connection, "FieldPermissions", pl.DataFrame(grant))
            store.catalog.permissions_changed()

    def write(
        self,
        object_name: str,
        operation: str,
        rows: list[dict[str, str | None]],
        key: str | None = None,
    ) -> list[dict[str, Any]]:
        schema = self.store.visible_schema()
        sobject = schema.object(object_name)
        assert sobject is not None
        names = list(dict.fromkeys(n for r in rows for n in r))
        cells = pl.DataFrame(
            {n: [r.get(n) for r in rows] for n in names}, schema=dict.fromkeys(names, pl.String)
        )
        columns = resolve(schema, sobject, names)
        with self.store.write() as connection:
            found = save(
                self.store,
                connection,
                sobject,
                operation,
                columns,
                cells,
                key=sobject.field(key) if key else None,
            )
        return found.to_dicts()

    def insert(self, object_name: str, *rows: dict[str, str | None]) -> list[dict[str, Any]]:
        return self.write(object_name, "insert", list(rows))

    def upsert(self, object_name: str, *rows: dict[str, str | None]) -> list[dict[str, Any]]:
        return self.write(object_name, "upsert", list(rows), KEY)

    def update(self, object_name: str, *rows: dict[str, str | None]) -> list[dict[str, Any]]:
        return self.write(object_name, "update", list(rows))

    def remove(
        self, object_name: str, *ids: str | None, hard: bool = False
    ) -> list[dict[str, Any]]:
        sobject = self.store.schema.object(object_name)
        assert sobject is not None
        with self.store.write() as connection:
            return remove(
                self.store, connection, sobject, pl.Series(ids, dtype=pl.String), hard=hard
            ).to_dicts()

    def one(self, sql: str, *parameters: object) -> Any:
        """The first row of a SELECT, or its only value."""
        row = self.store.query(sql, parameters)[0]
        return row[0] if len(row) == 1 else row
