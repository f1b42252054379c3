"""How long something took, as people write it."""

from __future__ import annotations

from typing import Final

import polars as pl

_HOURS: Final = r"h(?:ours?|rs?)?\.?"
_MINUTES: Final = r"m(?:in(?:ute)?s?)?\.?"
_SECONDS: Final = r"s(?:ec(?:ond)?s?)?\.?"
_NUMBER: Final = r"(\d{1,5}(?:[.,]\d+)?)"
_FORMS: Final = (
    # A lone number is minutes; the groups are hours, minutes, seconds.
    rf"^()(?:{_NUMBER})()$",
    rf"^()(?:{_NUMBER}) ?{_MINUTES}()$",
    rf"^()(){_NUMBER} ?{_SECONDS}$",
    rf"^{_NUMBER} ?{_HOURS}()()$",
    rf"^(\d{{1,3}}) ?{_HOURS},? ?(?:and )?(\d{{1,3}}) ?{_MINUTES}()$",
    rf"^()(\d{{1,3}}) ?{_MINUTES},? ?(?:and )?(\d{{1,2}}) ?{_SECONDS}$",
    r"^(\d{1,3}):(\d{2}):(\d{2})$",
)


def parse_seconds(expr: pl.Expr) -> pl.Expr:
    """Text to whole seconds: `30` (minutes), `45 min`, `1.5 h`, `1 h 30 min`, `90 sec`, `0:12:34`.

    Null for anything else, `1:30` too: it may be hours and minutes or minutes and seconds.
    """
    text = expr.str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    return pl.coalesce([_seconds(text, form) for form in _FORMS])


def _seconds(text: pl.Expr, form: str) -> pl.Expr:
    hours, minutes, seconds = (_number(text.str.extract(form, group)) for group in (1, 2, 3))
    total = hours * 3600 + minutes * 60 + seconds
    return pl.when(text.str.contains(form)).then(total.round().cast(pl.Int64))


def _number(text: pl.Expr) -> pl.Expr:
    value = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return value.fill_null(0.0)
