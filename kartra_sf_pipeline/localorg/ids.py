"""Record ids: three characters of object prefix, an instance mark, a base-62 number, a checksum.

The 15-character form is case-sensitive; the three characters behind it record which of the
others are upper case, so that an 18-character id survives systems that fold case.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pyarrow as pa

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
# Characters four and five name the instance that a record was born in; the sixth is reserved.
INSTANCE = "Lo0"
_DIGITS = 9
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[A-Z0-5]{3})?")


def checksum(id15: str) -> str:
    """The three characters that extend a 15-character id to 18."""
    suffix = ""
    for start in (0, 5, 10):
        bits = sum(1 << i for i, c in enumerate(id15[start : start + 5]) if "A" <= c <= "Z")
        suffix += _CHECK[bits]
    return suffix


def to_18(value: str) -> str | None:
    """The 18-character form of an id, or None when it is no id (shape or checksum wrong).

    The checksum is compared after folding: an 18-character id whose case was lost is repaired.
    """
    if len(value) == 15 and _SHAPE.fullmatch(value):
        return value + checksum(value)
    if len(value) != 18 or not value.isascii() or not value.isalnum():
        return None
    suffix = value[15:].upper()
    if any(c not in _CHECK for c in suffix):
        return None
    if checksum(value[:15]) == suffix:
        return value[:15] + suffix
    repaired = ""
    for block, c in enumerate(suffix):
        bits = _CHECK.index(c)
        for i, letter in enumerate(value[block * 5 : block * 5 + 5]):
            upper = bool(bits >> i & 1)
            if upper and not letter.isalpha():
                return None
            repaired += letter.upper() if upper else letter.lower()
    return repaired + suffix


def well_formed(values: pl.Series) -> pl.Series:
    """True for each text that is an 18-character id with the right checksum."""
    plain = (values.str.len_bytes() == 18) & values.str.contains(r"^[0-9A-Za-z]{15}[A-Z0-5]{3}$")
    plain = plain.fill_null(False)
    texts = values.filter(plain)
    if texts.is_empty():
        return plain
    letters = np.frombuffer("".join(texts.to_list()).encode("ascii"), dtype=np.uint8)
    letters = letters.reshape(len(texts), 18)
    right = (letters[:, 15:] == _checksums(letters[:, :15])).all(axis=1)
    frame = pl.DataFrame({"row": plain.arg_true(), "right": right})
    ok = frame.filter("right")["row"]
    return pl.int_range(len(values), eager=True, dtype=pl.UInt32).is_in(ok.implode())


def _checksums(letters: np.ndarray) -> np.ndarray:
    check = np.frombuffer(_CHECK.encode("ascii"), dtype=np.uint8)
    upper = (letters >= ord("A")) & (letters <= ord("Z"))
    weights = np.array([1, 2, 4, 8, 16], dtype=np.int64)
    return check[upper.reshape(len(letters), 3, 5) @ weights]


def make_ids(prefix: str, first: int, count: int) -> pl.Series:
    """`count` consecutive 18-character ids whose numbers start at `first`."""
    numbers = np.arange(first, first + count, dtype=np.int64)
    head = (prefix + INSTANCE).encode("ascii")
    out = np.empty((count, 18), dtype=np.uint8)
    out[:, :6] = np.frombuffer(head, dtype=np.uint8)
    letters = np.frombuffer(ALPHABET.encode("ascii"), dtype=np.uint8)
    for position in range(_DIGITS):
        digit = numbers // 62 ** (_DIGITS - 1 - position) % 62
        out[:, 6 + position] = letters[digit]
    out[:, 15:] = _checksums(out[:, :15])
    offsets = np.arange(0, (count + 1) * 18, 18, dtype=np.int64)
    array = pa.LargeStringArray.from_buffers(
        count, pa.py_buffer(offsets.tobytes()), pa.py_buffer(out.tobytes())
    )
    return pl.Series("Id", array, dtype=pl.String)
