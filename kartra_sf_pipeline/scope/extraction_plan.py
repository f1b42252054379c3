"""The extraction plan: what to export from Kartra, in which order and slices, and what is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from kartra_sf_pipeline.kartra.files import CONTROL_TOTALS_NAME
from kartra_sf_pipeline.scope.audit import TRIAL_ABOVE_CONTACTS
from kartra_sf_pipeline.scope.control_totals import FEWER
from kartra_sf_pipeline.scope.extract_judgement import UNFIT, worst

SCHEMA: Final = pl.Schema(
    {
        "step": pl.Int64(),
        "export": pl.String(),
        "part": pl.String(),
        "from_date": pl.Date(),
        "to_date": pl.Date(),
        "rows_read": pl.Int64(),
        "rows_expected": pl.Int64(),
        "state": pl.String(),
        "where": pl.String(),
        "why": pl.String(),
        "what_to_do": pl.String(),
    }
)
PRESENT, MISSING, INCOMPLETE, NOT_NEEDED, NEEDED, PASSED, FAILED = (
    "present",
    "missing",
    "incomplete",
    "not_needed",
    "needed",
    "passed",
    "failed",
)
# A file of 349,000 transactions has been seen whole, so that only very long histories are cut.
TRANSACTIONS_PER_SLICE: Final = 100_000


@dataclass(frozen=True)
class _Export:
    """`adds`: what the migration gains by it. `optional`: many accounts have none."""

    name: str
    where: str
    adds: str
    optional: bool = False


# In the order in which one depends on the other: people before what points at them.
EXPORTS: Final = (
    _Export(
        "contacts",
        "Contacts > All contacts > advanced filter by date joined > select all > Export to CSV; "
        "all columns and all custom fields",
        "People, consent, tags, lists and custom fields; everything else points at them.",
    ),
    _Export(
        "custom_fields",
        "Contacts > Custom fields: copied by hand (identifier, label, type, options)",
        "Types and options of custom fields; without it they are guessed from the values.",
        optional=True,
    ),
    _Export(
        "companies",
        "A list of your own; Kartra has no company object",
        "Addresses and names of accounts that no contact tells of.",
        optional=True,
    ),
    _Export(
        "lists",
        "Communications > Lists: copied by hand (name, description, active)",
        "Empty lists, descriptions, and which are active.",
        optional=True,
    ),
    _Export(
        "transactions",
        "Products > Analytics > Transactions > Export; all types, all time",
        "Opportunities, products, refunds, buyers; also subscriptions and affiliates where their "
        "own exports are absent.",
    ),
    _Export(
        "subscriptions",
        "Products > Analytics > Subscriptions > Export; all statuses",
        "Status, next payment and term of each subscription; without it they are rebuilt from "
        "payments, and paused ones look active.",
    ),
    _Export(
        "affiliates",
        "Products > Affiliates > Export",
        "What each affiliate earned and is owed; without it only those named on sales are known.",
        optional=True,
    ),
    _Export(
        "calendar_bookings",
        "Contact profiles > Calendars: put together by hand; ask the hosts",
        "Appointments as events; Kartra keeps their history incompletely.",
        optional=True,
    ),
    _Export(
        "notes",
        "Contact profiles > Notes: put together by hand",
        "Notes as tasks on their contact.",
        optional=True,
    ),
    _Export(
        "sequences",
        "Communications > Sequences: written down by hand",
        "The inventory of automations to rebuild; their logic never moves.",
        optional=True,
    ),
)


@dataclass(frozen=True)
class _Slice:
    start: date | None
    end: date | None
    rows: int


def extraction_plan(
    files: pl.DataFrame,
    joined: pl.Series,
    sold: pl.Series,
    judgement: pl.DataFrame,
    totals: pl.DataFrame,
    *,
    slice_rows: int,
) -> pl.DataFrame:
    """What to do in Kartra, by `step`: the trial extract, each export in its order, the totals.

    `export`; `part` (whole, slice n of m, undated, trial, control totals); `from_date` and
    `to_date`, both included, null where open; `rows_read` in it so far; `rows_expected` by the
    control totals; `state` (present, missing, incomplete; for the trial not_needed, needed, passed,
    failed); `where` in Kartra; `why` (what it adds); `what_to_do`.

    `files` is export_files, `totals` control_totals; `joined` are the days on which contacts
    joined, `sold` those of transactions (each once, null where unknown); `slice_rows` the contacts
    that a slice should hold at most.
    """
    read = _rows_by_export(files)
    wanted_by = _wanted(totals)
    contacts = max(len(joined), wanted_by["contacts"][0] if "contacts" in wanted_by else 0)
    rows: list[tuple[object, ...]] = [(1, *_trial(contacts, len(joined), judgement, slice_rows))]
    for step, export in enumerate(EXPORTS, start=2):
        has = export.name in read
        days = {"contacts": joined, "transactions": sold}.get(export.name)
        wanted, lacking = wanted_by.get(export.name, (None, 0))
        rows_read = len(days) if days is not None else read.get(export.name, 0)
        state = MISSING if not has else INCOMPLETE if lacking else PRESENT
        per_slice = slice_rows if export.name == "contacts" else TRANSACTIONS_PER_SLICE
        parts = list(_slices(days, per_slice)) if days is not None and has else []
        if len(parts) < 2:
            parts = [("whole", _Slice(None, None, rows_read))]
        for part, piece in parts:
            whole = part == "whole"
            rows.append(
                (
                    step,
                    export.name,
                    part,
                    piece.start,
                    piece.end,
                    piece.rows,
                    wanted if whole else None,
                    state,
                    export.where,
                    export.adds,
                    _what_to_do(export, state, part, lacking, wanted, per_slice),
                )
            )
    rows.append((len(EXPORTS) + 2, *_totals(totals)))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _rows_by_export(files: pl.DataFrame) -> dict[str, int]:
    counted = files.drop_nulls("export").group_by("export").agg(pl.col("rows").sum())
    return {str(export): int(rows) for export, rows in counted.iter_rows()}


def _wanted(totals: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """By export: the count on Kartra's screen, and how many of them were not found."""
    given = totals.filter(pl.col("unit").is_null() & pl.col("expected").is_not_null())
    return {
        str(what): (int(expected), max(0, -int(difference)) if status == FEWER else 0)
        for what, expected, difference, status in given.select(
            "what", "expected", "difference", "status"
        ).iter_rows()
    }


def _what_to_do(
    export: _Export, state: str, part: str, lacking: int, wanted: int | None, per_slice: int
) -> str:
    if state == MISSING:
        return (
            "Export it if the account has any."
            if export.optional
            else "Export it: it is part of every migration."
        )
    if state == INCOMPLETE and wanted is not None:
        slices = -(-wanted // per_slice)
        cut = (
            f" Export it in about {slices:,} slices by date, each of at most {per_slice:,} rows."
            if slices > 1
            else ""
        )
        return (
            f"{lacking:,} of {wanted:,} are missing: compare each slice with Kartra's own count "
            f"for the same dates, and export again the one that differs.{cut}"
        )
    if part == "undated":
        return "These have no date that can be read: no filter by date finds them; see the files."
    return "Nothing; export again shortly before the cutover."


def _trial(
    contacts: int, read: int, judgement: pl.DataFrame, slice_rows: int
) -> tuple[object, ...]:
    """The trial extract (above 10,000 contacts, before a date is promised) and its judgement."""
    about = (
        f"Above {TRIAL_ABOVE_CONTACTS:,} contacts the extraction itself may fail or stop short, so "
        "it is tried before a date is promised."
    )
    where = EXPORTS[0].where
    verdict = worst(judgement)
    if contacts <= TRIAL_ABOVE_CONTACTS:
        state, todo = NOT_NEEDED, "Nothing."
    elif not read or verdict is None:
        state = NEEDED
        todo = f"Export the contacts of one slice (about {slice_rows:,}) and run the scope again."
    elif verdict == UNFIT:
        bad = judgement.filter(pl.col("verdict") == UNFIT)
        names = ", ".join(
            f"{file}: {measure.replace('_', ' ')}"
            for file, measure in bad.select("file", "measure").head(3).iter_rows()
        )
        state = FAILED
        todo = f"Mend and export again: {names}. The frame extract_judgement has all."
    else:
        remarks = judgement.filter(pl.col("verdict") != "fit").height
        state = PASSED
        todo = f"Read the {remarks} remarks in extract_judgement." if remarks else "Nothing."
    return (
        "contacts", "trial", None, None, read, None, state, where, about, todo,
    )  # fmt: skip


def _totals(totals: pl.DataFrame) -> tuple[object, ...]:
    given = totals["expected"].count()
    return (
        "control_totals",
        "control totals",
        None,
        None,
        given,
        None,
        PRESENT if given else MISSING,
        "The totals on Kartra's screens, on the day of the exports",
        "Nothing in the files says that one is missing: only these figures prove completeness.",
        "Nothing; read the figures anew for the last export."
        if given
        else f"Fill in the template, save it among the exports as {CONTROL_TOTALS_NAME}.",
    )


def _slices(days: pl.Series, per_slice: int) -> Iterator[tuple[str, _Slice]]:
    """Consecutive spans of days of at most `per_slice` rows; a day is never cut in two, the first
    span is open to the past and the last one to the future.
    """
    dated = days.drop_nulls()
    if len(days) > per_slice and len(dated):
        counted = dated.alias("day").to_frame().group_by("day").len().sort("day")
        spans: list[list[tuple[date, int]]] = [[]]
        filled = 0
        for day, rows in counted.iter_rows():
            if filled and filled + rows > per_slice:
                spans.append([])
                filled = 0
            spans[-1].append((day, rows))
            filled += rows
        for number, span in enumerate(spans, start=1):
            last = number == len(spans)
            # Up to the day before the next span begins: quiet days between belong to somebody.
            end = None if last else spans[number][0][0] - timedelta(days=1)
            start = None if number == 1 else span[0][0]
            yield (
                f"slice {number} of {len(spans)}",
                _Slice(start, end, sum(rows for _, rows in span)),
            )
        undated = len(days) - len(dated)
        if undated:
            yield "undated", _Slice(None, None, undated)
