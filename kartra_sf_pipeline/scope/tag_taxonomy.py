"""Every tag with how many carry it, what it speaks of, and which other names mean the same."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.text import fold
from kartra_sf_pipeline.scope.behavioural import behavioural_tags

SCHEMA: Final = pl.Schema(
    {
        "tag": pl.String(),
        "contacts": pl.UInt32(),
        "share": pl.Float64(),
        "kind": pl.String(),
        "evidence": pl.String(),
        "spellings": pl.List(pl.String()),
        "same_as": pl.String(),
        "duplicates": pl.List(pl.String()),
    }
)
OTHER: Final = "other"


def tag_taxonomy(parsed_tags: pl.DataFrame, labels: pl.Series, people: int) -> pl.DataFrame:
    """One row per distinct tag, most frequent first.

    `tag`; `contacts` who carry it; `share` of the `people` in the account (null without any);
    `kind` (a kind of `behavioural.KINDS`, else other); `evidence` (the words that say so);
    `spellings`: other spellings of it that differ in case alone; `same_as`: the most frequent tag
    with the same letters and digits, where that is another one ("free-guide", "Free Guide",
    "FreeGuide"); `duplicates`: on that most frequent one, the tags that mean the same.

    `labels` are the tags of each person as they stand in the export (lists of text): they hold the
    spellings, which `parsed_tags` has one of.
    """
    counted = parsed_tags.group_by("tag_folded", maintain_order=True).agg(
        pl.col("tag").first(), pl.col("contact_key").n_unique().alias("contacts")
    )
    kinds = behavioural_tags(parsed_tags).select("tag", "kind", "evidence")
    tags = (
        counted.join(kinds, on="tag", how="left", maintain_order="left")
        .join(_spellings(labels), on="tag_folded", how="left", maintain_order="left")
        .with_columns(
            pl.col("kind").fill_null(OTHER),
            share=pl.col("contacts") / people if people else pl.lit(None, pl.Float64),
            spellings=pl.col("spelled")
            .list.set_difference(pl.concat_list("tag"))
            .list.sort()
            .fill_null([]),
            _squeezed=_squeezed(pl.col("tag_folded")),
        )
        .sort("contacts", "tag_folded", descending=[True, False])
    )
    group = pl.col("tag").over("_squeezed", mapping_strategy="join")
    main = pl.col("tag").first().over("_squeezed")
    is_main = pl.col("tag") == main
    return (
        tags.with_columns(
            same_as=pl.when(~is_main).then(main),
            duplicates=pl.when(is_main)
            .then(group.list.set_difference(pl.concat_list("tag")).list.sort())
            .otherwise([]),
        )
        .select(SCHEMA.names())
        .cast(SCHEMA)
    )


def _spellings(labels: pl.Series) -> pl.DataFrame:
    """`tag_folded`, `spelled`: the distinct spellings that stand in the export."""
    return (
        labels.alias("tag")
        .to_frame()
        .lazy()
        .select(pl.col("tag").explode(empty_as_null=True).cast(pl.String))
        .drop_nulls()
        .unique()
        .with_columns(pl.col("tag").str.to_lowercase().alias("tag_folded"))
        .group_by("tag_folded")
        .agg(pl.col("tag").alias("spelled"))
        .collect()
    )


def _squeezed(folded: pl.Expr) -> pl.Expr:
    """Letters and digits alone, without accents; a tag of signs alone stands for itself."""
    bare = fold(folded).str.replace_all(r"[^\pL\pN]+", "")
    return pl.when(bare.str.len_bytes() > 0).then(bare).otherwise(folded)
