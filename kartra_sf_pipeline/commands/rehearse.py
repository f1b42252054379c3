"""kartra-sf rehearse: the whole migration, with proof."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

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
from kartra_sf_pipeline.settings import Settings, Target


def rehearse(home: Home = None, exports: Exports = None, as_json: Json = False) -> None:
    """Move the exports into the local org (or the target's), read everything back, and say so.

    Example: kartra-sf rehearse --exports ~/kartra-exports
    """
    from kartra_sf_pipeline.commands.run_job import run_job
    from kartra_sf_pipeline.commands.screens import show_run

    try:
        settings = settings_for(home=home, exports=exports)
        settings.exports_folder()
        _check_what_is_given(settings)
        ended = run_job("rehearsal", settings, config={}, quiet=as_json)
    except PipelineError as error:
        fail(error, as_json=as_json)
    if as_json:
        print_json({**ended.summary, "problems": ended.problems})
    else:
        show_run(ended.summary, settings)
        for problem in ended.problems:
            say_error(problem)
    raise typer.Exit(ended.exit_code)


def _check_what_is_given(settings: Settings) -> None:
    """Refuse before minutes are spent on reading: target, map, ledger, and an org that says no."""
    from kartra_sf_pipeline.mapping.approval import refuse_unsigned
    from kartra_sf_pipeline.mapping.model import load_map
    from kartra_sf_pipeline.migration.ledger import Ledger

    if settings.target is Target.PRODUCTION:
        settings.refuse_unready_target()
    if settings.map is not None:
        given = load_map(settings.map)
        if settings.target is not Target.LOCAL:
            refuse_unsigned(settings.home, given)
    Ledger(settings.ledger()).close()
    with _local_org_starting(settings):
        from kartra_sf_pipeline.resources import SalesforceResource
    SalesforceResource().org()


@contextmanager
def _local_org_starting(settings: Settings) -> Iterator[None]:
    """The local org, a process of its own, starts while the body imports what takes as long.

    Raises at the end what kept it from starting.
    """
    if settings.target is not Target.LOCAL:
        yield
        return
    from kartra_sf_pipeline.localorg.process import ensure_running

    with ThreadPoolExecutor(1) as beside:
        started = beside.submit(ensure_running, settings.home, port=settings.org_port)
        yield
        started.result()
