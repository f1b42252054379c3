"""Content versions of frames: what a gate passed is what the loader may send."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import polars as pl
import polars.selectors as cs

_ROWS_PER_CHUNK = 50_000
# No cell of a frame can hold this text by accident: it tells a null from an empty string.
_NULL = "\x00null\x00"


class _Digest:
    """A sink that Polars can write CSV bytes to, keeping only their hash."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        return len(data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def data_version(frame: pl.DataFrame | pl.LazyFrame) -> str:
    """SHA-256 over column names, types and cells, in order.

    The same content gives the same version in any process and after a round trip through Parquet:
    the text of the cells is hashed, not their layout in memory. A LazyFrame is read in pieces.
    """
    digest = _Digest()
    schema = frame.collect_schema()
    for name, dtype in schema.items():
        digest.write(f"{name}\x00{dtype}\x00".encode())
    if not schema:
        return digest.hexdigest()
    for chunk in _chunks(frame):
        _as_flat_text(chunk).write_csv(
            digest,  # type: ignore[arg-type]  # anything with write() will do
            include_header=False,
            null_value=_NULL,
            quote_style="always",
        )
    return digest.hexdigest()


def _chunks(frame: pl.DataFrame | pl.LazyFrame) -> Iterator[pl.DataFrame]:
    if isinstance(frame, pl.DataFrame):
        return frame.iter_slices(_ROWS_PER_CHUNK)
    return frame.collect_batches(chunk_size=_ROWS_PER_CHUNK, maintain_order=True)


def _as_flat_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Each column as CSV can hold it: nested ones as JSON, times as their exact physical number."""
    return frame.with_columns(
        *(
            pl.when(pl.col(name).is_not_null())
            .then(pl.struct(pl.col(name)).struct.json_encode())
            .alias(name)
            for name, dtype in frame.schema.items()
            if dtype.is_nested()
        ),
        cs.temporal().to_physical(),
        cs.decimal().cast(pl.String),
        cs.categorical().cast(pl.String),
        cs.binary().bin.encode("hex"),
    )
