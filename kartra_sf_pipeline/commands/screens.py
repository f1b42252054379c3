"""One screen that tells how a run ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import polars as pl
from rich.markup import escape
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
    stopped = [gate["check"] for gate in failed if gate["blocking"]]
    warned = [gate["check"] for gate in failed if not gate["blocking"]]
    console.print(
        f"Gates      {len(gates) - len(failed)} of {len(gates)} checks passed"
        + (f"; not passed: {', '.join(stopped)}" if stopped else "")
        + (f"; to look at: {', '.join(warned)}" if warned else "")
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
    """What the exports hold, how complete they are, and what becomes of each kind of thing.

    Of a scope that a gate has stopped, what was reached is shown.
    """
    good = summary["status"] == "succeeded"
    console.print(f"[bold {'green' if good else 'red'}]Scope {summary['status']}[/]")
    frames = {
        name: frame
        for name in _SCOPE_FRAMES
        if name in summary["timings"] and (frame := read_frame(settings, name)) is not None
    }
    for name, show in _SCOPE_FRAMES.items():
        if name in frames:
            show(frames[name])
    folder = settings.runs_folder() / summary["run_id"]
    if "extraction_plan" in frames:
        console.print(f"Plan       {folder / 'extraction_plan.csv'}", soft_wrap=True)
    console.print(f"Report     {settings.home / summary['reports']}", soft_wrap=True)


def _show_objects(scope: pl.DataFrame) -> None:
    console.print(frame_table("What moves", scope.drop("note")))


def _show_people(audit: pl.DataFrame) -> None:
    figures = dict(audit.select("metric", "value").iter_rows())
    notes = dict(audit.select("metric", "note").iter_rows())
    console.print(
        f"People     {figures['contact_rows']:,} rows exported, {figures['contacts']:,} people, "
        f"{figures['contacts_clean_active']:,} clean and active, "
        f"{figures['contacts_mailable']:,} may be mailed"
    )
    tier = notes["kartra_plan_headroom"]
    if tier:
        console.print(
            f"[yellow]Kartra plan {figures['kartra_plan_contacts']:,} contacts, "
            f"{figures['kartra_plan_headroom']:,} to spare. {tier}[/]"
        )


def _show_completeness(totals: pl.DataFrame) -> None:
    given = totals.filter(pl.col("status") != "not_given")
    if given.is_empty():
        console.print(
            "[yellow]Complete?  Unproven: there is no control_totals.yaml among the exports. "
            "A template is in the run's folder.[/]"
        )
        return
    console.print(
        frame_table("Control totals", given.select("what", "unit", "expected", "found", "status"))
    )
    open_ = totals.filter(pl.col("essential") & (pl.col("status") == "not_given"))
    if open_.height:
        names = ", ".join(open_["what"].unique(maintain_order=True))
        console.print(f"[yellow]Complete?  Unproven for {names}: no figure to compare with.[/]")


def _show_identity(identity: pl.DataFrame) -> None:
    odd = identity.filter(pl.col("verdict").is_in(["disjoint", "other_account"]))
    for finding in odd["finding"]:
        console.print(f"[yellow]Account?   {escape(finding)}[/]", highlight=False)


def _show_missing(plan: pl.DataFrame) -> None:
    absent = plan.filter(pl.col("state") == "missing")["export"].unique(maintain_order=True)
    if len(absent):
        console.print(f"Missing    {', '.join(absent)}")
    trial = plan.filter(pl.col("part") == "trial").row(0, named=True)
    if trial["state"] != "not_needed":
        console.print(f"Trial      {trial['state']}: {escape(trial['what_to_do'])}")


def _show_choices(choices: pl.DataFrame) -> None:
    shown = choices.filter((pl.col("contacts") > 0) & (pl.col("rule") != "any_chosen"))
    console.print(
        frame_table(
            "Who could stay behind (KARTRA_SF_SUPPRESS)",
            shown.select("rule", "contacts", "buyers", "storage_saved_kb", "kartra_tier", "chosen"),
        )
    )


def _show_probe(probe: pl.DataFrame) -> None:
    console.print(
        frame_table("What people did", probe.select("kind", "verdict", "tags", "contacts", "rows"))
    )


_SCOPE_FRAMES: Mapping[str, Callable[[pl.DataFrame], None]] = {
    "migration_scope": _show_objects,
    "account_audit": _show_people,
    "engagement_probe": _show_probe,
    "suppression_choices": _show_choices,
    "control_totals": _show_completeness,
    "source_identity": _show_identity,
    "extraction_plan": _show_missing,
}


def frame_table(title: str, frame: pl.DataFrame) -> Table:
    """A frame of figures as it stands; numbers to the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name, dtype in frame.schema.items():
        table.add_column(name.replace("_", " "), justify="right" if dtype.is_numeric() else "left")
    for row in frame.iter_rows():
        table.add_row(*(_cell(value) for value in row))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:,.2f}" if value % 1 else f"{int(value):,}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


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
