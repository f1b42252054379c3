"""kartra-sf scope: what there is, what moves, what does not."""

from __future__ import annotations

import typer

from kartra_sf_pipeline.commands.context import (
    Exports,
    Home,
    Json,
    fail,
    print_json,
    say_error,
    settings_for,
)
from kartra_sf_pipeline.errors import PipelineError


def scope(home: Home = None, exports: Exports = None, as_json: Json = False) -> None:
    """Read the exports and say what is there; no org is asked for anything.

    Example: kartra-sf scope --exports ~/kartra-exports
    """
    from kartra_sf_pipeline.commands.run_job import run_job
    from kartra_sf_pipeline.commands.screens import show_scope

    try:
        settings = settings_for(home=home, exports=exports)
        settings.exports_folder()
        ended = run_job("scope", settings, config={}, quiet=as_json)
    except PipelineError as error:
        fail(error, as_json=as_json)
    if as_json:
        print_json({**ended.summary, "problems": ended.problems})
    else:
        show_scope(ended.summary, settings)
        for problem in ended.problems:
            say_error(problem)
    raise typer.Exit(ended.exit_code)
