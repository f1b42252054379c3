"""Which records are new, which differ and which already are as wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from kartra_sf_pipeline.migration.conflicts import Conflicts
from kartra_sf_pipeline.migration.current import MATCH, ORG
from kartra_sf_pipeline.migration.fields import BoundColumn
from kartra_sf_pipeline.migration.phases import Phase

VERDICT = "_verdict"
_CHANGED = "\x1echanged"


@dataclass(frozen=True, slots=True)
class Changes:
    """A frame with its verdicts, and what the updates among it would write.

    `rows` is the frame with `_verdict` (create, update, unchanged, or absent for a record that an
    update-only phase cannot complete) and the org's `Id`. `updates` has one row per update: `_key`,
    `Id`, `pre_image` and `written` (JSON by column) and the columns that change, null where a row
    leaves one alone.
    """

    rows: pl.DataFrame
    updates: pl.DataFrame


def compare(
    frame: pl.DataFrame,
    current: pl.DataFrame,
    columns: Sequence[BoundColumn],
    phase: Phase,
    conflicts: Conflicts | None = None,
) -> Changes:
    """Compare cells that are text as they would be uploaded with `read_current`'s answer.

    `frame` holds `_match`. Blank cells ask for nothing; columns that the org does not let anybody
    update, or that the phase writes at creation only, are not compared on existing records, nor
    are those that `conflicts` leave to the org.
    """
    compared = [c for c in columns if c.updateable and c.name not in phase.create_only]
    known = current.select(MATCH, "Id", *(n for n in current.columns if n.endswith(ORG)))
    joined = frame.join(known, on=MATCH, how="left", maintain_order="left")
    exists = pl.col("Id").is_not_null()
    derived = dict(phase.derived_while)
    joined = joined.with_columns(
        (exists & column.differs(pl.col(column.name), pl.col(column.name + ORG)))
        .and_(_is_free(column, derived))
        .and_(~conflicts.forbids(column, columns) if conflicts else pl.lit(value=True))
        .alias(column.name + _CHANGED)
        for column in compared
    )
    flags = [pl.col(column.name + _CHANGED) for column in compared]
    changed = pl.any_horizontal(flags) if flags else pl.lit(value=False)
    joined = joined.with_columns(
        pl.when(~exists)
        .then(pl.lit("absent" if phase.update_only else "create"))
        .when(changed)
        .then(pl.lit("update"))
        .otherwise(pl.lit("unchanged"))
        .alias(VERDICT)
    )
    return Changes(
        rows=joined.select(*frame.columns, "Id", VERDICT),
        updates=_updates(joined.filter(pl.col(VERDICT) == "update"), compared),
    )


def _is_free(column: BoundColumn, derived: dict[str, str]) -> pl.Expr:
    """False where the org computes the field itself for that record."""
    if column.path not in derived:
        return pl.lit(value=True)
    return (pl.col(derived[column.path] + ORG) != "true").fill_null(value=True)


def _updates(rows: pl.DataFrame, compared: Sequence[BoundColumn]) -> pl.DataFrame:
    moved = [column for column in compared if rows[column.name + _CHANGED].any()]
    wanted = rows.with_columns(
        pl.when(pl.col(column.name + _CHANGED)).then(pl.col(column.name)) for column in moved
    )
    names = [column.name for column in moved]
    # A parent column comes back by the parent's id: the old parent may have had no key of ours.
    before = dict.fromkeys(
        [*names, *(column.lookup for column in moved if column.lookup)], pl.String
    )
    return wanted.select(
        "_key",
        "Id",
        _json([pl.col(name + ORG).alias(name) for name in before]).alias("pre_image"),
        _json([pl.col(name) for name in names]).alias("written"),
        *names,
    )


def _json(columns: list[pl.Expr]) -> pl.Expr:
    return pl.struct(columns).struct.json_encode() if columns else pl.lit(None, pl.String)
