"""The org's data and deployed schema in one SQLite file.

One table per object, named by its API name, with a column per stored field and always `Id` and
`IsDeleted`. Booleans are 0/1, dates `YYYY-MM-DD`, date-times `YYYY-MM-DDTHH:MM:SS.000+0000`, ids
18 characters; text compares without case. Deleted rows stay, marked, until they are purged.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.localorg import features
from kartra_sf_pipeline.localorg.catalog import Catalog
from kartra_sf_pipeline.localorg.database import Database, quote
from kartra_sf_pipeline.localorg.schema import Schema
from kartra_sf_pipeline.localorg.seed import seed


class Store(Database):
    """The file as an org: with a schema, first records, and a way back to them."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.catalog = Catalog(self)
        self.on_commit = self.catalog.publish
        self.on_rollback = self.catalog.go_back
        if self.get_meta("org_id") is None:
            self._create()
        else:
            self._load()

    def _create(self) -> None:
        with self.write() as connection:
            self.catalog.create_tables(connection)
            self.org_id, self.user_id = seed(self, connection)
            connection.executemany(
                "INSERT OR REPLACE INTO _meta VALUES (?, ?)",
                [("org_id", self.org_id), ("user_id", self.user_id)],
            )
            features.first_records(self, self.schema, self.user_id)

    def _load(self) -> None:
        self.org_id = self.get_meta("org_id") or ""
        self.user_id = self.get_meta("user_id") or ""
        self.catalog.load()

    def switch_on(self, names: Iterable[str], *, corporate_currency: str | None = None) -> None:
        """Switch features on; those that are on already stay so, also over a reset.

        The corporate currency is chosen when the org gets its currencies, and not changed later.
        """
        with self.write():
            if corporate_currency and features.MULTI_CURRENCY not in features.switched_on(self):
                self.set_meta("corporate_currency", corporate_currency)
            features.remember(self, features.switched_on(self) | set(names))
            self.catalog.features_changed()

    def reset(self, *, keep_features: bool = True) -> None:
        """A new org in the same file: no records but the first ones, no deployed schema.

        The ids of the organisation and of its users stay, because tokens carry them; those of
        jobs and deployments go on counting, because clients may still hold them.
        """
        with self.write() as connection:
            tables = [
                r[0]
                for r in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite%'"
                )
            ]
            prefixes = [(o.key_prefix,) for o in self.schema if o.key_prefix]
            for name in tables:
                if not name.startswith("_"):
                    connection.execute(f"DROP TABLE {quote(name)}")
                elif name not in {"_meta", "_sequence"}:
                    connection.execute(f"DELETE FROM {quote(name)}")
            connection.executemany("DELETE FROM _sequence WHERE prefix = ?", prefixes)
            if not keep_features:
                features.remember(self, ())
                self.set_meta("corporate_currency", "")
            self.catalog.restart()
            self._create()

    @property
    def schema(self) -> Schema:
        """Every object and field, whoever may see them."""
        return self.catalog.schema

    def visible_schema(self) -> Schema:
        """What the API user sees; see `Catalog.visible_schema`."""
        return self.catalog.visible_schema()

    def new_ids(self, object_name: str, count: int) -> pl.Series:
        """Unused ids of an object, in rising order; call inside `write()`."""
        sobject = self.schema.object(object_name)
        prefix = (sobject.key_prefix if sobject else None) or "0Lo"
        return self.new_ids_for_prefix(prefix, count)
