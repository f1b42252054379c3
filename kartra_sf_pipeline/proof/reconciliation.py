"""Conservation: every source row has exactly one fate, and the fates add up to the rows read."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from kartra_sf_pipeline.migration.fields import data_columns
from kartra_sf_pipeline.migration.phases import PHASES, Phase

FATES = ("loaded", "merged", "suppressed", "quarantined", "rejected")
_PLANNED = {
    "load": "loaded",
    "merge": "merged",
    "suppress": "suppressed",
    "quarantine": "quarantined",
}
_LOADED = ("created", "updated", "unchanged")
_DISPOSITIONS = (
    "export",
    "source_file",
    "source_line",
    "disposition",
    "reason",
    "detail",
    "object",
    "key",
    "sf_id",
)
_PHASE_OBJECTS = {phase.object for phase in PHASES}


def dispositions(row_plan: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """One row per source row with what became of it.

    `row_plan`: export, source_file, source_line, planned (load, merge, suppress, quarantine),
    reason, detail, object, key. `outcomes`: the load phases' outcome frames together. Returns
    export, source_file, source_line, disposition (one of `FATES`), reason, detail, object, key,
    sf_id. A row whose own record the org refused is rejected with the org's code as reason; a row
    merged into such a record is rejected as `destination_rejected`. A record that no phase knows
    is rejected as `not_sent`: a plan alone loads nothing. Only objects that neither a phase writes
    nor the outcomes mention count as planned.
    """
    fates = record_fates(outcomes)
    joined = row_plan.join(fates, on=["object", "key"], how="left", maintain_order="left")
    arrives = pl.col("planned").is_in(["load", "merge"])
    reported = pl.col("object").is_in([*_PHASE_OBJECTS, *outcomes["object"].drop_nulls().unique()])
    lost = arrives & reported & ~pl.col("arrived").fill_null(value=False)
    own = pl.col("planned") == "load"
    return joined.with_columns(
        disposition=pl.when(lost)
        .then(pl.lit("rejected"))
        .otherwise(pl.col("planned").replace_strict(_PLANNED, default=None)),
        reason=pl.when(lost & own)
        .then(pl.col("error_code").fill_null("not_sent"))
        .when(lost)
        .then(pl.lit("destination_rejected"))
        .otherwise("reason"),
        detail=pl.when(lost)
        .then(
            pl.coalesce(
                pl.col("error_message"), pl.lit("no load phase reports on the planned record")
            )
        )
        .otherwise("detail"),
    ).select(_DISPOSITIONS)


def record_fates(outcomes: pl.DataFrame) -> pl.DataFrame:
    """One row per record: object, key, sf_id, arrived, error_code, error_message.

    A phase that only completes records (tags) has no say over whether they arrived, unless it is
    the only one that reports on them.
    """
    completing = [phase.name for phase in PHASES if phase.update_only]
    ranked = outcomes.with_columns(
        arrived=pl.col("outcome").is_in(_LOADED),
        late=pl.col("phase").is_in(completing).fill_null(value=False)
        if "phase" in outcomes.columns
        else pl.lit(value=False),
    )
    return (
        ranked.sort("late", pl.col("arrived").not_(), maintain_order=True)
        .unique(["object", "key"], keep="first", maintain_order=True)
        .select("object", "key", "sf_id", "arrived", "error_code", "error_message")
    )


def conservation(dispositions: pl.DataFrame, raw_counts: Mapping[str, int]) -> pl.DataFrame:
    """Per export: rows, then rows by fate, and whether they balance exactly.

    `raw_counts` are the records counted in the export files, by export: a count taken apart from
    the dispositions. Balanced needs each row once (by file and line), a known fate for each, and
    the sum of fates to be the rows counted. Exports come in the order of `raw_counts`, then those
    that only the dispositions know, which never balance.
    """
    place = ["export", "source_file", "source_line"]
    counted = dispositions.group_by("export").agg(
        *((pl.col("disposition") == fate).sum().cast(pl.Int64).alias(fate) for fate in FATES),
        repeated=pl.struct(place).is_duplicated().any(),
        listed=pl.len().cast(pl.Int64),
    )
    known = pl.DataFrame(
        {"export": list(raw_counts), "rows": list(raw_counts.values())},
        schema={"export": pl.String, "rows": pl.Int64},
    )
    extra = counted.join(known, on="export", how="anti").select("export", rows=pl.lit(0, pl.Int64))
    return (
        pl.concat([known, extra.sort("export")])
        .join(counted, on="export", how="left", maintain_order="left")
        .with_columns(pl.col(*FATES, "listed").fill_null(0), pl.col("repeated").fill_null(False))
        .with_columns(
            balanced=(pl.sum_horizontal(FATES) == pl.col("rows"))
            & (pl.col("listed") == pl.col("rows"))
            & ~pl.col("repeated")
        )
        .select("export", "rows", *FATES, "balanced")
    )


def money_totals(money: pl.DataFrame, dispositions: pl.DataFrame) -> pl.DataFrame:
    """Money by export, currency and fate, so that amounts reconcile and not only rows.

    `money`: export, source_file, source_line, currency, amount (Decimal, signed). Returns export,
    currency, rows, total and one column per fate; total is the sum of the fates, null amounts
    apart. Rows without a disposition are left out of the fates, and so out of balance.
    """
    place = ["export", "source_file", "source_line"]
    fates = dispositions.select(*place, "disposition").unique(place, keep="first")
    joined = money.join(fates, on=place, how="left", maintain_order="left")
    amount = pl.col("amount")
    return (
        joined.group_by("export", "currency", maintain_order=True)
        .agg(
            rows=pl.len().cast(pl.Int64),
            total=amount.sum(),
            **{fate: amount.filter(pl.col("disposition") == fate).sum() for fate in FATES},
        )
        .with_columns(balanced=pl.col("total") == pl.sum_horizontal(FATES))
        .sort("export", "currency", nulls_last=True)
    )


def orphans(phase_frames: Mapping[Phase, pl.DataFrame], outcomes: pl.DataFrame) -> pl.DataFrame:
    """Records that arrived although a parent which they name did not.

    Returns object, key, field, parent_key, source_file, source_line; empty in a sound load.
    """
    arrived = record_fates(outcomes).filter("arrived")
    parents = arrived.select(parent_key="key").unique()
    none = pl.DataFrame(
        schema={
            **dict.fromkeys(("object", "key", "field", "parent_key", "source_file"), pl.String),
            "source_line": pl.Int64,
        }
    )
    found = [none]
    for phase, frame in phase_frames.items():
        here = arrived.filter(pl.col("object") == phase.object).select(_key="key")
        loaded = frame.join(here, on="_key", how="semi")
        for column in data_columns(frame):
            if "." not in column:
                continue
            named = loaded.select(
                object=pl.lit(phase.object),
                key="_key",
                field=pl.lit(column),
                parent_key=pl.col(column).cast(pl.String),
                source_file="source_file",
                source_line=pl.col("source_line").cast(pl.Int64),
            ).filter(pl.col("parent_key").is_not_null())
            found.append(named.join(parents, on="parent_key", how="anti", maintain_order="left"))
    return pl.concat(found)
