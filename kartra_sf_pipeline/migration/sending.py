"""The three ways that a phase's rows meet the org: created, updated, or refused beforehand.

Each notes its intents before it sends and settles them after the org has answered. Each returns
one row per record: `_key`, action, sf_id, error_code, error_fields, error_message.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from kartra_sf_pipeline.migration import results
from kartra_sf_pipeline.migration.current import MATCH, ORG, read_by_id, read_current
from kartra_sf_pipeline.migration.diff import VERDICT
from kartra_sf_pipeline.migration.fields import LINEAGE, BoundColumn, match_key
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.parents import Parents
from kartra_sf_pipeline.migration.phases import Phase
from kartra_sf_pipeline.salesforce import bulk
from kartra_sf_pipeline.salesforce.org import Org

_ANSWER = ("action", "sf_id", "error_code", "error_fields", "error_message")
_NULL = pl.lit(None, pl.String)
NO_IMAGES = {"pre_image": _NULL, "written": _NULL}
#: What the platform takes at creation alone, and refuses on an upsert.
AUDIT_FIELDS = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById")
# A record's match key as the org's results tell it.
_SENT = "\x1esent"
DUPLICATE = ("DUPLICATE_VALUE", "DUPLICATE_EXTERNAL_ID")
NO_ERROR = {"error_code": _NULL, "error_fields": _NULL, "error_message": _NULL}


@dataclass(frozen=True, slots=True)
class Sender:
    """One phase on its way to the org; `jobs` collects the ids of its jobs.

    `parents` are those that are sent by id, since the platform cannot find them by the frame's
    names.
    """

    org: Org
    ledger: Ledger
    run_id: str
    phase: Phase
    columns: list[BoundColumn]
    keys: list[BoundColumn]
    parents: Parents = field(default_factory=Parents)
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

    @property
    def sent_keys(self) -> list[BoundColumn]:
        """The key's columns as they are called in what is sent, and in the results."""
        return [self.parents.sent_column(column) for column in self.keys]

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
    """Create what the org does not hold, with the run's stamp where the object takes one.

    By upsert, so that a record which appears meanwhile is met and not doubled; with original dates
    by insert, since an upsert takes none: there the org's uniqueness of our key does the same.
    """
    new = rows.filter(pl.col(VERDICT) == "create")
    if new.is_empty():
        return nothing()
    new = sender.note(new.with_columns(intent=pl.lit("create"), **NO_IMAGES))
    names = [column.name for column in sender.columns]
    kept = {column.name for column in sender.keys}
    upload = new.select(n for n in names if n in kept or new[n].null_count() < new.height)
    upload = sender.parents.as_sent(upload)
    new = new.with_columns(upload.select(match_key(sender.sent_keys).alias(_SENT)).to_series())
    if sender.phase.stamp_field:
        upload = upload.with_columns(pl.lit(sender.run_id).alias(sender.phase.stamp_field))
    dated = any(name in AUDIT_FIELDS for name in upload.columns)
    upserts = sender.phase.external_id is not None and not dated
    sent = sender.send("upsert" if upserts else "insert", upload)
    said = results.answers(sent, sender.sent_keys)
    if dated and sender.phase.external_id:
        said = _with_own_duplicates(sender, new, said)
    return sender.settle(new, _SENT, with_arrivals(sender, new, said))


def update(sender: Sender, rows: pl.DataFrame, updates: pl.DataFrame) -> pl.DataFrame:
    """Write the cells that differ, by record id and without the stamp: no record is made."""
    changed = rows.filter(pl.col(VERDICT) == "update").select("_key", *LINEAGE)
    if changed.is_empty():
        return nothing()
    wanted = changed.join(updates, on="_key", maintain_order="left")
    wanted = sender.note(wanted.with_columns(intent=pl.lit("update")))
    names = [n for n in updates.columns if n not in ("_key", "pre_image", "written")]
    upload = wanted.select(n for n in names if wanted[n].null_count() < wanted.height)
    sent = sender.send("update", sender.parents.as_sent(upload))
    return sender.settle(wanted, "Id", _with_written(sender, wanted, results.answers(sent, None)))


def refuse_absent(sender: Sender, rows: pl.DataFrame) -> pl.DataFrame:
    """Settle records that an update-only phase should complete and that never arrived."""
    absent = rows.filter(pl.col(VERDICT) == "absent")
    message = f"this {sender.phase.object} is not in the org: nothing to complete"
    said = {"error_fields": _NULL, "error_message": pl.lit(message)}
    return refuse(sender, absent, "update", results.NOT_CONFIRMED, said)


def with_orphans(sender: Sender, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the verdict `orphan` where what is to be sent names no parent of the org."""
    if not sender.parents.columns:
        return rows
    sent = pl.col(VERDICT).is_in(["create", "update"])
    lost = sender.parents.unknown()[0].is_not_null()
    return rows.with_columns(
        pl.when(sent & lost).then(pl.lit("orphan")).otherwise(VERDICT).alias(VERDICT)
    )


def refuse_orphans(sender: Sender, rows: pl.DataFrame) -> pl.DataFrame:
    """Settle records whose parent is named by what no single parent in the org is called."""
    message, lookup = sender.parents.unknown()
    orphans = rows.filter(pl.col(VERDICT) == "orphan")
    said = {"error_fields": lookup, "error_message": message}
    return refuse(sender, orphans, "create", results.PARENT_NOT_FOUND, said)


def refuse(
    sender: Sender, rows: pl.DataFrame, intent: str, code: str, said: dict[str, pl.Expr]
) -> pl.DataFrame:
    """Settle records that are not sent at all; `said` are expressions of the rows."""
    if rows.is_empty():
        return nothing()
    noted = sender.note(rows.with_columns(intent=pl.lit(intent), **NO_IMAGES))
    answers = noted.select(
        pl.col("_key").alias(results.RESULT),
        sf_id=_NULL,
        action=pl.lit("rejected"),
        error_code=pl.lit(code),
        **said,
    )
    return sender.settle(noted, "_key", answers)


def with_arrivals(sender: Sender, sent: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Add records that came without a result row: the org itself tells whether they are there."""
    missing = sent.join(said, left_on=_sent_key(sent), right_on=results.RESULT, how="anti")
    if missing.is_empty():
        return said
    found = read_current(sender.org, sender.phase.object, sender.keys, sender.keys, missing)
    return pl.concat([said, _as_created(missing, found).select(said.columns)])


def _with_written(sender: Sender, sent: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """Add updates that came without a result row: what the org holds tells whether they arrived."""
    silent = sent.join(said, left_on="Id", right_on=results.RESULT, how="anti")
    if silent.is_empty():
        return said
    columns = [column for column in sender.columns if column.name in sent.columns]
    now = read_by_id(
        sender.org, sender.phase.object, columns, silent["Id"], since=datetime.now(UTC)
    )
    arrived = silent.join(now, on="Id").filter(
        ~pl.any_horizontal(c.differs(pl.col(c.name), pl.col(c.name + ORG)) for c in columns)
    )
    told = arrived.select(
        pl.col("Id").alias(results.RESULT), sf_id="Id", action=pl.lit("updated"), **NO_ERROR
    )
    return pl.concat([said, told.select(said.columns)])


def _with_own_duplicates(sender: Sender, sent: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """An insert that was done twice, since the first answer was lost, has created its record.

    The org refuses the second one for our key; the record carries this run's stamp.
    """
    stamp = sender.phase.stamp_field
    twice = said.filter(pl.col("error_code").is_in(DUPLICATE))
    if twice.is_empty() or stamp is None:
        return said
    asked = sent.join(twice.select(results.RESULT), left_on=_SENT, right_on=results.RESULT)
    found = read_current(
        sender.org, sender.phase.object, sender.keys, sender.keys, asked, [stamp]
    ).filter(pl.col(stamp + ORG) == sender.run_id)
    told = _as_created(asked, found).select(said.columns)
    return pl.concat([said.join(told, on=results.RESULT, how="anti"), told])


def _as_created(sent: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    keys = dict.fromkeys((MATCH, _sent_key(sent)))
    arrived = sent.select(*keys).join(found.select(MATCH, sf_id="Id"), on=MATCH)
    return arrived.select(
        pl.col(_sent_key(sent)).alias(results.RESULT), "sf_id", action=pl.lit("created"), **NO_ERROR
    )


def _sent_key(sent: pl.DataFrame) -> str:
    return _SENT if _SENT in sent.columns else MATCH


def nothing() -> pl.DataFrame:
    """The answer of no row."""
    return pl.DataFrame(schema=dict.fromkeys(("_key", *_ANSWER), pl.String))
