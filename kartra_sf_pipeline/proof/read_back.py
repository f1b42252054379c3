"""Reads every loaded record back from the org and compares every mapped field.

It finds records by the ids that the load reported, not by key, and takes the fields' types from
the describe by itself: a load that wrote to the wrong record does not confirm itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from kartra_sf_pipeline.migration.conflicts import Conflicts
from kartra_sf_pipeline.migration.contents import ContentError, Contents, is_content
from kartra_sf_pipeline.migration.current import ORG, keyed, read_each, read_in_bulk
from kartra_sf_pipeline.migration.equivalence import mentions
from kartra_sf_pipeline.migration.fields import (
    LINEAGE,
    BoundColumn,
    bind_columns,
    data_columns,
    key_columns,
)
from kartra_sf_pipeline.migration.phases import Phase
from kartra_sf_pipeline.migration.queries import REST_KEYS
from kartra_sf_pipeline.migration.sending import AUDIT_FIELDS
from kartra_sf_pipeline.salesforce.csv_upload import as_cells
from kartra_sf_pipeline.salesforce.org import Org

_LOADED = ("created", "updated", "unchanged")
# What the org says of a file, and never the file itself.
_SIZE, _CHECKSUM = "ContentSize", "Checksum"
_WRITTEN = "_written"
_SUMMARY = {
    "object": pl.String,
    "phase": pl.String,
    "records": pl.Int64,
    "fields": pl.Int64,
    "equal": pl.Int64,
    "differences": pl.Int64,
    "explained": pl.Int64,
    "missing": pl.Int64,
    "rejected": pl.Int64,
}
_DIFFERENCES = {
    "object": pl.String,
    "key": pl.String,
    "field": pl.String,
    "expected": pl.String,
    "found": pl.String,
    "source_file": pl.String,
    "source_line": pl.Int64,
}


def read_back(
    org: Org,
    phase_frames: Mapping[Phase, pl.DataFrame | pl.LazyFrame],
    outcomes: pl.DataFrame,
    *,
    conflicts: Mapping[str, Conflicts] | None = None,
    contents: Contents | None = None,
    written: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Compare what the frames asked for with what the org answers now, phase by phase: of stored
    frames one at a time is held.

    Returns the summary, a row per phase: object, phase, records (read back and compared), fields
    (cells compared: equal, differences and explained), explained (unequal, and by the phase's
    `conflicts` the org is right, in a record that people had made; never a cell that `written`
    names: phase, key and written as in the run's `ledger.records`), missing (records that the org
    does not have under the reported id, or that have no outcome), rejected (rows that the org
    refused: not compared). And the differences: object, key, field, expected, found, source_file,
    source_line; a missing record is one of them, too, as field `Id`. Blank cells asked for nothing
    and are not compared. Original dates are compared where this load created the record. Of files
    the size and the checksum are compared with those of `contents`.
    """
    summaries = []
    differences = [pl.DataFrame(schema=_DIFFERENCES)]
    for phase, frame in phase_frames.items():
        rules = (conflicts or {}).get(phase.name)
        asked = frame.lazy().collect()
        if rules and written is not None:
            cells = _cells_written(written, phase, data_columns(asked))
            asked = asked.join(cells, on="_key", how="left", maintain_order="left")
        summary, found = _read_phase(org, phase, asked, outcomes, rules, contents or Contents())
        summaries.append(summary)
        differences.append(found)
    return pl.DataFrame(summaries, schema=_SUMMARY), pl.concat(differences)


def _read_phase(
    org: Org,
    phase: Phase,
    frame: pl.DataFrame,
    outcomes: pl.DataFrame,
    rules: Conflicts | None,
    contents: Contents,
) -> tuple[dict[str, object], pl.DataFrame]:
    rows = _with_fates(_expected(frame, phase), phase, outcomes)
    refused = rows.filter(pl.col("_outcome") == "rejected")
    loaded = rows.filter(pl.col("_outcome").is_in(_LOADED))
    unreported = rows.filter(pl.col("_outcome").is_null())
    if loaded.height:
        columns = bind_columns(org, phase.object, data_columns(rows))
        loaded, columns = _with_content_facts(org, phase, loaded, columns, contents)
        loaded = _with_dates_of_the_new(loaded)
        more = [rules.stamp_field] if rules else []
        now = _now(org, phase, columns, loaded["_sf_id"], more)
        # Under its own name too: what the org holds is judged by it.
        joined = loaded.join(now, left_on="_sf_id", right_on="Id", how="left", coalesce=False)
    else:
        columns = []
        joined = loaded.with_columns(_there=pl.lit(None, pl.Boolean))
    there = joined.filter(pl.col("_there"))
    missing = pl.concat(
        [
            joined.filter(pl.col("_there").is_null()).select("_key", "_sf_id", *LINEAGE),
            unreported.select("_key", "_sf_id", *LINEAGE),
        ]
    )
    gone = missing.with_columns(_object=pl.lit(phase.object)).select(
        _difference(pl.lit("Id"), pl.col("_sf_id"), pl.lit(None, pl.String))
    )
    wrong = []
    explained = 0
    for column in columns:
        unequal = there.filter(_differs(column)).with_columns(_object=pl.lit(phase.object))
        if rules:
            theirs = rules.forbids(column, columns) & ~_was_written(column, unequal)
            explained += unequal.filter(theirs).height
            unequal = unequal.filter(~theirs)
        wrong.append(
            unequal.select(
                _difference(pl.lit(column.name), pl.col(column.name), pl.col(column.name + ORG))
            )
        )
    compared = sum(int(there.select(mentions(pl.col(c.name)).sum()).item()) for c in columns)
    unequal = sum(part.height for part in wrong)
    summary: dict[str, object] = {
        "object": phase.object,
        "phase": phase.name,
        "records": there.height,
        "fields": compared,
        "equal": compared - unequal - explained,
        "differences": unequal,
        "explained": explained,
        "missing": missing.height,
        "rejected": refused.height,
    }
    return summary, pl.concat([gone, *wrong])


def _with_dates_of_the_new(loaded: pl.DataFrame) -> pl.DataFrame:
    """A date of creation was asked for where the record was created, and nowhere else."""
    created = pl.col("_outcome") == "created"
    return loaded.with_columns(
        pl.when(created).then(pl.col(name)) for name in AUDIT_FIELDS if name in loaded.columns
    )


def _cells_written(written: pl.DataFrame, phase: Phase, names: Sequence[str]) -> pl.DataFrame:
    """Of each record that a phase updated the names of the cells that it wrote."""
    of_phase = written.filter((pl.col("phase") == phase.name) & pl.col("written").is_not_null())
    cells = of_phase["written"].str.json_decode(pl.Struct(dict.fromkeys(names, pl.String)))
    told = [
        pl.when(cells.struct.field(name).is_not_null()).then(pl.lit(name)).alias(name)
        for name in names
    ]
    return (
        of_phase.select(pl.concat_list(told).alias(_WRITTEN), _key="key")
        .group_by("_key")
        .agg(pl.col(_WRITTEN).explode().drop_nulls())
    )


def _was_written(column: BoundColumn, rows: pl.DataFrame) -> pl.Expr:
    if _WRITTEN not in rows.columns:
        return pl.lit(value=False)
    return pl.col(_WRITTEN).list.contains(column.name).fill_null(value=False)


def _with_content_facts(
    org: Org,
    phase: Phase,
    loaded: pl.DataFrame,
    columns: list[BoundColumn],
    contents: Contents,
) -> tuple[pl.DataFrame, list[BoundColumn]]:
    """Size and checksum in place of content, where the org shows them.

    A file that cannot be read any more is told by its message, which equals no checksum.
    """
    blob = next((column for column in columns if is_content(column)), None)
    if blob is None:
        return loaded, columns
    facts = [_facts(contents, reference) for reference in loaded[blob.name]]
    shown = [name for name in (_SIZE, _CHECKSUM) if name in org.describe(phase.object).fields]
    told = pl.DataFrame(facts, schema=dict.fromkeys((_SIZE, _CHECKSUM), pl.String), orient="row")
    others = [column for column in columns if column is not blob]
    return (
        loaded.drop(blob.name).with_columns(told.select(shown).get_columns()),
        [*others, *bind_columns(org, phase.object, shown)],
    )


def _facts(contents: Contents, reference: str | None) -> tuple[str | None, str | None]:
    if reference is None:
        return None, None
    try:
        size, checksum = contents.size_and_checksum(reference)
    except ContentError as error:
        return None, str(error)
    return str(size), checksum


def _expected(frame: pl.DataFrame, phase: Phase) -> pl.DataFrame:
    """The frame's data as the upload's text, and the record's key as one of its fields."""
    names = data_columns(frame)
    more = [_WRITTEN] if _WRITTEN in frame.columns else []
    rows = frame.select("_key", *LINEAGE, *more, *as_cells(frame.select(names)).get_columns())
    if phase.external_id and phase.external_id not in names:
        rows = rows.with_columns(pl.col("_key").alias(phase.external_id))
    return rows


def _with_fates(rows: pl.DataFrame, phase: Phase, outcomes: pl.DataFrame) -> pl.DataFrame:
    fates = outcomes.filter(pl.col("object") == phase.object)
    if "phase" in outcomes.columns:
        fates = fates.filter(pl.col("phase") == phase.name)
    fates = fates.select(_key="key", _sf_id="sf_id", _outcome="outcome").unique("_key", keep="last")
    return rows.join(fates, on="_key", how="left", maintain_order="left")


def _now(
    org: Org, phase: Phase, columns: Sequence[BoundColumn], ids: pl.Series, more: Sequence[str]
) -> pl.DataFrame:
    """The records under the reported ids, as the org has them now.

    One bulk query reads all that have a key; whoever lost it, or never had it, is asked for by id.
    """
    key_fields = phase.key_fields([column.name for column in columns])
    condition = keyed(key_columns(columns, key_fields))
    in_bulk = read_in_bulk(org, phase.object, columns, condition, more)
    found = in_bulk.filter(pl.col("Id").is_in(ids.implode()))
    absent = ids.filter(~ids.is_in(found["Id"].implode()))
    if 0 < absent.len() <= REST_KEYS:
        found = pl.concat([found, read_each(org, phase.object, columns, absent, more)])
    return found.with_columns(_there=pl.lit(value=True))


def _differs(column: BoundColumn) -> pl.Expr:
    return column.differs(pl.col(column.name), pl.col(column.name + ORG))


def _difference(field: pl.Expr, expected: pl.Expr, found: pl.Expr) -> list[pl.Expr]:
    return [
        pl.col("_object").alias("object"),
        pl.col("_key").alias("key"),
        field.alias("field"),
        expected.alias("expected"),
        found.alias("found"),
        pl.col("source_file"),
        pl.col("source_line").cast(pl.Int64),
    ]
