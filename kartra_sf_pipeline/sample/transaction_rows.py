"""The 57 columns of the transactions export, from a block's orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from kartra_sf_pipeline.kartra.exports import TRANSACTION_HEADERS
from kartra_sf_pipeline.sample.amounts import Money, amounts
from kartra_sf_pipeline.sample.catalogue import offer_column
from kartra_sf_pipeline.sample.contact_rows import stamp
from kartra_sf_pipeline.sample.draw import UPPER, Bools, Ints, text, where, zipf
from kartra_sf_pipeline.sample.expected import expected_rows, make_oddities
from kartra_sf_pipeline.sample.orders import (
    CANCELLATION,
    FAILED,
    REVERT,
    SALE,
    TYPES,
    Orders,
)
from kartra_sf_pipeline.sample.partners import Partners, dollars
from kartra_sf_pipeline.sample.people import People

SELLER = "brightpathcoach"
TRANSACTIONS_PER_BLOCK = 1_000_000
SUBSCRIPTIONS_PER_BLOCK = 200_000
_LABEL_FORMS = {
    "Request Can.": "Request cancellation", "Partial refund": "Partial Refund", "Rebill": "rebill",
}  # fmt: skip


@dataclass
class TransactionRows:
    """Rows of the export with `at` for sorting into files; and what each row should become."""

    rows: pl.DataFrame
    truth: pl.DataFrame
    subscription_ids: pl.Series
    first_sale: pl.Series
    processors: pl.Series
    processor_subscriptions: pl.Series
    affiliates: pl.Series


def make_transactions(
    people: People,
    contacts: pl.DataFrame,
    full_name: pl.Series,
    emails: pl.DataFrame,
    orders: Orders,
    exported: Bools,
    partners: Partners,
) -> TransactionRows:
    """Write out a block's events.

    `exported` says which of its subscriptions are in the subscriptions export: what a row becomes
    in Salesforce depends on it.
    """
    block = people.block
    events = orders.events
    n = len(events)
    draw = block.draw("transaction cells", n)
    kind = events["type"].to_numpy()
    row = events["row"].to_numpy()
    offer = events["offer"].to_numpy()
    sub = events["sub"].to_numpy()
    parent = events["parent"].to_numpy()
    at = events["at"].to_numpy()

    ids = 20_000_000 + block.number * TRANSACTIONS_PER_BLOCK + np.arange(n) * 3 + draw.ints(0, 3)
    subs = len(orders.subscriptions)
    sub_ids = 900_000 + block.number * SUBSCRIPTIONS_PER_BLOCK + np.arange(subs, dtype=np.int64) * 2
    money = amounts(people, events, draw)
    partner, jv = _referrals(people, events, partners)
    processor, charge, agreement, by_sub = _gateway(people, events, subs)

    odd = make_oddities(draw, events)
    origin = np.where(parent >= 0, parent, np.arange(n))
    label = pl.Series(TYPES, dtype=pl.String).gather(kind)
    label = where(draw.chance(0.003), label.replace(_LABEL_FORMS), label)
    label = where(odd.unlabelled, None, label)
    # One place more than there are subscriptions: that of the orders without one.
    sub_names = pl.concat([pl.Series(sub_ids).cast(pl.String), pl.Series(["N/A"])])
    sub_text = sub_names.gather(np.where((sub >= 0) & ~odd.lost_subscription, sub, subs))

    # The address of that day: some contacts have changed theirs since.
    moved = at < block.now - 75 * 86_400
    email = where(moved, emails["email_then"].gather(row), emails["email"].gather(row))
    email = where(odd.stranger, text("gone.", ids[origin], "@formerclient.net"), email)
    lead = where(
        odd.stranger, text(99_000_000 + ids[origin] % 1_000_000), contacts["id"].gather(row)
    )
    # Without the lead's id a row can still be joined, if the address is today's.
    same = (email == emails["email"].gather(row)).to_numpy()
    lead = where(draw.chance(0.006) & ~odd.stranger & same, None, lead)

    def of_buyer(column: str) -> pl.Series:
        return contacts[column].gather(row)

    no = pl.repeat(None, n, dtype=pl.String, eager=True)
    shipped = (offer_column("shipping").to_numpy()[offer] > 0) & (kind != FAILED)
    tracked = draw.chance(0.22) & (kind == SALE)
    product = offer_column("product").gather(offer)
    slug = product.str.to_lowercase().str.replace_all(r"[^a-z0-9]+", "-")
    cells: dict[str, pl.Series] = {
        "ID": pl.Series(ids).cast(pl.String),
        "Transaction_Type": label,
        "Date": stamp(at),
        "Product": product,
        "Price_point": offer_column("price_point").gather(offer),
        "Quantity": pl.Series(money.quantity).cast(pl.String),
        "Seller_username": pl.repeat(SELLER, n, dtype=pl.String, eager=True),
        "Buyer_Username": no,
        "Buyer_Name": full_name.gather(row),
        "Buyer_Company": of_buyer("company"),
        "Sales_Tax_ID": of_buyer("sales_tax_id"),
        "Buyer_Email": email,
        "Buyer_Country": people.country.gather(row),
        "Buyer_State": of_buyer("state"),
        "Buyer_City": of_buyer("city"),
        "Buyer_ZIP": of_buyer("zip"),
        "Buyer_Address": of_buyer("address"),
        "Buyer_Phone_Country": of_buyer("phone_country_code"),
        "Buyer_Phone": of_buyer("phone"),
        "Buyer_IP": of_buyer("ip"),
        "Amount (USD)": dollars(money.amount),
        "Base_Price (USD)": dollars(money.base),
        "Sales_tax (USD)": dollars(money.tax),
        "Shipping_cost (USD)": dollars(money.shipping),
        "Coupon_code": money.coupon,
        "Coupon_discount (USD)": dollars(money.discount),
        "Revenue (USD)": dollars(money.revenue),
        **_referral_cells(partner, jv, money, partners),
        "Tracking_link": where(
            tracked, draw.pick(("ig-bio", "podcast-12", "fb-ads-q3", "launch-mail-4")), None
        ),
        "TrackingID1": where(
            tracked & draw.chance(0.4), draw.pick(("a1", "cold", "warm", "v2")), None
        ),
        "TrackingID2": no,
        "Landing_page": where(
            draw.chance(0.5) & (kind == SALE),
            text("https://brightpath.kartra.com/page/", slug),
            None,
        ),
        "Processor": processor,
        "Processor_transaction_id": charge,
        "Processor_subscription_id": agreement,
        "subscription_id": sub_text,
        "lead_id": lead,
        "Shipping_Name": where(shipped, full_name.gather(row), None),
        "Shipping_Address": where(shipped, people.street.gather(row), None),
        "Shipping_City": where(shipped, people.city.gather(row), None),
        "Shipping_ZIP": where(shipped, people.postal_code.gather(row), None),
        "Shipping_Country": where(shipped, people.country.gather(row), None),
        "Shipping_State": where(shipped, people.state.gather(row), None),
        "Trial": where(events["trial"].to_numpy(), "Yes", "No"),
        "Automatic_Cancellation": where(events["automatic"].to_numpy(), "Yes", "No"),
        "Subscription_payment_number": where(
            (events["payment"].to_numpy() > 0) & (sub >= 0), events["payment"].cast(pl.String), None
        ),
        "Rebill_reattempt": where(events["reattempt"].to_numpy(), "1", "0"),
    }
    rows = pl.DataFrame(cells).select(TRANSACTION_HEADERS).with_columns(at=pl.Series(at))
    truth = expected_rows(people, events, ids, sub_ids, exported, odd)
    # A refund whose sale is not in the file: the sale goes, the refund stays.
    keep = pl.Series(~odd.missing)
    opening = (kind == SALE) & (sub >= 0) & ~odd.missing
    first = np.zeros(subs, dtype=np.int64)
    first[sub[opening]] = money.amount[opening]
    sub_partner = np.full(subs, -1, dtype=np.int64)
    sub_partner[sub[opening]] = partner[opening]
    return TransactionRows(
        rows=rows.filter(keep),
        truth=truth.filter(keep),
        subscription_ids=pl.Series(sub_ids).cast(pl.String),
        first_sale=pl.Series(first),
        processors=by_sub[0],
        processor_subscriptions=by_sub[1],
        affiliates=where(
            sub_partner >= 0, partners.usernames.gather(np.maximum(sub_partner, 0)), "N/A"
        ),
    )


def _referrals(people: People, events: pl.DataFrame, partners: Partners) -> tuple[Ints, Ints]:
    """The affiliate and the joint-venture partner of each event's buyer, or -1."""
    draw = people.block.draw("referrals")
    row = events["row"].to_numpy()
    affiliate = np.where(draw.chance(0.14), draw.choose(zipf(partners.count)), -1)
    jv = np.where(draw.chance(0.015), draw.choose(zipf(partners.count)), -1)
    return affiliate[row], jv[row]


def _referral_cells(
    partner: Ints, jv: Ints, money: Money, partners: Partners
) -> dict[str, pl.Series]:
    by, broker = np.maximum(partner, 0), np.maximum(jv, 0)
    referred, brokered = partner >= 0, jv >= 0
    commission = np.where(referred, money.revenue * 30 // 100, 0)
    share = np.where(brokered, money.revenue * 10 // 100, 0)
    partners.earn(by[referred], commission[referred])
    return {
        "Affiliate_Username": where(referred, partners.usernames.gather(by), None),
        "Affiliate_Name": where(referred, partners.names.gather(by), None),
        "Affiliate_Email": where(referred, partners.emails.gather(by), None),
        "Affiliate_Revenue (USD)": dollars(commission),
        "JV_Username": where(brokered, partners.usernames.gather(broker), None),
        "JV_Name": where(brokered, partners.names.gather(broker), None),
        "JV_Email": where(brokered, partners.emails.gather(broker), None),
        "JV_Revenue (USD)": dollars(share),
        "Your_Net_Profit (USD)": dollars(money.revenue - commission - share),
        "affiliate_id": where(referred, partners.ids.gather(by), None),
        "jv_id": where(brokered, partners.ids.gather(broker), None),
    }


def _gateway(
    people: People, events: pl.DataFrame, subs: int
) -> tuple[pl.Series, pl.Series, pl.Series, tuple[pl.Series, pl.Series]]:
    """Processor, its transaction id and its subscription id, by event; and by subscription, the
    processor and its subscription id.
    """
    n = len(events)
    draw = people.block.draw("gateway", n)
    row, sub, kind = (events[name].to_numpy() for name in ("row", "sub", "type"))
    names = ("Stripe", "PayPal", "Authorize.net", "Braintree", "Square")
    per_buyer = people.block.draw("processors").pick(names, (64, 28, 4, 3, 1))
    processor = per_buyer.gather(row)
    paypal = (processor == "PayPal").to_numpy()
    charge = where(paypal, draw.codes(17, UPPER), text("ch_3", draw.codes(20)))
    parent = events["parent"].to_numpy()
    # Seven of ten refunds carry the id of the payment that they give back.
    same = (parent >= 0) & draw.chance(0.7)
    charge = where(same, charge.gather(np.where(parent >= 0, parent, 0)), charge)
    charge = where((kind >= CANCELLATION) & (kind <= REVERT), None, charge)
    agreements = people.block.draw("agreements", subs)
    paypal_agreement, other = (
        text("I-", agreements.codes(12, UPPER)),
        text("sub_1", agreements.codes(18)),
    )
    owner = np.zeros(subs, dtype=np.int64)
    owner[sub[sub >= 0]] = row[sub >= 0]
    by_sub = per_buyer.gather(owner)
    agreement = where((by_sub == "PayPal").to_numpy(), paypal_agreement, other)
    none = pl.repeat(None, n, dtype=pl.String, eager=True)
    per_event = where(sub >= 0, agreement.gather(np.maximum(sub, 0)), None) if subs else none
    return processor, charge, per_event, (by_sub, agreement)
