"""The report of a run: one self-contained page, with the rows behind its numbers as CSV."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from jinja2 import Environment, FileSystemLoader
from upath import UPath

_TEMPLATES = Path(__file__).with_name("templates")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

# Frames whose rows stand behind the page's numbers, and the columns that people need of them.
_ROWS: Mapping[str, tuple[str, ...]] = {
    "quarantine": ("export", "source_file", "source_line", "reason", "detail"),
    "dispositions": (
        "export", "source_file", "source_line", "disposition", "reason", "detail", "object",
        "sf_id",
    ),
    "forecast": ("phase", "object", "code", "field", "fix", "source_file", "source_line"),
    "read_back_differences": ("object", "field", "source_file", "source_line"),
    "will_not_migrate": (),
    "migration_scope": (),
    "object_scoreboard": (),
    "migration_scores": (),
    "object_inventory": (),
}  # fmt: skip

# Columns that fit on the page, where the CSV has more than that.
_ON_THE_PAGE: Mapping[str, tuple[str, ...]] = {
    "object_scoreboard": (
        "object", "destination", "cardinality", "support", "rows_in", "rows_moved", "records",
        "loss",
    ),
}  # fmt: skip


def write_site(folder: Path, frames: str) -> Path:
    """Write index.html and the CSV files beside a run's summary.json; returns the page.

    Works for runs that failed half-way, too: what was not reached is left out and said.
    """
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    reached = set(summary["timings"])
    rows: dict[str, int] = {}
    tables: dict[str, list[dict[str, Any]]] = {}
    for name, columns in _ROWS.items():
        path = UPath(frames) / f"{name}.parquet"
        if name not in reached or not path.exists():
            continue
        frame = pl.read_parquet(str(path))
        frame = frame.select(columns) if columns else frame
        rows[name] = frame.height
        write_csv(frame, folder / f"{name}.csv")
        if not columns:
            tables[name] = frame.select(_ON_THE_PAGE.get(name) or frame.columns).to_dicts()
    rejects = _rejects(frames, reached)
    rows["rejects"] = rejects.height
    write_csv(rejects, folder / "rejects.csv")
    page = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template("run.html")
    target = folder / "index.html"
    target.write_text(
        page.render(
            summary=summary, rows=rows, tables=tables, rejects=rejects.head(100).to_dicts()
        ),
        encoding="utf-8",
    )
    return target


def write_csv(frame: pl.DataFrame, path: Path) -> None:
    """A CSV that opens safely in a spreadsheet: text that would start a formula is quoted off."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    risky = pl.col(texts).str.slice(0, 1).is_in(_FORMULA)
    safe = frame.with_columns(
        pl.when(risky).then(pl.lit("'") + pl.col(texts)).otherwise(pl.col(texts)).name.keep()
    ) if texts else frame  # fmt: skip
    lists = [name for name, dtype in safe.schema.items() if isinstance(dtype, pl.List)]
    safe.with_columns(pl.col(lists).cast(pl.List(pl.String)).list.join("; ")).write_csv(path)


def _rejects(frames: str, reached: set[str]) -> pl.DataFrame:
    columns = (
        "object",
        "error_code",
        "error_fields",
        "error_message",
        "source_file",
        "source_line",
    )
    found = [
        pl.read_parquet(str(path)).filter(pl.col("outcome") == "rejected").select(columns)
        for name in sorted(reached)
        if name.startswith("loaded_") and (path := UPath(frames) / f"{name}.parquet").exists()
    ]
    schema = {**dict.fromkeys(columns[:-1], pl.String), "source_line": pl.Int64}
    return pl.concat([pl.DataFrame(schema=schema), *found], how="diagonal_relaxed")
