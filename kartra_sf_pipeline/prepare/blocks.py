"""Which contacts are worth comparing: pairs that share a block.

A block of any size costs a bounded number of pairs: its rows are sorted so that likely partners
stand together, and each meets its next neighbours. Small blocks are compared in full that way, big
ones near their likeliest partners; none is skipped, and `BlockReport` counts the big ones.

The key of a row and its place in the sort make one number, so that all blocks of a kind cost one
sort of numbers. A pair is one number too: `left << 32 | right`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kartra_sf_pipeline.prepare.coded import Column, Rows

# Neighbours that each row of a block meets: every other row of a block of up to WINDOW + 1 rows.
WINDOW: Final = 12
# In a bigger block each row meets fewer; the sort has put its likely partners next to it.
WINDOW_OF_BIG: Final = 5

Keys = NDArray[np.uint64]
"""One number for each contact, 0 for unknown."""
_Texts = Callable[[pl.Expr], pl.Expr]

_BY_NAME: Final = ("last", "root", "local")
_BY_PLACE: Final = ("zip", "street", "local")
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64(0xFFFFFFFF)
# Spreads numbers that lie close together over all bits (the golden ratio, as a fraction of 2^64).
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Block:
    """What the rows of a block have in common, and what sorts them within it.

    A part in two names is a pair of values in either order; with `lacking` one of them may be
    unknown.
    """

    name: str
    parts: tuple[str | tuple[str, str], ...]
    order: tuple[str, ...]
    lacking: bool = False


@dataclass(frozen=True)
class BlockReport:
    """What one kind of block cost: `big_rows` of `big_blocks` met only their neighbours."""

    name: str
    rows: int
    pairs: int
    big_blocks: int
    big_rows: int
    biggest: int


def _skeleton(name: pl.Expr) -> pl.Expr:
    """First letter and the next consonants, once each: what a slip of vowels leaves alone."""
    rest = name.str.slice(1).str.replace_all(r"[aeiouyhw]", "")
    return name.str.slice(0, 1) + rest.str.slice(0, 3)


def _first_letters(count: int) -> _Texts:
    return lambda text: text.str.slice(0, count)


# Parts that are made of a column's texts: of which column, and how.
_DERIVED: Final[dict[str, tuple[str, _Texts]]] = {
    "root_1": ("root", _first_letters(1)),
    "last_1": ("last", _first_letters(1)),
    "last_3": ("last", _first_letters(3)),
    "last_4": ("last", _first_letters(4)),
    "local_4": ("local", _first_letters(4)),
    "street_6": ("street", _first_letters(6)),
    "root_sound": ("root", _skeleton),
    "last_sound": ("last", _skeleton),
}
# A first and a last name in each other's cell make the same pair of words.
_NAME: Final = ("root", "last")
_SOUND: Final = ("root_sound", "last_sound")
_INITIALS: Final = ("root_1", "last_1")

BLOCKS: Final = (
    Block("mailbox", ("meant",), _BY_NAME),
    Block("phone", ("phone",), _BY_NAME),
    Block("birth", ("born", "root_1"), _BY_NAME),
    Block("name_company", ("last", "root_1", "company"), _BY_NAME),
    Block("name_local", ("last", "root", "local"), _BY_PLACE),
    Block("name_domain", ("last", "root", "mail_domain"), _BY_PLACE),
    Block("name_slip", ("last_3", "mail_domain", "local_4"), ("local",)),
    Block("whole_name", (_NAME,), _BY_PLACE),
    Block("address", ("number", "landmark"), _BY_NAME),
    Block("street_place", ("landmark", "zip"), _BY_NAME),
    Block("street_first", ("landmark", "first"), _BY_NAME),
    Block("street_last", ("landmark", "last"), _BY_NAME),
    Block("house", ("number", "zip"), _BY_NAME),
    Block("house_city", ("number", "city", "root_1"), _BY_NAME),
    Block("house_name", ("number", "last"), ("root", "street")),
    Block("house_first", ("number", "root"), ("last", "street")),
    Block("name_zip", ("last_4", "zip"), ("last", "root", "street")),
    Block("first_zip", ("root", "zip"), ("last", "street")),
    Block("name_city", ("last", "city", "root_1"), ("root", "street")),
    Block("street_initials", ("street_6", _INITIALS), _BY_NAME, lacking=True),
    Block("zip_initials", ("zip", _INITIALS), _BY_NAME, lacking=True),
    Block("landmark_city", ("landmark", "city"), _BY_NAME),
    Block("sound", (_SOUND,), _BY_PLACE),
)


def candidate_pairs(columns: dict[str, Column]) -> tuple[Keys, list[BlockReport]]:
    """Distinct pairs of rows that share a block, sorted; `left` < `right` in each."""
    parts = _parts(columns)
    orders = {order: _places(columns, order) for order in dict.fromkeys(b.order for b in BLOCKS)}

    def found(block: Block) -> tuple[Keys, BlockReport]:
        return _neighbours(block.name, _key(parts, block), *orders[block.order])

    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        pairs, reports = zip(*pool.map(found, BLOCKS), strict=True)
    packed = np.concatenate(pairs)
    del pairs
    packed.sort()
    return packed[np.diff(packed, prepend=np.uint64(0)) > 0], list(reports)


def _parts(columns: dict[str, Column]) -> dict[str, Keys]:
    parts = {name: column.codes.astype(np.uint64) for name, column in columns.items()}
    for name, (source, made) in _DERIVED.items():
        column = columns[source]
        assert column.values is not None
        texts = pl.DataFrame({"text": column.values}).select(made(pl.col("text")))["text"]
        hashes = texts.hash().to_numpy() | np.uint64(1)
        hashes[0] = 0
        parts[name] = hashes[column.codes]
    return parts


def _key(parts: dict[str, Keys], block: Block) -> Keys:
    """The upper half of each number is the block's key; 0 where a part is unknown."""
    key, known = np.uint64(0), np.True_
    for part in block.parts:
        if isinstance(part, str):
            values = [parts[part]]
        else:
            one, two = (parts[name] for name in part)
            if block.lacking:
                one, two = np.where(one > 0, one, two), np.where(two > 0, two, one)
            values = [np.minimum(one, two), np.maximum(one, two)]
        for value in values:
            key = (key ^ value) * _SPREAD
            key ^= key >> np.uint64(29)
            known = known & (value > 0)
    return np.where(known, (key * _SPREAD) | np.uint64(1), np.uint64(0))


def _places(columns: dict[str, Column], order: tuple[str, ...]) -> tuple[Keys, Rows]:
    """Each row's place in the sort by `order`, and the row at each place."""
    codes = pl.DataFrame({name: columns[name].codes for name in order}).with_row_index("row")
    rows = codes.sort(*order, "row")["row"].to_numpy()
    places = np.empty(len(rows), dtype=np.uint64)
    places[rows] = np.arange(len(rows), dtype=np.uint64)
    return places, rows


def _neighbours(name: str, key: Keys, places: Keys, rows: Rows) -> tuple[Keys, BlockReport]:
    known = key > 0
    packed = (key[known] >> _HALF << _HALF) | places[known]
    packed.sort()
    ends = np.append(np.flatnonzero(np.diff(packed >> _HALF)) + 1, len(packed))
    sizes = np.diff(ends, prepend=0)
    # Most rows share a block with nobody.
    packed = packed[np.repeat(sizes > 1, sizes)]
    sizes = sizes[sizes > 1]
    big = sizes > WINDOW + 1
    members = rows[packed & _LOW].astype(np.uint64)
    position = np.arange(len(members))
    reach = np.repeat(np.where(big, WINDOW_OF_BIG, WINDOW), sizes)
    furthest = np.minimum(np.repeat(np.cumsum(sizes), sizes) - 1, position + reach)
    pairs = [np.empty(0, dtype=np.uint64)]
    for step in range(1, WINDOW + 1):
        met = np.flatnonzero(position + step <= furthest)
        one, two = members[met], members[met + step]
        pairs.append(np.minimum(one, two) << _HALF | np.maximum(one, two))
    found = np.concatenate(pairs)
    return found, BlockReport(
        name,
        rows=len(members),
        pairs=len(found),
        big_blocks=int(big.sum()),
        big_rows=int(sizes[big].sum()),
        biggest=int(sizes.max(initial=0)),
    )
