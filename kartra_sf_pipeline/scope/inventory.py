"""What is rebuilt and not moved, with all that the exports still say of it."""

from __future__ import annotations

from typing import Final

import polars as pl

SCHEMA: Final = pl.Schema(
    {
        "object": pl.String(),
        "kind": pl.String(),
        "name": pl.String(),
        "contacts": pl.Int64(),
        "steps": pl.Int64(),
        "status": pl.String(),
        "trigger": pl.String(),
        "evidence": pl.String(),
        "rebuild_as": pl.String(),
    }
)

MEMBERSHIPS: Final = "Memberships and courses"
SEQUENCES: Final = "Sequences"
FORMS: Final = "Forms and surveys"
KINDS: Final = {"membership": MEMBERSHIPS, "course": MEMBERSHIPS, "form": FORMS, "survey": FORMS}
"""The kinds of behavioural tags that stand for an object of Kartra's, and the object."""

_REBUILD: Final = {
    "membership": "Access in the platform where the memberships will live",
    "course": "Enrolment in the new course platform",
    "form": "Web-to-Lead, an Experience Cloud form or a form tool",
    "survey": "A survey tool",
    "sequence": "Flow, Sales Engagement where it is licensed, or a cadence tool",
}
_SHOWN: Final = 3


def object_inventory(behavioural: pl.DataFrame, sequences: pl.DataFrame) -> pl.DataFrame:
    """One row per tag that stands for a membership, course, form or survey, and per sequence.

    `contacts` counts who carries the tag: the nearest that one comes to a form's completions or a
    course's students (S59, S64). `behavioural` is the frame of `behavioural_tags`; `sequences` is
    `raw_sequences`, one row per step.
    """
    told = behavioural.filter(pl.col("kind").is_in(list(KINDS))).select(
        "kind",
        pl.col("kind").replace_strict(KINDS, return_dtype=pl.String).alias("object"),
        pl.col("tag").alias("name"),
        pl.col("contacts").cast(pl.Int64),
        pl.concat_str(pl.lit("the tag's words: "), "evidence").alias("evidence"),
    )
    audience = pl.concat_str(
        pl.concat_str(pl.lit("tag "), "audience_tag"),
        pl.concat_str(pl.lit("list "), "audience_list"),
        separator=", ",
        ignore_nulls=True,
    )
    steps = (
        sequences.filter(pl.col("sequence").is_not_null())
        .with_columns(_audience=audience)
        .group_by(pl.col("sequence").alias("name"), maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("steps"),
            pl.col("status").drop_nulls().first(),
            pl.col("trigger").drop_nulls().first(),
            pl.col("_audience").filter(pl.col("_audience") != "").first().alias("evidence"),
        )
        .with_columns(kind=pl.lit("sequence"), object=pl.lit(SEQUENCES))
    )
    rows = pl.concat([told, steps], how="diagonal_relaxed").with_columns(
        rebuild_as=pl.col("kind").replace_strict(_REBUILD, return_dtype=pl.String)
    )
    order = pl.Enum([MEMBERSHIPS, SEQUENCES, FORMS])
    return (
        rows.sort(
            pl.col("object").cast(order),
            pl.col("contacts").fill_null(0),
            "name",
            descending=[False, True, False],
        )
        .select(SCHEMA.names())
        .cast(SCHEMA)
    )


def traces(behavioural: pl.DataFrame | None, *kinds: str) -> str:
    """How many tags of these kinds there are, and the first of them with who carries them."""
    if behavioural is None:
        return "No tag keeps a trace of it."
    found = behavioural.filter(pl.col("kind").is_in(kinds))
    if found.is_empty():
        return "No tag keeps a trace of it."
    first = ", ".join(
        f"{tag} ({contacts:,})"
        for tag, contacts in found.select("tag", "contacts").head(_SHOWN).iter_rows()
    )
    more = ", …" if found.height > _SHOWN else ""
    return f"Tags that keep a trace of it, with their contacts: {found.height:,}: {first}{more}."
