"""`exports.yaml`: what the user knows better than the reader about single files.

files:
  old-crm.csv: {export: companies, encoding: cp1250, delimiter: ";"}
  draft.csv: {ignore: true}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.exports import EXPORTS


@dataclass(frozen=True)
class FileRule:
    """Overrides for one file; None leaves a thing to detection."""

    export: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    ignore: bool = False


Manifest = Mapping[str, FileRule]


def load_manifest(path: Path) -> Manifest:
    """Read a manifest; keys are paths relative to the folder of exports.

    Raises ExportError naming the line or the entry that is wrong.
    """
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise ExportError(
            f"this is not YAML: {error.problem}", file=path, line=line, next_step=_EXAMPLE
        ) from None
    except UnicodeDecodeError:
        raise ExportError("this is not UTF-8 text", file=path, next_step=_EXAMPLE) from None
    files = content.get("files") if isinstance(content, dict) else None
    if not isinstance(files, dict):
        raise ExportError("there is no `files` table in it", file=path, next_step=_EXAMPLE)
    return {
        str(name): _rule(str(name), entry, path)
        for name, entry in cast("dict[object, object]", files).items()
    }


_EXAMPLE = (
    "It looks like this: files: {my-contacts.csv: {export: contacts, encoding: cp1252, "
    'delimiter: ";"}, draft.csv: {ignore: true}}'
)


def _rule(name: str, entry: object, path: Path) -> FileRule:
    if isinstance(entry, str):
        entry = {"export": entry}
    if not isinstance(entry, dict):
        raise ExportError(f"the entry {name!r} is not a table", file=path, next_step=_EXAMPLE)
    values = cast("dict[str, Any]", entry)
    strange = set(values) - {"export", "encoding", "delimiter", "ignore"}
    if strange:
        raise ExportError(
            f"the entry {name!r} has unknown keys: {', '.join(sorted(map(str, strange)))}",
            file=path,
            next_step=_EXAMPLE,
        )
    export = values.get("export")
    if export is not None and export not in EXPORTS:
        raise ExportError(
            f"the entry {name!r} names the export {export!r}, which there is not",
            file=path,
            next_step=f"Name one of {', '.join(EXPORTS)}.",
        )
    delimiter = values.get("delimiter")
    if delimiter is not None and (
        not isinstance(delimiter, str) or len(delimiter.encode()) != 1 or delimiter in '"\r\n'
    ):
        raise ExportError(
            f"the entry {name!r} needs a delimiter of one character", file=path, next_step=_EXAMPLE
        )
    return FileRule(export, values.get("encoding"), delimiter, bool(values.get("ignore", False)))
