"""Inputs that an asset scans instead of reading."""

from collections.abc import Iterable

import dagster as dg
import polars as pl

# Dagster makes a type of the class's own name wherever an annotation says LazyFrame.
SCANNED = dg.PythonObjectDagsterType(pl.LazyFrame, name="ScannedFrame")


def scanned(names: Iterable[str]) -> dict[str, dg.AssetIn]:
    """Inputs by asset name, each a LazyFrame: a builder collects what it selects."""
    return {name: dg.AssetIn(dagster_type=SCANNED) for name in names}
