"""One stored record as JSON."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.schema import NUMBER_TYPES, Field, SObject

_ADDRESS_PARTS = {
    "city": "City",
    "country": "Country",
    "geocodeAccuracy": "GeocodeAccuracy",
    "latitude": "Latitude",
    "longitude": "Longitude",
    "postalCode": "PostalCode",
    "state": "State",
    "street": "Street",
}


def read_record(
    connection: sqlite3.Connection,
    sobject: SObject,
    path: str,
    record_id: str,
    fields: Sequence[Field] | None = None,
) -> dict[str, Any] | None:
    """The live record with that id, or None; `path` is `/services/data/vNN.0`."""
    wanted = list(fields or sobject.fields)
    columns = [f.name for f in sobject.stored_fields]
    row = connection.execute(
        f"SELECT {', '.join(quote(c) for c in columns)} FROM {quote(sobject.name)} "
        "WHERE Id = ? AND IsDeleted = 0",
        (record_id,),
    ).fetchone()
    if row is None:
        return None
    stored = dict(zip(columns, row, strict=True))
    out: dict[str, Any] = {
        "attributes": {
            "type": sobject.name,
            "url": f"{path}/sobjects/{sobject.name}/{record_id}",
        }
    }
    for field in wanted:
        out[field.name] = _value(field, sobject, stored)
        if field.type == "blob" and out[field.name] is not None:
            out[field.name] = f"{path}/sobjects/{sobject.name}/{record_id}/{field.name}"
    return out


def _value(field: Field, sobject: SObject, stored: dict[str, Any]) -> Any:
    if field.type == "address":
        prefix = field.name.removesuffix("Address")
        parts = {
            key: stored.get(prefix + name)
            for key, name in _ADDRESS_PARTS.items()
            if sobject.field(prefix + name)
        }
        return parts if any(v is not None for v in parts.values()) else None
    value = stored.get(field.name)
    if value is None:
        return None
    if field.type == "boolean":
        return bool(value)
    if field.type in NUMBER_TYPES:
        return float(value)
    return value
