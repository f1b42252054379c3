"""What each rule of a map does to the account's values: filled, longest, cut, lost, missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from kartra_sf_pipeline.mapping.active import active_phases
from kartra_sf_pipeline.mapping.model import FieldMap, FieldRule
from kartra_sf_pipeline.mapping.schema import decimal_places, text_lengths, wanted_fields
from kartra_sf_pipeline.mapping.strategies import ValueMap
from kartra_sf_pipeline.mapping.transforms import (
    TRANSFORMS,
    mapped_values,
    unlisted,
    was_cut,
    was_rounded,
)
from kartra_sf_pipeline.mapping.typed_names import column_for, unread_column
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

SCHEMA: dict[str, pl.DataType] = {
    "phase": pl.String(),
    "object": pl.String(),
    "target": pl.String(),
    "source": pl.String(),
    "type": pl.String(),
    "length": pl.Int64(),
    "transform": pl.String(),
    "rows": pl.Int64(),
    "filled": pl.Int64(),
    "fill_rate": pl.Float64(),
    "longest": pl.Int64(),
    "cut_cells": pl.Int64(),
    "lost_cells": pl.Int64(),
    "picklist_misses": pl.Int64(),
    "rounded_cells": pl.Int64(),
    "places": pl.Int64(),
    "unlisted_cells": pl.Int64(),
    "unlisted": pl.String(),
    "samples": pl.String(),
    "confidence": pl.Float64(),
    "reason": pl.String(),
}

SAMPLES = 3
WORDS = 10
WORD = 40
"""Characters of the longest value that is shown: beyond it, it is no picklist's word."""
_CUT_BY = ("text", "long_text", "label")


def profile_map(
    field_map: FieldMap, frames: Mapping[str, pl.DataFrame], objects: Mapping[str, ObjectDescribe]
) -> pl.DataFrame:
    """One row per rule of the map. Figures are null where the rule cannot be applied.

    `lost_cells` hold text that the transform cannot read; `picklist_misses` are cells whose value
    the picklist does not offer; `rounded_cells` have more digits after the point than the field's
    `places`; `unlisted_cells` hold words that a value map refuses, the first of which `unlisted`
    names. Samples are masked: a first character and a length.
    """
    wanted = wanted_fields(field_map)
    rows = []
    for name, phase in active_phases(field_map, objects).items():
        describe = objects.get(phase.object)
        lengths = text_lengths(describe, wanted, phase.object) if describe else {}
        for rule in phase.fields:
            field = describe.fields.get(rule.target) if describe else None
            length = lengths.get(rule.target.lower())
            rows.append(
                {
                    "phase": name,
                    "object": phase.object,
                    "target": rule.target,
                    "source": rule.source if rule.source else f"= {rule.constant}",
                    "type": field.type if field else f"new {rule.new.type}" if rule.new else None,
                    "length": length,
                    "transform": rule.transform,
                    "confidence": rule.confidence,
                    "reason": rule.reason or rule.note or "standard map",
                    **figures_of(
                        rule,
                        frames[name],
                        decimal_places(rule, describe) if rule.transform == "decimal" else length,
                        offered_values(rule, describe),
                        field_map.value_maps[rule.values] if rule.values else None,
                    ),
                }
            )
    return pl.DataFrame(rows, schema=SCHEMA)


def offered_values(rule: FieldRule, describe: ObjectDescribe | None) -> tuple[str, ...] | None:
    """What the field offers once the map's own values are added; None where it is no picklist."""
    if describe and (describe.name, rule.target) == ("CampaignMember", "Status"):
        return None  # Each campaign has statuses of its own; they are loaded as data.
    field = describe.fields.get(rule.target) if describe else None
    new = rule.new.values if rule.new else ()
    if field is not None and field.type in ("picklist", "multipicklist"):
        return (*field.picklist_values, *new)
    return new if rule.new and rule.new.type in ("Picklist", "MultiselectPicklist") else None


def fits_transform(dtype: pl.DataType, transform: str) -> bool:
    """Whether a column of that type can go through the transform at all."""
    if transform == "multi":
        return isinstance(dtype, pl.List)
    if transform == "datetime":
        return isinstance(dtype, pl.Datetime)
    if transform == "date":
        return isinstance(dtype, pl.Date | pl.Datetime)
    if transform == "boolean":
        return dtype == pl.Boolean()
    if transform in ("integer", "decimal"):
        return dtype.is_numeric() or dtype == pl.String()
    return not dtype.is_nested()


def figures_of(
    rule: FieldRule,
    frame: pl.DataFrame,
    size: int | None,
    offered: tuple[str, ...] | None,
    values: ValueMap | None,
) -> dict[str, Any]:
    """What one rule does to a phase's rows; `size` is the length of its field in characters, or of
    a number the digits after the point.
    """
    if rule.source is None or rule.source not in frame.columns:
        return {"rows": frame.height}
    column = column_for(rule, frame.columns)
    dtype = frame.schema[column]
    if not fits_transform(dtype, rule.transform):
        return {"rows": frame.height, "filled": frame.height - frame[column].null_count()}
    decimal = rule.transform == "decimal"
    source = pl.col(column)
    text = TRANSFORMS[rule.transform](source, size if decimal else None).cast(pl.String)
    typed_away = unread_column(column)
    unread = pl.col(typed_away) if typed_away in frame.columns else pl.lit(None, pl.Boolean)
    cells = frame.select(
        source=source,
        unread=unread,
        text=text,
        wire=text if values is None else mapped_values(text, values),
    )
    wire = pl.col("wire")
    said = pl.col("source").is_not_null()
    if dtype == pl.String():
        said &= pl.col("source").str.strip_chars() != ""
    elif isinstance(dtype, pl.List):
        said &= pl.col("source").list.len() > 0
    never = pl.lit(value=False)
    cut = was_cut(wire, size) if size and rule.transform in _CUT_BY else never
    rounded = was_rounded(pl.col("source"), size) if decimal and size is not None else never
    strange = never if values is None else unlisted(pl.col("text"), values)
    missed = never
    if offered is not None:
        # Folded as the cells are: what one language takes for a letter's small form varies.
        folded = pl.Series(offered, dtype=pl.String).str.to_lowercase().to_list()
        words = wire.str.to_lowercase()
        missed = (
            words.str.split(";").list.set_difference(folded).list.len() > 0
            if rule.transform == "multi"
            else words.is_in(folded).not_()
        )
    figures = cells.select(
        rows=pl.len(),
        filled=wire.is_not_null().sum(),
        longest=wire.str.len_chars().max(),
        cut_cells=cut.sum(),
        lost_cells=(said & wire.is_null()).sum() + pl.col("unread").sum(),
        picklist_misses=missed.sum(),
        rounded_cells=rounded.sum(),
        unlisted_cells=strange.sum(),
    ).row(0, named=True)
    shown = cells["wire"].drop_nulls().unique(maintain_order=True).head(SAMPLES)
    figures["samples"] = ", ".join(masked(value) for value in shown)
    words = cells.filter(strange)["text"].unique().sort() if figures["unlisted_cells"] else []
    figures["unlisted"] = told_words(words)
    figures["places"] = size if decimal else None
    figures["fill_rate"] = figures["filled"] / figures["rows"] if figures["rows"] else 0.0
    counts = SCHEMA.keys() & {name for name, kind in SCHEMA.items() if kind == pl.Int64()}
    return {
        name: value or 0 if name in counts - {"places"} else value
        for name, value in figures.items()
    }


def told_words(words: Iterable[str]) -> str:
    """The first few words of a picklist as they stand; whatever is longer than such a word is
    masked.
    """
    every = list(words)
    shown = [repr(word) if len(word) <= WORD else masked(word) for word in every[:WORDS]]
    more = len(every) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def masked(value: str) -> str:
    """First character and length of a text: enough to see its kind, not whose it is."""
    return value if value in ("true", "false") else f"{value[:1]}…({len(value)})"
