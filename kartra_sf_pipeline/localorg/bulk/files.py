"""Uploads in and result files out: CSV with any delimiter, all result cells quoted."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.localorg.rules.header import Column
from kartra_sf_pipeline.localorg.rules.values import NUMBER_PATTERN
from kartra_sf_pipeline.localorg.schema import NUMBER_TYPES

DELIMITERS = {
    "COMMA": ",",
    "TAB": "\t",
    "SEMICOLON": ";",
    "PIPE": "|",
    "CARET": "^",
    "BACKQUOTE": "`",
}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


class UploadError(Exception):
    """The file as a whole cannot be taken; the text becomes the job's `errorMessage`."""


def check_line_ends(data: bytes, line_ending: str) -> None:
    """Refuse a file that ends any line, even inside quotes, in the way the job did not announce."""
    pairs = data.count(b"\r\n")
    wrong = pairs > 0 if line_ending == "LF" else pairs != data.count(b"\n")
    if wrong:
        raise UploadError(
            "ClientInputError : LineEnding is invalid on user data. "
            f"Current LineEnding setting is {line_ending}"
        )


def read_header(data: bytes, delimiter: str) -> list[str]:
    """The column names of an upload, a byte order mark taken off."""
    try:
        first = data[: data.find(b"\n") + 1 or len(data)].decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UploadError("ClientInputError : The uploaded data is not UTF-8.") from None
    reader = csv.reader(io.StringIO(first), delimiter=DELIMITERS[delimiter])
    names = [n.strip() for n in next(reader, [])]
    if not any(names):
        raise UploadError("InvalidBatch : Failed to parse header row")
    return names


def read_rows(data: bytes, header: Sequence[str], delimiter: str) -> pl.DataFrame:
    """The records behind the header line, all text; an empty cell is null."""
    start = data.find(b"\n")
    if start < 0 or start + 1 >= len(data):
        return pl.DataFrame(schema=dict.fromkeys(header, pl.String))
    try:
        frame = pl.read_csv(
            io.BytesIO(data),
            has_header=False,
            skip_lines=1,
            schema={f"c{i}": pl.String for i in range(len(header))},
            separator=DELIMITERS[delimiter],
            quote_char='"',
            truncate_ragged_lines=False,
        )
    except pl.exceptions.PolarsError as error:
        text = str(error).splitlines()[0]
        raise UploadError(f"ClientInputError : Failed to parse the uploaded data: {text}") from None
    return frame.select(
        pl.when(pl.col(f"c{i}") != "").then(pl.col(f"c{i}")).alias(name)
        for i, name in enumerate(header)
    )


def quoted(frame: pl.DataFrame, delimiter: str, line_ending: str, *, header: bool) -> bytes:
    """CSV with every cell quoted, nulls as empty text."""
    out = io.BytesIO()
    frame.with_columns(pl.all().cast(pl.String).fill_null("")).write_csv(
        out,
        include_header=header,
        separator=DELIMITERS[delimiter],
        line_terminator=LINE_ENDINGS[line_ending],
        quote_style="always",
    )
    return out.getvalue()


def header_line(names: Sequence[str], delimiter: str, line_ending: str) -> bytes:
    """A header with every name quoted."""
    cells = (f'"{n.replace(chr(34), chr(34) * 2)}"' for n in names)
    return (DELIMITERS[delimiter].join(cells) + LINE_ENDINGS[line_ending]).encode("utf-8")


def stored_form(cells: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """Uploaded cells as a result shows them: numbers in the form in which the server keeps them."""
    changed = [
        server_number(cells[c.header]).alias(c.header)
        for c in columns
        if c.parent is None and c.field.type in NUMBER_TYPES
    ]
    return cells.with_columns(changed) if changed else cells


def server_number(cells: pl.Series) -> pl.Series:
    """Decimal texts as Java writes a double: `5` is `5.0`, 912260031 is `9.12260031E8`."""
    if cells.null_count() == len(cells):
        return cells
    frame = pl.DataFrame({"c": cells}).with_columns(
        pl.when(pl.col("c").str.contains(NUMBER_PATTERN))
        .then(pl.col("c"))
        .cast(pl.Float64, strict=False)
        .alias("n")
    )
    plain = (pl.col("n").abs() < 1e7) & ((pl.col("n").abs() >= 1e-3) | (pl.col("n") == 0))
    odd = frame.filter(~plain).get_column("n").drop_nulls().unique()
    shown = pl.Series([_java(v) for v in odd], dtype=pl.String)
    return frame.select(
        pl.when(plain)
        .then(pl.col("n").cast(pl.String))
        .when(pl.col("n").is_not_null())
        .then(pl.col("n").replace_strict(odd, shown, default=None, return_dtype=pl.String))
        .otherwise("c")
    ).to_series()


def _java(value: float) -> str:
    parts = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, parts.digits))
    power = len(digits) + int(parts.exponent) - 1
    sign = "-" if parts.sign else ""
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{power}"


def append(path: Path, data: bytes, offset: int) -> int:
    """Write `data` at `offset`, cutting off what stood behind it; returns the new end."""
    mode = "r+b" if path.exists() else "w+b"
    with path.open(mode) as file:
        file.truncate(offset)
        file.seek(offset)
        file.write(data)
        file.flush()
    return offset + len(data)
