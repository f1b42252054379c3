"""The bodies of files: kept once per content, found again by a key that a record holds."""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import re
import sqlite3

# What a JSON body may carry in one field, before base64 and after it was taken off again.
JSON_LIMIT = 37_500_000
# What a multipart body may carry.
MULTIPART_LIMIT = 200_000_000
# In place of base64: this mark and the key of a body that is kept already.
KEPT = "\x00kept:"
# The tags that a note may have.
TAG = re.compile(
    r"</?(a|b|blockquote|br|div|em|font|h[1-6]|i|img|li|ol|p|s|span|strike|strong|u|ul)"
    r"(\s[^<>]*)?/?>",
    re.IGNORECASE,
)

FILE_TYPES = {
    "ai": "AI",
    "bmp": "BMP",
    "css": "CSS",
    "csv": "CSV",
    "doc": "WORD",
    "docx": "WORD_X",
    "eps": "EPS",
    "exe": "EXE",
    "gif": "GIF",
    "gz": "GZIP",
    "htm": "HTML",
    "html": "HTML",
    "jpeg": "JPEG",
    "jpg": "JPG",
    "js": "JS",
    "json": "JSON",
    "m4a": "M4A",
    "mov": "MOV",
    "mp3": "MP3",
    "mp4": "MP4",
    "odp": "ODP",
    "ods": "ODS",
    "odt": "ODT",
    "pdf": "PDF",
    "png": "PNG",
    "ppt": "POWER_POINT",
    "pptx": "POWER_POINT_X",
    "psd": "PSD",
    "rtf": "RTF",
    "snote": "SNOTE",
    "svg": "SVG",
    "tif": "TIFF",
    "tiff": "TIFF",
    "txt": "TEXT",
    "vcf": "VCF",
    "wav": "WAV",
    "xls": "EXCEL",
    "xlsx": "EXCEL_X",
    "xml": "XML",
    "zip": "ZIP",
}


class NotBase64(ValueError):
    """A text that is no base64; the message says where."""


def keep(connection: sqlite3.Connection, body: bytes) -> str:
    """Store a body, unless the same is there, and return its key."""
    key = hashlib.sha256(body).hexdigest()
    connection.execute("INSERT OR IGNORE INTO _content VALUES (?, ?)", (key, body))
    return key


def body_of(connection: sqlite3.Connection, key: str) -> bytes | None:
    """The body with that key, or None."""
    row = connection.execute("SELECT body FROM _content WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def received(connection: sqlite3.Connection, cell: str) -> tuple[str, bytes]:
    """Key and body of what a blob field was given: base64, or the mark of a kept body.

    Raises NotBase64.
    """
    if cell.startswith(KEPT):
        key = cell.removeprefix(KEPT)
        kept = body_of(connection, key)
        if kept is None:
            raise NotBase64("Non-base64 digit found")
        return key, kept
    try:
        body = base64.b64decode("".join(cell.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NotBase64(str(error)) from None
    return keep(connection, body), body


def sweep(connection: sqlite3.Connection) -> None:
    """Drop bodies that no version holds any more."""
    connection.execute(
        "DELETE FROM _content WHERE key NOT IN "
        "(SELECT VersionData FROM ContentVersion WHERE VersionData IS NOT NULL)"
    )


def extension(path: str | None) -> str | None:
    """What stands behind the last dot of a file's name, as written; None without one."""
    name = (path or "").replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, end = name.rpartition(".")
    return end if dot and stem and end else None


def title(path: str | None) -> str | None:
    """A file's name without folder and extension."""
    name = (path or "").replace("\\", "/").rsplit("/", 1)[-1]
    end = extension(name)
    return (name[: -len(end) - 1] if end else name) or None


def preview(body: bytes) -> str | None:
    """The first letters of a note as plain text."""
    text = html.unescape(TAG.sub(" ", body.decode("utf-8", "replace")))
    return " ".join(text.split())[:255] or None
