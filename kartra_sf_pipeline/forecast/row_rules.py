"""Rows that the org would refuse, predicted from its describe alone.

Shares no code with any org and asks none for a verdict: each rule restates what the platform
documents (required fields, text lengths, restricted picklists, e-mail syntax, lookups).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe

SCHEMA = {
    "phase": pl.String,
    "object": pl.String,
    "key": pl.String,
    "code": pl.String,
    "field": pl.String,
    "fix": pl.String,
    "source_file": pl.String,
    "source_line": pl.Int64,
}

_Verdict = tuple[pl.Expr, str, str, str]
"""Which rows fail, the code, the field, and the way out."""

EMAIL = (
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
    r"\.([A-Za-z]{2,}|[Xx][Nn]--[A-Za-z0-9-]+)$"
)


def predict(
    phase: str,
    frame: pl.DataFrame,
    describe: ObjectDescribe,
    parents: Mapping[str, pl.Series],
    *,
    completes: bool = False,
) -> pl.DataFrame:
    """Predicted rejections of one phase: a row per record and reason.

    `frame` is Salesforce-shaped; `parents` holds, for each relationship column, the keys that will
    exist when the phase starts. A phase that `completes` records never creates one, so required
    fields do not concern it.
    """
    found = [
        *_lookups(frame, parents),
        *(
            verdict
            for column in frame.columns
            if (field := describe.fields.get(column)) is not None
            for verdict in _cells(frame, column, field)
        ),
        *([] if completes else _missing(frame, describe)),
    ]
    rows = [
        frame.filter(fails).select(
            phase=pl.lit(phase),
            object=pl.lit(describe.name),
            key="_key",
            code=pl.lit(code),
            field=pl.lit(field),
            fix=pl.lit(fix),
            source_file="source_file",
            source_line="source_line",
        )
        for fails, code, field, fix in found
    ]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *rows])


def _lookups(frame: pl.DataFrame, parents: Mapping[str, pl.Series]) -> Iterator[_Verdict]:
    for column, keys in parents.items():
        if column in frame.columns:
            known = pl.col(column).is_in(keys.unique().implode())
            yield (
                pl.col(column).is_not_null() & known.not_(),
                "INVALID_FIELD",
                column,
                "Load the parent record first, or clear the lookup.",
            )


def _missing(frame: pl.DataFrame, describe: ObjectDescribe) -> Iterator[_Verdict]:
    # A lookup may be filled by its relationship column instead of its own name.
    filled = {
        field.name
        for column in frame.columns
        if "." in column
        and (field := describe.by_relationship(column.split(".")[0].rpartition(":")[2]))
    }
    for field in describe.fields.values():
        if not field.required_on_create or field.name in filled or field.name == "OwnerId":
            continue
        absent = field.name not in frame.columns
        yield (
            pl.lit(value=True) if absent else pl.col(field.name).is_null(),
            "REQUIRED_FIELD_MISSING",
            field.name,
            f"Map a source or a default to {field.name}.",
        )


def _cells(frame: pl.DataFrame, column: str, field: FieldDescribe) -> Iterator[_Verdict]:
    value = pl.col(column)
    if field.length and field.type in ("string", "textarea", "phone", "url", "email"):
        yield (
            value.str.len_chars() > field.length,
            "STRING_TOO_LONG",
            column,
            f"Cut the text to {field.length} characters, or lengthen the field.",
        )
    if field.type == "email":
        yield (
            value.is_not_null() & value.str.contains(EMAIL).not_(),
            "INVALID_EMAIL_ADDRESS",
            column,
            "Keep the text in a text field and leave the address blank.",
        )
    if field.type == "picklist" and field.restricted_picklist:
        offered = [option.casefold() for option in field.picklist_values]
        yield (
            value.is_not_null() & value.str.to_lowercase().is_in(offered).not_(),
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            column,
            "Add the value to the picklist, or map it to one that is there.",
        )
    if field.type == "multipicklist" and field.restricted_picklist:
        offered = [option.casefold() for option in field.picklist_values]
        unknown = value.str.to_lowercase().str.split(";").list.set_difference(offered)
        yield (
            unknown.list.len() > 0,
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            column,
            "Add the values to the picklist, or move them to the overflow text.",
        )
    if not field.createable and not field.updateable:
        yield (
            value.is_not_null(),
            "INVALID_FIELD_FOR_INSERT_UPDATE",
            column,
            "The field is read-only for this user: drop it from the map or grant it.",
        )
