"""Small Kartra accounts, and hands that spoil them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from kartra_sf_pipeline.sample.account import write_account

SCRIPT = "<script>alert('kartra')</script>"
FORMULA = '=HYPERLINK("http://example.org","open")'
RAGGED = "61000001,cut.short@example.org,Cut"
"""A contact whose record ends after the first name."""

Row = dict[str, str]


def small_account(folder: Path, contacts: int = 150, seed: int = 5) -> Path:
    """A whole account as the generator writes it."""
    write_account(folder, contacts=contacts, seed=seed)
    return folder


def hostile_account(folder: Path) -> Path:
    """A small account that holds a ragged row, markup in names and tags, and formulas."""
    small_account(folder)
    rewrite(newest(folder, "contacts_kartra_*.csv"), _make_hostile)
    rewrite(folder / "sequences.csv", _hostile_sequence)
    append_line(newest(folder, "contacts_kartra_*.csv"), RAGGED)
    return folder


def newest(folder: Path, pattern: str) -> Path:
    """The last file of a kind, by name."""
    return sorted(folder.glob(pattern))[-1]


def rewrite(path: Path, change: Callable[[list[Row]], None]) -> None:
    """Change a file's rows in place; its header, and what stands before it, stay."""
    text = path.read_text(encoding="utf-8-sig")
    reader = csv.DictReader(text.splitlines(keepends=True))
    rows = list(reader)
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or [], lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)


def append_line(path: Path, line: str) -> int:
    """Add a physical line; returns its number, the header being line 1."""
    text = path.read_text(encoding="utf-8")
    path.write_text(text.rstrip("\r\n") + f"\r\n{line}\r\n", encoding="utf-8", newline="")
    return text.rstrip("\r\n").count("\n") + 2


def blank_most_emails(rows: list[Row]) -> None:
    """What an export looks like whose e-mail column was not read right."""
    for number, row in enumerate(rows):
        if number % 5:
            row["email"] = ""


def _make_hostile(rows: list[Row]) -> None:
    rows[0]["first_name"] = SCRIPT
    rows[0]["last_name"] = "O'Script"
    rows[1]["last_name"] = FORMULA
    for row in rows[:4]:
        row["tags"] = ",".join(filter(None, (row["tags"], SCRIPT.replace("'", ""), "webinar")))
        row["lists"] = ",".join(filter(None, (row["lists"], SCRIPT.replace("'", ""))))


def _hostile_sequence(rows: list[Row]) -> None:
    for row in rows[:3]:
        row["Sequence"] = SCRIPT
    rows[3]["Sequence"] = FORMULA
