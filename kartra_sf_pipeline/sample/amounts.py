"""The money of each event: price, discount, tax, shipping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from kartra_sf_pipeline.sample.catalogue import OFFERS, offer_column
from kartra_sf_pipeline.sample.draw import Draw, Ints, where
from kartra_sf_pipeline.sample.orders import (
    CANCELLATION,
    CHARGEBACK,
    FAILED,
    PARTIAL,
    REFUND,
    REVERT,
    SALE,
)
from kartra_sf_pipeline.sample.people import People, per_locale

_COUPONS = (("LAUNCH20", 20), ("SAVE10", 10), ("FRIENDS50", 50), ("VIP100", 100))


@dataclass
class Money:
    """Whole cents per event; what is given back is negative."""

    quantity: Ints
    base: Ints
    discount: Ints
    tax: Ints
    shipping: Ints
    amount: Ints
    revenue: Ints
    coupon: pl.Series


def amounts(people: People, events: pl.DataFrame, draw: Draw) -> Money:
    """What each event shows as paid: a payment given back repeats the figures of its own."""
    kind = events["type"].to_numpy()
    offer = events["offer"].to_numpy()
    row = events["row"].to_numpy()
    parent = events["parent"].to_numpy()
    own = np.where(parent >= 0, parent, np.arange(len(events)))
    single = np.array([not item.term for item in OFFERS])[offer]
    quantity = np.where(single & draw.chance(0.02), 2, 1)[own]
    trial = events["trial"].to_numpy()
    unit = offer_column("price").to_numpy()[offer]
    base = np.where(trial, np.maximum(offer_column("trial").to_numpy()[offer], 0), unit)
    used = draw.chance(0.09) & (kind == SALE) & (base > 0) & ~trial
    which = draw.choose((45, 35, 15, 5))
    percent = np.where(used, np.array([p for _, p in _COUPONS])[which], 0)[own]
    coupon = where(percent > 0, pl.Series([c for c, _ in _COUPONS]).gather(which[own]), None)
    net = base * quantity
    discount = net * percent // 100
    # Whether a buyer is taxed does not change from one payment to the next.
    rates = people.block.draw("sales tax")
    european = per_locale("consent_law").to_numpy()[people.locale] & rates.chance(0.6)
    american = (people.locale == 0) & rates.chance(0.3)
    rate = np.where(european, 2_000, np.where(american, 600 + 25 * rates.ints(0, 10), 0))[row]
    tax = (net - discount) * rate // 10_000
    shipping = offer_column("shipping").to_numpy()[offer] * quantity
    nothing = (kind >= CANCELLATION) & (kind <= REVERT)
    share = np.where(kind == PARTIAL, 2, 1)
    back = np.where((kind >= REFUND) & (kind <= CHARGEBACK), -1, 1)
    amount = np.where(nothing, 0, (net - discount + tax + shipping) // share * back)
    paid = (kind != FAILED) & ~nothing
    revenue = np.where(paid, (net - discount) // share * back, 0)
    return Money(
        quantity=quantity,
        base=base,
        discount=np.where(nothing, 0, discount),
        tax=np.where(nothing, 0, tax),
        shipping=np.where(nothing, 0, shipping),
        amount=amount,
        revenue=revenue,
        coupon=where(nothing, None, coupon),
    )
