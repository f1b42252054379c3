"""What files hold: named by a reference, read when it is sent, never part of a frame or a log."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from kartra_sf_pipeline.migration.fields import BoundColumn

#: How a reference begins: the text itself, or a path below the folder of attachments.
TEXT, FILE = "text:", "file:"
#: What is sent whole, in bytes; the platform takes more, but not in one piece of memory.
LARGEST = 200_000_000

_BLOBS = frozenset({"base64", "blob"})


#: Column with the SHA-256 in hex of what a reference led to when it was planned.
CHECKSUM = "_sha256"


class ContentError(Exception):
    """A reference that cannot be read; the message says why, for the row's outcome."""


def is_content(column: BoundColumn) -> bool:
    """Whether a column holds references to content rather than values."""
    return column.type.lower() in _BLOBS


@dataclass(frozen=True, slots=True)
class Contents:
    """Where references lead; without a folder only texts can be read.

    Up to `largest_in_json` bytes go as base64 in JSON, of which the platform takes 50 MB; larger
    ones as they are, in a body of two parts.
    """

    folder: Path | None = None
    largest_in_json: int = 30_000_000

    def read(self, reference: str) -> bytes:
        """The bytes behind a reference; raises ContentError."""
        if reference.startswith(TEXT):
            return reference.removeprefix(TEXT).encode()
        path = self._path(reference)
        try:
            if path.stat().st_size > LARGEST:
                raise ContentError(f"it is larger than {LARGEST // 1_000_000} MB: load it by hand")
            return path.read_bytes()
        except FileNotFoundError:
            raise ContentError("the file is not in the folder of attachments") from None
        except OSError as error:
            raise ContentError(f"the file cannot be read: {error.strerror}") from None

    def read_planned(self, reference: str, checksum: str | None) -> bytes:
        """The bytes behind a reference, if they still are those that were planned."""
        content = self.read(reference)
        if checksum is not None and hashlib.sha256(content).hexdigest() != checksum:
            raise ContentError("the file has changed since it was planned: run again")
        return content

    def size_and_checksum(self, reference: str) -> tuple[int, str]:
        """Bytes and MD5 in hex, as the platform tells them of a file; raises ContentError."""
        content = self.read(reference)
        return len(content), hashlib.md5(content, usedforsecurity=False).hexdigest()

    def _path(self, reference: str) -> Path:
        if not reference.startswith(FILE):
            raise ContentError(f"the content must begin with {TEXT} or {FILE}")
        if self.folder is None:
            raise ContentError("no folder of attachments is named")
        root = self.folder.resolve()
        path = (root / reference.removeprefix(FILE)).resolve()
        if not path.is_relative_to(root):
            raise ContentError("the path leads out of the folder of attachments")
        return path
