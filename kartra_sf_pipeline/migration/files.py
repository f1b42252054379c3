"""Files on their way to the org: one request each, with the content in it.

A bulk job brings no content. Each file is noted in the ledger before its request leaves; an answer
that is lost is asked for by key, so that no file is there twice.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import polars as pl

from kartra_sf_pipeline.errors import OrgError, OrgUnavailable
from kartra_sf_pipeline.migration import results
from kartra_sf_pipeline.migration.contents import CHECKSUM, ContentError, Contents, is_content
from kartra_sf_pipeline.migration.current import ORG, read_current
from kartra_sf_pipeline.migration.diff import VERDICT
from kartra_sf_pipeline.migration.equivalence import CLEAR
from kartra_sf_pipeline.migration.sending import DUPLICATE, NO_IMAGES, Sender
from kartra_sf_pipeline.salesforce import soql

_PAUSES = (0.5, 2.0, 5.0)
# The org looked at this one record and refused it; anything else concerns the whole load.
_OF_THE_RECORD = 400
_CREATED = {"error_code": None, "error_fields": None, "error_message": None}


def create_one_by_one(
    sender: Sender, rows: pl.DataFrame, contents: Contents
) -> Iterator[pl.DataFrame]:
    """Create each new file and settle it before the next one is sent."""
    new = rows.filter(pl.col(VERDICT) == "create")
    records = sender.parents.as_sent(new.select(column.name for column in sender.columns))
    blob = next(column.name for column in sender.columns if is_content(column))
    for number, cells in enumerate(records.drop(blob).iter_rows(named=True)):
        row = sender.note(new[number].with_columns(intent=pl.lit("create"), **NO_IMAGES))
        answer = _created(sender, row, _record(sender, cells), blob, contents)
        said = pl.DataFrame(
            [{results.RESULT: row["_key"][0], **answer}],
            schema=dict.fromkeys((results.RESULT, "sf_id", "action", *_CREATED), pl.String),
        )
        yield sender.settle(row, "_key", said)


def _created(
    sender: Sender, row: pl.DataFrame, record: dict[str, Any], blob: str, contents: Contents
) -> dict[str, str | None]:
    """What became of one file: sf_id, action and the three columns of an error."""
    try:
        planned = row[CHECKSUM][0] if CHECKSUM in row.columns else None
        content = contents.read_planned(str(row[blob][0] or ""), planned)
    except ContentError as error:
        return _rejected(results.CONTENT_NOT_READ, str(error), blob)
    for pause in (*_PAUSES, None):
        try:
            made = _post(sender, record, blob, content, contents.largest_in_json)
            return {"sf_id": made, "action": "created", **_CREATED}
        except OrgUnavailable:
            if arrived := _arrived(sender, row):
                return {"sf_id": arrived, "action": "created", **_CREATED}
            if pause is None:
                raise
            time.sleep(pause)
        except OrgError as error:
            if error.status != _OF_THE_RECORD:
                raise
            if error.code in DUPLICATE and (arrived := _arrived(sender, row)):
                return {"sf_id": arrived, "action": "created", **_CREATED}
            return _rejected(error.code or "UNKNOWN_EXCEPTION", str(error), None)
    raise AssertionError("unreachable: the last attempt returns or raises")


def _rejected(code: str, message: str, field: str | None) -> dict[str, str | None]:
    return {
        "sf_id": None,
        "action": "rejected",
        "error_code": code,
        "error_fields": field,
        "error_message": message,
    }


def _arrived(sender: Sender, row: pl.DataFrame) -> str | None:
    """The id of the row's record if this run made it: an earlier answer was lost."""
    stamp = sender.phase.stamp_field
    if stamp is None:
        return None
    found = read_current(
        sender.org, sender.phase.object, sender.keys, sender.keys, row, [stamp]
    ).filter(pl.col(stamp + ORG) == sender.run_id)
    return str(found["Id"][0]) if found.height else None


def _record(sender: Sender, cells: dict[str, str | None]) -> dict[str, Any]:
    """The cells that say something, as JSON types, and the run's stamp."""
    types = {sender.parents.sent_column(c).name: c.type.lower() for c in sender.columns}
    record: dict[str, Any] = {
        name: _typed(text, types[name])
        for name, text in cells.items()
        if text is not None and text.strip() and text != CLEAR
    }
    if sender.phase.stamp_field:
        record[sender.phase.stamp_field] = sender.run_id
    return record


def _typed(text: str, field_type: str) -> Any:
    if field_type == "boolean":
        return text.strip().lower() in ("true", "1")
    if field_type in ("int", "long"):
        return int(text)
    return text


def _post(
    sender: Sender, record: dict[str, Any], blob: str, content: bytes, largest_in_json: int
) -> str:
    sobject = sender.phase.object
    path = f"sobjects/{soql.name(sobject)}"
    action = f"Creating a {sobject}"
    if len(content) <= largest_in_json:
        whole = {**record, blob: base64.b64encode(content).decode()}
        made = sender.org.json("POST", path, action=action, content=whole)
        return str(made["id"])
    boundary = secrets.token_hex(16)
    response = sender.org.request(
        "POST",
        path,
        action=action,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        body=_multipart(boundary, record, blob, content),
    )
    return str(json.loads(response.content)["id"])


def _multipart(boundary: str, record: dict[str, Any], blob: str, content: bytes) -> bytes:
    """The record as one part and its content as another, as it is."""
    parts = (
        ("entity_content", "application/json", json.dumps(record).encode(), ""),
        (blob, "application/octet-stream", content, '; filename="content"'),
    )
    return (
        b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n'
            f"Content-Type: {kind}\r\n\r\n".encode()
            + body
            + b"\r\n"
            for name, kind, body, more in parts
        )
        + f"--{boundary}--\r\n".encode()
    )
