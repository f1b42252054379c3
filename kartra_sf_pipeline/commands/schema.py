"""kartra-sf schema: what the map needs the org to have, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kartra_sf_pipeline.commands.context import Home, Json, console, fail, print_json, settings_for
from kartra_sf_pipeline.commands.map import MapFile, map_path
from kartra_sf_pipeline.errors import PipelineError, SettingsError
from kartra_sf_pipeline.settings import Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import polars as pl

    from kartra_sf_pipeline.salesforce.org import Org

app = typer.Typer(
    help="Show what must be in the org for the map, and remove it again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command()
def plan(home: Home = None, map_file: MapFile = None, as_json: Json = False) -> None:
    """Show what the map needs that the org lacks; nothing is written.

    Example: kartra-sf schema plan --map our_map.yaml
    """
    from kartra_sf_pipeline.mapping.model import load_map
    from kartra_sf_pipeline.mapping.org_facts import snapshot_objects
    from kartra_sf_pipeline.mapping.schema_plan import ask_plan

    try:
        settings = settings_for(home=home)
        path = map_path(settings, map_file)
        content = load_map(path)
        org = _org()
        org.forget_describes()
        made = ask_plan(org, content, snapshot_objects(org, content).objects)
    except PipelineError as error:
        fail(error, as_json=as_json)
    rows = made.to_frame().select("component", "name", "type", "action", "detail")
    actions = dict(rows.group_by("action").len().sort("action").iter_rows())
    if as_json:
        print_json({"map": str(path), "actions": actions, "components": rows.to_dicts()})
    else:
        _show("To do", rows.filter(rows["action"] != "present"))
        told = ", ".join(f"{count} {action}" for action, count in actions.items())
        console.print(f"{rows.height} components: {told}.", highlight=False)
    raise typer.Exit(1 if made.conflicts else 0)


@app.command()
def remove(
    home: Home = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else it is only shown.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Though a load was not rolled back; needs --reason.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "",
    as_json: Json = False,
) -> None:
    """Show what deployments brought to the org and who has data in it; with --yes, remove it.

    Example: kartra-sf schema remove --yes
    """
    from kartra_sf_pipeline.mapping.schema_removal import plan_removal
    from kartra_sf_pipeline.mapping.schema_removal import remove as take_away
    from kartra_sf_pipeline.resources import LedgerResource

    removed: int | None = None
    try:
        settings = settings_for(home=home)
        if settings.target is Target.PRODUCTION:
            settings.refuse_unready_target()
        org = _org()
        removal = plan_removal(org, settings.home)
        rows = removal.to_frame()
        if yes:
            books = LedgerResource().open()
            with books.lease():
                run = books.latest_loaded_run(settings.target.value, org.org_id)
                _refuse_loaded(run, removal.loaded, force=force, reason=reason)
                removed = take_away(org, settings.home, removal, reason=reason.strip())
            _forget_snapshot(settings.home, org)
    except PipelineError as error:
        fail(error, as_json=as_json)
    if as_json:
        print_json({"removed": removed, "components": rows.to_dicts()})
        return
    if rows.is_empty():
        console.print("Nothing was deployed to this org from this home.")
        return
    _show("Removed" if removed is not None else "Would go", rows)
    if removed is not None:
        console.print(f"{removed} components were removed or switched off.")
    else:
        console.print("Nothing was changed. To do it: kartra-sf schema remove --yes")


def _refuse_loaded(run: str | None, loaded: Mapping[str, int], *, force: bool, reason: str) -> None:
    """Raise SettingsError while records of a load, here or from another home, lose their keys."""
    if run is None and not loaded:
        return
    if not force and run is not None:
        raise SettingsError(
            f"Run {run} loaded this org and was not rolled back: without the fields its records "
            "lose their keys, and nothing can be rolled back or loaded again.",
            next_step="Run `kartra-sf rollback` first, or pass --force --reason WHY.",
        )
    if not force:
        listed = ", ".join(f"{name} ({records:,})" for name, records in list(loaded.items())[:5])
        more = f" and {len(loaded) - 5} more" if len(loaded) > 5 else ""
        raise SettingsError(
            f"Records that a run loaded, by its stamp, hold values in {listed}{more}, and no run "
            "of this home accounts for them: another home may have loaded this org.",
            next_step="Run `kartra-sf rollback` in that home first, or pass --force --reason WHY.",
        )
    if not reason.strip():
        raise SettingsError("--force needs a reason.", next_step="Pass --reason WHY.")


def _forget_snapshot(home: Path, org: Org) -> None:
    """What was stored of the org is told anew, where there is something."""
    from kartra_sf_pipeline.mapping.org_facts import ask_org

    if (home / "org_snapshot.json").exists():
        ask_org(org).write(home)


def _org() -> Org:
    from kartra_sf_pipeline.resources import SalesforceResource

    return SalesforceResource().org()


def _show(title: str, rows: pl.DataFrame) -> None:
    from rich.table import Table
    from rich.text import Text

    if rows.is_empty():
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in rows.columns:
        table.add_column(name, overflow="fold")
    for row in rows.iter_rows():
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    console.print(table)
