"""Takes a run back: deletes by id what it created, and proves that nothing of it is left.

Records that the run only updated are never deleted. Their old values return first, so that none
of them hangs from a parent that is about to go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.migration import presence, results
from kartra_sf_pipeline.migration.created import IDENTITY, created_by, creating_phases
from kartra_sf_pipeline.migration.holders import Leaving, holders_of_others
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.living import refuse_living
from kartra_sf_pipeline.migration.open_jobs import end_open_jobs
from kartra_sf_pipeline.migration.phases import Phase
from kartra_sf_pipeline.migration.queries import select_each
from kartra_sf_pipeline.migration.restore import restore
from kartra_sf_pipeline.salesforce import bulk
from kartra_sf_pipeline.salesforce.org import Org

#: Called with the object, records dealt with so far, and records of the run.
Progress = Callable[[str, int, int], None]

ACTIONS = ("deleted", "already_gone", "kept_updated", "not_restored", "kept_in_use", "failed")
_BEFORE = "by an earlier rollback"
_GONE = ("ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY")
_RESTORED_AS = {"already_gone": "already_gone", "failed": "not_restored"}
_LOST = pl.lit("whether the org has it nobody can tell any more: look for it there by hand")
_DONE = {
    "record_id": pl.Int64,
    "object": pl.String,
    "key": pl.String,
    "sf_id": pl.String,
    "action": pl.String,
    "reason": pl.String,
}


@dataclass(frozen=True, slots=True)
class RollbackReport:
    """What became of each record of the run.

    `records`: object, key, sf_id, action, reason. Actions: deleted; already_gone; kept_updated (the
    run only updated it; the reason tells whether its old values returned); not_restored (the org
    refused its old values); kept_in_use (deleting it would delete records that the run did not
    create); failed (the org refused to delete it). `left_by_id` and `left_by_stamp` count, by
    object, what the org still holds of what the run created, read back afterwards.
    In a dry run the actions are those that would follow, and nothing has been written.
    """

    run_id: str
    dry_run: bool
    records: pl.DataFrame
    counts: dict[str, int]
    left_by_id: dict[str, int]
    left_by_stamp: dict[str, int]

    @property
    def clean(self) -> bool:
        """Whether nothing that the run created is left in the org."""
        return not any(self.left_by_id.values()) and not any(self.left_by_stamp.values())

    @property
    def complete(self) -> bool:
        """Whether nothing is left, and no old value was refused."""
        return self.clean and not self.counts["failed"] and not self.counts["not_restored"]


@dataclass(frozen=True, slots=True)
class _Undo:
    """One rollback under way; `created`: phase and `IDENTITY` of what the run made."""

    org: Org
    ledger: Ledger
    run_id: str
    since: datetime
    dry_run: bool
    created: pl.DataFrame
    leaving: Leaving


def rollback(
    org: Org,
    ledger: Ledger,
    run_id: str,
    *,
    dry_run: bool = False,
    runs_folder: Path | None = None,
    progress: Progress | None = None,
) -> RollbackReport:
    """Undo a run in reverse order of its phases; called again, it finishes what was left.

    Jobs of the org that are still under way are ended first. Records of the run whose outcome the
    ledger never learned are found by their stamp, or by what their job tells. `runs_folder` tells
    dead runs from living ones (`living.refuse_living`). Raises UnknownRun, SettingsError when the
    run loaded another org, RunAlive while it or another run loads this org, LedgerBusy, OrgError,
    OrgUnavailable.
    """
    run = ledger.run(run_id)
    if run["org_id"][:15] != org.org_id[:15]:
        raise SettingsError(
            f"Run {run_id} loaded the org {run['org_id']}, but this is {org.org_id}.",
            next_step="Connect to the org that the run loaded.",
        )
    with ledger.lease():
        refuse_living(ledger, org.org_id, runs_folder)
        if not dry_run:
            end_open_jobs(org, ledger)
        records = ledger.records(run_id)
        created, lost = created_by(org, ledger, run_id, records)
        ours = {str(name): rows["sf_id"] for (name,), rows in created.group_by("object")}
        undo = _Undo(org, ledger, run_id, run["started_at"], dry_run, created, Leaving(ours))
        # Whether an update arrived whose answer never came, the org's values tell.
        unheard = results.UNHEARD & (pl.col("intent") == "update")
        only_updated = records.filter((pl.col("action") == "updated") | unheard).join(
            created, on="sf_id", how="anti", maintain_order="left"
        )
        total = created.height + only_updated.height
        done = [
            pl.DataFrame(schema=_DONE),
            lost.with_columns(action=pl.lit("failed"), reason=_LOST),
        ]
        for part in _parts(undo, only_updated):
            done.append(part)
            if progress is not None and part.height:
                progress(part["object"][0], sum(p.height for p in done), total)
        report = _report(undo, records, pl.concat(done))
        if not dry_run:
            status = "rolled_back" if report.complete else "rollback_incomplete"
            ledger.finish_run(run_id, status)
    return report


def _parts(undo: _Undo, only_updated: pl.DataFrame) -> Iterator[pl.DataFrame]:
    # Children before parents: a parent that loses our key could no longer tell a child's edit.
    for phase in only_updated["phase"].unique(maintain_order=True).reverse():
        updated = only_updated.filter(pl.col("phase") == phase)
        yield _restore(undo, str(updated["object"][0]), updated)
    for phase in creating_phases():
        made = undo.created.filter(pl.col("phase") == phase.name)
        if made.height:
            yield _delete(undo, phase, made)


def _restore(undo: _Undo, sobject: str, updated: pl.DataFrame) -> pl.DataFrame:
    """Bring old values back; a record that an upsert met unawares has none and is only listed.

    What an earlier rollback brought back is not asked about again: since then it is others'.
    """
    before = pl.col("undone").is_in(["restored", "already_gone"]).fill_null(value=False)
    imaged = updated.filter(pl.col("written").is_not_null() & ~before)
    verdicts, moved = restore(undo.org, sobject, imaged, undo.since, dry_run=undo.dry_run)
    if undo.dry_run:
        undo.leaving.give_back(sobject, moved)
    else:
        undo.ledger.mark_undone(verdicts.select("record_id", "undone"))
    told = updated.filter(before).select(
        "record_id",
        "undone",
        reason=pl.when(pl.col("undone") == "restored")
        .then(pl.lit(f"pre-image restored {_BEFORE}"))
        .otherwise(pl.lit("the record has been deleted since")),
    )
    listed = updated.select(*IDENTITY).join(
        pl.concat([verdicts, told]), on="record_id", how="left", maintain_order="left"
    )
    return listed.select(
        *IDENTITY,
        action=pl.col("undone").replace_strict(_RESTORED_AS, default="kept_updated"),
        reason=pl.when(pl.col("undone").is_null())
        .then(pl.lit("it appeared while the run wrote: no pre-image"))
        .otherwise("reason"),
    )


def _delete(undo: _Undo, phase: Phase, made: pl.DataFrame) -> pl.DataFrame:
    """Delete one phase's records by id, the last made first, except what others hang from."""
    sobject = phase.object
    there = presence.still_there(undo.org, sobject, made["sf_id"], undo.since)
    held = holders_of_others(undo.org, sobject, there, undo.leaving, undo.since)
    held |= presence.later_versions(undo.org, phase, there)
    going = there.filter(~there.is_in(list(held))).reverse()
    said = _deleted(undo, phase, going)
    is_going = pl.col("sf_id").is_in(going.implode())
    refused = pl.col("said").eq_missing(pl.lit("rejected")) | pl.col("said").is_null()
    gone = ~pl.col("sf_id").is_in(there.implode()) | pl.col("error_code").is_in(_GONE)
    gone_before = gone & pl.col("undone").eq_missing(pl.lit("deleted"))
    failed = refused if not undo.dry_run else pl.lit(value=False)
    done = made.join(said, on="sf_id", how="left", maintain_order="left").select(
        *IDENTITY,
        action=pl.when(gone_before)
        .then(pl.lit("deleted"))
        .when(gone)
        .then(pl.lit("already_gone"))
        .when(~is_going)
        .then(pl.lit("kept_in_use"))
        .when(failed)
        .then(pl.lit("failed"))
        .otherwise(pl.lit("deleted")),
        reason=pl.coalesce(
            pl.when(gone_before).then(pl.lit(_BEFORE)),
            pl.col("sf_id").replace_strict(held, default=None, return_dtype=pl.String),
            pl.concat_str("error_code", "error_message", separator=": ", ignore_nulls=True),
        ).replace("", None),
    )
    undo.leaving.kept.update(
        done.filter(pl.col("action").is_in(["kept_in_use", "failed"]))["sf_id"]
    )
    if not undo.dry_run:
        undo.ledger.mark_undone(
            done.filter(pl.col("record_id").is_not_null()).select("record_id", undone="action")
        )
    return done


def _deleted(undo: _Undo, phase: Phase, going: pl.Series) -> pl.DataFrame:
    """What the org said of each record: sf_id, error_code, error_message, said."""
    deleted_as = going.to_frame("sf_id").with_columns(what=pl.col("sf_id"))
    sobject = phase.object
    if phase.deleted_with is not None and going.len():
        # A version of a file goes with its document, and only so.
        sobject, lookup = phase.deleted_with
        wholes = select_each(undo.org, phase.object, ["Id", lookup], "Id", going)
        deleted_as = wholes.select(sf_id="Id", what=lookup)
    what = deleted_as["what"].unique(maintain_order=True)
    sent = [] if undo.dry_run or what.is_empty() else bulk.delete(undo.org, sobject, what)
    said = results.answers(sent, None).select(
        "error_code", "error_message", what=results.RESULT, said="action"
    )
    return deleted_as.join(said, on="what").drop("what")


def _report(undo: _Undo, records: pl.DataFrame, done: pl.DataFrame) -> RollbackReport:
    """Read back what is left, for all phases that the run began."""
    begun = {*undo.ledger.phases(undo.run_id)["phase"], *records["phase"]}
    by_id: dict[str, int] = {}
    by_stamp: dict[str, int] = {}
    for phase in creating_phases():
        if phase.name not in begun:
            continue
        made = undo.created.filter(pl.col("phase") == phase.name)
        left = presence.still_there(undo.org, phase.object, made["sf_id"], undo.since)
        by_id[phase.object] = by_id.get(phase.object, 0) + left.len()
        if phase.stamp_field:
            by_stamp[phase.object] = presence.count_stamped(
                undo.org, phase.object, phase.stamp_field, undo.run_id
            )
    counted = dict(done["action"].value_counts().iter_rows())
    return RollbackReport(
        run_id=undo.run_id,
        dry_run=undo.dry_run,
        records=done.drop("record_id"),
        counts={action: int(counted.get(action, 0)) for action in ACTIONS},
        left_by_id=by_id,
        left_by_stamp=by_stamp,
    )
