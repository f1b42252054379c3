"""People's decisions on pairs, carried out: over the scores, and against what groups imply."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.prepare.clusters import IGNORE, MERGE, REVIEW, components, guard_chains
from kartra_sf_pipeline.prepare.review import APART, Decisions, ReviewError

_PAIR = ["left_key", "right_key"]


def settle(scored: pl.DataFrame, decisions: Decisions, keys: pl.Series) -> pl.DataFrame:
    """`scored` without chains and as people decided.

    A decision stands over every score, also for a pair that was not scored, if both of `keys` are
    there. Two who are to be kept apart do not meet through a third either: the weakest link of the
    program's own goes to review. Raises ReviewError where the decisions contradict each other.
    """
    said = decisions.frame.filter(
        pl.col("left_key").is_in(keys.implode()) & pl.col("right_key").is_in(keys.implode())
    ).select(*_PAIR, "verdict", "line")
    if said.is_empty():
        return guard_chains(scored)
    joined = scored.join(said, on=_PAIR, how="full", coalesce=True)
    told = pl.col("verdict").is_not_null()
    joined = joined.with_columns(
        pl.col("score").fill_null(0.0),
        pl.when(pl.col("verdict") == APART)
        .then(pl.lit(IGNORE))
        .when(told)
        .then(pl.lit(MERGE))
        .otherwise("decision")
        .alias("decision"),
        pl.when(pl.col("verdict") == APART)
        .then(pl.lit("kept_apart"))
        .when(told)
        .then(pl.lit("decided"))
        .otherwise("rule")
        .alias("rule"),
        pl.concat_str(
            "evidence",
            pl.when(told).then(pl.lit("decided in the review file")),
            separator="; ",
            ignore_nulls=True,
        ).alias("evidence"),
    )
    held = guard_chains(joined, held=pl.col("verdict").is_not_null())
    return _parted(held, decisions).drop("verdict", "line")


def _parted(frame: pl.DataFrame, decisions: Decisions) -> pl.DataFrame:
    """Cut links until no group holds two who are to be kept apart."""
    frame = frame.with_row_index("_pair")
    while True:
        groups = components(frame.filter(pl.col("decision") == MERGE))
        apart = frame.filter(pl.col("verdict") == APART).select(*_PAIR, "line")
        for side in _PAIR:
            apart = apart.join(
                groups.rename({"contact_key": side, "cluster": f"of_{side}"}), on=side, how="left"
            )
        together = apart.filter(pl.col("of_left_key") == pl.col("of_right_key"))
        if together.is_empty():
            return frame.drop("_pair")
        links = (
            frame.filter((pl.col("decision") == MERGE) & pl.col("verdict").is_null())
            .select("_pair", "score", *_PAIR)
            .join(groups, left_on="left_key", right_on="contact_key")
        )
        cut: set[int] = set()
        for row in together.iter_rows(named=True):
            inside = links.filter(pl.col("cluster") == row["of_left_key"])
            if inside.is_empty():
                raise ReviewError(
                    f"{row['left_key']} and {row['right_key']} are to be kept apart, and other "
                    "decisions merge them through a third.",
                    file=decisions.path,
                    line=row["line"],
                    column="decision",
                    next_step="Change this decision or one of the others, and run again.",
                )
            ends = [row["left_key"], row["right_key"]]
            near = inside.filter(pl.col("left_key").is_in(ends) | pl.col("right_key").is_in(ends))
            weakest = (near if near.height else inside).sort("score", "_pair").row(0, named=True)
            cut.add(weakest["_pair"])
        frame = frame.with_columns(
            pl.when(pl.col("_pair").is_in(sorted(cut)))
            .then(pl.lit(REVIEW))
            .otherwise("decision")
            .alias("decision")
        )
