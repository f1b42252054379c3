"""One thing that is wrong with a map, or that its reader should know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kartra_sf_pipeline.mapping.model import line_of


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a map: where, what, and the way out."""

    place: tuple[str | int, ...]
    what: str
    way_out: str
    stops: bool = True
    """False for what is only told: texts that will be cut, values that a picklist lacks."""
    masked: str = ""
    """What and way out, where they name people, with the names masked."""

    @property
    def without_names(self) -> str:
        """The fault and the way out for places that others read, too."""
        return self.masked or f"{self.what}. {self.way_out}"

    def told(self, file: Path, text: str) -> str:
        """One line with the file, the line, the fault and the way out."""
        return f"{file}, line {line_of(text, self.place)}: {self.what}. {self.way_out}"
