"""From a phase's source frame to its Salesforce-shaped frame, by the field map."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.model import FieldRule, PhaseMap
from kartra_sf_pipeline.mapping.owners import owner_ids
from kartra_sf_pipeline.mapping.rows.choices import Choices
from kartra_sf_pipeline.mapping.rows.files import CARRIED
from kartra_sf_pipeline.mapping.schema import decimal_places
from kartra_sf_pipeline.mapping.strategies import ValueMap
from kartra_sf_pipeline.mapping.transforms import TRANSFORMS, mapped_values, was_cut
from kartra_sf_pipeline.mapping.typed_names import column_for

NULL_MARK = "#N/A"
"""What the Bulk API takes for an explicit null."""


def shape(
    rows: pl.DataFrame,
    phase: PhaseMap,
    lengths: dict[str, int],
    choices: Choices,
) -> pl.DataFrame:
    """Columns on the wire (all String) plus `_key`, `_wave`, `source_file` and `source_line`.

    `lengths` are the text lengths of the object's fields, from the org's describe and the planned
    schema. Raises SettingsError where the map names a source that the frame does not have.
    """
    missing = [
        rule.source for rule in phase.fields if rule.source and rule.source not in rows.columns
    ]
    if missing:
        raise SettingsError(
            f"The field map takes {', '.join(missing)} from `{phase.source}`, which lacks it.",
            next_step=f"Columns there: {', '.join(sorted(rows.columns))}.",
        )
    value_maps = choices.field_map.value_maps
    describe = choices.objects.get(phase.object)
    sizes = lengths | {
        rule.target.lower(): decimal_places(rule, describe)
        for rule in phase.fields
        if rule.transform == "decimal"
    }
    wave = pl.col("wave") if "wave" in rows.columns else pl.lit(0)
    return rows.select(
        *(
            _column(rule, column_for(rule, rows.columns), sizes, value_maps)
            for rule in phase.fields
        ),
        *_assigned(rows, phase, choices),
        *(pl.col(name) for name in CARRIED if name in rows.columns),
        _key=pl.col(phase.key).cast(pl.String),
        _wave=wave.cast(pl.Int8),
        source_file=pl.col("source_file"),
        source_line=pl.col("source_line"),
    )


def nothing(phase: PhaseMap) -> pl.DataFrame:
    """The frame of a phase that no strategy asks for: its columns and no row."""
    targets = dict.fromkeys((*(rule.target for rule in phase.fields), "_key"), pl.String())
    return pl.DataFrame(
        schema={
            **targets,
            "_wave": pl.Int8(),
            "source_file": pl.String(),
            "source_line": pl.Int64(),
        }
    )


def _assigned(rows: pl.DataFrame, phase: PhaseMap, choices: Choices) -> list[pl.Expr]:
    """Owner and record type, where the map says something of them."""
    found: list[pl.Expr] = []
    if phase.owner is not None or choices.field_map.owners.default is not None:
        owner = owner_ids(rows, phase, choices)
        if owner is not None:
            found.append(owner.alias("OwnerId"))
    if phase.record_type is not None:
        found.append(pl.lit(phase.record_type.name).alias("RecordType.DeveloperName"))
    return found


def cut_cells(rows: pl.DataFrame, phase: PhaseMap, lengths: dict[str, int]) -> pl.DataFrame:
    """Cells whose text is longer than the field: target, length, cells, longest."""
    found = []
    for rule in phase.fields:
        length = lengths.get(rule.target.lower())
        if rule.source and length and rule.transform in ("text", "long_text", "label"):
            column = column_for(rule, rows.columns)
            cells = rows.filter(was_cut(pl.col(column), length))
            if cells.height:
                longest = cells[column].cast(pl.String).str.len_chars().max()
                found.append((rule.target, length, cells.height, longest))
    return pl.DataFrame(
        found,
        schema={"target": pl.String, "length": pl.Int64, "cells": pl.Int64, "longest": pl.Int64},
        orient="row",
    )


def _column(
    rule: FieldRule, column: str, sizes: dict[str, int], value_maps: Mapping[str, ValueMap]
) -> pl.Expr:
    if rule.constant is not None:
        return pl.lit(rule.constant, dtype=pl.String).alias(rule.target)
    value = TRANSFORMS[rule.transform](pl.col(column), sizes.get(rule.target.lower()))
    if rule.values is not None:
        value = mapped_values(value, value_maps[rule.values])
    if rule.on_blank == "clear":
        value = value.fill_null(NULL_MARK)
    elif rule.on_blank == "set":
        value = value.fill_null(str(rule.default))
    return value.cast(pl.String).alias(rule.target)
