"""kartra-sf map: the field map proposed, shown, compared and confirmed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kartra_sf_pipeline.commands.context import Home, Json, console, fail, print_json, settings_for
from kartra_sf_pipeline.errors import PipelineError, SettingsError
from kartra_sf_pipeline.settings import Settings

if TYPE_CHECKING:
    import polars as pl

    from kartra_sf_pipeline.mapping.model import FieldMap
    from kartra_sf_pipeline.mapping.org_facts import OrgFacts
    from kartra_sf_pipeline.mapping.validate import Fault

app = typer.Typer(
    help="Propose, show, compare and approve the field map.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

MapFile = Annotated[
    Path | None,
    typer.Option("--map", help="The map; default KARTRA_SF_MAP, else the home folder's."),
]
PROPOSED = "field_map.proposed.yaml"


@dataclass(frozen=True)
class _Opened:
    """A map with what it is judged by."""

    path: Path
    content: FieldMap
    facts: OrgFacts
    frames: dict[str, pl.DataFrame]
    faults: list[Fault]


@app.command()
def propose(
    home: Home = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help=f"File to write; default {PROPOSED} in the home folder."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file of yours.")] = False,
    judge: Annotated[
        str | None,
        typer.Option(
            "--judge",
            help="A program that says how alike names are, as a second opinion (docs/map.md).",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Propose the whole map from the account that was scoped last and the org as it is.

    Example: kartra-sf map propose --out our_map.yaml
    """
    try:
        settings = settings_for(home=home)
        path = (out or settings.home / PROPOSED).expanduser().absolute()
        if out is not None and path.exists() and not force:
            raise SettingsError(
                f"{path} exists already.", next_step="Name another file, or pass --force."
            )
        content = _proposal(_prepared(settings), _ask(), judge)
        _write(path, content.to_yaml())
        opened = _open(settings, path)
    except PipelineError as error:
        fail(error, as_json=as_json)
    from kartra_sf_pipeline.commands.map_screens import show_decisions
    from kartra_sf_pipeline.mapping.evidence import SURE

    rules = [rule for phase in content.phases.values() for rule in phase.fields]
    doubtful = [rule for rule in rules if rule.confidence < SURE]
    decisions = [one for one in content.decisions if one.confidence < SURE]
    if as_json:
        print_json(
            {
                "file": str(path),
                "fingerprint": content.fingerprint(),
                "fields": len(rules),
                "doubtful": [rule.target for rule in doubtful],
                "decisions": [one.model_dump() for one in content.decisions],
                "unmapped": [one.model_dump() for one in content.unmapped],
                "faults": _faults(opened),
            }
        )
        return
    console.print(
        f"{len(rules)} fields, {len(doubtful)} to look at twice, "
        f"{len(content.unmapped)} columns unmapped."
    )
    show_decisions(decisions, "Choices to look at twice")
    _say_faults(opened)
    console.print(f"Written    {path}", soft_wrap=True, highlight=False)
    console.print(
        "Next       Read it, name it in KARTRA_SF_MAP, then kartra-sf map approve --by NAME"
    )


@app.command()
def show(
    home: Home = None,
    map_file: MapFile = None,
    phase: Annotated[str | None, typer.Option("--phase", help="One phase alone.")] = None,
    as_json: Json = False,
) -> None:
    """Show each field with fill rate, longest value, what is cut, masked samples and why.

    Example: kartra-sf map show --phase contact_tags
    """
    from kartra_sf_pipeline.load_order import PHASE_NAMES

    try:
        settings = settings_for(home=home)
        if phase is not None and phase not in PHASE_NAMES:
            raise SettingsError(
                f"There is no phase {phase}.", next_step=f"Phases: {', '.join(PHASE_NAMES)}."
            )
        opened = _open(settings, map_path(settings, map_file))
        state = _state(settings, opened)
    except PipelineError as error:
        fail(error, as_json=as_json)
    from kartra_sf_pipeline.commands.map_screens import show_map
    from kartra_sf_pipeline.mapping.profile import profile_map

    rows = profile_map(opened.content, opened.frames, opened.facts.objects)
    if phase is not None:
        rows = rows.filter(rows["phase"] == phase)
    if as_json:
        print_json(
            {
                "file": str(opened.path),
                **state,
                "fields": rows.to_dicts(),
                "strategies": opened.content.strategies.model_dump(mode="json"),
                "decisions": [one.model_dump() for one in opened.content.decisions],
                "owners": opened.content.owners.model_dump(mode="json"),
                "value_maps": {
                    name: one.model_dump(mode="json")
                    for name, one in opened.content.value_maps.items()
                },
                "unmapped": [one.model_dump() for one in opened.content.unmapped],
                "faults": _faults(opened),
            }
        )
        return
    show_map(rows, opened.content, opened.path, state, choices=phase is None)
    _say_faults(opened)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="A map.")],
    new: Annotated[Path | None, typer.Argument(help="Another; default: a new proposal.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Show what differs between two maps, or between a map and what would be proposed now.

    Example: kartra-sf map diff our_map.yaml
    """
    from kartra_sf_pipeline.commands.map_screens import show_differences
    from kartra_sf_pipeline.mapping.map_diff import diff_maps
    from kartra_sf_pipeline.mapping.model import load_map

    try:
        settings = settings_for(home=home)
        first = load_map(old)
        second = load_map(new) if new is not None else _proposal(_prepared(settings), _ask())
    except PipelineError as error:
        fail(error, as_json=as_json)
    differences = diff_maps(first, second)
    if as_json:
        print_json(
            {"old": str(old), "new": str(new) if new else "proposal", "differences": differences}
        )
    else:
        show_differences(differences)


@app.command()
def approve(
    by: Annotated[str, typer.Option("--by", help="Who has read it.")],
    home: Home = None,
    map_file: MapFile = None,
    as_json: Json = False,
) -> None:
    """Sign the map as it is for the target's org as it is; a change of either asks again.

    Example: kartra-sf map approve --by "Ann Smith"
    """
    from kartra_sf_pipeline.mapping.approval import approve as sign
    from kartra_sf_pipeline.mapping.model import map_text
    from kartra_sf_pipeline.mapping.validate import refuse

    try:
        settings = settings_for(home=home)
        opened = _open(settings, map_path(settings, map_file))
        refuse(opened.faults, opened.path, map_text(opened.path))
        signed = sign(
            settings.home,
            opened.content,
            opened.facts.snapshot.org_id,
            opened.facts.objects,
            by=by,
            file=opened.path,
        )
    except PipelineError as error:
        fail(error, as_json=as_json)
    if as_json:
        print_json(signed.model_dump(mode="json"))
        return
    _say_faults(opened)
    console.print(
        f"{opened.path.name} is approved by {signed.by} for org {signed.org_id}.", highlight=False
    )


@app.command()
def schema() -> None:
    """Print the JSON schema of the map's file, for editors.

    Example: kartra-sf map schema > field_map.schema.json
    """
    from kartra_sf_pipeline.mapping.model import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written: {error.strerror or error}.",
            next_step="Name a file that may be written with --out.",
        ) from None


def map_path(settings: Settings, given: Path | None) -> Path:
    """The map that is meant: the one named, else the home's own, else what was proposed."""
    named = given or settings.map
    if named is not None:
        return named.expanduser().absolute()
    for path in (settings.home / "field_map.yaml", settings.home / PROPOSED):
        if path.exists():
            return path
    raise SettingsError(
        "There is no field map yet.",
        next_step="Run `kartra-sf map propose`, or name a file with --map or KARTRA_SF_MAP.",
    )


def _open(settings: Settings, path: Path) -> _Opened:
    from kartra_sf_pipeline.mapping.model import load_map
    from kartra_sf_pipeline.mapping.original_dates import original_date_faults
    from kartra_sf_pipeline.mapping.owner_faults import owner_faults
    from kartra_sf_pipeline.mapping.phase_frames import phase_frames
    from kartra_sf_pipeline.mapping.rows.choices import choices_for
    from kartra_sf_pipeline.mapping.validate import check_map
    from kartra_sf_pipeline.mapping.validate_schema import schema_faults

    content = load_map(path)
    prepared = _prepared(settings)
    facts = _ask(content)
    choices = choices_for(content, facts, settings.event_minutes)
    frames = phase_frames(prepared, choices)
    return _Opened(
        path,
        content,
        facts,
        frames,
        [
            *owner_faults(content, choices.phases, frames, facts.users),
            *original_date_faults(content, choices.phases),
            *schema_faults(content, facts),
            *check_map(content, frames, facts.objects, None, facts.currency),
        ],
    )


def _ask(content: FieldMap | None = None) -> OrgFacts:
    """The target's org as it is now, with the objects that the map writes; it is only read."""
    from kartra_sf_pipeline.mapping.org_facts import ask_org
    from kartra_sf_pipeline.resources import SalesforceResource

    return ask_org(SalesforceResource().org(), content)


def _prepared(settings: Settings) -> dict[str, pl.LazyFrame]:
    from kartra_sf_pipeline.io import scan_frame
    from kartra_sf_pipeline.mapping.phase_frames import PREPARED

    frames = {name: scan_frame(settings, name) for name in (*PREPARED, "raw_custom_fields")}
    known = {name: frame for name, frame in frames.items() if frame is not None}
    if len(known) < len(frames):
        raise SettingsError(
            "The account has not been read yet: a map is judged by its values.",
            next_step="Run `kartra-sf scope --exports DIR` with the same home first.",
        )
    return known


def _proposal(
    prepared: dict[str, pl.LazyFrame], facts: OrgFacts, judge: str | None = None
) -> FieldMap:
    from kartra_sf_pipeline.mapping.account_map import propose as propose_whole
    from kartra_sf_pipeline.mapping.judge import ProgramJudge

    second = ProgramJudge(judge) if judge else None
    return propose_whole(prepared, facts.objects, facts.users, second)


def _state(settings: Settings, opened: _Opened) -> dict[str, Any]:
    from kartra_sf_pipeline.mapping.approval import approval_of

    found = approval_of(
        settings.home, opened.content, opened.facts.snapshot.org_id, opened.facts.objects
    )
    if isinstance(found, str):
        return {"approved": False, "approval": found}
    return {
        "approved": True,
        "approval": f"Approved by {found.by} on {found.at:%Y-%m-%d %H:%M} UTC.",
    }


def _faults(opened: _Opened) -> list[dict[str, Any]]:
    from kartra_sf_pipeline.mapping.model import map_text

    text = map_text(opened.path)
    return [
        {"stops": fault.stops, "told": fault.told(opened.path, text)} for fault in opened.faults
    ]


def _say_faults(opened: _Opened) -> None:
    for fault in _faults(opened):
        colour = "red" if fault["stops"] else "yellow"
        label = "Stops" if fault["stops"] else "Note "
        console.print(f"[{colour}]{label}[/]      ", end="")
        console.print(fault["told"], markup=False, highlight=False, soft_wrap=True)
