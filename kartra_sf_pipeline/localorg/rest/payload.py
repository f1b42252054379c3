"""From JSON records to the cells that the rules take, and back to save results."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from kartra_sf_pipeline.localorg.rules.header import Column, HeaderError, resolve
from kartra_sf_pipeline.localorg.rules.save import save
from kartra_sf_pipeline.localorg.schema import NUMBER_TYPES, Field, SObject
from kartra_sf_pipeline.localorg.store import Store

# JSON has a real null, so the mark that stands for it is a text that no JSON value can spell.
_NULL = "\x00null"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record was refused, with the HTTP status that a call for it alone gets."""

    code: str
    message: str
    fields: tuple[str, ...] = ()
    status: int = 400


@dataclass(frozen=True, slots=True)
class Saved:
    """The fate of one record; `created` is meant for upserts."""

    id: str | None
    created: bool
    refusal: Refusal | None = None

    def body(self, *, upsert: bool = False) -> dict[str, Any]:
        """The save result as a collection lists it: failed records have no `id` key."""
        out: dict[str, Any] = {}
        if self.refusal is None:
            out["id"] = self.id
        out["success"] = self.refusal is None
        out["errors"] = (
            []
            if self.refusal is None
            else [
                {
                    "statusCode": self.refusal.code,
                    "message": self.refusal.message,
                    "fields": list(self.refusal.fields),
                }
            ]
        )
        if upsert:
            out["created"] = self.created
        return out


def flatten(sobject: SObject, record: dict[str, Any]) -> dict[str, str] | Refusal:
    """One record's cells by header; parents given by key become relationship headers.

    Returns the refusal of a record whose keys or values do not fit the object.
    """
    cells: dict[str, str] = {}
    for name, value in record.items():
        if name == "attributes":
            continue
        field = sobject.field(name)
        if isinstance(value, dict):
            lookup = sobject.relationship(name)
            if lookup is None:
                if field is None:
                    return _no_column(sobject, name)
                kind = "complexvalue" if field.type == "address" else "string"
                return Refusal(
                    "JSON_PARSER_ERROR",
                    f"Cannot deserialize instance of {kind} from START_OBJECT value {{",
                )
            parent = _parent_cells(lookup, name, value)
            if isinstance(parent, Refusal):
                return parent
            cells |= parent
            continue
        if field is None or not field.stored:
            return _no_column(sobject, name)
        if isinstance(value, list):
            return Refusal(
                "JSON_PARSER_ERROR",
                "Cannot deserialize instance of string from START_ARRAY value [",
                (),
            )
        wrong = _wrong_type(field, value)
        if wrong is not None:
            return wrong
        cells[field.name] = _text(value)
    return cells


def _parent_cells(lookup: Field, name: str, value: dict[str, Any]) -> dict[str, str] | Refusal:
    kind = (value.get("attributes") or {}).get("type")
    keys = [k for k in value if k != "attributes"]
    if len(lookup.reference_to) > 1 and not kind:
        return Refusal(
            "JSON_PARSER_ERROR",
            "Nested object for polymorphic foreign key must have an attributes field before any "
            "other fields.",
        )
    if len(keys) != 1:
        return Refusal(
            "INVALID_FIELD",
            f"More than 1 field provided in an external foreign key reference in entity: {name}",
        )
    prefix = f"{kind}:{name}" if len(lookup.reference_to) > 1 else name
    return {f"{prefix}.{keys[0]}": _text(value[keys[0]])}


def _no_column(sobject: SObject, name: str) -> Refusal:
    return Refusal("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")


def _text(value: object) -> str:
    if value is None or value == "":
        return _NULL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return str(value)


def _wrong_type(field: Field, value: object) -> Refusal | None:
    """Values that the JSON reader refuses before any rule sees them."""
    if value is None or value == "":
        return None
    kind = field.type
    bad = False
    if kind == "boolean":
        bad = not isinstance(value, bool) and str(value).lower() not in {"true", "false"}
    elif kind in {"date", "datetime"}:
        probe = pl.Series([str(value)])
        shape = r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2}))?$"
        bad = not isinstance(value, str) or not probe.str.contains(shape).item()
        if not bad:
            day = probe.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
            bad = day.is_null().item()
    elif kind in NUMBER_TYPES or kind == "int":
        if isinstance(value, bool):
            bad = True
        elif isinstance(value, str):
            try:
                float(value)
            except ValueError:
                bad = True
    if not bad:
        return None
    token = "VALUE_STRING" if isinstance(value, str) else "VALUE_NUMBER_INT"
    if isinstance(value, bool):
        token = "VALUE_TRUE" if value else "VALUE_FALSE"
    name = kind if kind in {"boolean", "date", "datetime", "int"} else "double"
    shown = value if isinstance(value, str) else json.dumps(value)
    return Refusal(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {name} from {token} value {shown} at [line:1, column:1]",
    )


def save_records(
    store: Store,
    connection: sqlite3.Connection,
    sobject: SObject,
    operation: str,
    records: Sequence[dict[str, Any]],
    *,
    key: Field | None = None,
) -> list[Saved]:
    """Write JSON records of one object in order; call inside `store.write()`."""
    flat = [flatten(sobject, r) for r in records]
    out: list[Saved | None] = [
        Saved(None, created=False, refusal=f) if isinstance(f, Refusal) else None for f in flat
    ]
    good = [i for i, f in enumerate(flat) if isinstance(f, dict)]
    if good:
        rows = [f for f in flat if isinstance(f, dict)]
        headers = list(dict.fromkeys(h for r in rows for h in r))
        columns: list[Column] = []
        schema = store.visible_schema()
        kept: list[str] = []
        for header in headers:
            try:
                columns += resolve(schema, sobject, [header])
                kept.append(header)
            except HeaderError as error:
                for i in good:
                    row = flat[i]
                    if isinstance(row, dict) and header in row:
                        refusal = Refusal("INVALID_FIELD", str(error))
                        out[i] = Saved(None, created=False, refusal=refusal)
        good = [i for i in good if out[i] is None]
        if good:
            cells = pl.DataFrame(
                {h: [flat[i].get(h) for i in good] for h in kept},  # type: ignore[union-attr]
                schema=dict.fromkeys(kept, pl.String),
            )
            if not kept:
                # A create of a record without any field still has a row.
                columns = resolve(schema, sobject, ["Id"])
                cells = pl.DataFrame({"Id": pl.Series([None] * len(good), dtype=pl.String)})
            outcome = save(
                store, connection, sobject, operation, columns, cells, key=key, null_mark=_NULL
            )
            for i, row in zip(good, outcome.iter_rows(named=True), strict=True):
                out[i] = to_saved(row)
    return [o for o in out if o is not None]


def to_saved(row: dict[str, Any]) -> Saved:
    """One line of an outcome frame as a save result."""
    if row["code"] is None:
        return Saved(row["id"], created=bool(row["created"]))
    # A reference that a field holds is the caller's mistake; the record itself may not be there.
    lost = row["code"] in {"INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED"} and not row["fields"]
    status = 404 if lost else 400
    refusal = Refusal(row["code"], row["message"], tuple(row["fields"] or ()), status)
    return Saved(row["id"], created=False, refusal=refusal)
