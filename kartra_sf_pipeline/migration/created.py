"""What a run made: told by the ledger, and where that never heard, by the org."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.migration import presence, results
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.open_jobs import is_open, results_if_kept
from kartra_sf_pipeline.migration.phases import PHASES, Phase
from kartra_sf_pipeline.salesforce.org import Org

IDENTITY = ("record_id", "object", "key", "sf_id")
_CREATED = {
    "phase": pl.String,
    "record_id": pl.Int64,
    "object": pl.String,
    "key": pl.String,
    "sf_id": pl.String,
    "undone": pl.String,
}


def creating_phases() -> list[Phase]:
    """The phases that make records, the last first."""
    return [phase for phase in reversed(PHASES) if not phase.update_only]


def created_by(
    org: Org, ledger: Ledger, run_id: str, records: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records that the run made (phase, `IDENTITY`, undone), and rows of which nobody knows.

    `records` are the ledger's. Unheard ones are found by the run's stamp, or where the object has
    none by what the run's jobs say that they created. Those whose job the org has forgotten are
    the second frame: `IDENTITY`.
    """
    known = records.filter((pl.col("action") == "created") & pl.col("sf_id").is_not_null())
    known = known.select(*_CREATED)
    unsure = records.filter(results.UNHEARD, pl.col("intent") == "create")
    met = records.filter(pl.col("action") == "updated")["sf_id"]
    told = pl.concat([known["sf_id"], met]).implode()
    found: list[pl.DataFrame] = []
    lost: list[pl.DataFrame] = [unsure.clear()]
    for phase in creating_phases():
        rows = unsure.filter(pl.col("phase") == phase.name)
        if rows.is_empty():
            continue
        if phase.stamp_field is None:
            made, all_told = _of_jobs(org, ledger, run_id, phase)
            lost += [] if all_told else [rows]
        else:
            made = presence.stamped(org, phase.object, phase.stamp_field, run_id, phase.external_id)
        named = made.filter(~pl.col("sf_id").is_in(told)).join(
            rows.select("key", "record_id"), on="key", how="left", maintain_order="left"
        )
        found.append(
            named.with_columns(
                object=pl.lit(phase.object),
                phase=pl.lit(phase.name),
                undone=pl.lit(None, pl.String),
            ).select(*_CREATED)
        )
    # Two phases may share an object, and so a stamp.
    created = pl.concat([known, *found]).unique("sf_id", keep="first", maintain_order=True)
    return created, pl.concat(lost).select(*IDENTITY)


def _of_jobs(org: Org, ledger: Ledger, run_id: str, phase: Phase) -> tuple[pl.DataFrame, bool]:
    """sf_id and key (null) of what a phase's jobs created, and whether the org told of them all.

    A job is noted before its rows leave: without one nothing was sent.
    """
    ids: list[str] = []
    all_told = True
    jobs = ledger.jobs(run_id).filter(
        pl.col("phase") == phase.name, pl.col("operation").is_in(["insert", "upsert"])
    )
    for job_id in jobs["job_id"]:
        if is_open(org, job_id):
            continue
        ended = results_if_kept(org, job_id)
        if ended is None:
            all_told = False
            continue
        ids.extend(ended.successful.filter(pl.col("sf__Created") == "true")["sf__Id"])
    found = pl.DataFrame({"sf_id": ids}, schema={"sf_id": pl.String})
    return found.with_columns(key=pl.lit(None, pl.String)), all_told
