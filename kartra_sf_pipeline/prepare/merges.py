"""Every merge of contacts, told so that a person can check it and undo it."""

from __future__ import annotations

from typing import Final

import polars as pl

MERGE_SCHEMA: Final = {
    "survivor_key": pl.String,
    "merged_key": pl.String,
    "matched_with": pl.String,
    "rule": pl.String,
    "score": pl.Float64,
    "evidence": pl.String,
    "fields_that_differ": pl.List(pl.String),
    "survivor_file": pl.String,
    "survivor_line": pl.Int64,
    "merged_file": pl.String,
    "merged_line": pl.Int64,
}
# Fields of two rows that are told where both have a value and the values are not the same.
_TOLD: Final = (
    "first_name", "middle_name", "last_name", "suffix", "email", "phone_e164", "street", "city",
    "state", "postal_code", "country", "company", "website", "gdpr_status", "communications",
    "mailing_status", "joined_at", "source",
)  # fmt: skip


def contact_merges(
    prepared: pl.DataFrame, matches: pl.DataFrame, unified: pl.DataFrame
) -> pl.DataFrame:
    """One row per contact that was folded into another, with `MERGE_SCHEMA`.

    `matched_with` is the contact of the group whose likeness decided: the survivor where the two
    were compared, else the one with the best score. The rows' own values stay in
    contacts_prepared under the lineage given here, so that a merge can be taken back by the review
    file.
    """
    place = ["source_file", "source_line"]
    several = unified.filter(pl.col("merged_keys").list.len() > 0)
    # Where nobody bears the person's key any more, one of the merged keys is the person's own row.
    bearers = several.select("contact_key", *place).join(
        prepared.select(*place, _bearer="contact_key"), on=place
    )
    folded = (
        several.select("contact_key", "merged_keys")
        .join(bearers.select("contact_key", "_bearer"), on="contact_key")
        .select("_bearer", survivor_key="contact_key", merged_key="merged_keys")
        .explode("merged_key")
        .filter(pl.col("merged_key") != pl.col("_bearer"))
    )
    if folded.is_empty():
        return pl.DataFrame(schema=MERGE_SCHEMA)
    links = matches.filter(pl.col("decision") == "merge")
    sides = pl.concat(
        [
            links.select(
                pl.col(one).alias("merged_key"),
                pl.col(other).alias("matched_with"),
                "rule", "score", "evidence",
            )
            for one, other in (("left_key", "right_key"), ("right_key", "left_key"))
        ]
    )  # fmt: skip
    found = (
        folded.join(sides, on="merged_key", how="left")
        .with_columns(pl.col("matched_with").eq_missing(pl.col("_bearer")).alias("_direct"))
        .sort(
            ["merged_key", "_direct", "score", "matched_with"],
            descending=[False, True, True, False],
        )
        .unique("merged_key", keep="first", maintain_order=True)
    )
    told = [c for c in (*_TOLD, *prepared.columns) if c in prepared.columns and _is_told(c)]
    told = list(dict.fromkeys(told))
    rows = prepared.filter(pl.col("disposition") == "keep").select(
        "contact_key", "source_file", "source_line", *told
    )
    joined = found
    for side, key in (("survivor", "_bearer"), ("merged", "merged_key")):
        named = {c: f"{side}.{c}" for c in told}
        places = {"source_file": f"{side}_file", "source_line": f"{side}_line"}
        joined = joined.join(
            rows.rename({"contact_key": key, **named, **places}), on=key, how="left"
        )
    differ = pl.concat_list(
        pl.when(pl.col(f"survivor.{c}") != pl.col(f"merged.{c}")).then(pl.lit(c)) for c in told
    ).list.drop_nulls()
    return joined.select(
        differ.alias(name) if name == "fields_that_differ" else pl.col(name)
        for name in MERGE_SCHEMA
    ).sort("survivor_key", "merged_key")


def _is_told(column: str) -> bool:
    return column in _TOLD or column.startswith("x__")
