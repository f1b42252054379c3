"""kartra-sf status: the runs, what they did, and whether the local org is up."""

from __future__ import annotations

from typing import Any

import polars as pl
from rich.table import Table

from kartra_sf_pipeline.commands.context import Home, Json, console, fail, print_json, settings_for
from kartra_sf_pipeline.errors import PipelineError
from kartra_sf_pipeline.migration.lease import is_interrupted
from kartra_sf_pipeline.settings import Settings

SHOWN = 15


def status(home: Home = None, as_json: Json = False) -> None:
    """Show the ledger's runs, newest first, and the local org.

    Example: kartra-sf status --json
    """
    from kartra_sf_pipeline.localorg import process
    from kartra_sf_pipeline.migration.ledger import Ledger

    try:
        settings = settings_for(home=home)
        url = process.status(settings.home).get("url")
        ledger = Ledger(settings.ledger())
        runs = _with_interrupted(ledger.runs(), settings)
        phases = {run: ledger.phases(run).to_dicts() for run in runs["run_id"].head(1)}
        ledger.close()
    except PipelineError as error:
        fail(error, as_json=as_json)
    if as_json:
        print_json(
            {
                "home": str(settings.home),
                "local_org": {"running": url is not None, "url": url},
                "runs": runs.to_dicts(),
                "latest_phases": next(iter(phases.values()), []),
            }
        )
        return
    console.print(f"Home       {settings.home}")
    console.print(f"Local org  {url or 'not running'}")
    if runs.is_empty():
        console.print("No run yet. Start with `kartra-sf rehearse`.")
        return
    console.print(_table(runs.head(SHOWN).to_dicts()))


def _with_interrupted(runs: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """A run whose process has died cannot say so itself: it is `interrupted`, not `running`."""
    running = runs.filter(pl.col("status") == "running")["run_id"]
    dead = [run for run in running if is_interrupted(settings.runs_folder(), run)]
    return runs.with_columns(
        status=pl.when(pl.col("run_id").is_in(dead)).then(pl.lit("interrupted")).otherwise("status")
    )


def _table(runs: list[dict[str, Any]]) -> Table:
    table = Table(title="Runs, newest first", title_justify="left")
    for name in ("run", "job", "target", "status", "started"):
        table.add_column(name)
    for name in ("created", "updated", "rejected", "unknown"):
        table.add_column(name, justify="right")
    for run in runs:
        table.add_row(
            run["run_id"],
            run["job"],
            run["target"],
            run["status"],
            f"{run['started_at']:%Y-%m-%d %H:%M}",
            *(f"{run[name]:,}" for name in ("created", "updated", "rejected", "unknown")),
        )
    return table
