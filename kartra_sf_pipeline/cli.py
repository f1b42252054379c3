"""kartra-sf: the same jobs for people who live in a terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from kartra_sf_pipeline.commands import map as field_map
from kartra_sf_pipeline.commands import (
    objects,
    org,
    rehearse,
    rollback,
    sample,
    schema,
    scope,
    status,
    ui,
)
from kartra_sf_pipeline.commands.context import fail
from kartra_sf_pipeline.errors import PipelineError

app = typer.Typer(
    name="kartra-sf",
    help="Kartra exports in, a reconciled Salesforce org out, and all the way back.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("sample")(sample.sample)
app.command("scope")(scope.scope)
app.command("rehearse")(rehearse.rehearse)
app.command("status")(status.status)
app.command("rollback")(rollback.rollback)
app.command("objects")(objects.objects)
app.command("ui")(ui.ui)
app.add_typer(field_map.app, name="map")
app.add_typer(schema.app, name="schema")
app.add_typer(org.app, name="org")


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as installed

        typer.echo(installed("kartra-sf-pipeline"))
        raise typer.Exit


@app.callback()
def _about(
    version: Annotated[
        bool,
        # Eager: it answers before a missing verb is complained about.
        typer.Option("--version", help="Print the version.", callback=_say_version, is_eager=True),
    ] = False,
) -> None: ...


def main() -> None:
    """Run the command line; a mistake ends in one message, never in a traceback."""
    try:
        app()
    except PipelineError as error:
        try:
            fail(error)
        except typer.Exit as ending:
            raise SystemExit(ending.exit_code) from None


if __name__ == "__main__":
    main()
