"""The map's file in the home folder: a run's own as long as nobody has changed or approved it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from kartra_sf_pipeline.mapping.approval import approvals
from kartra_sf_pipeline.mapping.model import FieldMap, load_map, map_text

FILE = "field_map.yaml"
_HEAD = "# Written by a run, and anew by the next one until somebody changes or approves it."


@dataclass(frozen=True)
class HomeMap:
    """The map that a run uses."""

    content: FieldMap
    file: Path
    """The file that people know it by."""
    origin: str
    """`given` (KARTRA_SF_MAP), `home` (a person's work in the home folder) or `proposed`."""
    kept: Path | None = None
    """Where a person's work went that lay in the home folder while another map was given."""


def settle_map(
    home: Path, given: Path | None, propose: Callable[[], FieldMap], *, last: str | None
) -> HomeMap:
    """The map of a run, in the home folder from now on; what a person wrote there is never lost.

    `last` is the fingerprint of the map that the last run used. Raises SettingsError for a file
    that holds no map.
    """
    path = home / FILE
    if given is not None:
        content = load_map(given)
        if path.exists() and path.samefile(given):
            return HomeMap(content, given, "given")
        work = path.exists() and map_text(path) != map_text(given) and not _untouched(path, last)
        kept = _set_aside(path) if work else None
        _write(path, content)
        return HomeMap(content, given, "given", kept)
    if path.exists() and (not _untouched(path, last) or _approved(home, path)):
        return HomeMap(load_map(path), path, "home")
    content = propose()
    _write(path, content)
    return HomeMap(content, path, "proposed")


def _untouched(path: Path, last: str | None) -> bool:
    """Whether the text is what a run wrote, to the letter: a remark is a person's work, too."""
    text = map_text(path)
    head, _, body = text.partition("\n")
    if head.startswith(_HEAD):
        return text == _signed(body)
    if last is None:
        return False
    # Earlier versions wrote no head.
    content = load_map(path)
    return content.fingerprint() == last and content.to_yaml() == text


def _approved(home: Path, path: Path) -> bool:
    fingerprint = load_map(path).fingerprint()
    return any(one.map_fingerprint == fingerprint for one in approvals(home))


def _write(path: Path, content: FieldMap) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(_signed(content.to_yaml()), encoding="utf-8")
    partial.replace(path)


def _signed(body: str) -> str:
    return f"{_HEAD} {hashlib.sha256(body.encode()).hexdigest()[:16]}\n{body}"


def _set_aside(path: Path) -> Path:
    names = (path.with_name(f"field_map.kept{f'-{n}' if n > 1 else ''}.yaml") for n in count(1))
    return path.rename(next(name for name in names if not name.exists()))
