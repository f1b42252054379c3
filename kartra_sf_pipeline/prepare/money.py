"""Money as text to `Decimal(18, 2)`, exactly or not at all.

Never through a float. Text whose value is not certain to the cent ("1.234" may be one and a bit or
a thousand) is null, and `unreadable` tells it from a blank cell, so that the caller can hold it.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.nulls import NULL_SPELLINGS, clean

MONEY: Final = pl.Decimal(18, 2)

# ASCII alone: `\d` would let digits of other scripts pass, which no cast reads.
_PLAIN: Final = r"^-?[0-9]{1,16}(\.[0-9]{1,2})?$"

_CURRENCY: Final = r"(?:\pL{0,3}\p{Sc}|\p{Lu}{3}|[Kk]r\.?|zł|Kč|Fr\.)"
# One shell around the digits: brackets, a sign before or after, a currency before or after.
_SHELL: Final = (
    r"^(?P<open>\()?\s*(?P<before>[-+\u{2212}])?\s*(?P<currency>" + _CURRENCY + r")?\s*"
    r"(?P<inner>[-+\u{2212}])?\s*(?P<digits>[.,]?\d(?:[\d.,'\u{2019}\s]*\d)?[.]?)\s*"
    r"(?P<unit>" + _CURRENCY + r")?\s*(?P<after>[-+\u{2212}])?\s*(?P<close>\))?\s*$"
)
# The currencies that a sign may stand for; other signs say nothing certain.
_SIGNS: Final = {
    "$": "USD CAD AUD NZD SGD HKD MXN BRL ARS CLP COP TWD",
    "€": "EUR",
    "£": "GBP EGP",
    "¥": "JPY CNY",
    "₹": "INR",
    "₪": "ILS",
    "₩": "KRW",
    "₱": "PHP",
    "₽": "RUB",
    "₺": "TRY",
    "₴": "UAH",
    "₦": "NGN",
    "฿": "THB",
}
_MINUS: Final = ("-", "\u2212")

# Three digits after a lone dot or comma: the comma groups thousands, because money has no third
# decimal and Kartra writes decimal dots; the dot might do either, so it settles nothing.
_GROUPED: Final = {
    r"^\d*\.?\d+\.?$|^\d+\.\d+$": "",
    r"^[1-9]\d{0,2}(,\d{3})+(\.\d*)?$": ",",
    r"^[1-9]\d?(,\d{2})+,\d{3}(\.\d*)?$": ",",
    r"^[1-9]\d{0,2}(['\u{2019}]\d{3})+(\.\d*)?$": r"['\u{2019}]",
    r"^[1-9]\d{0,2}(\s\d{3})+(\.\d*)?$": r"\s",
}
_GROUPED_DECIMAL_COMMA: Final = {
    r"^\d*,\d{1,2}$": "",
    r"^[1-9]\d{0,2}(\.\d{3})+,\d{1,2}$": r"\.",
    r"^[1-9]\d{0,2}(\.\d{3}){2,}$": r"\.",
    r"^[1-9]\d{0,2}(\s\d{3})+,\d{1,2}$": r"\s",
    r"^[1-9]\d{0,2}(['\u{2019}]\d{3})+,\d{1,2}$": r"['\u{2019}]",
}
_DOT_OR_THOUSANDS: Final = r"^[1-9]\d{0,2}\.\d{3}$"
# Whole units and at most two decimals that count; zeros after them change nothing.
_TO_THE_CENT: Final = r"^0*(\d{0,16})(?:\.(\d{0,2})0*)?$"


def _ungrouped(digits: pl.Expr) -> pl.Expr:
    """Digits in one of the known groupings, rewritten with a dot and no separators; else null."""
    readings = [
        pl.when(digits.str.contains(shape)).then(
            digits.str.replace_all(separator, "") if separator else digits
        )
        for shape, separator in _GROUPED.items()
    ]
    for shape, separator in _GROUPED_DECIMAL_COMMA.items():
        ungrouped = digits.str.replace_all(separator, "") if separator else digits
        readings.append(
            pl.when(digits.str.contains(shape)).then(ungrouped.str.replace(",", ".", literal=True))
        )
    return pl.when(~digits.str.contains(_DOT_OR_THOUSANDS)).then(pl.coalesce(readings))


def _parse_unusual(distinct: pl.Series) -> pl.DataFrame:
    """Amounts of texts that are not plain numbers: columns `text`, `amount`."""
    shell = pl.col("shell").struct
    signs = [shell.field(name) for name in ("before", "inner", "after")]
    bracketed = shell.field("open").is_not_null()
    markers = pl.sum_horizontal([sign.is_not_null() for sign in signs]) + bracketed
    negative = bracketed | pl.any_horizontal(
        [sign.is_in(_MINUS).fill_null(False) for sign in signs]
    )
    one_shell = (
        (markers <= 1)
        & (bracketed == shell.field("close").is_not_null())
        & (shell.field("currency").is_null() | shell.field("unit").is_null())
    )
    return (
        distinct.alias("text")
        .to_frame()
        .with_columns(shell=clean(pl.col("text")).str.extract_groups(_SHELL))
        .with_columns(
            number=pl.when(one_shell).then(_ungrouped(shell.field("digits"))),
            minus=pl.when(negative).then(pl.lit("-")).otherwise(pl.lit("")),
        )
        .select(
            "text",
            amount=pl.when(pl.col("number").str.contains(_TO_THE_CENT)).then(
                pl.concat_str(
                    "minus",
                    pl.lit("0"),
                    pl.col("number").str.extract(_TO_THE_CENT, 1),
                    pl.lit("."),
                    pl.col("number").str.extract(_TO_THE_CENT, 2).fill_null(""),
                    pl.lit("0"),
                ).cast(MONEY, strict=False)
            ),
        )
    )


def _parse(text: pl.Series, currency: pl.Series | None = None) -> pl.Series:
    plain = text.str.contains(_PLAIN)
    # Few distinct texts are unusual, however many rows hold them.
    if plain.all(ignore_nulls=True):
        return text.cast(MONEY)
    usual = text.zip_with(plain.fill_null(True), pl.Series([None], dtype=pl.String))
    rare = pl.DataFrame(
        {"text": text, "currency": text.clear(n=len(text)) if currency is None else currency}
    ).filter(~plain)
    found = rare.join(
        _parse_unusual(rare.get_column("text").unique()),
        on="text",
        how="left",
        maintain_order="left",
    ).select(pl.when(~_foreign(pl.col("text"), pl.col("currency"))).then(pl.col("amount")))
    places = (~plain.fill_null(True)).arg_true()
    return usual.cast(MONEY).scatter(places, found.to_series())


def _foreign(text: pl.Expr, currency: pl.Expr) -> pl.Expr:
    """True where a cell names another currency than its column does."""
    code = text.str.extract(r"\b(\p{Lu}{3})\b", 1)
    meant = text.str.extract(r"(\p{Sc})", 1).replace_strict(
        _SIGNS, default=None, return_dtype=pl.String
    )
    return ((code != currency) | ~meant.str.contains(currency, literal=True)).fill_null(False)


def parse_money(expr: pl.Expr, currency: pl.Expr | None = None) -> pl.Expr:
    """Text to `Decimal(18, 2)`; null for blank, for N/A and for what is not certain to the cent.

    Read are plain numbers, thousands grouped by commas, spaces or apostrophes, decimal commas, a
    currency sign or code on one side, and a minus before, after or as brackets. With `currency`,
    the code that the column's header gave, an amount in another one is null as well.
    """
    if currency is None:
        return expr.map_batches(_parse, return_dtype=MONEY, is_elementwise=True)
    return pl.map_batches(
        [expr, currency],
        lambda columns: _parse(columns[0], columns[1]),
        return_dtype=MONEY,
        is_elementwise=True,
    )


def is_plain_money(text: pl.Expr) -> pl.Expr:
    """True for a cell that is a plain number or says nothing: what all but a few cells are."""
    return text.is_null() | text.str.contains(_PLAIN) | text.is_in(NULL_SPELLINGS)


def unreadable(text: pl.Expr, parsed: pl.Expr) -> pl.Expr:
    """True where `text` says something that `parsed` could not take: a quarantine, not a blank."""
    return text.is_not_null() & parsed.is_null() & clean(text).is_not_null()
