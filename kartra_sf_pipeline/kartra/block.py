"""Some records of a file, sound and broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Broken:
    """A record that cannot be read; `raw` is its text as bytes, without the line's end."""

    line: int
    reason: str
    detail: str
    raw: bytes


@dataclass
class Block:
    """Some records of a file: `text` holds the sound ones alone, `lines` where each began.

    `sizes` are their bytes in `text`, `stop` is the offset in the file at which the block ends. A
    block of a trusting pass has `again`, which looks at each of its records.
    """

    text: bytes
    lines: Offsets
    broken: list[Broken] = field(default_factory=list)
    sizes: Offsets = field(default_factory=lambda: np.empty(0, np.int64))
    stop: int = 0
    again: Callable[[], Block] | None = None

    def record(self, index: int) -> bytes:
        """The bytes of one of the sound records, without its line end."""
        start = int(self.sizes[:index].sum())
        return self.text[start : start + int(self.sizes[index])].rstrip(b"\r\n")
