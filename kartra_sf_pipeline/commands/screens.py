"""One screen that tells how a run ended."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from kartra_sf_pipeline.commands.context import console
from kartra_sf_pipeline.io import read_frame
from kartra_sf_pipeline.settings import Settings
from kartra_sf_pipeline.summary import DISPOSITIONS, OUTCOMES


def show_run(summary: dict[str, Any], settings: Settings) -> None:
    """Sources, objects, gates, read-back and where the reports are."""
    good = summary["status"] == "succeeded"
    colour = "green" if good else "red"
    console.print(
        f"[bold {colour}]{summary['job'].capitalize()} {summary['status']}[/] "
        f"on target {summary['target']}, ledger run {summary['ledger_run'] or 'none'}"
    )
    if summary["sources"]:
        console.print(_sources(summary["sources"]))
    if summary["objects"]:
        console.print(_objects(summary["objects"]))
    gates = summary["gates"]
    failed = [gate for gate in gates if not gate["passed"]]
    console.print(
        f"Gates      {len(gates) - len(failed)} of {len(gates)} passed"
        + (f"; not passed: {', '.join(gate['check'] for gate in failed[:5])}" if failed else "")
    )
    back = summary["read_back"]
    if back["records"]:
        console.print(
            f"Read back  {back['records']:,} records, {back['fields']:,} fields, "
            f"{back['differences']:,} differences"
        )
    seconds = sum(summary["timings"].values())
    console.print(f"Took       {seconds:.1f} s, {summary['peak_memory_mb']:,} MB at most")
    console.print(f"Report     {settings.home / summary['reports']}", soft_wrap=True)


def show_scope(summary: dict[str, Any], settings: Settings) -> None:
    """What the exports hold and what becomes of each kind of thing."""
    console.print(f"[bold]Scope {summary['status']}[/]")
    scope = read_frame(settings, "migration_scope") if summary["status"] == "succeeded" else None
    if scope is not None:
        table = Table(box=None, pad_edge=False)
        columns = [name for name in scope.columns if name != "note"]
        for name in columns:
            numeric = scope.schema[name].is_numeric()
            table.add_column(name.replace("_", " "), justify="right" if numeric else "left")
        for row in scope.select(columns).iter_rows():
            table.add_row(
                *(
                    "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
                    for value in row
                )
            )
        console.print(table)
    console.print(f"Report     {settings.home / summary['reports']}", soft_wrap=True)


def _sources(sources: dict[str, dict[str, int]]) -> Table:
    names = ("files", "rows", *DISPOSITIONS)
    if any(counts["not_reached"] for counts in sources.values()):
        names = (*names, "not_reached")
    return _table("From Kartra", sources, names)


def _objects(objects: dict[str, dict[str, int]]) -> Table:
    return _table("In Salesforce", objects, ("planned", *OUTCOMES))


def _table(title: str, rows: dict[str, dict[str, int]], names: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for what, counts in rows.items():
        table.add_row(what, *(f"{counts[name]:,}" for name in names))
    return table
