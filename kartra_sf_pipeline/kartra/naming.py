"""What an export's file name tells: the day of the extract, and Kartra's stamp."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import PurePosixPath

# `contacts_kartra_09-06-2026_6a2803f884d5c.csv`: the hex digits are a clock whose day agrees with
# the date, which proves that the day stands first. Browsers add ` (1)` to a second download.
_DAY_FIRST = re.compile(r"(?<!\d)(?P<day>\d{2})-(?P<month>\d{2})-(?P<year>\d{4})(?!\d)")
_ISO = re.compile(r"(?<!\d)(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?!\d)")
_STAMP = re.compile(r"(?:^|[_\- ])(?P<stamp>[0-9a-f]{13})(?=$|[_\- .(])")


@dataclass(frozen=True)
class ExtractName:
    """`stamp` is Kartra's 13 hex digits, `taken_at` the moment they encode."""

    date: date | None
    stamp: str | None
    taken_at: datetime | None
    note: str | None = None


def parse_name(path: str) -> ExtractName:
    """Read the extract's date and stamp from a file's name."""
    stem = PurePosixPath(path).stem
    match = _STAMP.search(stem.lower())
    stamp = match["stamp"] if match else None
    taken_at = _moment(stamp) if stamp else None
    found, note = _date(stem)
    if found is None and taken_at is not None:
        found = taken_at.date()
    return ExtractName(found, stamp, taken_at, note)


def _date(stem: str) -> tuple[date | None, str | None]:
    for pattern in (_DAY_FIRST, _ISO):
        match = pattern.search(stem)
        if match is None:
            continue
        try:
            return date(int(match["year"]), int(match["month"]), int(match["day"])), None
        except ValueError:
            return None, f"{match[0]} in the file name is not a day-month-year date: not used"
    return None, None


def _moment(stamp: str) -> datetime | None:
    """The first eight digits are seconds since 1970, the last five microseconds."""
    seconds, micros = int(stamp[:8], 16), int(stamp[8:], 16)
    # Before Kartra existed, or past the clock's range: some other hex number.
    if not 1_300_000_000 <= seconds <= 4_000_000_000:
        return None
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=min(micros, 999_999))
