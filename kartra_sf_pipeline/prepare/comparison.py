"""How alike two contacts are, column by column, for many pairs at once.

Values are numbers until a pair has to be read: whether two are equal, and how rare the value is,
needs no text. RapidFuzz then sees only the texts that differ, on pairs that could still matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Rows = NDArray[np.uint32]

CODED: Final = (
    "first", "last", "root", "middle", "suffix", "phone", "zip", "number", "street", "city",
    "state", "company", "email", "mailbox", "meant", "local", "handle", "mail_domain", "born",
)  # fmt: skip
# A value is at least this common: the share that it has in an account too small to tell.
_UNSEEN: Final = 2_000


@dataclass(frozen=True)
class Column:
    """One feature of every contact as numbers: `values[code]` is the text, code 0 is unknown."""

    codes: NDArray[np.int32]
    values: pl.Series
    bits: Floats
    """How much it tells that two contacts share the value: -log2 of its share."""


def columns_of(people: pl.DataFrame) -> dict[str, Column]:
    """The features as numbers, with the weight of each value."""
    return {name: _coded(people[name]) for name in CODED}


def _coded(series: pl.Series) -> Column:
    known = series.drop_nulls().unique()
    codes = series.cast(pl.Enum(known)).to_physical().cast(pl.Int64).fill_null(-1).to_numpy() + 1
    codes = codes.astype(np.int32)
    counts = np.bincount(codes, minlength=len(known) + 1)
    share = (counts + 1) / (len(series) + _UNSEEN)
    bits = -np.log2(share).astype(np.float32)
    bits[0] = 0.0
    return Column(codes, pl.concat([pl.Series([""], dtype=pl.String), known.rename("")]), bits)


@dataclass(frozen=True)
class Pairs:
    """Row numbers of both sides of the pairs in hand, and the columns they point into."""

    left: Rows
    right: Rows
    columns: dict[str, Column]

    def only(self, kept: Bools) -> Pairs:
        """The pairs for which `kept` is true."""
        return Pairs(self.left[kept], self.right[kept], self.columns)

    def same(self, name: str) -> Bools:
        """Both known and equal."""
        left, right = self._codes(name)
        return (left == right) & (left > 0)

    def known(self, name: str) -> Bools:
        """Both known."""
        left, right = self._codes(name)
        return (left > 0) & (right > 0)

    def differ(self, name: str) -> Bools:
        """Both known and not equal."""
        left, right = self._codes(name)
        return (left != right) & (left > 0) & (right > 0)

    def bits(self, name: str) -> Floats:
        """The weight of the commoner of the two values; of the known one if only one is."""
        left, right = self._codes(name)
        weights = self.columns[name].bits
        return np.where(
            (left > 0) & (right > 0),
            np.minimum(weights[left], weights[right]),
            np.maximum(weights[left], weights[right]),
        )

    def similarity(self, name: str, kind: str, at: Bools, other: str | None = None) -> Floats:
        """0-1 where `at` is true (which must leave out the unknown), 0 elsewhere.

        The right side is taken from the column `other` where one is given. Each distinct pair of
        texts is compared once: names recur.
        """
        found = np.zeros(len(self.left), dtype=np.float32)
        if at.any():
            one, two = self.columns[name], self.columns[other or name]
            both = one.codes[self.left[at]].astype(np.int64) << 32
            both |= two.codes[self.right[at]]
            distinct, place = np.unique(both, return_inverse=True)
            left = one.values.gather(distinct >> 32).to_list()
            right = two.values.gather(distinct & 0xFFFFFFFF).to_list()
            found[at] = _SCORERS[kind](left, right)[place]
        return found

    def _codes(self, name: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        codes = self.columns[name].codes
        return codes[self.left], codes[self.right]


def _pairwise(left: list[str], right: list[str], scorer: Any) -> Floats:
    return cpdist(left, right, scorer=scorer, dtype=np.float32, workers=-1)


def _name(left: list[str], right: list[str]) -> Floats:
    """Jaro-Winkler, or a single slip in a name of five letters and more; an initial is 0.9."""
    alike = _pairwise(left, right, JaroWinkler.similarity)
    slips = _pairwise(left, right, OSA.distance)
    shortest = np.minimum(_lengths(left), _lengths(right))
    alike = np.where((slips <= 1) & (shortest >= 5), np.maximum(alike, 0.93), alike)
    # "J." beside "John": an initial says neither yes nor no.
    initial = (shortest == 1) & (alike > 0)
    firsts = np.fromiter((a[:1] == b[:1] for a, b in zip(left, right, strict=True)), bool)
    return np.where(initial & firsts, 0.9, alike).astype(np.float32)


def _lengths(texts: list[str]) -> NDArray[np.int64]:
    return np.fromiter(map(len, texts), np.int64, len(texts))


def _place(left: list[str], right: list[str]) -> Floats:
    """Words in any order, some left out, or the same letters with the spaces elsewhere."""
    by_word = _pairwise(left, right, fuzz.token_set_ratio)
    by_letter = _pairwise(
        [text.replace(" ", "") for text in left],
        [text.replace(" ", "") for text in right],
        fuzz.ratio,
    )
    return (np.maximum(by_word, by_letter) / 100).astype(np.float32)


def _digits(left: list[str], right: list[str]) -> Floats:
    """1 where digits are exchanged, or one is missing, added or other; else 0."""
    return (_pairwise(left, right, OSA.distance) <= 1).astype(np.float32)


def _letter_slip(left: list[str], right: list[str]) -> Floats:
    """1 where six letters and more differ by one slip that leaves every digit as it was.

    `anna1` and `anna2` are two people who came to the same name.
    """
    slips = _pairwise(left, right, OSA.distance)
    pairs = zip(left, right, slips, strict=True)
    return np.fromiter(
        (
            slip <= 1 and min(len(a), len(b)) >= 6 and _numbers(a) == _numbers(b)
            for a, b, slip in pairs
        ),
        np.float32,
    )


def _numbers(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


_SCORERS: Final = {"name": _name, "place": _place, "digits": _digits, "letters": _letter_slip}
