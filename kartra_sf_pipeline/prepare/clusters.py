"""From pairs to people: connected components, without chains.

A like B and B like C does not make A like C. A group stands only where every member was found
equal to one and the same member, its centre.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

MERGE: Final = "merge"
REVIEW: Final = "review"
IGNORE: Final = "ignore"


def components(edges: pl.DataFrame) -> pl.DataFrame:
    """Groups that the edges `left_key`, `right_key` form: `contact_key`, `cluster` (a number)."""
    keys = pl.concat([edges["left_key"], edges["right_key"].alias("left_key")]).unique().sort()
    if keys.is_empty():
        return pl.DataFrame(schema={"contact_key": pl.String, "cluster": pl.Int32})
    numbers = pl.DataFrame({"key": keys}).with_row_index("n")
    left, right = (
        edges.select(key=side).join(numbers, on="key", how="left", maintain_order="left")["n"]
        for side in ("left_key", "right_key")
    )
    graph = coo_array(
        (np.ones(edges.height, dtype=np.int8), (left.to_numpy(), right.to_numpy())),
        shape=(len(keys), len(keys)),
    )
    _, labels = connected_components(graph, directed=False)
    return pl.DataFrame({"contact_key": keys, "cluster": labels.astype(np.int32)})


def guard_chains(matches: pl.DataFrame, held: pl.Expr | None = None) -> pl.DataFrame:
    """Turn merges into reviews until every group is a star around its centre.

    The centre has most merges, then the best scores, then the smallest key. A pair that links a
    member of the star with someone outside it is demoted; the rest is looked at again. Pairs for
    which `held` is true are a person's word: they stand, and form chains where they must.
    """
    frame = matches.with_row_index("_pair")
    fixed = frame.filter(held)["_pair"] if held is not None else frame["_pair"].clear()
    # Every round settles at least the biggest star of each group.
    while True:
        chained = _links_out_of_stars(frame.filter(pl.col("decision") == MERGE))
        chained = chained.filter(~chained.is_in(fixed.implode()))
        if chained.is_empty():
            return frame.drop("_pair")
        broken = pl.col("_pair").is_in(chained.implode())
        frame = frame.with_columns(
            pl.when(broken).then(pl.lit(REVIEW)).otherwise("decision").alias("decision"),
            pl.when(broken)
            .then(pl.col("evidence") + "; would chain people who are not alike")
            .otherwise("evidence")
            .alias("evidence"),
        )


def _links_out_of_stars(merges: pl.DataFrame) -> pl.Series:
    """`_pair` of the merges with one end in a star and the other outside."""
    ends = pl.concat(
        [
            merges.select("_pair", "score", key="left_key", other="right_key"),
            merges.select("_pair", "score", key="right_key", other="left_key"),
        ]
    )
    groups = components(merges).rename({"contact_key": "key"})
    centres = (
        ends.group_by("key")
        .agg(pl.len().alias("degree"), pl.col("score").sum().round(6).alias("weight"))
        .join(groups, on="key")
        .sort(["cluster", "degree", "weight", "key"], descending=[False, True, True, False])
        .unique("cluster", keep="first", maintain_order=True)
        .select("cluster", centre="key")
    )
    members = (
        ends.join(groups, on="key")
        .join(centres, on="cluster")
        .with_columns(
            ((pl.col("key") == pl.col("centre")) | (pl.col("other") == pl.col("centre"))).alias(
                "in"
            )
        )
        .group_by("key")
        .agg(pl.col("in").any())
    )
    inside = dict.fromkeys(("left_key", "right_key"))
    linked = merges.select("_pair", *inside)
    for side in inside:
        linked = linked.join(members.rename({"key": side, "in": f"{side}_in"}), on=side, how="left")
    return linked.filter(pl.col("left_key_in") != pl.col("right_key_in"))["_pair"]
