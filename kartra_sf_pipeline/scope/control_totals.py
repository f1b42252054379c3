"""Control totals: what Kartra's screens say against what was read from its exports."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.text import null_if_blank
from kartra_sf_pipeline.prepare.transaction_rules import Role, types_with
from kartra_sf_pipeline.scope.control_file import COUNTS, ControlTotals
from kartra_sf_pipeline.scope.frames import Frames, count, disposed, height

AMOUNT: Final = pl.Decimal(18, 2)
SCHEMA: Final = pl.Schema(
    {
        "what": pl.String(),
        "unit": pl.String(),
        "expected": AMOUNT,
        "found": AMOUNT,
        "difference": AMOUNT,
        "status": pl.String(),
        "essential": pl.Boolean(),
        "finding": pl.String(),
        "note": pl.String(),
    }
)

AGREES, WITHIN, FEWER, MORE, NOT_GIVEN = (
    "agrees",
    "within_tolerance",
    "fewer_than_expected",
    "more_than_expected",
    "not_given",
)
# Without these three nothing is known about completeness (requirements: counts and revenue).
_ESSENTIAL: Final = ("contacts", "transactions", "revenue")
_CENTS: Final = Decimal("0.01")


def control_totals(frames: Frames, expected: ControlTotals) -> pl.DataFrame:
    """One row per figure: `what`, `unit` (a currency code, else null), `expected` (null where none
    was given), `found`, `difference` (found less expected), `status`, `essential`, `finding` (the
    row as a sentence), `note` (how `found` was counted, and what was not).

    `status` is agrees, within_tolerance, fewer_than_expected, more_than_expected or not_given.
    """
    rows = [*_counts(frames, expected), *_money(frames, expected)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


Row = tuple[str, str | None, Decimal | None, Decimal, Decimal | None, str, bool, str, str | None]


def _row(
    what: str,
    unit: str | None,
    expected: Decimal | None,
    found: Decimal,
    tolerance: Decimal,
    note: str | None,
) -> Row:
    difference = None if expected is None else found - expected
    status = _status(expected, difference, tolerance)
    finding = _finding(what, unit, expected, found, difference)
    return what, unit, expected, found, difference, status, what in _ESSENTIAL, finding, note


def _status(expected: Decimal | None, difference: Decimal | None, tolerance: Decimal) -> str:
    if expected is None or difference is None:
        return NOT_GIVEN
    if difference == 0:
        return AGREES
    if abs(difference) <= abs(expected) * tolerance / 100:
        return WITHIN
    return FEWER if difference < 0 else MORE


def _finding(
    what: str,
    unit: str | None,
    expected: Decimal | None,
    found: Decimal,
    difference: Decimal | None,
) -> str:
    def shown(figure: Decimal) -> str:
        return f"{figure:,.2f} {unit}" if unit else f"{int(figure):,}"

    if expected is None or difference is None:
        return f"{what}: {shown(found)} in the exports, nothing to compare with"
    if difference == 0:
        return f"{what}: {shown(found)}, as on Kartra's screen"
    word = "less" if difference < 0 else "more"
    return (
        f"{what}: {shown(expected)} on Kartra's screen, {shown(found)} in the exports "
        f"({shown(abs(difference))} {word})"
    )


def _counts(frames: Frames, expected: ControlTotals) -> Iterator[Row]:
    found = {
        "contacts": _contacts(frames),
        "transactions": _once(frames, "transactions"),
        "subscriptions": _recurring(frames, "subscriptions"),
        "affiliates": _recurring(frames, "affiliates"),
        "lists": _names(frames, "parsed_lists", "list_folded", "lists"),
        "tags": _names(frames, "parsed_tags", "tag_folded", "tags"),
    }
    for what in COUNTS:
        given = expected.counts.get(what)
        number, note = found[what]
        yield _row(
            what,
            None,
            None if given is None else Decimal(given),
            Decimal(number),
            expected.tolerance_percent,
            note,
        )


def _unread(frames: Frames, export: str) -> str | None:
    unread = count(frames, "quarantine", pl.col("export") == export)
    return f"{unread:,} rows could not be read and are not counted." if unread else None


def _joined(*notes: str | None) -> str | None:
    return " ".join(note for note in notes if note) or None


def _contacts(frames: Frames) -> tuple[int, str | None]:
    """Kartra counts a contact once, before duplicates are merged, and deleted ones not at all."""
    name = "contacts_prepared"
    nameless = count(frames, name, disposed("quarantine"))
    held = f"{nameless:,} rows have no identity and are not counted." if nameless else None
    note = "Once each over all files, before duplicates are merged; deleted ones are left out."
    return count(frames, name, disposed("keep")), _joined(note, held, _unread(frames, "contacts"))


def _once(frames: Frames, export: str) -> tuple[int, str | None]:
    """Rows of an export without the older copies of overlapping files."""
    copy = pl.col("reason").fill_null("") == "older_extract"
    name = f"{export}_prepared"
    rows = height(frames, name) - count(frames, name, copy)
    return rows, _joined("Each id once, over all files.", _unread(frames, export))


def _recurring(frames: Frames, export: str) -> tuple[int, str | None]:
    """From the export; where there is none, those that the transactions know of."""
    if height(frames, f"{export}_prepared"):
        return _once(frames, export)
    return (
        height(frames, f"{export}_derived"),
        f"There is no {export} export: counted from the transactions.",
    )


def _names(frames: Frames, name: str, folded: str, column: str) -> tuple[int, str | None]:
    """Distinct names on people (those left out by choice, too), and in the lists export."""
    parts = [frames[name][folded]] if name in frames else []
    left_out = frames.get("contacts_suppressed")
    if left_out is not None and column in left_out.columns:
        labels = left_out.select(pl.col(column).explode(empty_as_null=True)).to_series()
        parts.append(labels)
    if column == "lists" and "raw_lists" in frames:
        parts.append(frames["raw_lists"]["list"])
    if not parts:
        return 0, None
    names = pl.concat([part.cast(pl.String).alias("name") for part in parts]).to_frame()
    clean = pl.col("name").str.replace_all(r"\s+", " ").str.strip_chars().str.to_lowercase()
    distinct = names.select(null_if_blank(clean).drop_nulls().n_unique()).item()
    return distinct, "Spellings that differ in case alone count once."


def _money(frames: Frames, expected: ControlTotals) -> Iterator[Row]:
    found = _sums(frames)
    codes = sorted(
        {code for _, code in expected.money} | {code for code in found["currency"] if code}
    )
    sums = {row["currency"]: row for row in found.iter_rows(named=True)}
    blank = sums.get(None)
    without = (
        f"Rows without a currency add up to {blank['revenue']:,.2f} and are not counted."
        if blank and blank["revenue"]
        else None
    )
    bad = count(
        frames,
        "transactions_prepared",
        pl.col("reason").is_in(["bad_amount", "missing_amount", "unknown_type"]),
    )
    held = (
        f"{bad:,} rows with an amount or type that cannot be read may lack here." if bad else None
    )
    unread = _unread(frames, "transactions")
    zero = Decimal(0)
    if not codes:
        # A folder without money: the figure is still one that nobody has confirmed.
        yield _row("revenue", None, None, zero, zero, _joined(without, held, unread))
    for code in codes:
        here = sums.get(code, {"revenue": zero, "refunds": zero})
        net = here["revenue"] - here["refunds"]
        for what, note in (
            (
                "revenue",
                f"Payments received less sales tax and shipping; less refunds it is {net:,.2f}.",
            ),
            ("refunds", "Refunds and chargebacks, sales tax and shipping taken off."),
        ):
            given = expected.money.get((what, code))
            if what == "refunds" and given is None:
                continue
            yield _row(
                what,
                code,
                given,
                (here[what] or zero).quantize(_CENTS),
                expected.tolerance_percent,
                _joined(note, without, held, unread),
            )


def _sums(frames: Frames) -> pl.DataFrame:
    """`currency`, `revenue`, `refunds` (positive), by Kartra's definition of revenue."""
    schema = pl.Schema({"currency": pl.String(), "revenue": AMOUNT, "refunds": AMOUNT})
    money = frames.get("transactions_prepared")
    if money is None or money.is_empty():
        return schema.to_frame()
    # The file has the figure itself; without it, the amount less tax and shipping is the same.
    less = pl.col("sales_tax").abs().fill_null(0) + pl.col("shipping_cost").abs().fill_null(0)
    own = pl.coalesce(pl.col("revenue").abs(), pl.col("amount").abs() - less).fill_null(0)
    kind = pl.col("type")
    counted = money.filter(pl.col("reason").fill_null("") != "older_extract")
    return (
        counted.group_by("currency")
        .agg(
            own.filter(kind.is_in(types_with(Role.PAYMENT))).sum().cast(AMOUNT).alias("revenue"),
            own.filter(kind.is_in(types_with(Role.ADJUSTMENT))).sum().cast(AMOUNT).alias("refunds"),
        )
        .sort("currency")
        .cast(schema)
    )
