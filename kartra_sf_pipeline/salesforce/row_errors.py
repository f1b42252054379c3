"""The anatomy of `sf__Error`: code, message, fields."""

from __future__ import annotations

import polars as pl

# CODE:message:Field1 Field2 --   The message may hold colons, quotes and line breaks; only the last
# part, when it is a list of API names before the dashes, is the field list.
_SHAPE = (
    r"(?s)^\s*(?P<code>[A-Z][A-Z0-9_]*)\s*:\s*(?P<message>.*?)"
    r"(?::(?P<fields>(?:[A-Za-z][\w.]*(?:,?\s+[A-Za-z][\w.]*)*)?)\s*--\s*)?$"
)


def with_error_parts(failed: pl.DataFrame, column: str = "sf__Error") -> pl.DataFrame:
    """The frame with `error_code`, `error_message`, `error_fields` (comma-separated) right after.

    A text of unknown shape becomes the message with a null code.
    """
    parts = pl.col(column).str.extract_groups(_SHAPE)
    fields = parts.struct.field("fields").str.replace_all(r",?\s+", ",").replace("", None)
    at = failed.columns.index(column) + 1
    return failed.with_columns(
        parts.struct.field("code").alias("error_code"),
        pl.coalesce(parts.struct.field("message"), pl.col(column)).alias("error_message"),
        fields.alias("error_fields"),
    ).select(
        *failed.columns[:at],
        "error_code",
        "error_message",
        "error_fields",
        *failed.columns[at:],
    )
