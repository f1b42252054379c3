"""The features of contacts as numbers: equality, rarity and sorting need no text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Rows = NDArray[np.uint32]
Codes = NDArray[Any]

# First and last names share one dictionary: they stand in each other's cell at times.
_WORDS: Final = ("first", "last", "root")
_READ: Final = ("phone", "zip", "number", "street", "city", "company", "local", "born")
_EQUAL: Final = (
    "middle",
    "suffix",
    "state",
    "email",
    "mailbox",
    "meant",
    "mail_domain",
    "landmark",
)
# A value is at least this common: the share that it has in an account too small to tell.
_UNSEEN: Final = 2_000


@dataclass(frozen=True)
class Column:
    """One feature of every contact as numbers; 0 is unknown, equal numbers are equal texts.

    Columns that are only compared for equality hold hashes, and neither texts nor weights. In the
    others the numbers follow the order of the texts, and `values[code]` is the text.
    """

    codes: Codes
    values: pl.Series | None = None
    bits: Floats | None = None
    """How much it tells that two contacts share the value: -log2 of its share."""


def columns_of(people: pl.DataFrame) -> dict[str, Column]:
    """The features of `match_features.features` as numbers."""
    columns = {name: Column(_hashed(people[name])) for name in _EQUAL}
    texts = _ordered(pl.concat([people[name].unique().rename("") for name in _WORDS]))
    columns |= {name: coded(people[name], texts) for name in _WORDS}
    columns |= {name: coded(people[name], _ordered(people[name])) for name in _READ}
    local = columns["local"]
    handles = np.where(people["handle"].is_not_null().to_numpy(), local.codes, 0)
    columns["handle"] = Column(handles, local.values, _weights(handles, local.bits))
    return columns


def _hashed(series: pl.Series) -> Codes:
    return np.where(series.is_null().to_numpy(), 0, series.hash().to_numpy() | 1)


def _ordered(series: pl.Series) -> pl.Series:
    return series.drop_nulls().unique().sort().rename("")


def coded(series: pl.Series, texts: pl.Series) -> Column:
    """`series` by the place of each value in `texts`, which are sorted and hold them all."""
    physical = series.cast(pl.Enum(texts)).to_physical()
    codes = (physical.cast(pl.Int64) + 1).fill_null(0).cast(pl.Int32).to_numpy()
    values = pl.concat([pl.Series([""], dtype=pl.String), texts])
    return Column(codes, values, _weights(codes, values))


def _weights(codes: Codes, values: pl.Series | Floats | None) -> Floats:
    size = 0 if values is None else len(values)
    share = (np.bincount(codes, minlength=size) + 1) / (len(codes) + _UNSEEN)
    bits = -np.log2(share).astype(np.float32)
    bits[:1] = 0.0
    return bits
