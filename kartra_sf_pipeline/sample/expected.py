"""Rows that do not fit, and what each row of the transactions file should become."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from kartra_sf_pipeline.sample.draw import Bools, Draw, Ints, text, where
from kartra_sf_pipeline.sample.orders import (
    CANCELLATION,
    CHARGEBACK,
    FAILED,
    PARTIAL,
    REBILL,
    REFUND,
    REVERT,
    SALE,
    TYPES,
    UNLABELLED,
)
from kartra_sf_pipeline.sample.people import People


@dataclass
class Oddities:
    """Rows that do not fit: a tiny share of every account."""

    stranger: Bools
    unlabelled: Bools
    lost_subscription: Bools
    missing: Bools


def make_oddities(draw: Draw, events: pl.DataFrame) -> Oddities:
    """Buyers who are not among the contacts, a row without a type, rebills without their
    subscription, sales that a refund points at and that are not in the file.
    """
    kind, sub, parent = (events[name].to_numpy() for name in ("type", "sub", "parent"))
    single_sale = (kind == SALE) & (sub < 0)
    # The rare kinds of refund are kept whole.
    rare = np.isin(kind, (PARTIAL, CHARGEBACK))
    single_sale[parent[rare]] = False
    stranger = single_sale & draw.chance(0.012)
    unlabelled = (kind == REBILL) & draw.chance(0.0004)
    lost = (kind == REBILL) & draw.chance(0.0012) & ~unlabelled
    rebills = np.flatnonzero(kind == REBILL)
    if len(rebills) > 2:
        unlabelled[rebills[len(rebills) // 2]] = True
        lost[rebills[len(rebills) // 2]] = False
        lost[rebills[len(rebills) // 3]] = True
    singles = np.flatnonzero(single_sale)
    if len(singles) > 2:
        stranger[singles[len(singles) // 2]] = True
    missing = np.zeros(len(kind), dtype=np.bool_)
    refunded = parent[(parent >= 0) & (kind == REFUND)]
    # Another order of the same thing by the same buyer would pass for the one that is missing.
    same = events.select(pl.len().over("row", "offer", "type")).to_series().to_numpy()
    refunded = refunded[single_sale[refunded] & ~stranger[refunded] & (same[refunded] == 1)]
    missing[refunded[::40]] = True
    # What is given back to a stranger, too, is a stranger's.
    stranger |= (parent >= 0) & stranger[np.maximum(parent, 0)]
    return Oddities(stranger, unlabelled, lost, missing)


def expected_rows(
    people: People, events: pl.DataFrame, ids: Ints, sub_ids: Ints, exported: Bools, odd: Oddities
) -> pl.DataFrame:
    """What each row should become, by the rules that a reader of the docs could apply by hand."""
    kind, sub, row, parent = (events[name].to_numpy() for name in ("type", "sub", "row", "parent"))
    n = len(events)
    in_sub = sub >= 0
    at_sub = np.maximum(sub, 0)
    in_export = in_sub & (exported[at_sub] if len(exported) else False)
    opening = (kind == SALE) & in_sub
    own_key = text("T", ids)
    sub_key = text("S", sub_ids[at_sub]) if len(sub_ids) else own_key
    money_back = (kind >= REFUND) & (kind <= CHARGEBACK)
    ends = (kind >= CANCELLATION) & (kind <= REVERT)
    rolled = in_sub & (kind <= REBILL)
    folded = rolled & (in_export | ~opening)
    reason = np.select(
        [odd.unlabelled, odd.stranger, odd.lost_subscription, kind == FAILED, ends,
         folded & opening, folded],
        ["unknown_type", "buyer_not_found", "no_subscription", "failed_payment", "status_evidence",
         "first_payment", "rebill_rolled_up"],
        "",
    )  # fmt: skip
    disposition = np.select(
        [odd.unlabelled | odd.stranger | odd.lost_subscription, kind == FAILED, ends | folded],
        ["quarantine", "suppress", "merge"],
        "keep",
    )
    parents = np.maximum(parent, 0)
    orphaned = money_back & (odd.missing[parents] | odd.stranger[parents])
    disposition = np.where(orphaned, "quarantine", disposition)
    reason = np.where(orphaned & odd.missing[parents], "sale_not_found", reason)
    reason = np.where(orphaned & odd.stranger[parents], "buyer_not_found", reason)
    opportunity = where(in_sub & ~money_back, sub_key, own_key)
    gone = np.isin(disposition, ("quarantine", "suppress"))
    return pl.DataFrame(
        {
            "transaction_id": pl.Series(ids).cast(pl.String),
            "type": pl.Series(TYPES, dtype=pl.String).gather(
                np.where(odd.unlabelled, UNLABELLED, kind)
            ),
            "contact_id": where(
                odd.stranger, None, pl.Series(people.contact_id[row]).cast(pl.String)
            ),
            "disposition": pl.Series(disposition),
            "reason": pl.Series(reason).replace("", None),
            "opportunity_key": where(gone, None, opportunity),
            "parent_transaction_id": where(
                money_back, pl.Series(ids[parents]).cast(pl.String), None
            ),
            "adjusts_key": where(money_back & ~gone, opportunity.gather(parents), None),
            "rows": pl.Series(np.ones(n, dtype=np.int64)),
        }
    )
