"""Screens of `kartra-sf map`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from rich.table import Table
from rich.text import Text

from kartra_sf_pipeline.commands.context import console
from kartra_sf_pipeline.mapping.model import FieldMap


def show_map(rows: pl.DataFrame, content: FieldMap, path: Path, state: dict[str, Any]) -> None:
    """One table per phase, what is unmapped, and whether somebody has signed."""
    for (name,), part in rows.group_by("phase", maintain_order=True):
        console.print(_phase(f"{name}: {part['object'][0]}", part))
    if content.unmapped:
        table = Table(title="Unmapped columns", title_justify="left", box=None, pad_edge=False)
        table.add_column("column")
        table.add_column("rows with a value", justify="right")
        for one in content.unmapped:
            table.add_row(Text(one.source), f"{one.filled:,}")
        console.print(table)
    console.print(f"Map        {path}", soft_wrap=True, highlight=False)
    colour = "green" if state["approved"] else "yellow"
    console.print(f"[{colour}]Approval[/]   ", end="")
    console.print(state["approval"], markup=False, highlight=False)


def show_differences(differences: list[dict[str, Any]]) -> None:
    """One line per difference."""
    if not differences:
        console.print("The maps say the same.")
        return
    table = Table(title=f"{len(differences)} differences", title_justify="left", box=None)
    for name in ("phase", "target", "key", "old", "new"):
        table.add_column(name)
    for one in differences:
        table.add_row(
            *(Text(one[name] or "-") for name in ("phase", "target", "key", "old", "new"))
        )
    console.print(table)


def _phase(title: str, rows: pl.DataFrame) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("source", "target", "type", "transform"):
        table.add_column(name, overflow="fold")
    for name in ("filled", "longest", "cut", "lost", "missed", "sure"):
        table.add_column(name, justify="right")
    table.add_column("samples", overflow="fold")
    table.add_column("why", overflow="fold")
    for row in rows.iter_rows(named=True):
        kind = " ".join(str(part) for part in (row["type"], row["length"]) if part)
        table.add_row(
            Text(row["source"]),
            Text(row["target"]),
            kind,
            row["transform"],
            "" if row["fill_rate"] is None else f"{row['fill_rate']:.0%}",
            *(_figure(row[name]) for name in ("longest", "cut_cells", "lost_cells")),
            _figure(row["picklist_misses"]),
            f"{row['confidence']:.2f}",
            Text(row["samples"] or ""),
            Text(row["reason"]),
        )
    return table


def _figure(value: int | None) -> str:
    return "" if not value else f"{value:,}"
