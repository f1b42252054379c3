"""What is meant to become of each source row: the first half of conservation.

One row per row of each export, with the disposition planned for it and the record (object and
key) that it is loaded as or merged into.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from kartra_sf_pipeline.mapping.custom_fields import folded_identifier
from kartra_sf_pipeline.mapping.rows.choices import Frames
from kartra_sf_pipeline.mapping.rows.lists import developer_names, fold_list, strategy_of
from kartra_sf_pipeline.mapping.rows.money_fates import subscription_object, with_records
from kartra_sf_pipeline.mapping.rows.teams import NOT_CHOSEN
from kartra_sf_pipeline.mapping.strategies import Lists, Strategies

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
    "activities_prepared",
    "attachments_prepared",
    "assignment_facts",
    "people_plan",
    "campaigns",
    "groups",
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
    note = "Task" if chosen.notes == "task" else "ContentVersion"
    parts = [
        _quarantined(frames["quarantine"]),
        _rows("contacts", _with_people(frames), pl.col("person_object"), "contact_key"),
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
        _rows("notes", frames["notes_prepared"], note, "note_key"),
        _rows(
            "activities", frames["activities_prepared"], _activity_object(chosen), "activity_key"
        ),
        _attachments(frames["attachments_prepared"], chosen),
        _rows(pl.col("export"), frames["assignment_facts"], pl.col("object"), "member_key"),
        _lists(frames, chosen.lists),
        _custom_fields(frames["raw_custom_fields"], custom_columns),
        _inventory("sequences", frames["raw_sequences"]),
    ]
    shaped = [part.select(*SCHEMA).cast(pl.Schema(SCHEMA)) for part in parts]
    return pl.concat(shaped).collect(engine="streaming")


def _transactions(rows: pl.LazyFrame, chosen: Strategies) -> pl.LazyFrame:
    return _rows("transactions", with_records(rows, chosen), pl.col("record_object"), "record_key")


def _rows(
    export: str | pl.Expr, rows: pl.LazyFrame, sobject: str | pl.Expr, key: str
) -> pl.LazyFrame:
    # An older extract of a row that is itself set aside has no record to be merged into.
    idle = (pl.col("disposition") == "merge") & pl.col(key).is_null()
    arrives = pl.col("disposition").is_in(["keep", "merge"]) & idle.not_()
    return rows.select(
        "source_file",
        "source_line",
        "reason",
        "detail",
        export=pl.lit(export) if isinstance(export, str) else export,
        planned=pl.when(idle)
        .then(pl.lit("suppress"))
        .otherwise(pl.col("disposition").replace_strict(_PLANNED)),
        object=pl.when(arrives).then(pl.lit(sobject) if isinstance(sobject, str) else sobject),
        key=pl.when(arrives).then(pl.col(key)),
    )


def _attachments(rows: pl.LazyFrame, chosen: Strategies) -> pl.LazyFrame:
    if not chosen.files:
        arrives = pl.col("disposition").is_in(["keep", "merge"])
        rows = rows.with_columns(
            disposition=pl.when(arrives).then(pl.lit("suppress")).otherwise("disposition"),
            reason=pl.when(arrives).then(pl.lit(NOT_CHOSEN)).otherwise("reason"),
            detail=pl.when(arrives)
            .then(pl.lit("The field map does not ask for it: see `files` there."))
            .otherwise("detail"),
        )
    return _rows("attachments", rows, "ContentVersion", "file_key")


def _activity_object(chosen: Strategies) -> pl.Expr:
    kind = pl.col("type")
    return (
        pl.when(kind == "meeting")
        .then(pl.lit("Event"))
        .when((kind == "note") & pl.lit(chosen.notes == "content_note"))
        .then(pl.lit("ContentVersion"))
        .otherwise(pl.lit("Task"))
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


def _with_people(frames: Frames) -> pl.LazyFrame:
    """The rows of the contacts export with the object that their person becomes."""
    leads = frames["people_plan"].filter(pl.col("become") == "lead")
    return (
        frames["contact_rows"]
        .join(
            leads.select("contact_key", _lead=pl.lit(value=True)),
            on="contact_key",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            person_object=pl.when("_lead").then(pl.lit("Lead")).otherwise(pl.lit("Contact"))
        )
    )


def _lists(frames: Frames, chosen: Lists) -> pl.LazyFrame:
    """The first row of a list is its campaign or group; a repeat is merged; a row without a name is
    held; a list that becomes nothing is suppressed.
    """
    place = ["source_file", "source_line"]
    primary = pl.concat(
        [
            frames[name].select(*place, _primary=pl.lit(value=True))
            for name in ("campaigns", "groups")
        ]
    ).unique()
    named = pl.col("list_folded").is_not_null()
    # A list has few rows: its strategy and names are looked up one by one.
    rows = frames["raw_lists"].select(*place, list_folded=fold_list(pl.col("list"))).collect()
    keyed = (
        rows.with_columns(strategy_of(rows, chosen), developer_names(rows["list_folded"]))
        .lazy()
        .join(primary, on=place, how="left", maintain_order="left")
    )
    kind = pl.col("strategy")
    left = named & (kind == "none")
    moved = named & (kind != "none")
    return keyed.select(
        *place,
        export=pl.lit("lists"),
        planned=pl.when(named.not_())
        .then(pl.lit("quarantine"))
        .when(left)
        .then(pl.lit("suppress"))
        .when("_primary")
        .then(pl.lit("load"))
        .otherwise(pl.lit("merge")),
        reason=pl.when(named.not_())
        .then(pl.lit("list_without_name"))
        .when(left)
        .then(pl.lit("list_is_not_moved"))
        .when(pl.col("_primary").is_null())
        .then(pl.lit("same_list")),
        detail=pl.when(left).then(pl.lit("The field map moves this list nowhere.")),
        object=pl.when(moved).then(kind.replace({"campaign": "Campaign", "group": "Group"})),
        key=pl.when(moved & (kind == "campaign"))
        .then("list:" + pl.col("list_folded"))
        .when(moved)
        .then("developer_name"),
    )


def _custom_fields(rows: pl.LazyFrame, custom_columns: Mapping[str, str]) -> pl.LazyFrame:
    """A definition is loaded as its field; without a column of values there is nothing to move."""
    # An account has few fields: their identifiers are folded one by one.
    told = rows.collect()
    folded = [folded_identifier(one) or None if one else None for one in told["field_identifier"]]
    normal = pl.Series("_normal", folded, dtype=pl.String)
    rows = told.with_columns(normal).lazy()
    targets = {folded_identifier(name): target for name, target in custom_columns.items()}
    target = pl.col("_normal").replace_strict(
        list(targets), list(targets.values()), default=None, return_dtype=pl.String
    )
    first = pl.col("_normal").is_first_distinct()
    nameless = pl.col("_normal").is_null()
    return rows.with_columns(_target=target, _first=first).select(
        "source_file",
        "source_line",
        export=pl.lit("custom_fields"),
        planned=pl.when(nameless)
        .then(pl.lit("quarantine"))
        .when(pl.col("_target").is_null())
        .then(pl.lit("suppress"))
        .when(pl.col("_first"))
        .then(pl.lit("load"))
        .otherwise(pl.lit("merge")),
        reason=pl.when(nameless)
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
