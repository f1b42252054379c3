"""A frame that is in a file already is moved to its place, not written again."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl

from kartra_sf_pipeline.io import FramesIOManager, StoredFrame


def test_a_stored_frame_is_moved_and_loads_as_the_input_is_annotated(tmp_path: Path) -> None:
    source = tmp_path / "spool.parquet"
    pl.DataFrame({"a": [1, 2, 3]}).write_parquet(source)
    written = source.read_bytes()

    @dg.asset
    def stored() -> StoredFrame:
        return StoredFrame(source)

    @dg.asset
    def eager(stored: pl.DataFrame) -> pl.DataFrame:
        return stored.select(pl.col("a").sum())

    @dg.asset
    def lazy(stored: pl.LazyFrame) -> pl.LazyFrame:
        return stored.filter(pl.col("a") > 1)

    frames = tmp_path / "frames"
    run = dg.materialize(
        [stored, eager, lazy], resources={"io_manager": FramesIOManager(base=str(frames))}
    )
    assert not source.exists()
    assert (frames / "stored.parquet").read_bytes() == written
    assert pl.read_parquet(frames / "eager.parquet").item() == 6
    assert pl.read_parquet(frames / "lazy.parquet")["a"].to_list() == [2, 3]
    counted = run.asset_materializations_for_node("stored")[0].metadata["dagster/row_count"]
    assert counted.value == 3
