"""Loads one phase: compares with the org, sends what differs, and tells what became of each row."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import polars as pl

from kartra_sf_pipeline.errors import GateFailed, PipelineError
from kartra_sf_pipeline.migration import sending
from kartra_sf_pipeline.migration.conflicts import Conflicts
from kartra_sf_pipeline.migration.contents import CHECKSUM, Contents, is_content
from kartra_sf_pipeline.migration.current import MATCH, read_current
from kartra_sf_pipeline.migration.diff import VERDICT, Changes, compare
from kartra_sf_pipeline.migration.existing import with_existing
from kartra_sf_pipeline.migration.fields import (
    LINEAGE,
    bind_columns,
    data_columns,
    key_columns,
    match_key,
)
from kartra_sf_pipeline.migration.files import create_one_by_one
from kartra_sf_pipeline.migration.ledger import OUTCOME_SCHEMA, Ledger
from kartra_sf_pipeline.migration.open_jobs import end_open_jobs
from kartra_sf_pipeline.migration.other_kind import refuse_other_kind, with_other_kind
from kartra_sf_pipeline.migration.parents import find_parents
from kartra_sf_pipeline.migration.phases import Phase
from kartra_sf_pipeline.migration.versions import data_version
from kartra_sf_pipeline.salesforce.csv_upload import as_cells
from kartra_sf_pipeline.salesforce.org import Org

#: Called with the phase's name, rows whose outcome is known, and rows planned.
Progress = Callable[[str, int, int], None]

COUNTS = ("planned", "created", "updated", "unchanged", "rejected")
_NAMED_IN_MESSAGES = 5


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a phase did. `outcomes` has one row per planned record (see `OUTCOME_SCHEMA`);
    `counts` has planned = created + updated + unchanged + rejected; `jobs` are the org's job ids.
    """

    phase: str
    outcomes: pl.DataFrame
    counts: dict[str, int]
    seconds: float
    jobs: list[str]


@dataclass(frozen=True, slots=True)
class Meeting:
    """How a phase meets what it did not make itself, and where the contents of files lie.

    `existing` are records that people made in the org and that rows are loaded into
    (`existing.EXISTING_SCHEMA`); `conflicts` say who is right about their fields.
    """

    conflicts: Conflicts | None = None
    existing: pl.DataFrame | None = None
    contents: Contents = field(default_factory=Contents)


def load_phase(
    org: Org,
    ledger: Ledger,
    run_id: str,
    phase: Phase,
    frame: pl.DataFrame,
    *,
    aliases: pl.DataFrame | None = None,
    meeting: Meeting | None = None,
    progress: Progress | None = None,
) -> LoadResult:
    """Make the org hold the frame's records, writing only what it does not hold already.

    `frame`: API names and parent columns, `_key` (unique), source_file, source_line, and `_wave`
    (optional; waves are sent one after another). `aliases` (`key`, `alias`) are what the records
    are known by: a later run finds them again by it (`identities.Identities`). `meeting` says how
    records that the org has already are treated; else the frame is right. Rows that the org
    refuses are outcomes, not errors. Raises GateFailed unless the phase's gate has passed for
    exactly this frame, LedgerBusy beside another load, SettingsError for columns that the org does
    not have, OrgError and OrgUnavailable when the org fails; then the next load finds out what has
    arrived.
    """
    started = time.monotonic()
    version = data_version(frame)
    if not ledger.gate_passed(phase.name, version):
        raise GateFailed(
            f"The gate of {phase.name} has not passed for this data (version {version[:12]}): "
            "nothing was sent. Run its check on this very data first."
        )
    with ledger.lease():
        _check_keys(frame, phase)
        end_open_jobs(org, ledger)
        ledger.start_phase(run_id, phase.name, phase.object, version, frame.height)
        if aliases is not None:
            ledger.identities.note_aliases(run_id, phase.object, aliases)
        outcomes, jobs = _load(org, ledger, run_id, phase, frame, meeting or Meeting(), progress)
        if aliases is not None:
            ledger.identities.confirm(run_id, phase.object, outcomes)
        counted = dict(outcomes["outcome"].value_counts().iter_rows())
        counts = {name: int(counted.get(name, 0)) for name in COUNTS} | {"planned": frame.height}
        seconds = time.monotonic() - started
        ledger.finish_phase(run_id, phase.name, counts, seconds)
    return LoadResult(phase.name, outcomes, counts, seconds, jobs)


def _load(
    org: Org,
    ledger: Ledger,
    run_id: str,
    phase: Phase,
    frame: pl.DataFrame,
    meeting: Meeting,
    progress: Progress | None,
) -> tuple[pl.DataFrame, list[str]]:
    if frame.is_empty():
        return pl.DataFrame(schema=OUTCOME_SCHEMA), []
    rows = _with_cells(frame, phase)
    columns = bind_columns(org, phase.object, data_columns(rows))
    if phase.stamp_field:
        bind_columns(org, phase.object, [phase.stamp_field])
    keys = key_columns(columns, phase.key_fields(rows.columns))
    parents = find_parents(org, phase.object, columns, rows, every=phase.one_by_one)
    sender = sending.Sender(org, ledger, run_id, phase, columns, keys, parents)
    rows = rows.with_columns(match_key(keys).alias(MATCH))
    _check_matches(rows, phase)
    changes = _compared(sender, rows, meeting)
    done = [_unchanged(changes.rows)]
    known = done[0].height
    for settled in _settled(sender, changes, meeting.contents):
        done.append(settled)
        known += settled.height
        if progress is not None and settled.height:
            progress(phase.name, known, frame.height)
    if progress is not None:
        progress(phase.name, known, frame.height)
    return _outcome_frame(rows, pl.concat(done), phase), sender.jobs


def _compared(sender: sending.Sender, rows: pl.DataFrame, meeting: Meeting) -> Changes:
    org, phase, conflicts = sender.org, sender.phase, meeting.conflicts
    # What a file holds is never asked for.
    readable = [column for column in sender.columns if not is_content(column)]
    more = [flag for _, flag in phase.derived_while]
    more += [conflicts.stamp_field] if conflicts else []
    current = read_current(org, phase.object, readable, sender.keys, rows, more)
    if conflicts is not None and meeting.existing is not None:
        current = with_existing(org, phase.object, readable, rows, current, meeting.existing, more)
    changes = compare(rows, current, readable, phase, conflicts)
    sent = sending.with_orphans(sender, with_other_kind(sender, changes.rows))
    return Changes(sent, changes.updates)


def _settled(
    sender: sending.Sender, changes: Changes, contents: Contents
) -> Iterator[pl.DataFrame]:
    """Send wave after wave; what became of the rows, part by part."""
    for wave in sorted(changes.rows["_wave"].unique()):
        of_wave = changes.rows.filter(pl.col("_wave") == wave)
        yield sending.refuse_absent(sender, of_wave)
        yield sending.refuse_orphans(sender, of_wave)
        yield refuse_other_kind(sender, of_wave)
        if sender.phase.one_by_one:
            yield from create_one_by_one(sender, of_wave, contents)
        else:
            yield sending.create(sender, of_wave)
        yield sending.update(sender, of_wave, changes.updates)


def _unchanged(rows: pl.DataFrame) -> pl.DataFrame:
    same = rows.filter(pl.col(VERDICT) == "unchanged")
    return same.select("_key", action=pl.lit("unchanged"), sf_id="Id", **sending.NO_ERROR)


def _outcome_frame(rows: pl.DataFrame, done: pl.DataFrame, phase: Phase) -> pl.DataFrame:
    """One outcome per planned row, in the frame's order."""
    return (
        rows.select("_key", *LINEAGE)
        .join(done, on="_key", how="left", maintain_order="left")
        .select(
            "sf_id",
            "error_code",
            "error_fields",
            "error_message",
            *LINEAGE,
            object=pl.lit(phase.object),
            key="_key",
            outcome="action",
            phase=pl.lit(phase.name),
        )
        .select(*OUTCOME_SCHEMA)
        .cast(pl.Schema(OUTCOME_SCHEMA))
    )


def _with_cells(frame: pl.DataFrame, phase: Phase) -> pl.DataFrame:
    """The frame with its data as upload cells, its key as a column, and a wave for each row."""
    names = data_columns(frame)
    carried = [CHECKSUM] if CHECKSUM in frame.columns else []
    rows = frame.select("_key", *carried, *LINEAGE, *as_cells(frame.select(names)).get_columns())
    if phase.external_id and phase.external_id not in names:
        rows = rows.with_columns(pl.col("_key").alias(phase.external_id))
    wave = (
        frame["_wave"]
        if "_wave" in frame.columns
        else pl.Series([0]).new_from_index(0, frame.height)
    )
    return rows.with_columns(wave.alias("_wave"))


def _check_keys(frame: pl.DataFrame, phase: Phase) -> None:
    missing = {"_key", *LINEAGE} - set(frame.columns)
    if missing:
        raise PipelineError(f"The frame of {phase.name} lacks {', '.join(sorted(missing))}.")
    _refuse_rows(frame.filter(pl.col("_key").is_null()), phase, "have no key")
    _refuse_rows(frame.filter(pl.col("_key").is_duplicated()), phase, "share a key")


def _check_matches(rows: pl.DataFrame, phase: Phase) -> None:
    """Two rows that the org would take for the same record: the later would overwrite the first."""
    named = rows.filter(pl.col(MATCH).is_not_null())
    same = named.filter(pl.col(MATCH).is_duplicated())
    _refuse_rows(same, phase, "name one record in the org, where case does not count")


def _refuse_rows(rows: pl.DataFrame, phase: Phase, why: str) -> None:
    if rows.is_empty():
        return
    places = ", ".join(
        f"{file}:{line}" for file, line in rows.select(*LINEAGE).head(_NAMED_IN_MESSAGES).rows()
    )
    raise PipelineError(
        f"{rows.height} rows of {phase.name} {why}; nothing was sent. First ones: {places}."
    )
