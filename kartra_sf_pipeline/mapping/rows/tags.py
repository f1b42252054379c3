"""Tags of each contact, the picklist that offers them, and what overflows it."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from kartra_sf_pipeline.mapping.model import Policies
from kartra_sf_pipeline.mapping.rows.lineage import LINEAGE

TAGS_CELL = 4_099
"""Characters that one multi-select cell may hold, separators included."""
TAGS_PER_RECORD = 100
VALUE_LENGTH = 255
"""Characters of one picklist value."""


def picklist_tags(tags: pl.DataFrame, policies: Policies) -> list[str]:
    """Values of the tags' picklist: all tags, or the most frequent ones over the limit (S36)."""
    counted = _counted(tags)
    keep = policies.tags_in_picklist if counted.height > policies.tags_limit else counted.height
    fits = (pl.col("tag").str.len_chars() <= VALUE_LENGTH) & ~pl.col("tag").str.contains(";")
    return counted.head(keep).filter(fits)["tag"].sort().to_list()


def contact_tags(
    unified: pl.DataFrame,
    tags: pl.DataFrame,
    custom: pl.DataFrame,
    offered: Sequence[str],
    *,
    everybody: bool = False,
) -> pl.DataFrame:
    """One row per contact that has tags, notes or custom fields, or one for `everybody`.

    `offered` are the picklist's values. Per record the picklist takes 100 of them and 4,099
    characters; the most frequent go first and what does not fit goes to the overflow text.
    """
    folded = [value.strip().lower() for value in offered]
    spelling = pl.col("tag_folded").replace_strict(folded, list(offered), default=None)
    ranked = (
        tags.with_columns(_value=spelling.cast(pl.String))
        .join(_counted(tags).select("tag_folded", "contacts"), on="tag_folded")
        .sort(["contact_key", "contacts", "tag_folded"], descending=[False, True, False])
        .with_columns(_offered=pl.col("_value").is_not_null())
        .with_columns(
            _rank=pl.col("_offered").cast(pl.Int32).cum_sum().over("contact_key"),
            _width=(pl.col("_value").str.len_chars().fill_null(0) + 1)
            .cum_sum()
            .over("contact_key"),
        )
        .with_columns(
            _fits=pl.col("_offered")
            & (pl.col("_rank") <= TAGS_PER_RECORD)
            & (pl.col("_width") <= TAGS_CELL)
        )
    )
    per_contact = ranked.group_by("contact_key", maintain_order=True).agg(
        tags=pl.col("_value").filter("_fits"),
        tags_overflow=pl.col("tag").filter(pl.col("_fits").not_()).str.join("; "),
    )
    empty = pl.col("tags_overflow").str.len_chars() == 0
    rows = (
        unified.select("contact_key", "notes", *LINEAGE)
        .join(per_contact, on="contact_key", how="left", maintain_order="left")
        .with_columns(tags_overflow=pl.when(empty.not_()).then(pl.col("tags_overflow")))
        .join(custom, on="contact_key", how="left", maintain_order="left")
    )
    if everybody:
        return rows
    optional = [name for name in rows.columns if name not in ("contact_key", *LINEAGE)]
    return rows.filter(pl.any_horizontal(pl.col(optional).is_not_null()))


def computed_spend(spend: pl.DataFrame) -> pl.DataFrame:
    """What each contact spent, net of what went back: `contact_key`, `computed_spend` and
    `computed_spend_text`.

    `spend` is `contact_spend`. Currencies are never added together: whoever paid in several has
    the text alone, such as `EUR 20.00; USD 99.00`.
    """
    one = pl.concat_str("currency", pl.col("net").cast(pl.String), separator=" ", ignore_nulls=True)
    return spend.group_by("contact_key").agg(
        computed_spend=pl.when(pl.len() == 1).then(pl.col("net").first()),
        computed_spend_text=one.sort().str.join("; "),
    )


def _counted(tags: pl.DataFrame) -> pl.DataFrame:
    return (
        tags.group_by("tag_folded")
        .agg(pl.col("tag").sort().first(), pl.len().alias("contacts"))
        .sort(["contacts", "tag_folded"], descending=[True, False])
    )
