"""What a frame's columns are in the org: plain fields, or parents named by their own key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.migration.equivalence import canonical, differs
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe
from kartra_sf_pipeline.salesforce.org import Org

LINEAGE = ("source_file", "source_line")
_KEY_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """One column of an upload and the field behind it.

    `name` is the column's header: `Phone`, `Account.Kartra_Id__c`, `Contact:Who.Kartra_Id__c`.
    `path` is what SOQL selects to read it. For a parent column `lookup` is the field that holds
    the parent's id, and `parent` and `parent_key` say where the id is found. `apart` is true where
    SOQL cannot follow the path itself (a lookup to several objects): `path` gives ids. `by_name` is
    true where the platform takes no reference by that key, which is no external id: what is sent
    is the id.
    """

    name: str
    path: str
    type: str
    scale: int
    fold: bool
    createable: bool
    updateable: bool
    lookup: str | None = None
    parent: str | None = None
    parent_key: str | None = None
    apart: bool = False
    by_name: bool = False

    def differs(self, wanted: pl.Expr, found: pl.Expr) -> pl.Expr:
        """True where the upload asks for something else than the org holds."""
        return differs(wanted, found, self.type, self.scale, fold=self.fold)

    def comparable(self, column: pl.Expr) -> pl.Expr:
        """The column's canonical text, without case where the org ignores it."""
        text = canonical(column, self.type, self.scale)
        return text.str.to_lowercase() if self.fold else text


def data_columns(frame: pl.DataFrame) -> list[str]:
    """The columns that are Salesforce's: all but lineage and those that begin with `_`."""
    return [name for name in frame.columns if not name.startswith("_") and name not in LINEAGE]


def bind_columns(org: Org, sobject: str, names: Iterable[str]) -> list[BoundColumn]:
    """Find each column's field by the org's describe.

    Raises SettingsError that names every column which the org does not have or does not show.
    """
    described = org.describe(sobject)
    bound: list[BoundColumn] = []
    unknown: list[str] = []
    for name in names:
        column = _bind_parent(org, described, name) if "." in name else _bind(described, name)
        if column is None:
            unknown.append(name)
        else:
            bound.append(column)
    if unknown:
        raise SettingsError(
            f"{sobject} in {org.host} has no field {', '.join(unknown)}, or hides it.",
            next_step="Deploy the schema and assign its permission set, or correct the field map.",
        )
    return bound


def key_columns(columns: Sequence[BoundColumn], key_fields: Sequence[str]) -> list[BoundColumn]:
    """The columns that fill the given fields, directly or as parent columns, in that order.

    Raises SettingsError where a key field has no column.
    """
    found: list[BoundColumn] = []
    for field in key_fields:
        match = next((c for c in columns if field in (c.name, c.lookup)), None)
        if match is None:
            raise SettingsError(
                f"No column fills {field}, which records are found by.",
                next_step="Add it to the field map.",
            )
        found.append(match)
    return found


def match_key(keys: Sequence[BoundColumn], suffix: str = "") -> pl.Expr:
    """One text per row to join records on; null where a part of the key is missing.

    `suffix` is what the columns' names end in within the frame at hand.
    """
    parts = [column.comparable(pl.col(column.name + suffix)) for column in keys]
    return pl.concat_str(parts, separator=_KEY_SEPARATOR)


def _bind(described: ObjectDescribe, name: str) -> BoundColumn | None:
    field = _field(described, name)
    if field is None:
        return None
    return BoundColumn(
        name=name,
        path=field.name,
        type=field.type,
        scale=field.scale,
        fold=field.external_id and not field.case_sensitive,
        createable=field.createable,
        updateable=field.updateable,
    )


def _bind_parent(org: Org, described: ObjectDescribe, name: str) -> BoundColumn | None:
    """`Relation.Key`, or where the lookup may point to several objects `Object:Relation.Key`."""
    relation, _, key_name = name.partition(".")
    first, _, second = relation.partition(":")
    lookup = described.by_relationship(second or first)
    wanted_object = first if second else None
    if lookup is None and second:
        lookup, wanted_object = described.by_relationship(first), second
    if lookup is None:
        return None
    parents = [p for p in lookup.reference_to if wanted_object in (None, p)]
    for parent in parents:
        key = _field(org.describe(parent), key_name)
        if key is not None:
            several = len(lookup.reference_to) > 1
            return BoundColumn(
                name=name,
                path=lookup.name if several else f"{lookup.relationship_name}.{key.name}",
                type=key.type,
                scale=key.scale,
                fold=not key.case_sensitive,
                createable=lookup.createable,
                updateable=lookup.updateable,
                lookup=lookup.name,
                parent=parent,
                parent_key=key.name,
                apart=several,
                # Of a lookup to one object the platform takes no header that names the object.
                by_name=not (key.external_id or key.id_lookup) or (bool(second) and not several),
            )
    return None


def _field(described: ObjectDescribe, name: str) -> FieldDescribe | None:
    exact = described.fields.get(name)
    if exact is not None:
        return exact
    return next((f for f in described.fields.values() if f.name.lower() == name.lower()), None)
