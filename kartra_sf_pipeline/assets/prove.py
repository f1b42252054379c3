"""Prove: every source row accounted for, every record and field read back."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pandas as pd
import polars as pl

from kartra_sf_pipeline.assets.existing import conflicts_of
from kartra_sf_pipeline.assets.groups import PROVE, REVOPS
from kartra_sf_pipeline.assets.inputs import columns_of, scanned
from kartra_sf_pipeline.assets.map import confirmed_map, map_at
from kartra_sf_pipeline.assets.previews import counts, table
from kartra_sf_pipeline.assets.tables import ReconciliationTable
from kartra_sf_pipeline.kartra.files import ATTACHMENTS_FOLDER
from kartra_sf_pipeline.mapping.custom_fields import PREFIX
from kartra_sf_pipeline.mapping.destinations import destinations
from kartra_sf_pipeline.migration.contents import Contents
from kartra_sf_pipeline.migration.phases import PHASES
from kartra_sf_pipeline.proof.objects_moved import objects_moved
from kartra_sf_pipeline.proof.read_back import read_back as read_back_frames
from kartra_sf_pipeline.proof.reconciliation import FATES, conservation
from kartra_sf_pipeline.proof.reconciliation import dispositions as final_dispositions
from kartra_sf_pipeline.resources import LedgerResource, RunSettings, SalesforceResource
from kartra_sf_pipeline.scope.grades import Sizes, migration_scores
from kartra_sf_pipeline.scope.scoreboard import object_scoreboard

Frame = pl.DataFrame
Result = dg.MaterializeResult[pl.DataFrame]

# A phase that completes records decides nothing about the rows that made them.
_MAKING = [phase for phase in PHASES if not phase.update_only]
_PLANNED_AND_LOADED = [name for p in PHASES for name in (p.name, f"loaded_{p.name}")]
_OUTCOMES = scanned(*(f"loaded_{phase.name}" for phase in _MAKING))
# What decides a row's fate, and where a record is to be found.
_FATE = ("phase", "object", "key", "sf_id", "outcome", "error_code", "error_message")
_PLACE = ("phase", "object", "key", "sf_id", "outcome")


@dg.asset(
    group_name=PROVE,
    kinds={"polars"},
    owners=REVOPS,
    ins={
        "planned_rows": dg.AssetIn(),
        "field_map": dg.AssetIn(),
        "schema_deployed": dg.AssetIn(),
        **_OUTCOMES,
    },
)
def dispositions(
    planned_rows: Frame, field_map: Frame, schema_deployed: Frame, **loaded: pl.LazyFrame
) -> Result:
    """What became of each source row: loaded, merged, suppressed, quarantined or rejected."""
    # A custom field of Kartra arrives as a deployed field, or in one that the org had before.
    there = field_map.filter(pl.col("field") != "new").select("object", field="target")
    made = schema_deployed.filter(pl.col("field").is_not_null()).select("object", "field")
    homes = pl.concat([made, there]).unique(maintain_order=True)
    fields = homes.select(
        object=pl.lit("CustomField"),
        key=pl.concat_str("object", "field", separator="."),
        sf_id=pl.lit(None, dtype=pl.String),
        outcome=pl.lit("unchanged"),
        error_code=pl.lit(None, dtype=pl.String),
    )
    frame = final_dispositions(
        planned_rows,
        pl.concat(
            [*(columns_of(one, *_FATE) for one in loaded.values()), fields],
            how="diagonal_relaxed",
        ),
    )
    by_export = (
        frame.group_by("export", "disposition", "reason").len("rows")
        .sort("export", "disposition", "rows", descending=[False, False, True])
    )  # fmt: skip
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "dispositions": counts(frame, "disposition"),
            "reasons": table(by_export, rows=200),
        },
    )


@dg.asset(
    group_name=PROVE,
    kinds={"pandas"},
    owners=REVOPS,
    ins={**scanned("dispositions"), "export_files": dg.AssetIn()},
    deps=[f"loaded_{phase.name}" for phase in PHASES],
    dagster_type=ReconciliationTable,
)
def reconciliation(dispositions: pl.LazyFrame, export_files: Frame) -> dg.Output[pd.DataFrame]:
    """Per export: rows read = loaded + merged + suppressed + quarantined + rejected."""
    read = export_files.filter(pl.col("export").is_not_null()).group_by("export").agg(
        rows=pl.col("rows").sum() + pl.col("quarantined").sum()
    )  # fmt: skip
    fates = columns_of(dispositions, "export", "source_file", "source_line", "disposition")
    balance = conservation(fates, dict(read.iter_rows()))
    counted = balance.with_columns(difference=pl.col("rows") - pl.sum_horizontal(FATES))
    return dg.Output(
        counted.to_pandas(),
        metadata={
            "rows_read": int(counted["rows"].sum()),
            **{fate: int(counted[fate].sum()) for fate in FATES},
            "difference": int(counted["difference"].sum()),
            "by_export": table(counted),
        },
    )


@dg.multi_asset(
    outs={
        "read_back": dg.AssetOut(
            group_name=PROVE,
            kinds={"salesforce"},
            owners=REVOPS,
            description="Per object: records and fields read back from the org and compared.",
        ),
        "read_back_differences": dg.AssetOut(
            group_name=PROVE,
            kinds={"salesforce"},
            owners=REVOPS,
            description="Each field that did not arrive as planned, with its source line.",
        ),
    },
    ins=scanned(*_PLANNED_AND_LOADED),
)
def read_back_from_org(
    context: dg.AssetExecutionContext,
    settings: RunSettings,
    ledger: LedgerResource,
    salesforce: SalesforceResource,
    **frames: pl.LazyFrame,
) -> Iterator[dg.Output[Frame]]:
    """Queries every loaded record and compares every mapped field by declared equivalence."""
    planned = {phase: frames[phase.name] for phase in PHASES}
    outcomes = pl.concat([columns_of(frames[f"loaded_{p.name}"], *_PLACE) for p in PHASES])
    given = settings.load()
    chosen = map_at(given.home)
    rules = {phase.name: conflicts_of(chosen, phase.name) for phase in PHASES}
    run = ledger.run_if_any(context.run.run_id)
    summary, differences = read_back_frames(
        salesforce.org(),
        planned,
        outcomes,
        conflicts={name: rule for name, rule in rules.items() if rule is not None},
        contents=Contents(Path(given.exports_folder()) / ATTACHMENTS_FOLDER),
        written=ledger.open().written(run) if run else None,
    )
    fields = int(summary["fields"].sum())
    yield dg.Output(
        summary,
        output_name="read_back",
        metadata={
            "records": int(summary["records"].sum()),
            "fields": fields,
            "equal": int(summary["equal"].sum()),
            "differences": int(summary["differences"].sum()),
            "explained": int(summary["explained"].sum()),
            "missing": int(summary["missing"].sum()),
            "by_object": table(summary),
        },
    )
    yield dg.Output(
        differences,
        output_name="read_back_differences",
        metadata={
            "rows": differences.height,
            "fields": table(differences.group_by("object", "field").len("rows")),
        },
    )


@dg.multi_asset(
    outs={
        "object_scoreboard": dg.AssetOut(
            group_name=PROVE,
            kinds={"polars"},
            owners=REVOPS,
            description="Kartra's twelve objects: rows in, rows that arrived, loss, both points.",
        ),
        "migration_scores": dg.AssetOut(
            group_name=PROVE,
            kinds={"polars"},
            owners=REVOPS,
            description="The vendor-style and the honest score, and the grades, each by its rule.",
        ),
    },
    ins={
        "migration_scope": dg.AssetIn(),
        "object_inventory": dg.AssetIn(),
        "field_map": dg.AssetIn(),
        "tag_taxonomy": dg.AssetIn(),
        **scanned("dispositions", "parsed_tags", "parsed_lists"),
        **scanned(*(f"loaded_{phase.name}" for phase in PHASES)),
    },
)
def scoreboard(
    settings: RunSettings,
    migration_scope: Frame,
    object_inventory: Frame,
    field_map: Frame,
    tag_taxonomy: Frame,
    dispositions: pl.LazyFrame,
    parsed_tags: pl.LazyFrame,
    parsed_lists: pl.LazyFrame,
    **loaded: pl.LazyFrame,
) -> Iterator[dg.Output[Frame]]:
    """Scores the run by what arrived, never by what was promised."""
    chosen = confirmed_map(settings.load().home, field_map).strategies
    outcomes = pl.concat(
        [columns_of(one, "phase", "key", "outcome") for one in loaded.values()],
        how="diagonal_relaxed",
    )
    fields = field_map.filter(pl.col("source").str.contains(rf"\.{PREFIX}")).height
    moved = objects_moved(
        columns_of(dispositions, "export", "disposition", "reason"),
        outcomes,
        columns_of(parsed_tags, "contact_key").to_series(),
        parsed_lists.select(pl.len()).collect().item(),
        fields,
        object_inventory,
    )
    board = object_scoreboard(migration_scope, moved, destinations(chosen))
    sizes = Sizes(
        contacts=moved["Contacts"].rows_in,
        transactions=moved["Transactions"].rows_in,
        subscriptions=moved["Subscriptions"].rows_in,
        records=outcomes.filter(pl.col("phase") != "contact_tags").height,
        custom_fields=fields,
        tags=tag_taxonomy.height,
    )
    scored = migration_scores(board, sizes)
    told = dict(scored.select("measure", "score").iter_rows())
    yield dg.Output(
        board,
        output_name="object_scoreboard",
        metadata={
            "rows": board.height,
            "vendor_style_score": told["vendor_style_score"],
            "honest_score": told["honest_score"],
            "objects": table(board),
        },
    )
    yield dg.Output(
        scored,
        output_name="migration_scores",
        metadata={"rows": scored.height, "scores": table(scored)},
    )
