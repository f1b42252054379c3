"""Which field each column of an upload means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kartra_sf_pipeline.localorg.schema import Field, Schema, SObject


class HeaderError(Exception):
    """A column that means nothing; the text is what a bulk job reports behind `InvalidBatch : `."""


@dataclass(frozen=True, slots=True)
class Column:
    """One upload column: a field, or a lookup named by a key field of its parent."""

    header: str
    field: Field
    parent: SObject | None = None
    parent_field: Field | None = None


def resolve(schema: Schema, sobject: SObject, headers: Sequence[str]) -> list[Column]:
    """The meaning of each header, in order.

    `Relationship.KeyField` names a parent by one of its key fields; `Object:Relationship.KeyField`
    is the form for lookups that may point at several objects, and only for those.
    Raises HeaderError for the first column that fits nothing.
    """
    columns = []
    seen: set[str] = set()
    for header in headers:
        folded = header.casefold()
        if folded in seen:
            raise HeaderError(f"Duplicate field name found : {header}")
        seen.add(folded)
        columns.append(_column(schema, sobject, header))
    return columns


def _column(schema: Schema, sobject: SObject, header: str) -> Column:
    path, dot, key = header.partition(".")
    if not dot:
        field = sobject.field(header)
        if field is None or not field.stored:
            raise HeaderError(f"Field name not found : {header}")
        return Column(header, field)
    type_name, colon, relationship = path.rpartition(":")
    lookup = sobject.relationship(relationship)
    if lookup is None:
        raise HeaderError(f"Unable to find relationship: {relationship}")
    targets = lookup.reference_to
    if colon and len(targets) == 1:
        raise HeaderError(
            f"type is not needed for non polymorphic foreign key references: {relationship}"
        )
    if colon:
        target = next((t for t in targets if t.casefold() == type_name.casefold()), None)
    else:
        target = targets[0] if len(targets) == 1 else None
    parent = schema.object(target) if target else None
    field = parent.field(key) if parent else None
    if parent is None or field is None or not field.key:
        raise HeaderError(f"Field name not found : {header}")
    return Column(header, lookup, parent, field)
