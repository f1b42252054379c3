"""Writes frames.md: the columns of every asset's Parquet, taken from the frames of a run.

Run it from the project's folder after a rehearsal: `.venv/bin/python docs/frames.py --home DIR`.
It stops at a column whose meaning nobody has written down in frames.yaml beside it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.settings import Settings

HERE = Path(__file__).resolve().parent
ACCOUNTS_OWN = ("x__", "Kartra_CF_")
"""Columns that differ from account to account: one line stands for all of a frame's."""


def main() -> int:
    """Write the page; returns 1 where a column or a frame has no meaning yet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--home", type=Path, help="home of the run (default: the project's own)")
    settings = Settings.load(home=parser.parse_args().home)
    meanings: dict[str, Any] = yaml.safe_load((HERE / "frames.yaml").read_text(encoding="utf-8"))
    folder = Path(settings.frames_folder())
    missing: list[str] = []
    lines = [meanings["preface"].rstrip()]
    for group, frames in meanings["groups"].items():
        lines += ["", f"## {group}"]
        for name, about in frames.items():
            schema = pl.read_parquet_schema(folder / f"{name}.parquet")
            lines += ["", f"### `{name}`", "", about["row"], ""]
            lines += _table(name, schema, about, meanings, folder, missing)
    described = {name for frames in meanings["groups"].values() for name in frames}
    stored = {path.stem for path in folder.glob("*.parquet")}
    like = {name for name in stored if name.startswith("loaded_")} | set(meanings["like"])
    missing += sorted(stored - described - like)
    (HERE / "frames.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in missing:
        sys.stderr.write(f"frames.yaml says nothing of {name}\n")
    return 1 if missing else 0


def _table(
    name: str,
    schema: dict[str, pl.DataType],
    about: dict[str, Any],
    meanings: dict[str, Any],
    folder: Path,
    missing: list[str],
) -> Iterator[str]:
    if about.get("verbatim"):
        own = [column for column in schema if not column.startswith(ACCOUNTS_OWN)]
        yield ", ".join(f"`{column}`" for column in own)
        return
    own_words: dict[str, str] = about.get("columns", {})
    mapped = _from_map(name, folder) if about.get("mapped") else {}
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    told: set[str] = set()
    for column, dtype in schema.items():
        prefix = next((p for p in ACCOUNTS_OWN if column.startswith(p)), None)
        label = f"{prefix}*" if prefix else column
        if label in told:
            continue
        told.add(label)
        said = own_words.get(label) or mapped.get(column) or meanings["columns"].get(label)
        if said is None:
            missing.append(f"{name}.{label}")
        text = (said or "").replace("|", "\\|")
        yield f"| `{label}` | {_type(dtype)} | {text} |"


def _from_map(phase: str, folder: Path) -> dict[str, str]:
    """What the run's field map says of a phase's columns, or the map that a run starts from."""
    rules = pl.read_parquet(folder / "field_map.parquet").filter(pl.col("phase") == phase)
    standard = [
        (rule.target, rule.source or repr(rule.constant), rule.transform)
        for rule in default_map().phases[phase].fields
    ]
    said = [*standard, *rules.select("target", "source", "transform").iter_rows()]
    return {
        target: f"`{source}`" + ("" if transform == "text" else f", as {transform}")
        for target, source, transform in said
    }


def _type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Datetime):
        return "Datetime (UTC)" if dtype.time_zone else "Datetime"
    if isinstance(dtype, pl.Decimal):
        return f"Decimal({dtype.precision},{dtype.scale})"
    if isinstance(dtype, pl.List):
        return f"List of {dtype.inner}"
    return str(dtype)


if __name__ == "__main__":
    sys.exit(main())
