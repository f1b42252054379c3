"""Random draws, a column at a time.

Each block of contacts draws from streams of its own, one per topic, so that a block's content
depends on the seed, its number and the topic alone: not on the blocks before it, and not on how
much another topic happened to draw.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HEX = "0123456789abcdef"
UPPER = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Draw:
    """One stream of random columns, all of `size` rows unless a call says otherwise."""

    def __init__(self, seed: int, block: int, topic: str, size: int) -> None:
        key = (block, zlib.crc32(topic.encode()))
        self._rng = np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))
        )
        self.size = size

    def unit(self, size: int | None = None) -> Floats:
        """Uniform in [0, 1)."""
        return self._rng.random(self.size if size is None else size)

    def chance(self, share: float | Floats) -> Bools:
        """True for about `share` of the rows."""
        return self.unit() < share

    def ints(self, low: int, high: int, size: int | None = None) -> Ints:
        """Integers from low up to, but without, high."""
        return self._rng.integers(low, high, self.size if size is None else size, dtype=np.int64)

    def exponential(self, mean: float | Floats, size: int | None = None) -> Floats:
        """Waiting times with the given mean."""
        return mean * self._rng.exponential(size=self.size if size is None else size)

    def geometric(self, mean: Floats) -> Ints:
        """Counts from 1 with the given means (one per row)."""
        return self._rng.geometric(1.0 / np.maximum(mean, 1.0)).astype(np.int64)

    def choose(self, weights: Sequence[float] | Floats, size: int | None = None) -> Ints:
        """Indices into `weights`, each as often as its weight says."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        return np.searchsorted(edges, self.unit(size) * edges[-1], side="right").astype(np.int64)

    def pick(
        self, pool: Sequence[str | None] | pl.Series, weights: Sequence[float] | None = None
    ) -> pl.Series:
        """Values of a pool; evenly, or by weight."""
        series = pool if isinstance(pool, pl.Series) else pl.Series(pool, dtype=pl.String)
        index = self.ints(0, len(series)) if weights is None else self.choose(weights)
        return series.gather(index)

    def codes(self, width: int, alphabet: str = HEX, size: int | None = None) -> pl.Series:
        """Random codes of a fixed width, such as a payment processor hands out."""
        rows = self.size if size is None else size
        letters = np.frombuffer(alphabet.encode("ascii"), dtype=np.uint8)
        text = letters[self._rng.integers(0, len(letters), rows * width, dtype=np.int64)]
        # The characters lie back to back already: Arrow only needs to be told where each begins.
        starts = np.arange(0, rows * width + 1, width, dtype=np.int32)
        array = pa.StringArray.from_buffers(
            rows, pa.py_buffer(starts.tobytes()), pa.py_buffer(text.tobytes())
        )
        column = pl.from_arrow(array)
        assert isinstance(column, pl.Series)
        return column


class Shelf:
    """The pools of every locale laid in one series, so that one gather serves a whole block."""

    def __init__(self, pools: Sequence[Sequence[str]]) -> None:
        self.series = pl.Series([value for pool in pools for value in pool], dtype=pl.String)
        self._sizes = np.array([len(pool) for pool in pools], dtype=np.int64)
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)[:-1]])

    def index(self, locale: Ints, unit: Floats, skew: float = 1.0) -> Ints:
        """Positions in `series` within each row's locale; a skew above 1 favours the first."""
        return self._starts[locale] + (self._sizes[locale] * unit**skew).astype(np.int64)


def zipf(size: int, exponent: float = 1.05) -> Floats:
    """Weights that fall with rank: a few values take most of the draws."""
    return 1.0 / np.arange(1, size + 1, dtype=np.float64) ** exponent


def where(
    mask: Bools, then: pl.Series | str | None, otherwise: pl.Series | str | None
) -> pl.Series:
    """Pick from two columns (or constants) by a mask."""

    def column(value: pl.Series | str | None) -> pl.Series:
        if isinstance(value, pl.Series):
            return value
        return pl.repeat(value, len(mask), dtype=pl.String, eager=True)

    return column(then).zip_with(pl.Series(mask), column(otherwise))


def text(*parts: pl.Series | str | Ints) -> pl.Series:
    """Join columns and constants into one text column; a null part makes the row null."""
    columns = [
        pl.lit(part)
        if isinstance(part, str)
        else pl.lit(part if isinstance(part, pl.Series) else pl.Series(part))
        for part in parts
    ]
    return pl.select(pl.concat_str(columns).alias("text")).to_series()


def digits(values: Ints, width: int) -> pl.Series:
    """Whole numbers as text with leading zeros."""
    return pl.Series(values).cast(pl.String).str.zfill(width)
