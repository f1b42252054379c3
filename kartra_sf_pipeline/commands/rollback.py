"""kartra-sf rollback: take one run back."""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from kartra_sf_pipeline.commands.context import (
    Home,
    Json,
    console,
    fail,
    print_json,
    say_error,
    settings_for,
)
from kartra_sf_pipeline.errors import PipelineError


def rollback(
    run: Annotated[
        str | None, typer.Argument(help="Ledger run, as `status` shows it; default the latest.")
    ] = None,
    home: Home = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted.")] = False,
    as_json: Json = False,
) -> None:
    """Delete by ID what a run created, children first, and prove that nothing of it is left.

    Records that the run only updated are never deleted.
    Example: kartra-sf rollback 20260630T101500-3fa2 --dry-run
    """
    from kartra_sf_pipeline.commands.run_job import run_job

    config = {"ops": {"roll_back": {"config": {"run": run or "", "dry_run": dry_run}}}}
    try:
        settings = settings_for(home=home)
        ended = run_job("rollback", settings, config=config, quiet=as_json)
    except PipelineError as error:
        fail(error, as_json=as_json)
    path = settings.runs_folder() / ended.summary["run_id"] / "rollback.parquet"
    counted = (
        pl.read_parquet(path).group_by("object", "action").len("records").sort("object", "action")
        if path.exists()
        else pl.DataFrame(schema={"object": pl.String, "action": pl.String, "records": pl.UInt32})
    )
    kept = pl.col("action").is_in(["failed", "kept_in_use"])
    left = int(counted.filter(kept)["records"].sum())
    not_restored = int(counted.filter(pl.col("action") == "not_restored")["records"].sum())
    if as_json:
        actions = counted.to_dicts()
        print_json(
            {
                **ended.summary,
                "actions": actions,
                "left": left,
                "not_restored": not_restored,
                "problems": ended.problems,
            }
        )
    else:
        for sobject, action, records in counted.iter_rows():
            said = f"would be {action}" if dry_run else action
            console.print(f"{records:>10,}  {sobject}: {said.replace('_', ' ')}", highlight=False)
        if ended.exit_code == 0 and not dry_run:
            console.print(f"Rolled back; {left} records of the run are left in the org.")
        for problem in ended.problems:
            say_error(problem)
    raise typer.Exit(ended.exit_code)
