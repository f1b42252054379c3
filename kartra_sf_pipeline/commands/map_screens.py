"""Screens of `kartra-sf map`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from rich.table import Table
from rich.text import Text

from kartra_sf_pipeline.commands.context import console
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.strategies import Decision


def show_map(
    rows: pl.DataFrame, content: FieldMap, path: Path, state: dict[str, Any], *, choices: bool
) -> None:
    """One table per phase, the choices, what is unmapped, and whether somebody has signed."""
    for (name,), part in rows.group_by("phase", maintain_order=True):
        console.print(_phase(f"{name}: {part['object'][0]}", part))
    if choices:
        _show_strategies(content)
        _show_value_maps(content)
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


def show_decisions(decisions: Sequence[Decision], title: str) -> None:
    """What was chosen, how sure the proposal is, and why."""
    if not decisions:
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("about", "chosen"):
        table.add_column(name, overflow="fold")
    table.add_column("sure", justify="right")
    table.add_column("why", overflow="fold")
    for one in decisions:
        table.add_row(Text(one.about), Text(one.chosen), f"{one.confidence:.2f}", Text(one.reason))
    console.print(table)


def _show_strategies(content: FieldMap) -> None:
    """Each strategy as it stands; the reason is the proposal's, where the value still is, too."""
    told = {one.about: one for one in content.decisions}
    shown = []
    for name, value in content.strategies.model_dump(mode="json").items():
        about = f"strategies.{name}"
        one = told.pop(about, None)
        chosen = str(value).lower() if isinstance(value, bool) else _chosen(value)
        kept = one is not None and one.chosen.split(";")[0] in (chosen.split(";")[0], chosen)
        reason = one.reason if one and kept else "chosen by a person" if one else "default"
        sure = one.confidence if one and kept else 1.0
        shown.append(Decision(about=about, chosen=chosen, confidence=sure, reason=reason))
    show_decisions([*shown, *told.values()], "Choices")


def _chosen(value: Any) -> str:
    if isinstance(value, dict):
        by_list = "; ".join(f"{kind}: {name}" for name, kind in value["by_list"].items())
        return f"{value['default']}; {by_list}" if by_list else value["default"]
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)


def _show_value_maps(content: FieldMap) -> None:
    table = Table(title="Value maps", title_justify="left", box=None, pad_edge=False)
    for name in ("map", "value", "becomes"):
        table.add_column(name, overflow="fold")
    for name, values in content.value_maps.items():
        for value, meant in values.values.items():
            table.add_row(Text(name), Text(value), Text(meant))
    console.print(table)


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
