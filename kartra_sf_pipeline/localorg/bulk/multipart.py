"""Small loads in one call: the job's JSON and its CSV as the two parts of one body."""

from __future__ import annotations

import re
from email.message import Message

from kartra_sf_pipeline.localorg.errors import ApiError

# What travels with the create call may have so many characters.
LARGEST = 100_000
_NAME = re.compile(r'name="?([^";\r\n]+)"?', re.IGNORECASE)


def _broken(message: str) -> ApiError:
    return ApiError(400, "INVALID_MULTIPART_REQUEST", message)


def parts(content_type: str, body: bytes) -> tuple[bytes, bytes]:
    """The bytes of the parts `job` and `content`; raises ApiError when there are not both."""
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise _broken("The multipart body has no boundary.")
    mark = b"--" + boundary.encode("latin-1", "replace")
    found: dict[str, bytes] = {}
    # The line end before a boundary belongs to the boundary.
    for piece in re.split(rb"(?:\A|\r?\n)" + re.escape(mark), body)[1:]:
        if piece.startswith(b"--"):
            break
        head, gap, content = _split(piece)
        named = _NAME.search(head.decode("latin-1"))
        if gap and named is not None:
            found[named[1].casefold()] = content
    missing = [name for name in ("job", "content") if name not in found]
    if missing:
        raise _broken(f"The multipart body has no part named {' and '.join(missing)}.")
    if len(found["content"].decode("utf-8", "replace")) > LARGEST:
        raise ApiError(
            400,
            "EXCEEDED_MAX_SIZE_REQUEST",
            f"The content of a multipart job can have {LARGEST} characters at most.",
        )
    return found["job"], found["content"]


def _split(piece: bytes) -> tuple[bytes, bytes, bytes]:
    for gap in (b"\r\n\r\n", b"\n\n"):
        head, found, content = piece.partition(gap)
        if found:
            return head, found, content
    return piece, b"", b""
