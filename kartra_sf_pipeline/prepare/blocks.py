"""Which contacts are worth comparing: pairs that share a block.

A block of any size costs a bounded number of pairs: its rows are sorted so that likely partners
stand together, and each meets its next neighbours. Small blocks are compared in full that way, big
ones near their likeliest partners; none is skipped, and `BlockReport` counts the big ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

# Neighbours that each row of a block meets: every other row of a block of up to WINDOW + 1 rows.
WINDOW: Final = 12
# In a bigger block each row meets fewer; the sort has put its likely partners next to it.
WINDOW_OF_BIG: Final = 5

_PAIR_SCHEMA: Final = {"left": pl.UInt32, "right": pl.UInt32}
_BY_NAME: Final = ("last", "root", "local")
_BY_PLACE: Final = ("zip", "street", "local")


@dataclass(frozen=True)
class Block:
    """What the rows of a block have in common, and what sorts them within it."""

    name: str
    key: pl.Expr
    order: tuple[str, ...]


@dataclass(frozen=True)
class BlockReport:
    """What one kind of block cost: `big_rows` of `big_blocks` met only their neighbours."""

    name: str
    rows: int
    pairs: int
    big_blocks: int
    big_rows: int
    biggest: int


def _joined(*columns: pl.Expr) -> pl.Expr:
    key = columns[0]
    for column in columns[1:]:
        key = key + pl.lit("|") + column
    return key


def _unordered(one: pl.Expr, two: pl.Expr) -> pl.Expr:
    return _joined(pl.min_horizontal(one, two), pl.max_horizontal(one, two))


def _skeleton(name: pl.Expr) -> pl.Expr:
    """First letter and the next consonants, once each: what a slip of vowels leaves alone."""
    rest = name.str.slice(1).str.replace_all(r"[aeiouyhw]", "")
    return name.str.slice(0, 1) + rest.str.slice(0, 3)


def _blocks() -> tuple[Block, ...]:
    first, last, root = pl.col("first"), pl.col("last"), pl.col("root")
    number, street, landmark = pl.col("number"), pl.col("street"), pl.col("landmark")
    place, initial = pl.col("zip"), pl.col("root").str.slice(0, 1)
    # A first and a last name in each other's cell make the same pair of words.
    both = _unordered(root, last)
    sounds = _unordered(_skeleton(root), _skeleton(last))
    initials = _unordered(initial, last.str.slice(0, 1))
    named = first.is_not_null() & last.is_not_null()
    return (
        Block("mailbox", pl.col("meant"), _BY_NAME),
        Block("phone", pl.col("phone"), _BY_NAME),
        Block("birth", _joined(pl.col("born"), initial), _BY_NAME),
        Block("name_company", _joined(last, initial, pl.col("company")), _BY_NAME),
        Block("name_local", _joined(last, root, pl.col("local")), _BY_PLACE),
        Block("name_domain", _joined(last, root, pl.col("mail_domain")), _BY_PLACE),
        Block("name_slip", _joined(last.str.slice(0, 3), pl.col("mail_domain"),
                                   pl.col("local").str.slice(0, 4)), ("local",)),
        Block("whole_name", pl.when(named).then(both), _BY_PLACE),
        Block("address", _joined(number, landmark), _BY_NAME),
        Block("street_place", _joined(landmark, place), _BY_NAME),
        Block("street_first", _joined(landmark, first), _BY_NAME),
        Block("street_last", _joined(landmark, last), _BY_NAME),
        Block("house", _joined(number, place), _BY_NAME),
        Block("house_city", _joined(number, pl.col("city"), initial), _BY_NAME),
        Block("house_name", _joined(number, last), ("root", "street")),
        Block("house_first", _joined(number, root), ("last", "street")),
        Block("name_zip", _joined(last.str.slice(0, 4), place), ("last", "root", "street")),
        Block("first_zip", _joined(root, place), ("last", "street")),
        Block("name_city", _joined(last, pl.col("city"), initial), ("root", "street")),
        Block("street_initials", _joined(street.str.slice(0, 6), initials), _BY_NAME),
        Block("zip_initials", _joined(place, initials), _BY_NAME),
        Block("landmark_city", _joined(landmark, pl.col("city")), _BY_NAME),
        Block("sound", pl.when(named).then(sounds), _BY_PLACE),
    )  # fmt: skip


def candidate_pairs(people: pl.DataFrame) -> tuple[pl.DataFrame, list[BlockReport]]:
    """Distinct pairs of rows that share a block: `left`, `right` (row numbers, left < right)."""
    found: list[pl.DataFrame] = []
    reports: list[BlockReport] = []
    for block in _blocks():
        pairs, report = _neighbours(people, block)
        found.append(pairs)
        reports.append(report)
        # Merged as they come: most blocks find what others have found.
        if sum(frame.height for frame in found) > 8_000_000:
            found = [pl.concat(found).unique()]
    return pl.concat(found).unique().sort("left", "right"), reports


def _neighbours(people: pl.DataFrame, block: Block) -> tuple[pl.DataFrame, BlockReport]:
    members = (
        people.select("row", block.key.hash().alias("block"), block.key.is_null().alias("none"))
        .filter(~pl.col("none"))
        # Most rows share a block with nobody.
        .filter(pl.col("block").is_duplicated())
        .select("row", "block")
    )
    members = (
        members.with_columns(people[members["row"]].select(block.order))
        .sort("block", *block.order, "row")
        .select("row", pl.col("block").rle_id())
        .with_columns(pl.len().over("block").alias("size"))
    )
    big = members["size"] > WINDOW + 1
    pairs: list[pl.DataFrame] = []
    for step in range(1, WINDOW + 1):
        met = members.select(
            pl.col("row").alias("a"),
            pl.col("row").shift(-step).alias("b"),
            (pl.col("block") == pl.col("block").shift(-step))
            & ((step <= WINDOW_OF_BIG) | (pl.col("size") <= WINDOW + 1)),
        ).filter("block")
        if met.is_empty():
            break
        pairs.append(
            met.select(
                pl.min_horizontal("a", "b").alias("left"),
                pl.max_horizontal("a", "b").alias("right"),
            )
        )
    frame = pl.concat(pairs) if pairs else pl.DataFrame(schema=_PAIR_SCHEMA)
    return frame, BlockReport(
        block.name,
        rows=members.height,
        pairs=frame.height,
        big_blocks=members.filter(big)["block"].n_unique(),
        big_rows=int(big.sum()),
        biggest=int(members["size"].max() or 0),  # pyright: ignore[reportArgumentType]
    )
