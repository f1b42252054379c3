"""Bodies under gzip: requests that say so are unpacked, replies that may be are packed.

Only replies that are sent in one piece: result files stream as they are, since packing hundreds of
megabytes for a client on the same machine costs more than it saves.
"""

from __future__ import annotations

import gzip
import zlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kartra_sf_pipeline.localorg.errors import ApiError

_SMALLEST = 1_000
# A small body may unpack to anything: no request of this server is larger.
_LARGEST = 200 * 1024 * 1024
_UNPACKERS = {"gzip": 31, "deflate": 15}


class Compression:
    """Around the application, inside whatever looks at the headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding in _UNPACKERS:
            receive = _unpacked(receive, _UNPACKERS[encoding])
        accepted = [e.split(";")[0].strip() for e in headers.get("accept-encoding", "").split(",")]
        if "gzip" in accepted:
            send = _packed(send)
        await self.app(scope, receive, send)


def _unpacked(receive: Receive, bits: int) -> Receive:
    unpacker = zlib.decompressobj(bits)
    size = 0

    async def unpack() -> Message:
        nonlocal size
        message = await receive()
        if message["type"] != "http.request":
            return message
        try:
            body = unpacker.decompress(message.get("body", b""), _LARGEST - size + 1)
            size += len(body)
            if size > _LARGEST:
                raise ApiError(
                    413, "REQUEST_ENTITY_TOO_LARGE", "The unpacked body is larger than 200 MB."
                )
            if not message.get("more_body", False):
                body += unpacker.flush()
                if not unpacker.eof:
                    raise zlib.error("cut off")
        except zlib.error:
            raise ApiError(
                400, "INVALID_CONTENT", "The body is not what its Content-Encoding says."
            ) from None
        return {**message, "body": body}

    return unpack


def _packed(send: Send) -> Send:
    start: Message | None = None

    async def pack(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        if start is not None and message["type"] == "http.response.body":
            body = message.get("body", b"")
            headers = MutableHeaders(raw=list(start["headers"]))
            whole = not message.get("more_body", False)
            if whole and len(body) >= _SMALLEST and "content-encoding" not in headers:
                body = gzip.compress(body, compresslevel=1, mtime=0)
                message = {**message, "body": body}
                headers["content-encoding"] = "gzip"
                headers["content-length"] = str(len(body))
                headers.add_vary_header("Accept-Encoding")
                start = {**start, "headers": headers.raw}
            await send(start)
            start = None
        elif start is not None:
            await send(start)
            start = None
        await send(message)

    return pack
