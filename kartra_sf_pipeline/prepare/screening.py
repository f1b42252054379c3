"""Pairs that cannot be one person, told without reading a word of them.

The letters of a name are counted once for each distinct name; from the counts follows the most that
Jaro-Winkler could find two names alike. Most pairs of a block end here: relatives and strangers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kartra_sf_pipeline.prepare.coded import Bools, Codes, Column, Floats
from kartra_sf_pipeline.prepare.comparison import Pairs
from kartra_sf_pipeline.prepare.evidence import FAR, NEAR

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_COUNTED: Final = 2


@dataclass(frozen=True)
class Letters:
    """Of each distinct word its length, first letter, and which letters it has once and twice."""

    length: NDArray[np.float32]
    first: NDArray[np.uint32]
    letters: NDArray[np.uint64]
    uncounted: NDArray[np.float32]
    """Letters beyond these: a third one of a kind, or of another alphabet."""


def letters_of(column: Column) -> Letters:
    """The letters of a column's distinct values."""
    assert column.values is not None
    texts = pl.DataFrame({"text": column.values})
    text = pl.col("text")
    counts = texts.select(
        text.str.count_matches(letter, literal=True).alias(letter) for letter in _LETTERS
    )
    letters = np.zeros(texts.height, dtype=np.uint64)
    for place, letter in enumerate(_LETTERS):
        count = counts[letter].to_numpy()
        for at_least in range(1, _COUNTED + 1):
            bit = np.uint64(1 << (place * _COUNTED + at_least - 1))
            letters |= np.where(count >= at_least, bit, np.uint64(0))
    length = column.values.str.len_chars().to_numpy().astype(np.float32)
    return Letters(
        length,
        texts.select(text.str.slice(0, 1).rank("dense"))["text"].to_numpy().astype(np.uint32),
        letters,
        length - np.bitwise_count(letters),
    )


def at_most(words: Letters, left: Codes, right: Codes) -> Floats:
    """The most that `comparison`'s measure of names can find two words alike."""
    common = np.bitwise_count(words.letters[left] & words.letters[right])
    shared = common + np.minimum(words.uncounted[left], words.uncounted[right])
    one, two = words.length[left], words.length[right]
    jaro = (shared / np.maximum(one, 1) + shared / np.maximum(two, 1) + 1) / 3
    begins = words.first[left] == words.first[right]
    # Up to four letters at the beginning take each a tenth off the distance, from 0.7 on.
    most = np.where(begins & (jaro > 0.699), jaro + 0.4 * (1 - jaro), jaro)
    shortest, longest = np.minimum(one, two), np.maximum(one, two)
    # One slip, or an initial, is near whatever Jaro-Winkler says.
    near = (shared >= longest - 1) | (begins & (shortest <= 1))
    return np.where((shared == 0) & ~near, 0, np.where(near, np.maximum(most, 0.93), most))


def may_matter(pairs: Pairs, words: Letters) -> Bools:
    """False where the caps of `evidence.caps` keep a pair from being listed, by its names alone.

    These are pairs with two other names, and pairs with another first name who each have an e-mail
    of their own and share neither it nor a birthday.
    """
    first, last = pairs.codes("first"), pairs.codes("last")
    knows_first, knows_last = pairs.known("first"), pairs.known("last")
    both = knows_first & knows_last
    other_first = knows_first & ~pairs.same("root") & (at_most(words, *first) < FAR)
    places = np.flatnonzero(other_first & both)
    one = at_most(words, first[0][places], last[1][places]) >= NEAR
    two = at_most(words, last[0][places], first[1][places]) >= NEAR
    other_first[places] &= ~(one | two)
    other_last = np.zeros_like(both)
    places = np.flatnonzero(other_first & both)
    other_last[places] = at_most(words, last[0][places], last[1][places]) < FAR
    own = pairs.same("born") | pairs.same("meant") | pairs.same("handle")
    own |= pairs.same("mail_domain") & pairs.known("handle")
    relatives = other_first & ~own & pairs.differ("mailbox") & (both | ~pairs.same("phone"))
    return ~(relatives | (other_first & other_last & ~pairs.same("meant")))
