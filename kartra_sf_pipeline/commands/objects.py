"""kartra-sf objects: Kartra's twelve objects, what arrived of each, and the scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kartra_sf_pipeline.commands.context import Home, Json, console, fail, print_json, settings_for
from kartra_sf_pipeline.errors import PipelineError, SettingsError
from kartra_sf_pipeline.settings import Settings

if TYPE_CHECKING:
    import polars as pl

_INVENTORY = {"inventory": "object_inventory"}
_BOARD = {"objects": "object_scoreboard", "scores": "migration_scores"}
_TITLES = {
    "inventory": "To be rebuilt",
    "objects": "Kartra's twelve objects",
    "scores": "Scores and grades",
}
# What --json and the frames have, and a screen has no room for.
_NOT_SHOWN = frozenset(
    {"support", "rows_left", "vendor_points", "honest_points", "documented", "command"}
)


def objects(
    home: Home = None,
    inventory: Annotated[
        bool,
        typer.Option(
            "--inventory",
            help="What is rebuilt and not moved: memberships, courses, sequences, forms, surveys.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show Kartra's twelve objects as the last rehearsal left them, with both scores and grades.

    Example: kartra-sf objects --inventory
    """
    from kartra_sf_pipeline.commands.screens import frame_table

    try:
        settings = settings_for(home=home)
        made_by = "kartra-sf scope" if inventory else "kartra-sf rehearse"
        frames = {
            title: _frame(settings, name, made_by)
            for title, name in (_INVENTORY if inventory else _BOARD).items()
        }
    except PipelineError as error:
        fail(error, as_json=as_json)
    if as_json:
        print_json({title: frame.to_dicts() for title, frame in frames.items()})
        return
    for title, frame in frames.items():
        shown = frame.select(name for name in frame.columns if name not in _NOT_SHOWN)
        console.print(frame_table(_TITLES[title], shown))


def _frame(settings: Settings, name: str, made_by: str) -> pl.DataFrame:
    from kartra_sf_pipeline.io import read_frame

    frame = read_frame(settings, name)
    if frame is None:
        raise SettingsError(
            "There is nothing to show yet in this home.",
            next_step=f"Run `{made_by} --exports DIR` with the same home first.",
        )
    return frame
