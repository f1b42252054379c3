"""What was deployed, as it was written: the source of readMetadata and listMetadata."""

from __future__ import annotations

from dataclasses import dataclass

from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.metadata.kinds import BY_NAME
from kartra_sf_pipeline.localorg.store import Store

# Tables of the server's own: a reset of the org empties them.
_TABLES = (
    "CREATE TABLE IF NOT EXISTS _metadata (type TEXT, full_name TEXT COLLATE NOCASE, id TEXT, "
    "source TEXT, created TEXT, modified TEXT, PRIMARY KEY (type, full_name))",
    "CREATE TABLE IF NOT EXISTS _deployment (id TEXT PRIMARY KEY, request TEXT, result TEXT)",
    "CREATE TABLE IF NOT EXISTS _retrieval (id TEXT PRIMARY KEY, result TEXT, zip TEXT)",
    "CREATE TABLE IF NOT EXISTS _flow_version (id TEXT PRIMARY KEY, flow TEXT COLLATE NOCASE, "
    "number INTEGER, status TEXT, source TEXT, created TEXT, modified TEXT)",
)
_REVISION = "metadata_revision"


@dataclass(frozen=True, slots=True)
class Component:
    """One deployed component; `source` is its XML, dates are in stored form."""

    type: str
    full_name: str
    id: str
    source: str
    created: str
    modified: str


class Registry:
    """The deployed components of one store; changes belong inside `store.write()`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.write() as connection:
            for statement in _TABLES:
                connection.execute(statement)

    def revision(self) -> int:
        """A number that grows with every change of a component."""
        return int(self._store.get_meta(_REVISION) or 0)

    def touch(self) -> None:
        """Note that a component has changed; inside `write()`."""
        self._store.set_meta(_REVISION, str(self.revision() + 1))

    def by_id(self, kind: str, record_id: str) -> Component | None:
        """The component of that type with that id of 15 or 18 characters, or None."""
        rows = self._store.query(
            "SELECT type, full_name, id, source, created, modified FROM _metadata "
            "WHERE type = ? AND (id = ? OR substr(id, 1, 15) = ?)",
            (kind, record_id, record_id),
        )
        return Component(*rows[0]) if rows else None

    def get(self, kind: str, full_name: str) -> Component | None:
        """The component of that type and name in any case, or None."""
        rows = self._store.query(
            "SELECT type, full_name, id, source, created, modified FROM _metadata "
            "WHERE type = ? AND full_name = ?",
            (kind, full_name),
        )
        return Component(*rows[0]) if rows else None

    def all(self, kind: str) -> list[Component]:
        """Every component of a type, by name."""
        rows = self._store.query(
            "SELECT type, full_name, id, source, created, modified FROM _metadata "
            "WHERE type = ? ORDER BY full_name",
            (kind,),
        )
        return [Component(*row) for row in rows]

    def put(
        self, kind: str, full_name: str, source: str, record_id: str | None = None
    ) -> Component:
        """Keeps a component; a known one keeps its id and its date of birth."""
        now = now_text()
        known = self.get(kind, full_name)
        if known is not None:
            record_id, created = known.id, known.created
        else:
            created = now
            if record_id is None:
                prefix = BY_NAME[kind].prefix
                record_id = self._store.new_ids_for_prefix(prefix, 1).item()
        with self._store.write() as connection:
            self.touch()
            connection.execute(
                "INSERT OR REPLACE INTO _metadata VALUES (?, ?, ?, ?, ?, ?)",
                (kind, full_name, record_id, source, created, now),
            )
        return Component(kind, full_name, record_id or "", source, created, now)

    def drop(self, kind: str, full_name: str) -> bool:
        """Forgets a component; False when it was not known."""
        with self._store.write() as connection:
            self.touch()
            cursor = connection.execute(
                "DELETE FROM _metadata WHERE type = ? AND full_name = ?", (kind, full_name)
            )
            return cursor.rowcount > 0
