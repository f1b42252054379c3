"""kartra-sf org: the local org as a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from kartra_sf_pipeline.commands.context import Home, Json, console, fail, print_json, settings_for
from kartra_sf_pipeline.errors import PipelineError

app = typer.Typer(
    help="Start, stop, look at or empty the local org.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


Features = Annotated[
    list[str] | None,
    typer.Option(
        "--feature",
        help="Switch a feature on, for good: multi-currency, state-and-country-picklists, "
        "contacts-to-multiple-accounts, person-accounts, territory-management. May be given "
        "several times.",
    ),
]


@app.command()
def start(home: Home = None, feature: Features = None, as_json: Json = False) -> None:
    """Start the local org, or find the one that runs already.

    Example: kartra-sf org start --feature multi-currency --json
    """
    from kartra_sf_pipeline.localorg.process import ensure_running, switch_on

    try:
        settings = settings_for(home=home)
        address = ensure_running(settings.home, port=settings.org_port)
        if feature:
            switch_on(address, feature)
        _show(asdict(address), settings.api_version, as_json)
    except PipelineError as error:
        fail(error, as_json=as_json)


@app.command()
def stop(home: Home = None, as_json: Json = False) -> None:
    """Stop the local org; its data stay.

    Example: kartra-sf org stop
    """
    from kartra_sf_pipeline.localorg import process

    try:
        stopped = process.stop(settings_for(home=home).home)
    except PipelineError as error:
        fail(error, as_json=as_json)
    if as_json:
        print_json({"running": False, "stopped": bool(stopped)})
    else:
        console.print("The local org has stopped." if stopped else "The local org was not running.")


@app.command()
def status(home: Home = None, as_json: Json = False) -> None:
    """Say whether the local org runs, and how a client reaches it.

    Example: kartra-sf org status --json
    """
    from kartra_sf_pipeline.localorg import process

    try:
        settings = settings_for(home=home)
        found = process.status(settings.home)
        _show(found if found["running"] else {}, settings.api_version, as_json)
    except PipelineError as error:
        fail(error, as_json=as_json)


@app.command()
def reset(home: Home = None, as_json: Json = False) -> None:
    """Empty the local org: every record and every custom field.

    Example: kartra-sf org reset
    """
    from kartra_sf_pipeline.localorg import process

    try:
        process.reset(settings_for(home=home).home)
    except PipelineError as error:
        fail(error, as_json=as_json)
    if as_json:
        print_json({"reset": True})
    else:
        console.print("The local org is as new.")


def _show(found: Mapping[str, Any], api_version: str, as_json: bool) -> None:
    """How a client reaches the org; the token is for machines alone: screens are shared."""
    content = {
        "running": bool(found),
        "url": found.get("url"),
        "tls_url": found.get("tls_url"),
        "ca_file": found.get("ca_file"),
        "access_token": found.get("access_token"),
        "api_version": api_version,
        "pid": found.get("pid"),
    }
    if as_json:
        print_json(content)
    elif not found:
        console.print("The local org is not running. Start it with `kartra-sf org start`.")
    else:
        console.print(f"The local org runs at {found['url']} (process {found['pid']}).")
