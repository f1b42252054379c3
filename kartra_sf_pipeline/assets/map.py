"""Map: what the org has, and the field map that people confirm."""

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import MAP, MIGRATION, REVOPS
from kartra_sf_pipeline.assets.inputs import scanned
from kartra_sf_pipeline.assets.previews import counts, table
from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.io import scan_frame
from kartra_sf_pipeline.mapping.account_map import map_frame, propose
from kartra_sf_pipeline.mapping.approval import WAY_OUT, approval_of, refuse_unapproved
from kartra_sf_pipeline.mapping.home_map import FILE, settle_map
from kartra_sf_pipeline.mapping.model import FieldMap, line_of, load_map, map_text
from kartra_sf_pipeline.mapping.org_facts import ask_org, snapshot_of
from kartra_sf_pipeline.mapping.original_dates import original_date_faults
from kartra_sf_pipeline.mapping.owner_faults import owner_faults
from kartra_sf_pipeline.mapping.phase_frames import PREPARED, phase_frames
from kartra_sf_pipeline.mapping.profile import profile_map
from kartra_sf_pipeline.mapping.rows.choices import Choices, choices_for
from kartra_sf_pipeline.mapping.validate import check_map, refuse
from kartra_sf_pipeline.mapping.validate_schema import schema_faults
from kartra_sf_pipeline.resources import RunSettings, SalesforceResource
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline.settings import Settings, Target

Frame = pl.DataFrame
Result = dg.MaterializeResult[pl.DataFrame]

_DECIDED = {
    "about": pl.String,
    "chosen": pl.String,
    "confidence": pl.Float64,
    "reason": pl.String,
}
_COMMON: dict[str, Any] = {"group_name": MAP, "kinds": {"salesforce"}, "owners": MIGRATION}


def confirmed_map(home: Path, field_map: Frame) -> FieldMap:
    """The map that the `field_map` asset stands for; refuses a file that was changed since."""
    path = home / FILE
    content = map_at(home)
    if content.fingerprint() != field_map["map_fingerprint"][0]:
        raise SettingsError(
            f"{path} was changed after `field_map` was materialised.",
            next_step="Materialise `field_map` again: the file is used as it is.",
        )
    return content


def map_at(home: Path) -> FieldMap:
    """The map that the home folder holds now."""
    path = home / FILE
    return _map_of_text(path, map_text(path))


@lru_cache(maxsize=2)
def _map_of_text(path: Path, _: str) -> FieldMap:
    """Parsing a map takes longer than most steps that ask for it: the same text is read once."""
    return load_map(path)


def choices_of(settings: Settings, content: FieldMap) -> Choices:
    """The map beside what was last seen of its org."""
    return choices_for(content, snapshot_of(settings.home), settings.event_minutes)


def _map_so_far(settings: Settings) -> FieldMap | None:
    """The map that is given or lies in the home folder; what is wrong with it, `field_map` says."""
    try:
        return load_map(settings.map or settings.home / FILE)
    except SettingsError:
        return None


def _last_fingerprint(settings: Settings) -> str | None:
    frame = scan_frame(settings, "field_map")
    known = None if frame is None else frame.select("map_fingerprint").head(1).collect()
    return None if known is None or known.is_empty() else str(known.item())


@dg.asset(**_COMMON)
def org_snapshot(settings: RunSettings, salesforce: SalesforceResource) -> Result:
    """The org as its describe shows it: the authority on types, lengths and required fields."""
    given = settings.load()
    facts = ask_org(salesforce.org(), _map_so_far(given))
    path = facts.write(given.home)
    frame = facts.snapshot.to_frame()
    used = {name: maximum - left for name, (maximum, left) in facts.snapshot.limits.items()}
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "org_id": facts.snapshot.org_id,
            "fingerprint": facts.snapshot.fingerprint,
            "file": dg.MetadataValue.path(str(path)),
            "api_requests_used_today": used.get("DailyApiRequests", 0),
            "fields": counts(frame, "object"),
        },
    )


@dg.asset(
    group_name=MAP,
    kinds={"yaml"},
    owners=REVOPS,
    deps=["org_snapshot"],
    ins=scanned(*PREPARED, "raw_custom_fields"),
)
def field_map(settings: RunSettings, **prepared: pl.LazyFrame) -> Result:
    """The field map: a file people read. Proposed for the account unless a person made one.

    Stops at a map that the org or the exports cannot bear, with each fault's line.
    """
    given = settings.load()
    facts = snapshot_of(given.home)
    used = settle_map(
        given.home,
        given.map,
        lambda: propose(prepared, facts.objects, facts.users),
        last=_last_fingerprint(given),
    )
    content = used.content
    choices = choices_of(given, content)
    frames = phase_frames(prepared, choices)
    profile = cache(lambda: profile_map(content, frames, choices.objects))
    faults = [
        *owner_faults(content, choices.phases, frames, facts.users),
        *original_date_faults(content, choices.phases),
        *schema_faults(content, facts),
        *check_map(content, frames, facts.objects, profile, facts.currency),
    ]
    text = map_text(used.file)
    refuse(faults, used.file, text)
    frame = map_frame(content, choices.phases)
    told = pl.DataFrame(
        [{"line": line_of(text, f.place), "told": f.without_names} for f in faults],
        schema={"line": pl.Int64, "told": pl.String},
    )
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "fingerprint": content.fingerprint(),
            "file": dg.MetadataValue.path(str(given.home / FILE)),
            "origin": used.origin,
            **({"kept": dg.MetadataValue.path(str(used.kept))} if used.kept else {}),
            "map": table(frame.drop("map_fingerprint", "on_blank"), rows=250),
            "values": table(profile(), rows=250),
            "to_know": table(told),
            "decisions": table(
                pl.DataFrame([one.model_dump() for one in content.decisions], schema=_DECIDED)
            ),
            "unmapped": table(
                pl.DataFrame(
                    [one.model_dump() for one in content.unmapped],
                    schema={"source": pl.String, "filled": pl.Int64},
                ),
                rows=250,
            ),
        },
    )


@dg.multi_asset_check(
    name="gate_field_map",
    specs=[
        dg.AssetCheckSpec(
            "field_map_is_approved",
            asset="field_map",
            description="Nothing moves before a person has confirmed the map.",
            blocking=True,
        )
    ],
    compute_kind="yaml",
)
def field_map_is_approved(settings: RunSettings) -> dg.AssetCheckResult:
    """A warning on the local org, a stop elsewhere."""
    given = settings.load()
    facts = snapshot_of(given.home)
    content = load_map(given.home / FILE)
    found = approval_of(given.home, content, facts.snapshot.org_id, facts.objects)
    metadata: dict[str, Any] = {"fingerprint": content.fingerprint()}
    if not isinstance(found, str):
        metadata |= {"by": found.by, "at": f"{found.at:%Y-%m-%d %H:%M} UTC"}
    return dg.AssetCheckResult(
        check_name="field_map_is_approved",
        asset_key="field_map",
        passed=not isinstance(found, str),
        severity=dg.AssetCheckSeverity.WARN
        if given.target is Target.LOCAL
        else dg.AssetCheckSeverity.ERROR,
        description=f"{found} {WAY_OUT}" if isinstance(found, str) else f"Approved by {found.by}.",
        metadata=metadata,
    )


def refuse_unready_load(settings: Settings, org: Org) -> None:
    """Raise SettingsError where nothing may be sent yet: target, map, or no approval that holds.

    Asked again by every step that writes, whatever was selected in the UI.
    """
    settings.refuse_unready_target()
    if settings.target is not Target.LOCAL:
        content = load_map(settings.home / FILE)
        shown = {one["name"] for one in org.describe_global()}
        written = {phase.object for phase in content.active().values()} & shown
        refuse_unapproved(
            settings.home, content, org.org_id, {name: org.describe(name) for name in written}
        )
