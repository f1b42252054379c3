"""What the buyers of a block did: orders, subscriptions and their histories, as bare events.

Times are seconds since 1970 on the account's clock, money is whole cents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from kartra_sf_pipeline.sample.catalogue import OFFERS, ONE_OFF, RECURRING, offer_column
from kartra_sf_pipeline.sample.draw import Bools, Draw, Ints
from kartra_sf_pipeline.sample.people import Block, People

DAY = 86_400
TYPES = (
    "Sale", "Rebill", "Failed", "Cancellation", "Request Can.", "Revert Can.", "Refund",
    "Partial refund", "Chargeback", None,
)  # fmt: skip
SALE, REBILL, FAILED, CANCELLATION, REQUEST, REVERT, REFUND, PARTIAL, CHARGEBACK, UNLABELLED = (
    range(10)
)
STATUSES = ("Active", "Pending Cancellation", "Paused", "Cancelled", "Terminated")
ACTIVE, PENDING, PAUSED, CANCELLED, TERMINATED = range(5)

SUBSCRIPTIONS_PER_BUYER = (10, 76, 14)
TRIAL_DAYS = 14
# Kartra tries a failed charge again every three days, three more times.
RETRY_DAYS = 3


@dataclass
class Orders:
    """Events of a block in the order of their time, and its subscriptions.

    `events`: type, at, row (of the contact), offer, sub (place in `subscriptions` or -1), payment
    (number, 0 without one), parent (place in `events` or -1), reattempt, automatic, trial.
    `subscriptions`: row, offer, start, status, end (0 = none), next_due (0 = none), paid.
    """

    events: pl.DataFrame
    subscriptions: pl.DataFrame

    def bought(self) -> pl.DataFrame:
        """Distinct pairs of contact (`row`) and `product` that were sold."""
        sold = self.events.filter(pl.col("type") == SALE)
        return (
            sold.select("row", product=offer_column("product").gather(sold["offer"]))
            .unique(maintain_order=True)
            .sort("row", maintain_order=True)
        )


@dataclass
class _Plan:
    """Subscriptions as arrays, one entry each."""

    row: Ints
    offer: Ints
    start: Ints
    months: Ints
    days: Ints
    trial: Bools

    def due(self, k: Ints) -> Ints:
        """The time of the k-th payment after the first."""
        return _due(self.start, self.months, self.days, self.trial, k)


def _due(start: Ints, months: Ints, days: Ints, trial: Bools, k: Ints) -> Ints:
    first = start + np.where(trial, TRIAL_DAYS * DAY, 0)
    steps = k - trial
    date = first // DAY
    month = date.astype("M8[D]").astype("M8[M]")
    in_month = date - month.astype("M8[D]").astype(np.int64)
    target = month + (months * steps).astype("m8[M]")
    begin = target.astype("M8[D]").astype(np.int64)
    length = (target + np.timedelta64(1, "M")).astype("M8[D]").astype(np.int64) - begin
    by_month = begin + np.minimum(in_month, length - 1)
    day = np.where(months > 0, by_month, date + days * steps)
    return day * DAY + first % DAY


def make_orders(people: People, can_buy: Bools) -> Orders:
    """Draw the orders of a block; only contacts with `can_buy` order."""
    block = people.block
    draw = block.draw("buyers")
    latest = block.now - 2 * DAY
    buys = draw.chance(block.buyers) & can_buy & (people.joined < latest)
    rows = np.flatnonzero(buys).astype(np.int64)
    lines = block.draw("orders", len(rows))
    subscriptions = lines.choose(SUBSCRIPTIONS_PER_BUYER)
    singles = np.where(subscriptions == 0, 1 + lines.choose((80, 20)), lines.choose((82, 13, 5)))
    one_off = _singles(block, people, np.repeat(rows, singles), latest)
    plan, planned = _plans(block, people, np.repeat(rows, subscriptions), latest)
    recurring, table = _histories(block, plan, planned)
    paid = pl.concat([one_off, recurring.filter(pl.col("type") <= REBILL)])
    rest = recurring.filter(pl.col("type") > REBILL)
    failed_checkouts = _failed_checkouts(block, one_off)
    refunds = _refunds(block, paid)
    events = pl.concat([paid, rest, failed_checkouts, refunds]).with_columns(
        made=pl.int_range(pl.len(), dtype=pl.Int64)
    )
    # Sorted by time; a parent was a place in the order of making, and becomes one in that of time.
    events = events.sort("at", "made", maintain_order=True)
    place = np.empty(len(events), dtype=np.int64)
    place[events["made"].to_numpy()] = np.arange(len(events))
    parent = events["parent"].to_numpy()
    events = events.with_columns(
        parent=pl.Series(np.where(parent >= 0, place[np.maximum(parent, 0)], -1))
    ).drop("made")
    return Orders(events, table)


def _frame(**columns: NDArray[np.generic] | int | bool) -> pl.DataFrame:
    size = len(columns["at"]) if isinstance(columns["at"], np.ndarray) else 0
    defaults: dict[str, int | bool] = {
        "sub": -1, "payment": 0, "parent": -1,
        "reattempt": False, "automatic": False, "trial": False,
    }  # fmt: skip
    merged = {**defaults, **columns}
    order = (
        "type",
        "at",
        "row",
        "offer",
        "sub",
        "payment",
        "parent",
        "reattempt",
        "automatic",
        "trial",
    )
    return pl.DataFrame({
        name: np.broadcast_to(np.asarray(merged[name]), size).astype(
            np.bool_ if name in ("reattempt", "automatic", "trial") else np.int64
        )
        for name in order
    })  # fmt: skip


def _starts(draw: Draw, people: People, row: Ints, latest: int) -> Ints:
    joined = people.joined[row]
    waited = joined + draw.exponential(50 * DAY).astype(np.int64) + draw.ints(60, 7_200)
    # Who would have ordered after the export ordered at once.
    return np.where(waited < latest, waited, joined + draw.ints(60, 7_200))


def _singles(block: Block, people: People, row: Ints, latest: int) -> pl.DataFrame:
    draw = block.draw("single orders", len(row))
    offer = np.array(ONE_OFF)[draw.choose([OFFERS[i].share for i in ONE_OFF])]
    return _frame(type=SALE, at=_starts(draw, people, row, latest), row=row, offer=offer)


def _plans(block: Block, people: People, row: Ints, latest: int) -> tuple[_Plan, Ints]:
    draw = block.draw("subscriptions", len(row))
    offer = np.array(RECURRING)[draw.choose([OFFERS[i].share for i in RECURRING])]
    months = offer_column("months").to_numpy()[offer]
    days = offer_column("days").to_numpy()[offer]
    trial = offer_column("trial").to_numpy()[offer] >= 0
    instalments = offer_column("payments").to_numpy()[offer]
    planned = draw.geometric(offer_column("lasts").to_numpy()[offer])
    # Four of five pay an instalment plan to its end.
    planned = np.where((instalments > 0) & draw.chance(0.8), instalments, planned)
    planned = np.where(instalments > 0, np.minimum(planned, instalments), planned)
    start = _starts(draw, people, row, latest)
    return _Plan(row, offer, start, months, days, trial), planned


def _histories(block: Block, plan: _Plan, planned: Ints) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Every event of every subscription, and the subscriptions as they stand today."""
    n, now = len(plan.row), block.now
    draw = block.draw("histories", n)
    sub = np.arange(n)
    possible = _elapsed(plan, now)
    wanted = planned - 1
    rebills = np.minimum(wanted, possible)
    instalments = offer_column("payments").to_numpy()[plan.offer]
    complete = (instalments > 0) & (wanted == instalments - 1) & (wanted <= possible)
    leaves = (wanted <= possible) & ~complete

    paid, failed = _payments(block, plan, rebills)
    last_paid = np.maximum.reduceat(
        paid["at"].to_numpy(), np.concatenate([[0], np.cumsum(rebills + 1)[:-1]])
    ) if n else np.zeros(0, dtype=np.int64)  # fmt: skip
    due = plan.due(rebills + 1)
    fate = draw.choose((35, 37, 28))
    part = draw.unit()
    # A charge that fails four times ends the subscription; nine days pass until then.
    dunned = leaves & (fate == 0) & (due <= now)
    attempts = np.clip((now - due) // (RETRY_DAYS * DAY) + 1, 0, 4)
    dropped = dunned & (due + 3 * RETRY_DAYS * DAY + 3_600 <= now)
    asked_at = last_paid + (part * (due - last_paid) * 0.9).astype(np.int64) + 3_600
    asked = leaves & (fate == 1) & (asked_at < now)
    ended_then = asked & (due <= now)
    quit_now = leaves & (fate == 2) & (asked_at < now)
    ended = dropped | ended_then | quit_now
    end = np.where(dropped, due + 3 * RETRY_DAYS * DAY + 3_600, np.where(ended_then, due, asked_at))

    which = np.repeat(sub[dunned], attempts[dunned])
    attempt = np.arange(len(which)) - np.repeat(
        np.cumsum(attempts[dunned]) - attempts[dunned], attempts[dunned]
    )
    events = [
        paid,
        failed,
        _of(plan, which, type=FAILED, at=due[which] + attempt * RETRY_DAYS * DAY,
            payment=rebills[which] + 2, reattempt=attempt > 0),
        _of(plan, sub[asked], type=REQUEST, at=asked_at[asked]),
        _of(plan, sub[ended], type=CANCELLATION, at=end[ended], automatic=dropped[ended]),
        *_changed_minds(block, plan, rebills),
    ]  # fmt: skip
    paused = ~complete & ~ended & ~asked & draw.chance(0.06)
    status = np.select(
        [complete, ended, asked & ~ended, paused],
        [TERMINATED, CANCELLED, PENDING, PAUSED],
        ACTIVE,
    )
    table = pl.DataFrame(
        {
            "row": plan.row,
            "offer": plan.offer,
            "start": plan.start,
            "status": status.astype(np.int64),
            "end": np.where(ended, end, np.where(complete, last_paid, 0)),
            "next_due": np.where(
                (status == ACTIVE) | (status == PAUSED), np.maximum(due, now + DAY), 0
            ),
            "paid": rebills + 1,
        }
    )
    return pl.concat(events), table


def _of(plan: _Plan, sub: Ints, **columns: NDArray[np.generic] | int) -> pl.DataFrame:
    return _frame(row=plan.row[sub], offer=plan.offer[sub], sub=sub, **columns)


def _elapsed(plan: _Plan, now: int) -> Ints:
    """How many payments after the first have come due."""
    step = np.where(plan.months > 0, plan.months * 28, plan.days) * DAY
    k = np.maximum((now - plan.start) // np.maximum(step, 1) + 2, 0)
    # The guess takes every month for a short one: too many, by up to one in twelve.
    for _ in range(14):
        late = (k > 0) & (plan.due(k) > now)
        if not late.any():
            break
        k = np.where(late, k - 1, k)
    return k


def _payments(block: Block, plan: _Plan, rebills: Ints) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Opening sales and rebills, in the order of subscription and time; and charges that failed
    but were made good some days later.
    """
    counts = rebills + 1
    which = np.repeat(np.arange(len(counts)), counts)
    k = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    draw = block.draw("payments", len(which))
    at = np.where(
        k == 0,
        plan.start[which],
        _due(plan.start[which], plan.months[which], plan.days[which], plan.trial[which], k),
    )
    tries = np.where((k > 0) & draw.chance(0.065), 1 + draw.choose((70, 30)), 0)
    # Never later than now, and weekly plans leave no room for a second attempt.
    tries = np.minimum(tries, np.maximum((block.now - at) // (RETRY_DAYS * DAY), 0))
    tries = np.where(plan.days[which] > 0, np.minimum(tries, 1), tries)
    paid_at = at + tries * RETRY_DAYS * DAY
    paid = _of(
        plan, which, type=np.where(k == 0, SALE, REBILL), at=paid_at, payment=k + 1,
        reattempt=tries > 0, trial=plan.trial[which] & (k == 0),
    )  # fmt: skip
    again = np.repeat(np.flatnonzero(tries > 0), tries[tries > 0])
    attempt = np.arange(len(again)) - np.repeat(
        np.cumsum(tries[tries > 0]) - tries[tries > 0], tries[tries > 0]
    )
    failed = _of(
        plan, which[again], type=FAILED, at=at[again] + attempt * RETRY_DAYS * DAY,
        payment=k[again] + 1, reattempt=attempt > 0,
    )  # fmt: skip
    return paid, failed


def _changed_minds(block: Block, plan: _Plan, rebills: Ints) -> list[pl.DataFrame]:
    """A cancellation asked for and taken back two days later, between two payments."""
    draw = block.draw("reverts", len(rebills))
    able = (rebills >= 2) & (plan.months > 0)
    chosen = able & draw.chance(0.03)
    if block.number == 0 and able.any() and not chosen.any():
        chosen[np.flatnonzero(able)[0]] = True
    sub = np.flatnonzero(chosen)
    cycle = 1 + (draw.unit()[sub] * (rebills[sub] - 1)).astype(np.int64)
    at = plan.due(np.where(chosen, 1, 0))  # The shape of the plan; overwritten for the chosen ones.
    at[sub] = _due(plan.start[sub], plan.months[sub], plan.days[sub], plan.trial[sub], cycle)
    asked = at[sub] + 12 * DAY
    return [
        _of(plan, sub, type=REQUEST, at=asked),
        _of(plan, sub, type=REVERT, at=asked + 2 * DAY),
    ]


def _failed_checkouts(block: Block, one_off: pl.DataFrame) -> pl.DataFrame:
    """A card that was refused some minutes before the order went through."""
    draw = block.draw("failed checkouts", len(one_off))
    priced = offer_column("price").to_numpy()[one_off["offer"].to_numpy()] > 0
    refused = one_off.filter(pl.Series(draw.chance(0.12) & priced))
    return refused.with_columns(type=pl.lit(FAILED, dtype=pl.Int64), at=pl.col("at") - 240)


def _refunds(block: Block, paid: pl.DataFrame) -> pl.DataFrame:
    """Money given back: each one points at a real payment."""
    draw = block.draw("refunds", len(paid))
    offer = paid["offer"].to_numpy()
    price = offer_column("price").to_numpy()[offer]
    at = paid["at"].to_numpy() + draw.ints(1, 26) * DAY + draw.ints(0, 3_600)
    # A course bought at one go is given back more often than a month of a membership.
    share = np.where(paid["sub"].to_numpy() < 0, 0.085, 0.036)
    back = draw.chance(share) & (price > 0) & ~paid["trial"].to_numpy() & (at < block.now)
    places = np.flatnonzero(back)
    kind = np.array([REFUND, PARTIAL, CHARGEBACK])[draw.choose((95, 2.5, 2.5))][places]
    if block.number == 0 and len(places) >= 3:
        # The rare kinds are in every account, however small.
        kind[:2] = (PARTIAL, CHARGEBACK)
    return paid[places].with_columns(
        type=pl.Series(kind), at=pl.Series(at[places]), parent=pl.Series(places.astype(np.int64)),
        reattempt=pl.lit(value=False), trial=pl.lit(value=False),
    )  # fmt: skip
