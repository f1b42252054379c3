"""The IO manager: every asset's frame is one Parquet file below a base folder or object store."""

from __future__ import annotations

import resource
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
from upath import UPath

from kartra_sf_pipeline.settings import Settings

if TYPE_CHECKING:
    from dagster import InputContext, OutputContext


@dataclass(frozen=True)
class StoredFrame:
    """A frame that lies in a Parquet file already: storing it moves the file."""

    path: Path


class ParquetFrames(dg.UPathIOManager):
    """Stores Polars frames as `<base>/<asset>.parquet` and loads them as the input is annotated.

    A frame is written beside its place and moved there, so that a killed run never leaves half a
    file where a reader would take it for a whole one.
    """

    extension = ".parquet"

    def dump_to_path(self, context: OutputContext, obj: Any, path: UPath) -> None:
        """Write a DataFrame, stream a LazyFrame, or move what is stored; the row count is told."""
        partial = path.with_name(path.name + ".partial")
        if isinstance(obj, StoredFrame):
            _move(obj.path, partial)
        elif isinstance(obj, pl.LazyFrame):
            obj.sink_parquet(str(partial))
        elif isinstance(obj, pl.DataFrame):
            obj.write_parquet(str(partial))
        elif type(obj).__module__.startswith("pandas."):
            pl.from_pandas(obj).write_parquet(str(partial))
        else:
            message = (
                f"{context.asset_key.to_user_string()} returned {type(obj).__name__}, no frame"
            )
            raise TypeError(message)
        partial.rename(path)
        rows = pl.scan_parquet(str(path)).select(pl.len()).collect().item()
        context.add_output_metadata(
            {
                "dagster/row_count": rows,
                "peak_memory_mb": peak_memory_mb(),
            }
        )

    def load_from_path(self, context: InputContext, path: UPath) -> pl.DataFrame | pl.LazyFrame:
        """Read eagerly, or lazily where the input is annotated as a LazyFrame."""
        if context.dagster_type.typing_type is pl.LazyFrame:
            return pl.scan_parquet(str(path))
        return pl.read_parquet(str(path))


class FramesIOManager(dg.ConfigurableIOManagerFactory):
    """Frames as Parquet under the settings' folder, or under `base` where it is given."""

    base: str | None = None

    def create_io_manager(self, context: dg.InitResourceContext) -> ParquetFrames:
        """Build the manager; the base folder is read from the settings when the run starts."""
        return ParquetFrames(base_path=UPath(self.base or Settings.load().frames_folder()))


def _move(source: Path, target: UPath) -> None:
    """Move a file, to another file system or an object store if need be."""
    if target.protocol in {"", "file", "local"}:
        shutil.move(source, Path(str(target.path)))
        return
    with source.open("rb") as content, target.open("wb") as out:
        shutil.copyfileobj(content, out, 8 << 20)
    source.unlink()


def peak_memory_mb() -> int:
    """Highest resident size of this process so far, in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return peak // 1024 if sys.platform != "darwin" else peak // 1024**2


def read_frame(settings: Settings, asset: str) -> pl.DataFrame | None:
    """The last stored frame of an asset, or None where it has never been materialised."""
    path = UPath(settings.frames_folder()) / f"{asset}.parquet"
    return pl.read_parquet(str(path)) if path.exists() else None


def scan_frame(settings: Settings, asset: str) -> pl.LazyFrame | None:
    """Like `read_frame`, unread."""
    path = UPath(settings.frames_folder()) / f"{asset}.parquet"
    return pl.scan_parquet(str(path)) if path.exists() else None
