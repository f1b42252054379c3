"""Who confirmed which map for which org: nothing moves elsewhere before somebody did.

An approval binds the hash of the map, the fingerprint of the org's objects that the map writes,
and a name. A change of the map or of the org's schema makes it void. Fields that the map itself
creates are left out of the fingerprint: deploying them is what was approved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.schema import STAMP_FIELD, field_name
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.salesforce.snapshot import fingerprint

FILE = "approvals.json"
WAY_OUT = "Read it with `kartra-sf map show`, then `kartra-sf map approve --by NAME`."

_ACTIVITIES = ("Event", "Task")


class Approval(BaseModel):
    """One signature."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    map_fingerprint: str
    org_id: str
    org_fingerprint: str
    by: str
    at: datetime
    file: str


def org_fingerprint(field_map: FieldMap, objects: Mapping[str, ObjectDescribe]) -> str:
    """SHA-256 over the describes of the map's objects, without the fields that the map creates."""
    own: dict[str, set[str]] = {}
    for phase in field_map.phases.values():
        names = {field_name(rule.target) for rule in phase.fields if rule.new is not None}
        for sobject in _ACTIVITIES if phase.object in _ACTIVITIES else (phase.object,):
            own.setdefault(sobject, {STAMP_FIELD}).update(names)
    known = []
    # An object that the map itself creates is part of what was approved, too.
    written = {phase.object for phase in field_map.active().values() if phase.custom_object is None}
    for name in sorted(written):
        plain = objects[name].to_dict()
        plain["fields"] = [field for field in plain["fields"] if field["name"] not in own[name]]
        known.append(ObjectDescribe.from_dict(plain))
    return fingerprint(known)


def approvals(home: Path) -> list[Approval]:
    """All signatures, oldest first; SettingsError where the file was damaged."""
    path = home / FILE
    if not path.exists():
        return []
    try:
        return [Approval.model_validate(one) for one in json.loads(path.read_text("utf-8"))]
    except (ValueError, TypeError, ValidationError):
        raise SettingsError(
            f"{path} does not hold approvals any more.",
            next_step="Move it aside and approve the map again.",
        ) from None


def approve(
    home: Path,
    field_map: FieldMap,
    org_id: str,
    objects: Mapping[str, ObjectDescribe],
    *,
    by: str,
    file: Path,
) -> Approval:
    """Sign the map for the org as it is now; SettingsError without a name."""
    if not by.strip():
        raise SettingsError("An approval needs a name.", next_step="Pass --by NAME.")
    signed = Approval(
        map_fingerprint=field_map.fingerprint(),
        org_id=org_id,
        org_fingerprint=org_fingerprint(field_map, objects),
        by=by.strip(),
        at=datetime.now(UTC),
        file=file.name,
    )
    with FileLock(home / f"{FILE}.lock"):
        content = [one.model_dump(mode="json") for one in (*approvals(home), signed)]
        partial = home / f"{FILE}.partial"
        partial.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
        partial.replace(home / FILE)
    return signed


def approval_of(
    home: Path, field_map: FieldMap, org_id: str, objects: Mapping[str, ObjectDescribe]
) -> Approval | str:
    """The signature that holds for this map and org, or a sentence that says why none does."""
    signed = [one for one in approvals(home) if one.map_fingerprint == field_map.fingerprint()]
    if not signed:
        return "Nobody has approved this field map as it is now."
    here = [one for one in signed if one.org_id == org_id]
    if not here:
        return f"{signed[-1].by} approved this field map for another org, not for this one."
    now = org_fingerprint(field_map, objects)
    holds = next((one for one in reversed(here) if one.org_fingerprint == now), None)
    if holds is None:
        last = here[-1]
        return (
            f"The org's schema has changed since {last.by} approved this field map on "
            f"{last.at:%Y-%m-%d}."
        )
    return holds


def refuse_unsigned(home: Path, field_map: FieldMap) -> None:
    """Raise SettingsError where nobody has signed this map for any org: needs no connection."""
    if not any(one.map_fingerprint == field_map.fingerprint() for one in approvals(home)):
        raise SettingsError(
            "Nobody has approved this field map as it is now; nothing was sent.", next_step=WAY_OUT
        )


def refuse_unapproved(
    home: Path, field_map: FieldMap, org_id: str, objects: Mapping[str, ObjectDescribe]
) -> Approval:
    """The signature that holds; raises SettingsError where none does."""
    found = approval_of(home, field_map, org_id, objects)
    if isinstance(found, str):
        raise SettingsError(f"{found} Nothing was sent.", next_step=WAY_OUT)
    return found
