"""What is meant to become of each source row: the first half of conservation.

One row per row of each export, with the disposition planned for it and the record (object and
key) that it is loaded as or merged into.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from kartra_sf_pipeline.mapping.rows.choices import Frames
from kartra_sf_pipeline.mapping.rows.money_fates import subscription_object, with_records
from kartra_sf_pipeline.mapping.strategies import Strategies

SCHEMA: dict[str, pl.DataType] = {
    "export": pl.String(),
    "source_file": pl.String(),
    "source_line": pl.Int64(),
    "planned": pl.String(),
    "reason": pl.String(),
    "detail": pl.String(),
    "object": pl.String(),
    "key": pl.String(),
}

NEEDS = (
    "quarantine",
    "contact_rows",
    "company_rows",
    "transactions_prepared",
    "subscriptions_prepared",
    "affiliates_prepared",
    "bookings_prepared",
    "notes_prepared",
    "campaigns",
    "raw_lists",
    "raw_custom_fields",
    "raw_sequences",
)
"""Frames that tell of a row's fate, by asset name."""

_PLANNED = {"keep": "load", "merge": "merge", "suppress": "suppress", "quarantine": "quarantine"}


def row_plan(frames: Frames, custom_columns: Mapping[str, str], chosen: Strategies) -> pl.DataFrame:
    """Plan every row of every export.

    `frames` holds the frames of `NEEDS`, unread. `custom_columns` names, for each contact column
    `x__…` that is mapped, the Salesforce field that it becomes.
    """
    affiliate = "Account" if chosen.affiliates == "account" else "Affiliate__c"
    parts = [
        _quarantined(frames["quarantine"]),
        _rows("contacts", frames["contact_rows"], "Contact", "contact_key"),
        _rows("companies", frames["company_rows"], "Account", "account_key"),
        _transactions(frames["transactions_prepared"], chosen),
        _rows(
            "subscriptions",
            frames["subscriptions_prepared"],
            subscription_object(chosen),
            "opportunity_key",
        ),
        _rows("affiliates", frames["affiliates_prepared"], affiliate, "affiliate_key"),
        _rows("calendar_bookings", frames["bookings_prepared"], "Event", "booking_key"),
        _rows("notes", frames["notes_prepared"], "Task", "note_key"),
        _lists(
            frames["raw_lists"],
            frames["campaigns"].select("source_file", "source_line", campaign_key="_key"),
        ),
        _custom_fields(frames["raw_custom_fields"], custom_columns),
        _inventory("sequences", frames["raw_sequences"]),
    ]
    shaped = [part.select(*SCHEMA).cast(pl.Schema(SCHEMA)) for part in parts]
    return pl.concat(shaped).collect(engine="streaming")


def _transactions(rows: pl.LazyFrame, chosen: Strategies) -> pl.LazyFrame:
    return _rows("transactions", with_records(rows, chosen), pl.col("record_object"), "record_key")


def _rows(export: str, rows: pl.LazyFrame, sobject: str | pl.Expr, key: str) -> pl.LazyFrame:
    # An older extract of a row that is itself set aside has no record to be merged into.
    idle = (pl.col("disposition") == "merge") & pl.col(key).is_null()
    arrives = pl.col("disposition").is_in(["keep", "merge"]) & idle.not_()
    return rows.select(
        "source_file",
        "source_line",
        "reason",
        "detail",
        export=pl.lit(export),
        planned=pl.when(idle)
        .then(pl.lit("suppress"))
        .otherwise(pl.col("disposition").replace_strict(_PLANNED)),
        object=pl.when(arrives).then(pl.lit(sobject) if isinstance(sobject, str) else sobject),
        key=pl.when(arrives).then(pl.col(key)),
    )


def _quarantined(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select(
        "export",
        "source_file",
        "source_line",
        "reason",
        "detail",
        planned=pl.lit("quarantine"),
        object=pl.lit(None, dtype=pl.String),
        key=pl.lit(None, dtype=pl.String),
    )


def _lists(rows: pl.LazyFrame, campaigns: pl.LazyFrame) -> pl.LazyFrame:
    """The first row of a list is its campaign; a repeat is merged; a row without a name is held."""
    primary = campaigns.select(
        "campaign_key", "source_file", "source_line", _primary=pl.lit(value=True)
    )
    keyed = rows.with_columns(
        campaign_key="list:"
        + pl.col("list").str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()
    ).join(
        primary,
        on=["campaign_key", "source_file", "source_line"],
        how="left",
        maintain_order="left",
    )
    named = pl.col("campaign_key").is_not_null()
    return keyed.select(
        "source_file",
        "source_line",
        export=pl.lit("lists"),
        planned=pl.when(named.not_())
        .then(pl.lit("quarantine"))
        .when(pl.col("_primary"))
        .then(pl.lit("load"))
        .otherwise(pl.lit("merge")),
        reason=pl.when(named.not_())
        .then(pl.lit("list_without_name"))
        .when(pl.col("_primary"))
        .then(None)
        .otherwise(pl.lit("same_list")),
        detail=pl.lit(None, dtype=pl.String),
        object=pl.when(named).then(pl.lit("Campaign")),
        key="campaign_key",
    )


def _custom_fields(rows: pl.LazyFrame, custom_columns: Mapping[str, str]) -> pl.LazyFrame:
    """A definition is loaded as its field; without a column of values there is nothing to move."""
    normal = (
        pl.col("field_identifier")
        .str.strip_chars()
        .str.to_lowercase()
        .str.replace_all(r"[^a-z0-9]+", "_")
        .str.strip_chars("_")
    )
    target = normal.replace_strict(
        list(custom_columns), list(custom_columns.values()), default=None, return_dtype=pl.String
    )
    first = normal.is_first_distinct()
    return rows.with_columns(_target=target, _first=first).select(
        "source_file",
        "source_line",
        export=pl.lit("custom_fields"),
        planned=pl.when(pl.col("field_identifier").is_null())
        .then(pl.lit("quarantine"))
        .when(pl.col("_target").is_null())
        .then(pl.lit("suppress"))
        .when(pl.col("_first"))
        .then(pl.lit("load"))
        .otherwise(pl.lit("merge")),
        reason=pl.when(pl.col("field_identifier").is_null())
        .then(pl.lit("field_without_identifier"))
        .when(pl.col("_target").is_null())
        .then(pl.lit("no_column_in_contacts"))
        .when(pl.col("_first"))
        .then(None)
        .otherwise(pl.lit("same_field")),
        detail=pl.lit(None, dtype=pl.String),
        object=pl.when(pl.col("_target").is_not_null()).then(pl.lit("CustomField")),
        key=pl.when(pl.col("_target").is_not_null()).then("Contact." + pl.col("_target")),
    )


def _inventory(export: str, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Automation logic does not move (S60): its rows are inventoried, by a named rule."""
    return rows.select(
        "source_file",
        "source_line",
        export=pl.lit(export),
        planned=pl.lit("suppress"),
        reason=pl.lit("automation_is_inventoried"),
        detail=pl.lit("Sequence logic is rebuilt in Salesforce, never moved as data."),
        object=pl.lit(None, dtype=pl.String),
        key=pl.lit(None, dtype=pl.String),
    )
