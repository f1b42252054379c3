"""The account's affiliates and joint-venture partners, shared by all blocks."""

from __future__ import annotations

import numpy as np
import polars as pl

from kartra_sf_pipeline.sample.draw import Draw, digits, text, where
from kartra_sf_pipeline.sample.names import name_pools


class Partners:
    """Affiliates by their place: `ids`, `usernames`, `names`, `emails`; and what each has earned.

    Not every one of them is in the affiliates export: `listed` says which are.
    """

    def __init__(self, seed: int, contacts: int) -> None:
        count = max(8, min(400, contacts // 80))
        draw = Draw(seed, 0, "partners", count)
        pools = name_pools()
        locale = np.zeros(count, dtype=np.int64)
        given_at = pools.given.index(locale, draw.unit())
        family_at = pools.family.index(locale, draw.unit())
        self.count = count
        self.ids = pl.Series(700_000 + np.arange(count) * 13 + draw.ints(0, 13)).cast(pl.String)
        self.usernames = text(
            pools.given_ascii.gather(given_at),
            pools.family_ascii.gather(family_at).str.slice(0, 3),
            digits(np.arange(count), 2),
        )
        self.names = text(
            pools.given.series.gather(given_at), " ", pools.family.series.gather(family_at)
        )
        domain = draw.pick(("gmail.com", "yahoo.com", "outlook.com"), (70, 20, 10))
        self.emails = text(self.usernames, "@", domain)
        self.listed = draw.chance(0.85)
        self._draw = draw
        self._cents = np.zeros(count, dtype=np.int64)

    def earn(self, partner: np.ndarray, cents: np.ndarray) -> None:
        """Add commissions to the affiliates' totals."""
        np.add.at(self._cents, partner, cents)

    def frame(self) -> pl.DataFrame:
        """The rows of the affiliates export, in the spelling of Kartra's table."""
        draw = self._draw
        earned = np.maximum(self._cents, 0)
        paid = (earned * draw.unit() * 0.9).astype(np.int64) // 100 * 100
        reserve = ((earned - paid) * 0.2).astype(np.int64)
        status = draw.pick(("Approved", "Pending", "Declined", "approved"), (78, 10, 5, 7))
        method = draw.pick(("PayPal", "Check", "Bank wire", None), (70, 10, 10, 10))
        case = draw.chance(0.1)
        return pl.DataFrame(
            {
                "Affiliate ID": self.ids,
                "Affiliate": self.names,
                "Username": where(case, self.usernames.str.to_uppercase(), self.usernames),
                "Email": self.emails,
                "Status": status,
                "Products": pl.Series(draw.ints(0, 6)).cast(pl.String),
                "Earned": dollars(earned),
                "Reserve": dollars(reserve),
                "Due": dollars(earned - paid - reserve),
                "Paid": dollars(paid),
                "Payment method": method,
                "PayPal email": where(
                    (method == "PayPal").fill_null(value=False).to_numpy(), self.emails, None
                ),
            }
        ).filter(pl.Series(self.listed))


def dollars(cents: np.ndarray | pl.Series) -> pl.Series:
    """Whole cents as "1234.50", a minus before the amounts below zero."""
    column = pl.Series("cents", cents).cast(pl.Int64)
    whole = column.abs()
    return pl.select(
        pl.concat_str(
            pl.when(pl.lit(column) < 0).then(pl.lit("-")).otherwise(pl.lit("")),
            pl.lit(whole // 100),
            pl.lit("."),
            pl.lit(whole % 100).cast(pl.String).str.zfill(2),
        ).alias("money")
    ).to_series()
