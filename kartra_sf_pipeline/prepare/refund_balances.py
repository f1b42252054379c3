"""What of each sale can still be given back: refunds may not add up to more than was paid.

A refund is weighed on its own day: against what had been paid by then, less every other refund of
the same sale, and it may not leave too little for one that was accepted before it.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.dispositions import ROW

_CENTS: Final = (pl.col("amount") * 100).cast(pl.Int64)
# At the same instant money comes in before it goes out.
_PAID, _TAKEN, _ASKED = 0, 1, 2


class RefundBalances:
    """Payments per opportunity, and the refunds that were accepted against them so far."""

    def __init__(self, payments: pl.DataFrame) -> None:
        """`payments`: `opportunity_key`, `occurred_at`, `amount`. Opportunities that are not among
        them have no balance, and whatever is asked of them is accepted.
        """
        self._events = payments.select(
            "opportunity_key", "occurred_at", cents=_CENTS, kind=pl.lit(_PAID, pl.UInt8)
        )
        self._left = payments.group_by("opportunity_key").agg(left=pl.col("amount").sum())

    def left(self) -> pl.DataFrame:
        """`opportunity_key` and `left`, what is not given back yet of all that was ever paid."""
        return self._left

    def accept(self, asked: pl.DataFrame) -> pl.DataFrame:
        """The rows of `asked` that fit, earlier ones first; they are remembered.

        `asked` has `_row`, `occurred_at`, `amount`, `adjusts_key`, one row per refund.
        """
        new = asked.select(
            ROW,
            "occurred_at",
            opportunity_key="adjusts_key",
            cents=-_CENTS,
            kind=pl.lit(_ASKED, pl.UInt8),
        )
        before = self._events.join(new, on="opportunity_key", how="semi")
        weighed = new.join(before, on="opportunity_key", how="semi")
        running = (
            pl.concat([before, weighed], how="diagonal")
            .sort("opportunity_key", "occurred_at", "kind", ROW)
            .with_columns(running=pl.col("cents").cum_sum().over("opportunity_key"))
        )
        overdrawn = running.filter(pl.col("running").min().over("opportunity_key") < 0)
        refused = [
            row
            for events in overdrawn.partition_by("opportunity_key", include_key=False)
            for row in _refused(events)
        ]
        no = pl.Series(ROW, refused, dtype=asked.schema[ROW])
        accepted = asked.filter(~pl.col(ROW).is_in(no.implode()))
        self._remember(accepted)
        return accepted

    def _remember(self, accepted: pl.DataFrame) -> None:
        taken = accepted.select(
            "occurred_at",
            opportunity_key="adjusts_key",
            cents=-_CENTS,
            kind=pl.lit(_TAKEN, pl.UInt8),
        ).join(self._left, on="opportunity_key", how="semi")
        self._events = pl.concat([self._events, taken.select(self._events.columns)])
        spent = accepted.group_by(opportunity_key="adjusts_key").agg(spent=pl.col("amount").sum())
        self._left = self._left.join(
            spent, on="opportunity_key", how="left", maintain_order="left"
        ).select("opportunity_key", left=pl.col("left") - pl.col("spent").fill_null(0))


def _refused(events: pl.DataFrame) -> list[int]:
    """Rows of one opportunity that would overdraw it. Few opportunities come here."""
    refused: list[int] = []
    kinds, cents, rows = (events[name].to_list() for name in ("kind", "cents", ROW))
    # What is certain counts first; each refund is then laid over all that comes after it.
    balance = 0
    balances = [
        balance := balance + (0 if kind == _ASKED else amount)
        for kind, amount in zip(kinds, cents, strict=True)
    ]
    for place, kind in enumerate(kinds):
        if kind != _ASKED:
            continue
        if min(balances[place:]) + cents[place] < 0:
            refused.append(rows[place])
            continue
        for later in range(place, len(balances)):
            balances[later] += cents[place]
    return refused
