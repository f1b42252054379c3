"""What every verb shares: the settings in force, Dagster's instance, and how a verb ends."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from kartra_sf_pipeline.errors import SettingsError, UserError
from kartra_sf_pipeline.settings import PROJECT, Settings

OK, SAID_NO, USED_WRONGLY = 0, 1, 2

Home = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the local org, ledger, frames, runs and reports."),
]
Exports = Annotated[
    Path | None, typer.Option("--exports", help="Folder of Kartra exports; default data/sample.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for machines.")]

console = Console(width=None if sys.stdout.isatty() else 120)
errors = Console(stderr=True, soft_wrap=True)


def settings_for(**given: Any) -> Settings:
    """Settings from options and environment; the environment then says the same to every step."""
    settings = Settings.load(**given)
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"The home folder {settings.home} cannot be made: {error.strerror}.",
            next_step="Name another folder with --home or KARTRA_SF_HOME.",
        ) from None
    for name, value in given.items():
        if value is not None:
            os.environ[f"KARTRA_SF_{name.upper()}"] = str(value)
    os.environ["KARTRA_SF_HOME"] = str(settings.home)
    return settings


def prepare_dagster_home(settings: Settings) -> Path:
    """DAGSTER_HOME with this project's dagster.yaml; set in the environment."""
    home = settings.dagster_home()
    (home / ".nux").mkdir(parents=True, exist_ok=True)
    # The UI would greet first-time users with a dialog over the page.
    (home / ".nux" / "nux.yaml").write_text("seen: 1\n", encoding="utf-8")
    source = PROJECT / "dagster.yaml"
    if source.exists():
        shutil.copyfile(source, home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    return home


def print_json(content: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(content, indent=2, default=str))


def fail(error: Exception, *, as_json: bool = False) -> NoReturn:
    """End with one message: exit code 2 for what the user can mend, 1 for the rest."""
    code = USED_WRONGLY if isinstance(error, UserError) else SAID_NO
    say_error(str(error), as_json=as_json)
    raise typer.Exit(code)


def say_error(message: str, *, as_json: bool = False) -> None:
    """One message on standard error, or as JSON on standard output."""
    if as_json:
        print_json({"status": "failed", "error": message})
    else:
        errors.print(f"[bold red]Error[/] {_plain(message)}", highlight=False)


def _plain(text: str) -> str:
    """Square brackets of a message are its own, not markup."""
    return text.replace("[", "\\[")
