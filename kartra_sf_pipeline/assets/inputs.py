"""How an asset takes its frames: scanned where they lie, with no more read than it asks for."""

import dagster as dg
import polars as pl

_SCANNED = dg.PythonObjectDagsterType(pl.LazyFrame, name="StoredFrame")


def scanned(*names: str) -> dict[str, dg.AssetIn]:
    """Inputs for parameters that Dagster cannot see the annotation of, such as `**frames`."""
    return {name: dg.AssetIn(dagster_type=_SCANNED) for name in names}


def columns_of(frame: pl.LazyFrame, *names: str) -> pl.DataFrame:
    """Those of the columns that the frame has; the others are not read."""
    there = frame.collect_schema().names()
    return frame.select(name for name in names if name in there).collect()
