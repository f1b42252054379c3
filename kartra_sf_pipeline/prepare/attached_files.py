"""The folder of attachments as it lies on disk: what may be read of it, and what is in a file."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from kartra_sf_pipeline.kartra.files import ATTACHMENTS_FOLDER, ATTACHMENTS_MANIFEST

LARGEST: Final = 2 * 1024**3
"""Bytes; the platform takes no larger file."""
LARGE: Final = 30 * 1024**2
"""Bytes from which a file is told of: it takes its time, and memory on the way."""

_CHUNK: Final = 4 << 20
_DRIVE: Final = re.compile(r"^[A-Za-z]:")


@dataclass(frozen=True)
class Looked:
    """One file of the manifest: where it lies below the folder, or why it cannot be taken."""

    path: str | None = None
    size: int | None = None
    sha256: str | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass
class AttachmentsFolder:
    """`attachments/` in a folder of exports; it may be absent. Files are hashed once each."""

    exports: Path
    _known: dict[str, str] = field(init=False)
    _hashed: dict[str, Looked] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.root = self.exports / ATTACHMENTS_FOLDER
        manifest = self.exports / ATTACHMENTS_MANIFEST
        # Spelled in the one form of accents: archives made on a Mac spell them in another.
        found = sorted(self.root.rglob("*")) if self.root.is_dir() else []
        self._known = {
            _composed(relative): relative
            for file in found
            if file.is_file() and file != manifest
            and not any(p.startswith(".") for p in file.relative_to(self.root).parts)
            for relative in (file.relative_to(self.root).as_posix(),)
        }  # fmt: skip

    @property
    def files(self) -> dict[str, int]:
        """Every file below the folder by its path there, with its size."""
        return {path: (self.root / path).stat().st_size for path in self._known.values()}

    def look(self, named: str) -> Looked:
        """What a path of the manifest leads to; nothing outside the folder is opened."""
        plain = named.replace("\\", "/").strip()
        parts = PurePosixPath(plain).parts
        if plain.startswith("/") or _DRIVE.match(plain) or ".." in parts:
            return Looked(reason="outside_the_folder", detail=f"'{named}' leads out of the folder.")
        if len(parts) > 1 and parts[0] == ATTACHMENTS_FOLDER:
            parts = parts[1:]
        path = self._known.get(_composed("/".join(parts)))
        if path is None:
            return Looked(
                reason="file_missing",
                detail=f"There is no file '{named}' in {ATTACHMENTS_FOLDER}.",
            )
        if path not in self._hashed:
            self._hashed[path] = self._read(path)
        return self._hashed[path]

    def _read(self, path: str) -> Looked:
        file = self.root / path
        if not file.resolve().is_relative_to(self.root.resolve()):
            return Looked(
                reason="outside_the_folder", detail=f"'{path}' is a link out of the folder."
            )
        try:
            size = file.stat().st_size
            if size == 0:
                return Looked(path, 0, None, "empty_file", f"'{path}' has 0 bytes.")
            if size > LARGEST:
                return Looked(
                    path, size, None, "file_too_large", f"'{path}' has {size:,} bytes, over 2 GB."
                )
            digest = hashlib.sha256()
            with file.open("rb") as opened:
                while chunk := opened.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            return Looked(
                reason="file_unreadable", detail=f"'{path}' cannot be read ({error.strerror})."
            )
        return Looked(path, size, digest.hexdigest())


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)
