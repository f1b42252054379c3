"""What this home folder has deployed to which org: what a removal may take away again.

Written before a deployment is sent, so that a killed process leaves no component unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from kartra_sf_pipeline.errors import SettingsError

FILE = "deployed_schema.json"


class Entry(BaseModel):
    """One component that a deployment brought (`create`) or added to (`extend`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    org_id: str
    component: str
    name: str
    action: Literal["create", "extend"]
    added: tuple[str, ...] = ()
    """Values that were added to a component of the org's own."""
    at: datetime


class Removal(BaseModel):
    """One removal, and why it was done while records of a load were there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    org_id: str
    at: datetime
    removed: int
    reason: str = ""


class Record(BaseModel):
    """The file's content."""

    model_config = ConfigDict(extra="forbid")

    entries: list[Entry] = []
    removals: list[Removal] = []


def entries_of(home: Path, org_id: str) -> list[Entry]:
    """What was brought to the org and not removed since, oldest first."""
    return [entry for entry in _read(home).entries if entry.org_id == org_id]


def note_deployment(
    home: Path, org_id: str, components: Iterable[tuple[str, str, str, tuple[str, ...]]]
) -> None:
    """Note components about to be deployed: type, name, `create` or `extend`, values added."""
    now = datetime.now(UTC)
    with FileLock(home / f"{FILE}.lock"):
        record = _read(home)
        known = {(e.component, e.name, e.action, e.added) for e in record.entries
                 if e.org_id == org_id}  # fmt: skip
        record.entries += [
            Entry.model_validate(
                {"org_id": org_id, "component": kind, "name": name, "action": action,
                 "added": added, "at": now}
            )
            for kind, name, action, added in components
            if action in ("create", "extend") and (kind, name, action, added) not in known
        ]  # fmt: skip
        _write(home, record)


def note_removal(home: Path, org_id: str, removed: int, reason: str, kept: Iterable[Entry]) -> None:
    """Forget what was removed; `kept` entries stay known."""
    with FileLock(home / f"{FILE}.lock"):
        record = _read(home)
        staying = list(kept)
        record.entries = [e for e in record.entries if e.org_id != org_id or e in staying]
        record.removals.append(
            Removal(org_id=org_id, at=datetime.now(UTC), removed=removed, reason=reason)
        )
        _write(home, record)


def _read(home: Path) -> Record:
    path = home / FILE
    if not path.exists():
        return Record()
    try:
        return Record.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, ValidationError):
        raise SettingsError(
            f"{path} does not say any more what was deployed.",
            next_step="Bring it back from a copy; without it nothing can be removed by itself.",
        ) from None


def _write(home: Path, record: Record) -> None:
    partial = home / f"{FILE}.partial"
    partial.write_text(record.model_dump_json(indent=1), encoding="utf-8")
    partial.replace(home / FILE)
