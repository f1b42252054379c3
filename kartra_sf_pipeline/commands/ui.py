"""kartra-sf ui: Dagster's web interface on this project."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from kartra_sf_pipeline.commands.context import Exports, Home, prepare_dagster_home, settings_for
from kartra_sf_pipeline.settings import PROJECT


def ui(
    home: Home = None,
    exports: Exports = None,
    port: Annotated[int, typer.Option("--port", help="Port on loopback.")] = 3_000,
) -> None:
    """Open Dagster on the same runs as the command line, at http://127.0.0.1:3000.

    Example: kartra-sf ui --port 3100
    """
    prepare_dagster_home(settings_for(home=home, exports=exports))
    command = [sys.executable, "-m", "dagster", "dev", "-h", "127.0.0.1", "-p", str(port)]
    os.chdir(PROJECT)
    os.execv(sys.executable, [*command, "-w", "workspace.yaml"])
