"""Query answers as frames: parents flattened, types as JSON gave them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl


def frame_of_records(records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pl.DataFrame:
    """The records under the names that the query selected (SOQL ignores case, frames do not)."""
    rows = [_flat(record) for record in records]
    return pl.DataFrame(
        [_series(column, [row.get(column.lower()) for row in rows]) for column in columns]
    )


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Lower-case path to value. A null parent leaves no keys, so its fields read as null."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if key == "attributes":
            continue
        if isinstance(value, Mapping):
            if "attributes" in value:
                inner = _flat(value)
                flat |= {f"{key.lower()}.{path}": found for path, found in inner.items()}
                continue
            # Compound fields (addresses, locations) have no columns of their own.
            value = json.dumps(value, ensure_ascii=False)
        flat[key.lower()] = value
    return flat


def _series(name: str, values: list[Any]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {bool}:
        dtype: type[pl.DataType] = pl.Boolean
    elif kinds and kinds <= {int}:
        dtype = pl.Int64
    elif kinds and kinds <= {int, float}:
        dtype = pl.Float64
        values = [None if value is None else float(value) for value in values]
    else:
        dtype = pl.String
        values = [
            value if value is None or isinstance(value, str) else json.dumps(value)
            for value in values
        ]
    return pl.Series(name, values, dtype=dtype)
