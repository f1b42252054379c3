"""The subscriptions export: its own date style, its own mixture of header styles."""

from __future__ import annotations

import numpy as np
import polars as pl

from kartra_sf_pipeline.sample.catalogue import offer_column
from kartra_sf_pipeline.sample.contact_rows import stamp
from kartra_sf_pipeline.sample.draw import Bools, text, where
from kartra_sf_pipeline.sample.orders import STATUSES, Orders
from kartra_sf_pipeline.sample.partners import dollars
from kartra_sf_pipeline.sample.people import Block
from kartra_sf_pipeline.sample.transaction_rows import TransactionRows

HEADERS = (
    "Subscription_ID", "Status", "Recurrence_Term", "Product", "Price point", "Buyer_Name",
    "Buyer_Email", "lead_id", "Start date", "End date", "Next payment date", "Next payment amount",
    "Payment number", "Payments left", "Affiliate", "JV", "Processor", "Processor subscription id",
)  # fmt: skip
SHARE_EXPORTED = 0.93


def exported_subscriptions(block: Block, orders: Orders) -> Bools:
    """Which of a block's subscriptions the export lists; Kartra's leaves some old ones out."""
    return block.draw("exported", len(orders.subscriptions)).chance(SHARE_EXPORTED)


def subscription_frame(
    block: Block,
    contacts: pl.DataFrame,
    full_name: pl.Series,
    email: pl.Series,
    orders: Orders,
    transactions: TransactionRows,
    exported: Bools,
) -> pl.DataFrame:
    """The rows of the subscriptions file."""
    table = orders.subscriptions
    n = len(table)
    draw = block.draw("subscription cells", n)
    row, offer = table["row"].to_numpy(), table["offer"].to_numpy()
    status = pl.Series(STATUSES).gather(table["status"])
    status = where(draw.chance(0.02), status.replace({"Cancelled": "Canceled"}), status)
    style = "%d %b %Y"
    end, due, paid = (table[name].to_numpy() for name in ("end", "next_due", "paid"))
    plan = offer_column("payments").to_numpy()[offer]
    price = offer_column("price").to_numpy()[offer]
    left = text(np.maximum(plan - paid, 0))
    amount = dollars(price)
    grouped = amount.str.replace(r"^(\d+)(\d{3}\.)", "${1},${2}")
    no_date = where(draw.chance(0.5), "N/A", None)
    shown = where(draw.chance(0.85), text("$", grouped), amount)
    return pl.DataFrame(
        {
            "Subscription_ID": transactions.subscription_ids,
            "Status": status,
            "Recurrence_Term": offer_column("term").gather(offer),
            "Product": offer_column("product").gather(offer),
            "Price point": offer_column("price_point").gather(offer),
            "Buyer_Name": full_name.gather(row),
            "Buyer_Email": email.gather(row),
            "lead_id": contacts["id"].gather(row),
            "Start date": stamp(table["start"], style),
            "End date": where(end > 0, stamp(end, style), None),
            "Next payment date": where(due > 0, stamp(due, style), no_date),
            "Next payment amount": where(due > 0, shown, None),
            "Payment number": table["paid"].cast(pl.String),
            "Payments left": where(plan > 0, left, "Until cancelled"),
            "Affiliate": transactions.affiliates,
            "JV": pl.repeat("N/A", n, dtype=pl.String, eager=True),
            "Processor": transactions.processors,
            "Processor subscription id": transactions.processor_subscriptions,
        }
    ).select(HEADERS).filter(pl.Series(exported))  # fmt: skip
