"""Dates and times as Kartra's exports write them.

Kartra documents US Eastern time and writes no offset, so the zone is the caller's choice. A date
with slashes has been through a spreadsheet, whose day and month order nobody can know: it is null
here, and what that means (a quarantine, a review) is the caller's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.prepare.nulls import clean

UTC: Final = pl.Datetime("us", "UTC")
_NAIVE: Final = pl.Datetime("us")

# Databases that know no null give "0000-00-00" or, through PHP, "-0001-11-30".
_EARLIEST_YEAR: Final = 1900
_LATEST_YEAR: Final = 2199


@dataclass(frozen=True)
class _Form:
    shape: str  # a regular expression, because strptime alone is too lenient
    format: str
    has_time: bool


# In the order of how often they occur: each form is tried only on what those before it left.
_LOCAL_FORMS: Final = (
    _Form(r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$", "%Y-%m-%d %H:%M:%S", True),
    _Form(r"^\d{4}-\d{2}-\d{2}$", "%Y-%m-%d", False),
    _Form(r"^\d{1,2} \pL{3,9} \d{4}$", "%d %B %Y", False),
    _Form(r"^\d{1,2} \pL{3,9} \d{4},? \d{1,2}:\d{2}:\d{2}$", "%d %B %Y %H:%M:%S", True),
    _Form(r"^\d{1,2} \pL{3,9} \d{4},? \d{1,2}:\d{2}$", "%d %B %Y %H:%M", True),
    _Form(r"^\d{1,2} \pL{3,9} \d{4},? \d{1,2}:\d{2} ?[AaPp][Mm]$", "%d %B %Y %I:%M %p", True),
    _Form(
        r"^\d{1,2} \pL{3,9} \d{4},? \d{1,2}:\d{2}:\d{2} ?[AaPp][Mm]$", "%d %B %Y %I:%M:%S %p", True
    ),
    _Form(r"^\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}$", "%Y-%m-%d %H:%M", True),
    _Form(r"^\d{4}-\d{2}-\d{2}[T ]\d{1,2}:\d{2}:\d{2}(\.\d+)?$", "%Y-%m-%d %H:%M:%S%.f", True),
)
_MONTH: Final = r"(?i:(jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*)\.?"
_OFFSET_SHAPE: Final = (
    r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)? ?([Zz]|UTC|GMT|[+-]\d{2}:?(\d{2})?)$"
)


def _strptime(text: pl.Series, form: _Form) -> pl.Series:
    """Naive local times of the texts that have this form, null for the others."""
    fits = text.str.contains(form.shape)
    if not fits.any():
        return pl.Series(text.name, [None] * len(text), dtype=_NAIVE)
    fitting = text if fits.all(ignore_nulls=True) else text.set(~fits, None)
    if form.has_time:
        return fitting.str.to_datetime(form.format, strict=False, time_unit="us")
    return fitting.str.to_date(form.format, strict=False).cast(_NAIVE)


def _normalised(text: pl.Series) -> pl.Series:
    """Drop the weekday, the comma before the time and the T, so that one format fits each form."""
    # Nothing but plain ISO text has no letter and no comma; it needs no rewriting.
    if not text.str.contains(r"[,\pL.]|  ").any():
        return text
    return (
        text.str.replace_all(r"\s+", " ")
        # A month's name leaves no doubt about the order, wherever it stands.
        .str.replace(rf"^(?:\pL{{3,9}}\.?,? )?{_MONTH} (\d{{1,2}}),? (\d{{4}})", "${2} ${1} ${3}")
        .str.replace(rf"^(\d{{1,2}})-{_MONTH}-(\d{{4}})", "${1} ${2} ${3}")
        .str.replace(r"^\pL{3,9}\.?,? (\d)", "${1}")
        .str.replace(r"^(\d{4}-\d{2}-\d{2})T", "${1} ")
        .str.replace(r"(\d{4}), ", "${1} ")
        .str.replace(r"^(\d{1,2} \pL{3,9})[.,]+ ", "${1} ")
        .str.replace(r"(?i) sept ", " Sep ")
        .str.replace(r"(\d)([AaPp][Mm])$", "${1} ${2}")
    )


def _local(text: pl.Series) -> pl.Series:
    """Parse every local form; offsets are not looked at here."""
    parsed = pl.Series(text.name, [None] * len(text), dtype=_NAIVE)
    rest = text
    for form in _LOCAL_FORMS:
        found = _strptime(rest, form)
        parsed = parsed.zip_with(parsed.is_not_null(), found)
        if parsed.null_count() == text.null_count():
            break
        rest = rest.set(found.is_not_null(), None)
    return _likely(parsed)


def _likely(times: pl.Series) -> pl.Series:
    """Times of years that a record can be of; null for the others."""
    years = times.dt.year()
    unlikely = (years < _EARLIEST_YEAR) | (years > _LATEST_YEAR)
    return times.set(unlikely, None) if unlikely.any() else times


def _with_offset(text: pl.Series) -> pl.Series:
    """UTC times of the texts that name their offset."""
    return (
        text.str.replace(r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})", "${1}T${2}")
        .str.replace(r"^(.{16})( ?[^:\d. ].*)$", "${1}:00${2}")
        .str.replace(r" ?(Z|z|UTC|GMT)$", "+00:00")
        .str.replace(r" ?([+-]\d{2}):?(\d{2})$", "${1}:${2}")
        .str.replace(r" ?([+-]\d{2})$", "${1}:00")
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_unit="us")
        .cast(UTC)
    )


def localize(naive: pl.Expr, zone: str) -> pl.Expr:
    """Naive local times of `zone` to UTC. An hour that occurs twice is the first one; an hour that
    a clock change skipped is read with the offset before the change.
    """
    day = pl.duration(days=1)
    plain = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    before = (naive - day).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return plain.dt.convert_time_zone("UTC").fill_null(
        # The day before has the old offset, whatever the size of the gap.
        before.dt.convert_time_zone("UTC") + day
    )


def _localized(naive: pl.Series, zone: str) -> pl.Series:
    plain = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    if plain.null_count() == naive.null_count():
        return plain.dt.convert_time_zone("UTC")
    return naive.to_frame("t").select(localize(pl.col("t"), zone)).to_series()


def _parse_instant(text: pl.Series, zone: str) -> pl.Series:
    usual = _LOCAL_FORMS[0]
    if text.str.contains(usual.shape).all(ignore_nulls=True):
        # Nearly every batch: one form throughout, and nothing to look for.
        times = text.str.to_datetime(usual.format, strict=False, time_unit="us")
        return _localized(_likely(times), zone).cast(UTC).alias(text.name)
    text = text.to_frame().select(clean(pl.first())).to_series()
    has_offset = text.str.contains(_OFFSET_SHAPE)
    local = _local(_normalised(text.set(has_offset, None) if has_offset.any() else text))
    instants = _localized(local, zone)
    if has_offset.any():
        offsets = _with_offset(text.set(~has_offset, None))
        instants = instants.zip_with(~has_offset.fill_null(False), _likely(offsets))
    return instants.cast(UTC).alias(text.name)


def _parse_day(text: pl.Series) -> pl.Series:
    has_offset = text.str.contains(_OFFSET_SHAPE)
    if has_offset.any():
        # The calendar day as written is the day that its writer meant.
        text = text.zip_with(~has_offset.fill_null(False), text.str.slice(0, 10))
    return _local(_normalised(text)).dt.date().alias(text.name)


def require_zone(zone: str) -> str:
    """Return `zone`, or raise SettingsError when it is no IANA time zone."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(
            f"{zone!r} is not a time zone.",
            next_step="Give an IANA name such as America/New_York, or Etc/GMT+5 for a fixed UTC-5.",
        ) from error
    return zone


def parse_datetime(expr: pl.Expr, zone: str) -> pl.Expr:
    """Text to an instant, `Datetime[us, UTC]`; null for what is no date in a documented form.

    Read are `YYYY-MM-DD[ HH:MM[:SS]]`, `DD Mmm YYYY[ HH:MM[:SS]]`, `Sun, 5 Apr 2026, 07:00 PM`,
    `Apr 5, 2026` as local times of `zone`, and ISO texts with an offset (or UTC), which
    count as they say. A date alone is
    local midnight. Raises SettingsError for an unknown zone.
    """
    require_zone(zone)
    return expr.map_batches(
        lambda text: _parse_instant(text, zone), return_dtype=UTC, is_elementwise=True
    )


def parse_date(expr: pl.Expr) -> pl.Expr:
    """Text to the calendar day that it names, in the forms of `parse_datetime`; null for others."""
    return clean(expr).map_batches(_parse_day, return_dtype=pl.Date, is_elementwise=True)
