"""`exports.yaml`: what the user knows better than the reader about single files and exports.

files:
  old-crm.csv: {export: companies, encoding: cp1250, delimiter: ";"}
  contacts-2019.csv: {separators: {tags: "|"}}
  draft.csv: {ignore: true}
exports:
  contacts: {separators: {tags: ";", lists: ";"}}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import yaml

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.exports import EXPORTS
from kartra_sf_pipeline.kartra.separators import JOINED


@dataclass(frozen=True)
class FileRule:
    """Overrides for one file; None leaves a thing to detection.

    `separators` are what joins the names in a cell, by column (`JOINED`).
    """

    export: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    ignore: bool = False
    separators: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """Overrides by path; `separators` by export and column, for files without their own."""

    files: Mapping[str, FileRule] = field(default_factory=dict)
    separators: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def separators_of(self, rule: FileRule, export: str) -> dict[str, str]:
        """What joins names in a file of that export, where the manifest says it."""
        return {**self.separators.get(export, {}), **rule.separators}


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
    tables = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    if not tables.keys() & {"files", "exports"}:
        raise ExportError("there is no `files` table in it", file=path, next_step=_EXAMPLE)
    for name in ("files", "exports"):
        if not isinstance(tables.get(name, {}), dict):
            raise ExportError(f"`{name}` is not a table", file=path, next_step=_EXAMPLE)
    return Manifest(
        {
            str(name): _rule(str(name), entry, path)
            for name, entry in tables.get("files", {}).items()
        },
        {
            str(name): _export_rule(str(name), entry, path)
            for name, entry in tables.get("exports", {}).items()
        },
    )


_EXAMPLE: Final = (
    "It looks like this: files: {my-contacts.csv: {export: contacts, encoding: cp1252, "
    'delimiter: ";", separators: {tags: "|"}}, draft.csv: {ignore: true}}'
)
_EXPORT_EXAMPLE: Final = 'It looks like this: exports: {contacts: {separators: {tags: "|"}}}'
_LONGEST_SEPARATOR: Final = 5


def _export_rule(name: str, entry: object, path: Path) -> dict[str, str]:
    if name not in JOINED:
        raise ExportError(
            f"`exports` names {name!r}, whose cells hold one name each",
            file=path,
            next_step=f"Name one of {', '.join(JOINED)}. {_EXPORT_EXAMPLE}",
        )
    if not isinstance(entry, dict) or set(cast("dict[object, object]", entry)) != {"separators"}:
        raise ExportError(
            f"the entry {name!r} of `exports` says something else than `separators`",
            file=path,
            next_step=_EXPORT_EXAMPLE,
        )
    return _separators(name, cast("dict[str, object]", entry)["separators"], (name,), path)


def _separators(name: str, given: object, exports: Iterable[str], path: Path) -> dict[str, str]:
    columns = sorted({column for export in exports for column in JOINED.get(export, ())})
    if not isinstance(given, dict):
        raise ExportError(
            f"the `separators` of {name!r} are no table", file=path, next_step=_EXAMPLE
        )
    found: dict[str, str] = {}
    for column, mark in cast("dict[object, object]", given).items():
        if column not in columns:
            raise ExportError(
                f"the entry {name!r} has a separator for {column!r}, whose cells are single",
                file=path,
                next_step=f"Name one of {', '.join(columns)}." if columns else _EXAMPLE,
            )
        sound = isinstance(mark, str) and 0 < len(mark) <= _LONGEST_SEPARATOR
        if not sound or any(sign.isalnum() or sign in '"\r\n' for sign in str(mark)):
            raise ExportError(
                f"the entry {name!r} needs for {column} a separator of one to "
                f"{_LONGEST_SEPARATOR} signs, no letter, digit, quote or line end",
                file=path,
                next_step=_EXAMPLE,
            )
        found[str(column)] = str(mark)
    return found


def _rule(name: str, entry: object, path: Path) -> FileRule:
    if isinstance(entry, str):
        entry = {"export": entry}
    if not isinstance(entry, dict):
        raise ExportError(f"the entry {name!r} is not a table", file=path, next_step=_EXAMPLE)
    values = cast("dict[str, Any]", entry)
    strange = set(values) - {"export", "encoding", "delimiter", "ignore", "separators"}
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
    return FileRule(
        export,
        values.get("encoding"),
        delimiter,
        bool(values.get("ignore", False)),
        _separators(name, values.get("separators", {}), [export] if export else JOINED, path),
    )
