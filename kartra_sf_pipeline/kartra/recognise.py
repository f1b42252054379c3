"""Which of the exports a header row belongs to."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import PurePosixPath

from kartra_sf_pipeline.errors import ExportError
from kartra_sf_pipeline.kartra.exports import EXPORTS, Export
from kartra_sf_pipeline.kartra.headers import canonical, normalise

# An export whose needs are met is taken unless another, whose needs are not, fits clearly better:
# a transactions file that lost its amount must not pass for a contacts file by its `Buyer_Email`.
_CLEARLY_BETTER = 0.75
_NAME_BONUS = 1.0
_HEADERS_SHOWN = 12
# A cell that no header would hold, and that must not be repeated in a message.
_DATA_LIKE = re.compile(r"@|\d{4,}|^\d+$|://")


def recognise(headers: list[str], path: str) -> Export:
    """The export that `headers` are of; `path` may tip the balance.

    Raises ExportError when no export's needs are met, naming the nearest and what it misses.
    """
    scores = {name: _score(headers, path, export) for name, export in EXPORTS.items()}
    met = [
        name for name, export in EXPORTS.items() if not export.missing(_present(headers, export))
    ]
    nearest = max(scores, key=lambda name: scores[name])
    if met:
        best = max(met, key=lambda name: scores[name])
        if scores[best] >= _CLEARLY_BETTER * scores[nearest]:
            return EXPORTS[best]
    raise _unknown(headers, path, EXPORTS[nearest] if scores[nearest] > _NAME_BONUS / 4 else None)


def require(headers: list[str], path: str, export: Export) -> None:
    """Raise ExportError unless `headers` meet the needs of `export`."""
    if export.missing(_present(headers, export)):
        raise _unknown(headers, path, export)


def known_headers(headers: list[str]) -> int:
    """How many of `headers` the export that knows most of them knows."""
    return max(
        sum(canonical(header, export) is not None for header in headers)
        for export in EXPORTS.values()
    )


def _present(headers: list[str], export: Export) -> set[str]:
    return {name for header in headers if (name := canonical(header, export)) is not None}


@cache
def _exports_knowing() -> Counter[str]:
    """In how many exports each header means something: the more, the less it tells."""
    return Counter(alias for export in EXPORTS.values() for alias in export.lookup)


def _score(headers: list[str], path: str, export: Export) -> float:
    knowing = _exports_knowing()
    weights: dict[str, float] = {}
    for header in headers:
        name = canonical(header, export)
        if name is not None:
            weight = 1.0 / max(1, knowing[normalise(header)])
            weights[name] = max(weight, weights.get(name, 0.0))
    file_words = set(re.split(r"[^a-z]+", PurePosixPath(path).stem.lower()))
    named = any(set(word.split("_")) <= file_words for word in export.file_words)
    return sum(weights.values()) + (_NAME_BONUS if named else 0.0)


def _unknown(headers: list[str], path: str, nearest: Export | None) -> ExportError:
    if any(_DATA_LIKE.search(header) for header in headers):
        return ExportError(
            "the first line looks like data, not like a header row",
            file=path,
            line=1,
            next_step="Export the file again with its header row, or put the header row back.",
        )
    shown = ", ".join(header.strip() or "(blank)" for header in headers[:_HEADERS_SHOWN])
    if len(headers) > _HEADERS_SHOWN:
        shown += f" and {len(headers) - _HEADERS_SHOWN} more"
    if nearest is None:
        return ExportError(
            f"no Kartra export has these columns: {shown}.",
            file=path,
            line=1,
            next_step="Remove the file from the folder, or name its export in exports.yaml.",
        )
    missing = nearest.missing(_present(headers, nearest))
    return ExportError(
        f"the header fits no Kartra export. Nearest is {nearest.name}, "
        f"but it has no column for {'; '.join(missing)}. Columns seen: {shown}.",
        file=path,
        line=1,
        column=missing[0] if missing else None,
        next_step=f"Export {nearest.name} from Kartra again with all columns, "
        "or remove the file from the folder.",
    )
