"""Which contacts are one person: scored pairs, a decision for each, and the rule that made it.

Pairs that share a block are weighed cheaply first; the texts of those that could still matter are
compared, in slices. From `Thresholds.merge_at` on people are merged, from `review_at` on someone
should look.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.prepare.blocks import BlockReport, candidate_pairs
from kartra_sf_pipeline.prepare.clusters import IGNORE, MERGE, REVIEW
from kartra_sf_pipeline.prepare.coded import columns_of
from kartra_sf_pipeline.prepare.comparison import Pairs
from kartra_sf_pipeline.prepare.decisions import judge
from kartra_sf_pipeline.prepare.evidence import LISTED_AT
from kartra_sf_pipeline.prepare.follow import settle
from kartra_sf_pipeline.prepare.match_features import features
from kartra_sf_pipeline.prepare.review import NO_DECISIONS, Decisions
from kartra_sf_pipeline.prepare.screening import letters_of

MATCH_SCHEMA: Final = {
    "left_key": pl.String,
    "right_key": pl.String,
    "score": pl.Float64,
    "evidence": pl.String,
    "decision": pl.String,
    "rule": pl.String,
}
# Strings leave Polars for the scorers; in slices, so that they never stand in memory all at once.
_SLICE: Final = 500_000


@dataclass(frozen=True)
class Thresholds:
    """From which score on a pair is merged, and from which on a person is asked."""

    merge_at: float = 0.95
    review_at: float = 0.75

    def __post_init__(self) -> None:
        if not LISTED_AT <= self.review_at <= self.merge_at:
            raise SettingsError(
                f"Pairs cannot be reviewed from {self.review_at} and merged from {self.merge_at}: "
                f"the first must be {LISTED_AT} or more and not above the second.",
                next_step="Correct KARTRA_SF_REVIEW_AT or KARTRA_SF_MERGE_AT.",
            )


@dataclass(frozen=True)
class Matches:
    """The scored pairs (`MATCH_SCHEMA`), and what was compared to find them."""

    pairs: pl.DataFrame
    compared: int
    """Pairs that shared a block."""
    read: int
    """Pairs of these that were compared in full: the names left it open."""
    blocks: list[BlockReport]


def match_contacts(
    prepared: pl.DataFrame, thresholds: Thresholds = Thresholds()
) -> pl.DataFrame:  # fmt: skip
    """Scored pairs of kept contacts: left_key, right_key, score, evidence, decision, rule.

    `decision` is merge, review or ignore; the merges form no chains (a pair that only a third
    contact would join is for review). Pairs below `LISTED_AT` are left out. Sorted by score.
    """
    return find_matches(prepared, thresholds).pairs


def find_matches(
    prepared: pl.DataFrame,
    thresholds: Thresholds = Thresholds(),
    decisions: Decisions = NO_DECISIONS,
) -> Matches:
    """`match_contacts` with the counts of what was compared, and with people's `decisions`.

    Reads `match_features.columns_read` of contacts_prepared. Which of two keys is left does not
    depend on the order of the rows.
    """
    people = features(prepared)
    del prepared
    keys = people["contact_key"]
    columns = columns_of(people)
    del people
    candidates, blocks = candidate_pairs(columns)
    words = letters_of(columns["first"])

    def judged(start: int) -> tuple[pl.DataFrame, int]:
        part = candidates[start : start + _SLICE]
        left, right = (part >> 32).astype(np.uint32), (part & 0xFFFFFFFF).astype(np.uint32)
        pairs, frame = judge(Pairs(left, right, columns), words)
        sides = {"left_key": keys.gather(pairs.left), "right_key": keys.gather(pairs.right)}
        return frame.with_columns(**sides).filter(pl.col("score") >= LISTED_AT), frame.height

    with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
        slices = list(pool.map(judged, range(0, len(candidates), _SLICE)))
    found = [frame for frame, _ in slices] or [pl.DataFrame(schema=MATCH_SCHEMA).drop("decision")]
    read = sum(count for _, count in slices)
    scored = settle(_decided(pl.concat(found), thresholds), decisions, keys)
    ordered = scored.select(list(MATCH_SCHEMA)).sort(
        ["score", "left_key", "right_key"], descending=[True, False, False]
    )
    return Matches(ordered, len(candidates), read, blocks)


def _decided(scored: pl.DataFrame, thresholds: Thresholds) -> pl.DataFrame:
    keys = ("left_key", "right_key")
    return scored.with_columns(
        pl.min_horizontal(*keys).alias("left_key"),
        pl.max_horizontal(*keys).alias("right_key"),
        pl.when(pl.col("score") >= thresholds.merge_at)
        .then(pl.lit(MERGE))
        .when(pl.col("score") >= thresholds.review_at)
        .then(pl.lit(REVIEW))
        .otherwise(pl.lit(IGNORE))
        .alias("decision"),
    )
