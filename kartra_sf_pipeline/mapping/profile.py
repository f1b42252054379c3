"""What each rule of a map does to the account's values: filled, longest, cut, lost, missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from kartra_sf_pipeline.mapping.active import active_phases
from kartra_sf_pipeline.mapping.model import FieldMap, FieldRule
from kartra_sf_pipeline.mapping.schema import text_lengths, wanted_fields
from kartra_sf_pipeline.mapping.strategies import ValueMap
from kartra_sf_pipeline.mapping.transforms import TRANSFORMS, mapped_values, was_cut
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
    "samples": pl.String(),
    "confidence": pl.Float64(),
    "reason": pl.String(),
}

SAMPLES = 3
_CUT_BY = ("text", "long_text", "label")


def profile_map(
    field_map: FieldMap, frames: Mapping[str, pl.DataFrame], objects: Mapping[str, ObjectDescribe]
) -> pl.DataFrame:
    """One row per rule of the map. Figures are null where the rule cannot be applied.

    `lost_cells` hold text that the transform cannot read; `picklist_misses` are cells whose value
    the picklist does not offer. Samples are masked: a first character and a length.
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
                    **_figures(
                        rule,
                        frames[name],
                        length,
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


def _figures(
    rule: FieldRule,
    frame: pl.DataFrame,
    length: int | None,
    offered: tuple[str, ...] | None,
    values: ValueMap | None,
) -> dict[str, Any]:
    if rule.source is None or rule.source not in frame.columns:
        return {"rows": frame.height}
    if not fits_transform(frame.schema[rule.source], rule.transform):
        return {"rows": frame.height, "filled": frame.height - frame[rule.source].null_count()}
    source = pl.col(rule.source)
    text = TRANSFORMS[rule.transform](source, None).cast(pl.String)
    cells = frame.select(
        source=source, wire=text if values is None else mapped_values(text, values)
    )
    wire = pl.col("wire")
    said = pl.col("source").is_not_null()
    if frame.schema[rule.source] == pl.String():
        said &= pl.col("source").str.strip_chars() != ""
    elif isinstance(frame.schema[rule.source], pl.List):
        said &= pl.col("source").list.len() > 0
    cut = was_cut(wire, length) if length and rule.transform in _CUT_BY else pl.lit(value=False)
    missed = pl.lit(value=False)
    if offered is not None:
        folded = [value.casefold() for value in offered]
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
        lost_cells=(said & wire.is_null()).sum(),
        picklist_misses=missed.sum(),
    ).row(0, named=True)
    shown = cells["wire"].drop_nulls().unique(maintain_order=True).head(SAMPLES)
    figures["samples"] = ", ".join(masked(value) for value in shown)
    figures["fill_rate"] = figures["filled"] / figures["rows"] if figures["rows"] else 0.0
    return {name: value if name == "samples" else value or 0 for name, value in figures.items()}


def masked(value: str) -> str:
    """First character and length of a text: enough to see its kind, not whose it is."""
    return value if value in ("true", "false") else f"{value[:1]}…({len(value)})"
