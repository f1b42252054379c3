"""How a file's bytes become text, and its bytes as UTF-8 whatever they were.

Kartra writes UTF-8, often with a BOM; spreadsheets make UTF-16 and the Windows code page. What
neither a BOM nor valid UTF-8 settles is assumed to be cp1252 when charset-normalizer agrees, and
the assumption is recorded; a file that looks like anything else is refused until its encoding is
named.
"""

from __future__ import annotations

import codecs
import mmap
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from kartra_sf_pipeline.errors import ExportError

_CHUNK = 8 << 20
_HEAD = 1 << 20
_SAMPLE = 64 << 10
# Longest first: the UTF-32 mark begins with the UTF-16 one.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# A few bad bytes in a file that is UTF-8 elsewhere spoil their rows, not the file.
_TOLERATED_SHARE = 0.01
# Western words hold accented letters one or two at a time, capitals at their beginning, and no
# signs inside: other alphabets read as cp1252 look otherwise.
_UPPER, _LOWER, _SIGNS = "À-ÖØ-ÞŠŒŽŸ", "ß-öø-ÿšœžƒ", "¡-¶¸-¿×÷€‚„†‡ˆ‰˜™"
_ACCENTED = re.compile(f"[{_UPPER}{_LOWER}{_SIGNS}]+")
_UNLIKELY = re.compile(
    f"[{_UPPER}{_LOWER}]{{3,}}|[a-z{_LOWER}][{_UPPER}]|[A-Za-z][{_SIGNS}][a-z]|[{_SIGNS}]{{3,}}"
)
_UNLIKELY_SHARE = 0.1
# How much more like a language the best guess must read before cp1252 is given up.
_MORE_COHERENT = 0.1
_HIGH_LINE = re.compile(rb"[^\n]*[\x80-\xff][^\n]*\n?")
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)

Buffer = bytes | mmap.mmap


@dataclass(frozen=True)
class Encoding:
    """`bom` is the length of the mark to skip; `assumed` that nothing in the file proves it.

    An encoding that is not `proven` was taken by the file's beginning alone.
    """

    name: str
    bom: int = 0
    assumed: bool = False
    note: str | None = None
    proven: bool = True


def first_look(buffer: Buffer, path: str) -> Encoding:
    """The encoding by the beginning of a file, which is not `proven` if that is UTF-8 without BOM.

    Spares a pass over the bytes: a parser finds out whether the rest is UTF-8, too. Raises
    ExportError as `detect` does.
    """
    head = buffer[:_HEAD]
    marked = any(head.startswith(mark) for mark, _ in _BOMS)
    if marked or len(buffer) <= _HEAD or _wide_without_mark(head[:4096]):
        return detect(buffer, path)
    if not _begins_utf8(head):
        return detect(buffer, path)
    return Encoding("utf-8", proven=False)


def detect(buffer: Buffer, path: str) -> Encoding:
    """The encoding of a file's bytes.

    Raises ExportError when the bytes are neither Unicode nor plausibly cp1252.
    """
    head = bytes(buffer[:4])
    for mark, name in _BOMS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    wide = _wide_without_mark(bytes(buffer[:4096]))
    if wide:
        note = f"no byte order mark: read as {wide} by the pattern of its zero bytes"
        return Encoding(wide, 0, assumed=True, note=note)
    bad = _first_bad_utf8(buffer, 0)
    if bad is None:
        return Encoding("utf-8")
    if _mostly_utf8(buffer):
        note = "UTF-8 with a few bytes that are not: their rows are quarantined"
        return Encoding("utf-8", note=note)
    return _code_page(buffer, bad, path)


def checked(buffer: Buffer, name: str, path: str) -> Encoding:
    """The encoding that the user named, if Python knows it; a BOM is skipped."""
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        raise ExportError(
            f"there is no encoding called {name!r}",
            file=path,
            next_step="Name one that Python knows in exports.yaml, such as utf-8 or cp1252.",
        ) from None
    head = bytes(buffer[:4])
    for mark, marked in _BOMS:
        if head.startswith(mark) and marked.startswith(codec.removesuffix("-sig")):
            return Encoding(marked, len(mark))
    return Encoding(codec.removesuffix("-sig"))


@contextmanager
def as_utf8(buffer: Buffer, encoding: Encoding, path: str) -> Iterator[tuple[Buffer, int]]:
    """The bytes as UTF-8 and where the text begins in them; a transcoded copy lives on disk.

    Raises ExportError when the bytes are not of that encoding.
    """
    if encoding.name == "utf-8":
        yield buffer, encoding.bom
        return
    decoder = codecs.getincrementaldecoder(encoding.name)()
    with tempfile.TemporaryFile() as spool:
        for start in range(encoding.bom, len(buffer), _CHUNK):
            chunk = bytes(buffer[start : start + _CHUNK])
            try:
                text = decoder.decode(chunk, final=start + _CHUNK >= len(buffer))
            except UnicodeDecodeError as error:
                raise _not_of(encoding, buffer, start + error.start, path) from None
            spool.write(text.encode("utf-8", "surrogatepass"))
        spool.flush()
        if spool.tell() == 0:
            yield b"", 0
            return
        with mmap.mmap(spool.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped, 0


@contextmanager
def mapped(path: Path) -> Iterator[Buffer]:
    """A file's bytes, mapped rather than read."""
    with path.open("rb") as handle:
        if path.stat().st_size == 0:
            yield b""
            return
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def release(buffer: Buffer, stop: int) -> None:
    """Let go of the pages of a mapped file before `stop`; they are read again if asked for.

    Else a file of gigabytes would stand in the process's memory when it is through.
    """
    whole = stop - stop % mmap.PAGESIZE
    # Not every system has the call.
    if isinstance(buffer, mmap.mmap) and whole and hasattr(mmap, "MADV_DONTNEED"):
        buffer.madvise(mmap.MADV_DONTNEED, 0, whole)


@contextmanager
def head_as_utf8(buffer: Buffer, encoding: Encoding, path: str) -> Iterator[tuple[Buffer, int]]:
    """Like `as_utf8`, but of a text that is not UTF-8 no more than the beginning."""
    if encoding.name == "utf-8":
        yield buffer, encoding.bom
        return
    decoder = codecs.getincrementaldecoder(encoding.name)()
    head = buffer[encoding.bom : encoding.bom + 2 * _HEAD]
    try:
        text = decoder.decode(head, final=len(buffer) <= encoding.bom + len(head))
    except UnicodeDecodeError as error:
        raise _not_of(encoding, buffer, encoding.bom + error.start, path) from None
    yield text.encode("utf-8", "surrogatepass"), 0


def _not_of(encoding: Encoding, buffer: Buffer, offset: int, path: str) -> ExportError:
    return ExportError(
        f"the bytes are not {encoding.name}",
        file=path,
        line=_line_at(buffer, offset),
        next_step="Name the right encoding for this file in exports.yaml, or save it as UTF-8.",
    )


def _begins_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _line_at(buffer: Buffer, offset: int) -> int:
    """Physical line of a byte, counted without copying all that is before it."""
    starts = range(0, offset, _CHUNK)
    return 1 + sum(buffer[start : min(offset, start + _CHUNK)].count(b"\n") for start in starts)


def _wide_without_mark(head: bytes) -> str | None:
    """UTF-16 without a mark: nearly every other byte of Western text is zero."""
    half = len(head) // 2
    if half < 4:
        return None
    even, odd = head[0 : 2 * half : 2].count(0), head[1 : 2 * half : 2].count(0)
    if odd > 0.7 * half and even < 0.1 * half:
        return "utf-16-le"
    if even > 0.7 * half and odd < 0.1 * half:
        return "utf-16-be"
    return None


def _first_bad_utf8(buffer: Buffer, start: int) -> int | None:
    """Offset of the first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for offset in range(start, len(buffer), _CHUNK):
        chunk = bytes(buffer[offset : offset + _CHUNK])
        held = len(decoder.getstate()[0])
        if chunk.isascii() and not held:
            continue
        try:
            decoder.decode(chunk, final=offset + _CHUNK >= len(buffer))
        except UnicodeDecodeError as error:
            return offset - held + error.start
    return None


def _mostly_utf8(buffer: Buffer) -> bool:
    """Nearly all runs of high bytes are whole UTF-8 sequences, as no code page's would be."""
    good = bad = 0
    for run in _HIGH_RUN.finditer(buffer):
        if _MULTIBYTE.sub(b"", run[0]):
            bad += 1
        else:
            good += 1
        if good + bad >= 200_000:
            break
    return good >= 10 and bad <= _TOLERATED_SHARE * good


def _sample(buffer: Buffer) -> bytes:
    """Lines that hold the bytes in question."""
    lines: list[bytes] = []
    size = 0
    for match in _HIGH_LINE.finditer(buffer):
        lines.append(match[0][:1024])
        size += len(lines[-1])
        if size > _SAMPLE:
            break
    return b"".join(lines)


def _looks_western(sample: bytes) -> bool:
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    unlikely = len(_UNLIKELY.findall(text))
    return unlikely <= _UNLIKELY_SHARE * len(_ACCENTED.findall(text))


def _code_page(buffer: Buffer, bad: int, path: str) -> Encoding:
    sample = _sample(buffer)
    matches = from_bytes(sample)
    best = matches.best()
    guess = best.encoding if best is not None and best.encoding != "cp1252" else None
    if best is not None and _looks_western(sample):
        western = next(
            (match for match in matches if "cp1252" in match.could_be_from_charset), None
        )
        if western is not None and (
            western is best or western.coherence + _MORE_COHERENT >= best.coherence
        ):
            note = "not UTF-8: read as cp1252 (Windows), which is an assumption"
            return Encoding("cp1252", 0, assumed=True, note=note)
    line = _line_at(buffer, bad)
    looks = f"; they look like {guess}, which is only a guess" if guess else ""
    raise ExportError(
        f"the bytes are neither UTF-8 nor Windows cp1252{looks}",
        file=path,
        line=line,
        next_step="Name this file's encoding in exports.yaml, or save it as UTF-8.",
    )
