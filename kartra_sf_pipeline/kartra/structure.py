"""A file's bytes, cut into blocks of whole records."""

from __future__ import annotations

from collections.abc import Iterator

from kartra_sf_pipeline.kartra.block import Block
from kartra_sf_pipeline.kartra.broken import Dialect, Mender
from kartra_sf_pipeline.kartra.encoding import Buffer
from kartra_sf_pipeline.kartra.scan import Scan

_BLOCK = 16 << 20


def blocks(
    buffer: Buffer,
    start: int,
    first_line: int,
    dialect: Dialect,
    size: int = _BLOCK,
    *,
    trusting: bool = False,
) -> Iterator[Block]:
    """Split what follows the header into blocks of whole records.

    `start` is the offset of the first record, `first_line` its physical line. A `trusting` pass
    leaves to the caller what a parser refuses anyway; see `Block.again`.
    """
    mender = Mender(dialect)
    mender.learn(buffer, start)
    line = first_line
    length = size
    while start < len(buffer):
        stop = min(len(buffer), start + length)
        final = stop == len(buffer)
        scan = Scan(bytes(buffer[start:stop]), line, final, dialect, mender, trusting=trusting)
        block, used, lines = scan.block()
        if used == 0:
            # One record fills the block and is still within bounds.
            length *= 2
            continue
        start += used
        block.stop = start
        yield block
        line += lines
        length = size
