"""Who confirmed which map for which org: nothing moves elsewhere before somebody did.

An approval binds the hash of the map, the fingerprint of the org's objects that the map writes,
and a name. A change of the map or of the org's schema makes it void. What the map itself creates
(fields, objects, record types, stages) is left out of the fingerprint: deploying it is what was
approved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.schema import (
    STAMP_FIELD,
    field_name,
    home_of,
    planned_stages,
    shown_on,
)
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe
from kartra_sf_pipeline.salesforce.snapshot import fingerprint

FILE = "approvals.json"
WAY_OUT = "Read it with `kartra-sf map show`, then `kartra-sf map approve --by NAME`."


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
    """SHA-256 over the describes of the map's objects, without what the map itself brings."""
    phases = field_map.active().values()
    made = {phase.object for phase in phases if phase.custom_object is not None}
    written = {phase.object for phase in phases if phase.object in objects}
    own = _OwnParts.of(field_map)
    known = []
    for name in sorted(written):
        plain = own.without(objects[name])
        # An object of the map's own counts once somebody else has added to it.
        if name not in made or any(field.custom for field in plain.fields.values()):
            known.append(plain)
    return fingerprint(known)


@dataclass(frozen=True)
class _OwnParts:
    """What deployments of a map bring to each object."""

    fields: Mapping[str, set[str]]
    record_types: Mapping[str, set[str]]
    stages: frozenset[str]
    objects: frozenset[str]

    @classmethod
    def of(cls, field_map: FieldMap) -> _OwnParts:
        fields: dict[str, set[str]] = {}
        record_types: dict[str, set[str]] = {}
        for phase in field_map.phases.values():
            names = {field_name(rule.target) for rule in phase.fields if rule.new is not None}
            for sobject in shown_on(home_of(phase.object)):
                fields.setdefault(sobject, {STAMP_FIELD}).update(names)
            if phase.record_type is not None:
                record_types.setdefault(phase.object, set()).add(phase.record_type.name)
        stages = frozenset(stage.name.casefold() for stage in planned_stages(field_map))
        made = frozenset(
            phase.object for phase in field_map.phases.values() if phase.custom_object is not None
        )
        return cls(fields, record_types, stages, made)

    def without(self, described: ObjectDescribe) -> ObjectDescribe:
        """The describe as it is, or would be, before the map's own parts were deployed."""
        fields = {
            name: self._before(field)
            for name, field in described.fields.items()
            if name not in self.fields[described.name]
        }
        own = self.record_types.get(described.name, set[str]())
        if own:
            # The field comes and goes with the first record type.
            fields.pop("RecordTypeId", None)
        stage = fields.get("StageName")
        if stage is not None and described.name == "Opportunity":
            fields["StageName"] = replace(
                stage,
                picklist_values=tuple(
                    value for value in stage.picklist_values if value.casefold() not in self.stages
                ),
                labelled_values=tuple(
                    one for one in stage.labelled_values if one[0].casefold() not in self.stages
                ),
            )
        kinds = tuple(one for one in described.record_types if one.name not in own)
        return replace(described, fields=fields, record_types=kinds)

    def _before(self, field: FieldDescribe) -> FieldDescribe:
        """A lookup at objects of many kinds points at each new one by itself."""
        known = tuple(name for name in field.reference_to if name not in self.objects)
        return field if known == field.reference_to else replace(field, reference_to=known)


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
