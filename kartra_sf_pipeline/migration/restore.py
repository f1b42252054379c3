"""Brings back what updated records were, where nobody has changed them since."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import polars as pl

from kartra_sf_pipeline.migration import results
from kartra_sf_pipeline.migration.current import ORG, read_by_id
from kartra_sf_pipeline.migration.equivalence import CLEAR, mentions
from kartra_sf_pipeline.migration.fields import BoundColumn, bind_columns
from kartra_sf_pipeline.salesforce import bulk
from kartra_sf_pipeline.salesforce.org import Org

_WAS = "\x1ewas"
_EDITED = "\x1eedited"
_MOVED = {"sf_id": pl.String, "field": pl.String}
_VERDICT = {"record_id": pl.Int64, "undone": pl.String, "reason": pl.String}


def restore(
    org: Org, sobject: str, updated: pl.DataFrame, since: datetime, *, dry_run: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Undo one object's updates: record_id, undone, reason; and the lookups that return with
    them, or would: sf_id, field.

    `updated`: record_id, sf_id, pre_image, written, in the order of writing; a record written twice
    is taken back step by step, the last first. A field that now holds something else than the run
    wrote is somebody's edit and stays; the record's other fields return. `undone` is restored,
    kept (nothing could return), already_gone or failed.
    """
    # No more of the ledger's columns: what the org says has the same names.
    steps = updated.select("record_id", "sf_id", "pre_image", "written").with_columns(
        step=pl.int_range(pl.len()).rank("ordinal", descending=True).over("sf_id")
    )
    done = [
        _restore_once(org, sobject, steps.filter(pl.col("step") == step), since, dry_run)
        for step in sorted(steps["step"].unique())
    ]
    verdicts = [pl.DataFrame(schema=_VERDICT), *(one for one, _ in done)]
    return pl.concat(verdicts), pl.concat([pl.DataFrame(schema=_MOVED), *(two for _, two in done)])


def _restore_once(
    org: Org, sobject: str, updated: pl.DataFrame, since: datetime, dry_run: bool
) -> tuple[pl.DataFrame, pl.DataFrame]:
    images = updated["written"].drop_nulls().unique()
    names = list(dict.fromkeys(name for image in images for name in json.loads(image)))
    columns = bind_columns(org, sobject, names)
    fields = [_restored_field(column) for column in columns]
    now = read_by_id(org, sobject, columns, updated["sf_id"], since)
    rows = (
        updated.with_columns(
            *_image(updated["written"], names, ""), *_image(updated["pre_image"], fields, _WAS)
        )
        .join(now.with_columns(_there=True), left_on="sf_id", right_on="Id", how="left")
        .with_columns(
            column.differs(pl.col(column.name), pl.col(column.name + ORG)).alias(
                column.name + _EDITED
            )
            for column in columns
        )
    )
    upload = rows.filter(pl.col("_there")).select(
        pl.col("sf_id").alias("Id"),
        *(
            # A null has to be asked for: an empty cell would leave what the run wrote.
            pl.when(mentions(pl.col(column.name)) & ~pl.col(column.name + _EDITED))
            .then(pl.col(field + _WAS).fill_null(CLEAR))
            .alias(field)
            for column, field in zip(columns, fields, strict=True)
        ),
    )
    upload = upload.filter(pl.any_horizontal(pl.col(field).is_not_null() for field in fields))
    sent = [] if dry_run or upload.is_empty() else bulk.ingest(org, sobject, "update", upload)
    said = results.answers(sent, None)
    lookups = [
        column.lookup or name
        for column, name in zip(columns, fields, strict=True)
        if column.type == "reference" or column.lookup
    ]
    moved = [
        upload.filter(pl.col(name).is_not_null()).select(sf_id="Id", field=pl.lit(name))
        for name in lookups
    ]
    verdicts = _verdicts(rows, upload["Id"], said, columns, dry_run)
    return verdicts, pl.concat([pl.DataFrame(schema=_MOVED), *moved])


def _restored_field(column: BoundColumn) -> str:
    """A parent comes back by its id: the old one may have had no key of ours."""
    return column.lookup or column.name


def _image(texts: pl.Series, names: Sequence[str], suffix: str) -> list[pl.Series]:
    """The named values of images in JSON; what an image does not mention is null."""
    fields = pl.Struct(dict.fromkeys(names, pl.String))
    decoded = texts.str.json_decode(fields)
    return [decoded.struct.field(name).alias(name + suffix) for name in names]


def _verdicts(
    rows: pl.DataFrame,
    sent: pl.Series,
    said: pl.DataFrame,
    columns: Sequence[BoundColumn],
    dry_run: bool,
) -> pl.DataFrame:
    edited = pl.concat_list(
        pl.when(pl.col(column.name + _EDITED)).then(pl.lit(column.name)) for column in columns
    ).list.drop_nulls()
    note = pl.when(edited.list.len() > 0).then(pl.lit("edited since: ") + edited.list.join(", "))
    back = "pre-image would return" if dry_run else "pre-image restored"
    answered = pl.col("sf_id").is_in(sent.implode())
    failed = ~pl.col("action").eq_missing(pl.lit("updated")) & answered
    if dry_run:
        failed = pl.lit(value=False)
    gone = pl.col("_there").is_null()
    return rows.join(
        said.select(results.RESULT, "action", "error_code", "error_message"),
        left_on="sf_id",
        right_on=results.RESULT,
        how="left",
    ).select(
        "record_id",
        undone=pl.when(gone)
        .then(pl.lit("already_gone"))
        .when(failed)
        .then(pl.lit("failed"))
        .when(answered)
        .then(pl.lit("restored"))
        .otherwise(pl.lit("kept")),
        reason=pl.when(gone)
        .then(pl.lit("the record has been deleted since"))
        .when(failed)
        .then(pl.concat_str("error_code", "error_message", separator=": ", ignore_nulls=True))
        .when(answered)
        .then(pl.concat_str(pl.lit(back), note, separator="; ", ignore_nulls=True))
        .otherwise(note),
    )
