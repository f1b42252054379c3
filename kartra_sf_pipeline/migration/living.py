"""Runs whose process still loads: nothing of their org is taken back meanwhile."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from kartra_sf_pipeline.errors import UserError
from kartra_sf_pipeline.migration.lease import is_interrupted
from kartra_sf_pipeline.migration.ledger import Ledger

_ORG_ID_CHARS = 15


class RunAlive(UserError):
    """A run of the org has not ended."""


def refuse_living(ledger: Ledger, org_id: str, runs_folder: Path | None) -> None:
    """Raise RunAlive while a run of that org is under way.

    Between two phases a run holds no lease of the ledger, and would go on. `runs_folder` is where
    runs hold their locks: a run without a process is none that goes on. Without that folder every
    run counts that has not said how it ended.
    """
    running = ledger.runs().filter(
        pl.col("status") == "running",
        pl.col("org_id").str.slice(0, _ORG_ID_CHARS) == org_id[:_ORG_ID_CHARS],
    )["run_id"]
    alive = [run for run in running if runs_folder is None or not is_interrupted(runs_folder, run)]
    if alive:
        raise RunAlive(
            f"Run {alive[0]} is still loading this org: nothing was taken back.",
            next_step="Wait until it has ended, or stop it; `kartra-sf status` tells. A run that "
            "was started on another machine and died there is rolled back from that machine.",
        )
