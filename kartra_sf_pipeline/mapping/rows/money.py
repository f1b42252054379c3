"""Sales, subscriptions, rebills, reversals and lost payments as deals, with buyers and lines."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.mapping.model import Policies
from kartra_sf_pipeline.mapping.rows.lineage import LINEAGE
from kartra_sf_pipeline.mapping.rows.money_fates import DEAL, PAYMENT, with_records
from kartra_sf_pipeline.mapping.rows.subscriptions import named
from kartra_sf_pipeline.mapping.strategies import Strategies

_CARRIED = (
    "contact_key",
    "product",
    "price_point",
    "product_key",
    "close_date",
    "occurred_at",
    "currency",
    "processor",
    "processor_transaction_id",
    "coupon_code",
    "affiliate_username",
    "quantity",
    "sales_tax",
    "shipping_cost",
)
_MORE_OF_PAYMENTS = ("payment_number",)
_NAMELESS = "Kartra sale"


def opportunities(
    transactions: pl.LazyFrame,
    recurring: pl.DataFrame,
    people: pl.DataFrame,
    catalogue: pl.DataFrame,
    pricebook_id: str,
    chosen: Strategies,
    *,
    in_currencies: bool = False,
) -> pl.DataFrame:
    """One row per transaction and subscription that is a deal by the strategies.

    `recurring` are the account's subscriptions. A subscription's opening payment is its `amount`;
    rebills are rolled up beside it, or deals of their own that name it. Refunds and chargebacks are
    negative and name the deal that they adjust. A failed payment shows what was asked for as
    `amount` and nothing as `charged`. `in_currencies` tells that the org has several: a deal that
    names none has no line there, for want of a price. Of the transactions only the rows and columns
    that become deals are read.
    """
    single = named(_made(transactions, chosen, DEAL, recurring), people, _NAMELESS)
    # Without a subscription among the deals its columns are there all the same: the map names them.
    deals = recurring if chosen.subscriptions == "opportunity" else recurring.clear()
    priced = catalogue.select("product_key", _priced=pl.lit(value=True))
    rows = pl.concat([single, deals], how="diagonal_relaxed").join(
        priced, on="product_key", how="left", maintain_order="left"
    )
    has_lines = (
        pl.lit(chosen.line_items)
        & pl.col("_priced").fill_null(value=False)
        & (pl.col("kind") != "failed")
        & (pl.col("amount") >= 0)
        & pl.col("amount").is_not_null()
        & (pl.col("currency").is_not_null() | pl.lit(not in_currencies))
    )
    return (
        _adjusting(rows, "opportunity_key")
        .with_columns(
            charged=pl.coalesce("charged", "amount"),
            has_lines=has_lines,
            pricebook_id=pl.when(has_lines).then(pl.lit(pricebook_id)),
            wave=_second(pl.col("adjusts_key"), pl.col("subscription_deal_key")),
        )
        .sort("wave", "occurred_at", "opportunity_key", nulls_last=True)
    )


def transaction_records(
    transactions: pl.LazyFrame,
    recurring: pl.DataFrame,
    people: pl.DataFrame,
    chosen: Strategies,
) -> pl.DataFrame:
    """One row per transaction that is a record of the custom object by the strategies.

    `amount` has its sign; a refund names the record that it adjusts, or the subscription.
    """
    made = _made(transactions, chosen, PAYMENT, recurring, _MORE_OF_PAYMENTS)
    rows = named(made, people, _NAMELESS).rename({"opportunity_key": "transaction_key"})
    return (
        _adjusting(rows, "transaction_key")
        .with_columns(wave=_second(pl.col("adjusts_key")))
        .sort("wave", "occurred_at", "transaction_key", nulls_last=True)
    )


def _made(
    transactions: pl.LazyFrame,
    chosen: Strategies,
    sobject: str,
    recurring: pl.DataFrame,
    more: tuple[str, ...] = (),
) -> pl.DataFrame:
    """Transactions that make a record of that object, with the subscription they belong to."""
    failed = pl.col("type") == "failed"
    rows = (
        with_records(transactions, chosen)
        .filter(pl.col("own") & (pl.col("record_object") == sobject))
        .select(
            *_CARRIED,
            *more,
            "adjusts_key",
            *LINEAGE,
            opportunity_key="record_key",
            amount=pl.when(failed).then("amount").otherwise("signed_amount"),
            charged="signed_amount",
            kind="type",
            _of=pl.coalesce(
                *(
                    pl.when(pl.col(name).str.starts_with("S")).then(name)
                    for name in ("opportunity_key", "adjusts_key", "subscription_key")
                )
            ),
        )
        .collect(engine="streaming")
    )
    known = recurring.select(_of="opportunity_key", _known_of="opportunity_key")
    own_deal = chosen.subscriptions == "opportunity"
    return (
        rows.join(known, on="_of", how="left", maintain_order="left")
        .with_columns(
            subscription_key=pl.when(not own_deal).then("_known_of"),
            subscription_deal_key=pl.when(own_deal).then("_known_of"),
        )
        .drop("_of", "_known_of")
    )


def _adjusting(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """Rows that name what they adjust only where that is a record among them."""
    known = rows.select(adjusts_key=key, _known=pl.lit(value=True)).unique()
    return (
        rows.join(known, on="adjusts_key", how="left", maintain_order="left")
        .with_columns(adjusts_key=pl.when("_known").then("adjusts_key"))
        .drop("_known")
    )


def _second(*names: pl.Expr) -> pl.Expr:
    """1 for rows that name another record of their own phase."""
    return pl.any_horizontal([name.is_not_null() for name in names]).cast(pl.Int8)


def opportunity_contact_roles(rows: pl.DataFrame, policies: Policies) -> pl.DataFrame:
    """The buyer of each opportunity."""
    return rows.filter(pl.col("contact_key").is_not_null()).select(
        "opportunity_key",
        "contact_key",
        *LINEAGE,
        role=pl.lit(policies.contact_role),
        role_key=pl.concat_str(
            "opportunity_key", "contact_key", pl.lit(policies.contact_role), separator="|"
        ),
    )


def opportunity_line_items(rows: pl.DataFrame) -> pl.DataFrame:
    """One line per opportunity of a known product: TotalPrice is what was charged, so that the
    Amount that the org sums from the lines is the amount that was paid.
    """
    return rows.filter("has_lines").select(
        "opportunity_key",
        "product_key",
        "amount",
        "close_date",
        *LINEAGE,
        line_key=pl.col("opportunity_key") + ":1",
        quantity=pl.when(pl.col("quantity") > 0).then(pl.col("quantity")).otherwise(1),
    )
