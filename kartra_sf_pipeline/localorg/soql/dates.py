"""Date literals (`TODAY`, `LAST_N_DAYS:7`) as half-open ranges, and datetimes as stored text."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_UNITS = ("DAYS", "WEEKS", "MONTHS", "QUARTERS", "YEARS", "FISCAL_QUARTERS", "FISCAL_YEARS")
_FIXED = re.compile(r"^(LAST|THIS|NEXT)_((?:FISCAL_)?(?:WEEK|MONTH|QUARTER|YEAR))$")
_NINETY = re.compile(r"^(LAST|NEXT)_90_DAYS$")
_COUNTED = re.compile(r"^(LAST|NEXT)_N_([A-Z_]+):(\d+)$")
_AGO = re.compile(r"^N_([A-Z_]+)_AGO:(\d+)$")

Range = tuple[date, date]


def is_date_literal(text: str) -> bool:
    """True for an upper-case date literal, its count included where it needs one."""
    try:
        return date_range(text, date(2000, 1, 1)) is not None
    except (ValueError, OverflowError):
        # A count that leads out of the calendar.
        return False


def date_range(text: str, today: date) -> Range | None:
    """First day and day after the last of a date literal; None when it is no date literal.

    Weeks start on Sunday, and fiscal years with the calendar year, as in an org that nobody
    has configured otherwise.
    """
    if text in {"YESTERDAY", "TODAY", "TOMORROW"}:
        day = today + timedelta({"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}[text])
        return day, day + timedelta(1)
    if match := _FIXED.match(text):
        unit = f"{match[2].removeprefix('FISCAL_')}S"
        step = {"LAST": -1, "THIS": 0, "NEXT": 1}[match[1]]
        start = _shift(_start(today, unit), unit, step)
        return start, _shift(start, unit, 1)
    if match := _NINETY.match(text):
        return _counted(match[1], "DAYS", 90, today)
    if (match := _COUNTED.match(text)) and match[2] in _UNITS:
        return _counted(match[1], match[2].removeprefix("FISCAL_"), int(match[3]), today)
    if (match := _AGO.match(text)) and match[1] in _UNITS:
        unit = match[1].removeprefix("FISCAL_")
        start = _shift(_start(today, unit), unit, -int(match[2]))
        return start, _shift(start, unit, 1)
    return None


def _counted(direction: str, unit: str, count: int, today: date) -> Range:
    start = _start(today, unit)
    following = _shift(start, unit, 1)
    if direction == "NEXT":
        return following, _shift(following, unit, count)
    # Days count today in; longer units end where the current one begins.
    return _shift(start, unit, -count), following if unit == "DAYS" else start


def _start(day: date, unit: str) -> date:
    match unit:
        case "DAYS":
            return day
        case "WEEKS":
            return day - timedelta((day.weekday() + 1) % 7)
        case "MONTHS":
            return day.replace(day=1)
        case "QUARTERS":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case _:
            return day.replace(month=1, day=1)


def _shift(day: date, unit: str, count: int) -> date:
    if unit in {"DAYS", "WEEKS"}:
        return day + timedelta(count * (7 if unit == "WEEKS" else 1))
    months = count * {"MONTHS": 1, "QUARTERS": 3, "YEARS": 12}[unit]
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def midnight(day: date, zone: tzinfo) -> str:
    """The moment at which `day` starts in `zone`, as the store writes datetimes."""
    return stored(datetime.combine(day, time(), zone))


def stored(moment: datetime) -> str:
    """An aware datetime as the store writes it: UTC, milliseconds, `+0000`."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"


def stored_literal(text: str) -> str | None:
    """A SOQL datetime literal as the store writes it, or None when there is no such moment."""
    try:
        return stored(datetime.fromisoformat(text.upper().replace("Z", "+00:00")))
    except (ValueError, OverflowError):
        return None
