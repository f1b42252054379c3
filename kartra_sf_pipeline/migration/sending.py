"""The three ways that a phase's rows meet the org: created, updated, or refused beforehand.

Each notes its intents before it sends and settles them after the org has answered. Each returns
one row per record: `_key`, action, sf_id, error_code, error_fields, error_message.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from kartra_sf_pipeline.migration import results
from kartra_sf_pipeline.migration.current import MATCH, read_current
from kartra_sf_pipeline.migration.diff import VERDICT
from kartra_sf_pipeline.migration.fields import LINEAGE, BoundColumn
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import Phase
from kartra_sf_pipeline.salesforce import bulk
from kartra_sf_pipeline.salesforce.org import Org

_ANSWER = ("action", "sf_id", "error_code", "error_fields", "error_message")
_NULL = pl.lit(None, pl.String)
_NO_IMAGES = {"pre_image": _NULL, "written": _NULL}
NO_ERROR = {"error_code": _NULL, "error_fields": _NULL, "error_message": _NULL}


@dataclass(frozen=True, slots=True)
class Sender:
    """One phase on its way to the org; `jobs` collects the ids of its jobs."""

    org: Org
    ledger: Ledger
    run_id: str
    phase: Phase
    columns: list[BoundColumn]
    keys: list[BoundColumn]
    jobs: list[str] = field(default_factory=list)

    def note(self, intents: pl.DataFrame) -> pl.DataFrame:
        """Write the intents ahead; returns the frame with their `record_id`."""
        noted = intents.select(
            pl.col("_key").alias("key"),
            "intent",
            pl.col("Id").alias("sf_id"),
            "pre_image",
            "written",
            *LINEAGE,
        )
        ids = self.ledger.write_intents(self.run_id, self.phase.name, self.phase.object, noted)
        return intents.with_columns(ids.alias("record_id"))

    def send(self, operation: bulk.Operation, upload: pl.DataFrame) -> list[bulk.IngestResult]:
        """Send rows in bulk; each job's id is in the ledger before its rows leave."""

        def note(job_id: str) -> None:
            self.ledger.note_job(self.run_id, self.phase.name, self.phase.object, operation, job_id)

        sent = bulk.ingest(
            self.org,
            self.phase.object,
            operation,
            upload,
            external_id=self.phase.external_id if operation == "upsert" else None,
            on_job=note,
        )
        for result in sent:
            self.jobs.append(result.job_id)
            self.ledger.finish_job(
                result.job_id, result.state, result.uploaded, result.error_message
            )
        return sent

    def settle(self, sent: pl.DataFrame, on: str, said: pl.DataFrame) -> pl.DataFrame:
        """Join answers to the noted rows by the column `on` and write them to the ledger."""
        rows = sent.select("_key", "record_id", pl.col(on).alias(results.RESULT), known_id="Id")
        silent = pl.col("action").is_null()
        settled = rows.join(
            said, on=results.RESULT, how="left", maintain_order="left"
        ).with_columns(
            pl.col("action").fill_null("rejected"),
            sf_id=pl.coalesce("sf_id", "known_id"),
            error_code=pl.when(silent).then(pl.lit(results.NO_RESULT)).otherwise("error_code"),
            error_message=pl.when(silent)
            .then(pl.lit("the org gave no result for this row"))
            .otherwise("error_message"),
        )
        self.ledger.settle(settled.select("record_id", *_ANSWER))
        return settled.select("_key", *_ANSWER)


def create(sender: Sender, rows: pl.DataFrame) -> pl.DataFrame:
    """Create what the org does not hold, with the run's stamp where the object takes one."""
    new = rows.filter(pl.col(VERDICT) == "create")
    if new.is_empty():
        return _nothing()
    new = sender.note(new.with_columns(intent=pl.lit("create"), **_NO_IMAGES))
    names = [column.name for column in sender.columns]
    kept = {column.name for column in sender.keys}
    upload = new.select(n for n in names if n in kept or new[n].null_count() < new.height)
    if sender.phase.stamp_field:
        upload = upload.with_columns(pl.lit(sender.run_id).alias(sender.phase.stamp_field))
    sent = sender.send("upsert" if sender.phase.external_id else "insert", upload)
    said = with_arrivals(sender, new, results.answers(sent, sender.keys))
    return sender.settle(new, MATCH, said)


def update(sender: Sender, rows: pl.DataFrame, updates: pl.DataFrame) -> pl.DataFrame:
    """Write the cells that differ, by record id and without the stamp: no record is made."""
    changed = rows.filter(pl.col(VERDICT) == "update").select("_key", *LINEAGE)
    if changed.is_empty():
        return _nothing()
    wanted = changed.join(updates, on="_key", maintain_order="left")
    wanted = sender.note(wanted.with_columns(intent=pl.lit("update")))
    names = [n for n in updates.columns if n not in ("_key", "pre_image", "written")]
    upload = wanted.select(n for n in names if wanted[n].null_count() < wanted.height)
    return sender.settle(wanted, "Id", results.answers(sender.send("update", upload), None))


def refuse_absent(sender: Sender, rows: pl.DataFrame) -> pl.DataFrame:
    """Settle records that an update-only phase should complete and that never arrived."""
    absent = rows.filter(pl.col(VERDICT) == "absent")
    if absent.is_empty():
        return _nothing()
    absent = sender.note(absent.with_columns(intent=pl.lit("update"), **_NO_IMAGES))
    said = absent.select(
        pl.col("_key").alias(results.RESULT),
        sf_id=_NULL,
        action=pl.lit("rejected"),
        error_code=pl.lit(results.NOT_CONFIRMED),
        error_fields=_NULL,
        error_message=pl.lit(f"this {sender.phase.object} is not in the org: nothing to complete"),
    )
    return sender.settle(absent, "_key", said)


def with_arrivals(sender: Sender, sent: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Add records that came without a result row: the org itself tells whether they are there."""
    missing = sent.join(said, left_on=MATCH, right_on=results.RESULT, how="anti")
    if missing.is_empty():
        return said
    found = read_current(sender.org, sender.phase.object, sender.keys, sender.keys, missing)
    arrived = missing.select(MATCH).join(found.select(MATCH, sf_id="Id"), on=MATCH)
    told = arrived.select(
        pl.col(MATCH).alias(results.RESULT), "sf_id", action=pl.lit("created"), **NO_ERROR
    )
    return pl.concat([said, told.select(said.columns)])


def _nothing() -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(("_key", *_ANSWER), pl.String))
