"""Bodies of files over REST: multipart bodies on their way in, downloads on their way out."""

from __future__ import annotations

import re
from email.message import Message
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kartra_sf_pipeline.localorg import contents
from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.errors import NO_STORE, ApiError, not_found
from kartra_sf_pipeline.localorg.ids import to_18
from kartra_sf_pipeline.localorg.requests import note, off_loop, parse_json, store_of
from kartra_sf_pipeline.localorg.schema import SObject

_NAME = re.compile(r'\bname="?([^";\r\n]+)"?', re.IGNORECASE)
_BASE = "/services/data/v{version}/sobjects"


def is_multipart(request: Request) -> bool:
    """True when a record comes with its file as parts of one body."""
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


async def multipart_record(request: Request, sobject: SObject) -> Any:
    """The record of a multipart body; its blob field names the body, which is kept already.

    One part is the record as JSON, the other is named by the blob field.
    """
    body = await request.body()
    if len(body) > contents.MULTIPART_LIMIT:
        raise ApiError(
            413,
            "EXCEEDED_MAX_SIZE_REQUEST",
            f"A multipart body can have {contents.MULTIPART_LIMIT} bytes at most.",
        )
    record: Any = None
    blobs: dict[str, bytes] = {}
    for name, kind, content in split(request.headers["content-type"], body):
        field = sobject.field(name)
        if field is not None and field.type == "blob":
            blobs[field.name] = content
        elif record is None and (kind == "application/json" or not kind):
            record = parse_json(content)
    if not isinstance(record, dict) or not blobs:
        raise ApiError(
            400,
            "INVALID_MULTIPART_REQUEST",
            "The multipart body must have a part with the record as application/json and one "
            "named by the record's binary field.",
        )
    store = store_of(request)

    def keep() -> dict[str, str]:
        with store.write() as connection:
            return {n: contents.KEPT + contents.keep(connection, b) for n, b in blobs.items()}

    return {**record, **await off_loop(keep)}


def split(content_type: str, body: bytes) -> list[tuple[str, str, bytes]]:
    """Name, content type (without parameters) and bytes of each part."""
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise ApiError(400, "INVALID_MULTIPART_REQUEST", "The multipart body has no boundary.")
    mark = b"--" + boundary.encode("latin-1", "replace")
    found: list[tuple[str, str, bytes]] = []
    start = body.find(mark)
    while start >= 0:
        start += len(mark)
        if body.startswith(b"--", start):
            break
        end = body.find(b"\n" + mark, start)
        if end < 0:
            break
        # The line end before a boundary belongs to the boundary.
        stop = end - 1 if body[end - 1 : end] == b"\r" else end
        part = _part(body, start, stop)
        if part is not None:
            found.append(part)
        start = end + 1
    return found


def _part(body: bytes, start: int, stop: int) -> tuple[str, str, bytes] | None:
    for gap in (b"\r\n\r\n", b"\n\n"):
        at = body.find(gap, start, stop)
        if at >= 0:
            break
    else:
        return None
    head = body[start:at].decode("utf-8", "replace")
    named = _NAME.search(head)
    kind = re.search(r"^content-type:\s*([^;\r\n]+)", head, re.IGNORECASE | re.MULTILINE)
    if named is None:
        return None
    return named[1], kind[1].strip().lower() if kind else "", body[at + len(gap) : stop]


async def version_data(request: Request) -> Response:
    """GET /sobjects/ContentVersion/{id}/VersionData"""
    return await _download(request, "ContentVersion", "VersionData")


async def note_content(request: Request) -> Response:
    """GET /sobjects/ContentNote/{id}/Content"""
    return await _download(request, "ContentNote", "Content")


async def _download(request: Request, object_name: str, field: str) -> Response:
    note(request, object=object_name, operation="download", rows=1)
    store = store_of(request)
    record_id = to_18(request.path_params["id"])

    def work() -> bytes | None:
        with store.read() as connection:
            row = connection.execute(
                f"SELECT {quote(field)} FROM {quote(object_name)} WHERE Id = ? AND IsDeleted = 0",
                (record_id,),
            ).fetchone()
            return contents.body_of(connection, row[0]) if row and row[0] else None

    body = await off_loop(work)
    if body is None:
        raise not_found()
    return Response(body, media_type="application/octetstream", headers=NO_STORE)


routes = [
    Route(_BASE + "/ContentVersion/{id}/VersionData", version_data, methods=["GET"]),
    Route(_BASE + "/ContentNote/{id}/Content", note_content, methods=["GET"]),
]
