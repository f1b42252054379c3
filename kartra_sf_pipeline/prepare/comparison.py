"""How alike two contacts are, column by column, for many pairs at once.

Values are numbers until a pair has to be read: whether two are equal, and how rare the value is,
needs no text. RapidFuzz then sees only the texts that differ, on pairs that could still matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

from kartra_sf_pipeline.prepare.coded import Bools, Codes, Column, Floats, Rows


@dataclass(frozen=True)
class Pairs:
    """Row numbers of both sides of the pairs in hand, and the columns they point into."""

    left: Rows
    right: Rows
    columns: dict[str, Column]
    _seen: dict[str, tuple[Codes, Codes]] = field(default_factory=dict)

    def only(self, kept: Bools) -> Pairs:
        """The pairs for which `kept` is true."""
        at = np.flatnonzero(kept)
        seen = {name: (one[at], two[at]) for name, (one, two) in self._seen.items()}
        return Pairs(self.left[at], self.right[at], self.columns, seen)

    @property
    def contacts(self) -> int:
        """Contacts in the account, in pairs or not."""
        return len(self.columns["first"].codes)

    def codes(self, name: str) -> tuple[Codes, Codes]:
        """The values of both sides as numbers."""
        if name not in self._seen:
            codes = self.columns[name].codes
            self._seen[name] = codes[self.left], codes[self.right]
        return self._seen[name]

    def same(self, name: str) -> Bools:
        """Both known and equal."""
        left, right = self.codes(name)
        return (left == right) & (left > 0)

    def known(self, name: str) -> Bools:
        """Both known."""
        left, right = self.codes(name)
        return (left > 0) & (right > 0)

    def differ(self, name: str) -> Bools:
        """Both known and not equal."""
        left, right = self.codes(name)
        return (left != right) & (left > 0) & (right > 0)

    def bits(self, name: str) -> Floats:
        """The weight of the commoner of the two values; of the known one if only one is."""
        left, right = self.codes(name)
        weights = self.columns[name].bits
        assert weights is not None
        one, two = weights[left], weights[right]
        return np.where((left > 0) & (right > 0), np.minimum(one, two), np.maximum(one, two))

    def similarity(self, name: str, kind: str, at: Bools, other: str | None = None) -> Floats:
        """0-1 where `at` is true (which must leave out the unknown), 0 elsewhere.

        The right side is taken from the column `other` where one is given. Each distinct pair of
        texts is compared once: names recur.
        """
        found = np.zeros(len(self.left), dtype=np.float32)
        places = np.flatnonzero(at)
        if len(places):
            one, two = self.columns[name].values, self.columns[other or name].values
            assert one is not None
            assert two is not None
            both = self.codes(name)[0][places].astype(np.int64) << 32
            both |= self.codes(other or name)[1][places]
            distinct, place = np.unique(both, return_inverse=True)
            left, right = one.gather(distinct >> 32), two.gather(distinct & 0xFFFFFFFF)
            found[places] = _SCORERS[kind](left, right)[place]
        return found


def _pairwise(left: list[str], right: list[str], scorer: Any) -> Floats:
    # One worker: the slices of pairs share the cores already.
    return cpdist(left, right, scorer=scorer, dtype=np.float32, workers=1)


def _shortest(left: pl.Series, right: pl.Series) -> NDArray[np.uint32]:
    return np.minimum(left.str.len_chars().to_numpy(), right.str.len_chars().to_numpy())


def _name(left: pl.Series, right: pl.Series) -> Floats:
    """Jaro-Winkler, or a single slip in a name of five letters and more; an initial is 0.9."""
    one, two = left.to_list(), right.to_list()
    alike = _pairwise(one, two, JaroWinkler.similarity)
    shortest = _shortest(left, right)
    slip = (_pairwise(one, two, OSA.distance) <= 1) & (shortest >= 5)
    alike = np.where(slip, np.maximum(alike, 0.93), alike)
    # "J." beside "John": an initial says neither yes nor no.
    initial = (shortest == 1) & (alike > 0)
    firsts = (left.str.slice(0, 1) == right.str.slice(0, 1)).to_numpy()
    return np.where(initial & firsts, 0.9, alike).astype(np.float32)


def _place(left: pl.Series, right: pl.Series) -> Floats:
    """Words in any order, some left out, or the same letters with the spaces elsewhere."""
    by_word = _pairwise(left.to_list(), right.to_list(), fuzz.token_set_ratio)
    by_letter = _pairwise(
        left.str.replace_all(" ", "", literal=True).to_list(),
        right.str.replace_all(" ", "", literal=True).to_list(),
        fuzz.ratio,
    )
    return (np.maximum(by_word, by_letter) / 100).astype(np.float32)


def _digits(left: pl.Series, right: pl.Series) -> Floats:
    """1 where digits are exchanged, or one is missing, added or other; else 0."""
    return (_pairwise(left.to_list(), right.to_list(), OSA.distance) <= 1).astype(np.float32)


def _letter_slip(left: pl.Series, right: pl.Series) -> Floats:
    """1 where six letters and more differ by one slip that leaves every digit as it was.

    `anna1` and `anna2` are two people who came to the same name.
    """
    slip = _digits(left, right) > 0
    slip &= _shortest(left, right) >= 6
    found = np.zeros(len(left), dtype=np.float32)
    places = np.flatnonzero(slip)
    one, two = (
        side.gather(places).str.replace_all(r"\D", "", literal=False) for side in (left, right)
    )
    found[places] = (one == two).to_numpy()
    return found


_SCORERS: Final = {"name": _name, "place": _place, "digits": _digits, "letters": _letter_slip}
