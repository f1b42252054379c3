"""The text of a transactions export as typed facts, before anything is decided about a row."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.codes import clean_id, parse_flag, parse_whole
from kartra_sf_pipeline.prepare.dates import parse_datetime
from kartra_sf_pipeline.prepare.dispositions import ROW, unreadable_value
from kartra_sf_pipeline.prepare.money import parse_money
from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.prepare.products import with_product_key
from kartra_sf_pipeline.prepare.transaction_rules import TRANSACTION_RULES, transaction_type

# Prepared name of each money column, and its name in the export.
MONEY_COLUMNS: Final = {
    "amount": "amount",
    "base_price": "base_price",
    "sales_tax": "sales_tax",
    "shipping_cost": "shipping_cost",
    "discount": "coupon_discount",
    "revenue": "revenue",
}
WHOLE_COLUMNS: Final = {"quantity": "quantity", "payment_number": "subscription_payment_number"}

# The type gives these their sign, whatever the file says: exports have been seen both ways.
_UNSIGNED: Final = ("amount", "discount")
_FLAGS: Final = ("trial", "automatic_cancellation")

# Text that later rooms read as it is, but for N/A.
_CARRIED: Final = (
    "coupon_code",
    "processor",
    "processor_transaction_id",
    "processor_subscription_id",
    "affiliate_username",
    "affiliate_name",
    "affiliate_email",
    "affiliate_id",
    "jv_username",
    "seller_username",
    "buyer_name",
    "buyer_company",
    "buyer_email",
    "lead_id",
    "tracking_link",
    "landing_page",
)


def transaction_facts(raw: pl.DataFrame, *, zone: str) -> pl.DataFrame:
    """Typed columns of `raw_transactions`, one row each, with `role` and `unreadable_value`.

    `unreadable_value` is a sentence about the first amount or count that says something and cannot
    be read. `close_date` is the calendar day of the sale in `zone`, which may differ from UTC's.
    Columns that begin with an underscore are for the rules alone.
    """
    facts = raw.select(
        clean_id(pl.col("transaction_id")),
        _type(raw.get_column("transaction_type")),
        parse_datetime(pl.col("date"), zone).alias("occurred_at"),
        clean(pl.col("product")),
        clean(pl.col("price_point")),
        *[
            parse_money(pl.col(source), pl.col("currency")).alias(name)
            for name, source in MONEY_COLUMNS.items()
        ],
        *[parse_whole(pl.col(source)).alias(name) for name, source in WHOLE_COLUMNS.items()],
        "currency",
        clean_id(pl.col("subscription_id")).alias("_subscription_id"),
        *[clean(pl.col(name)) for name in _CARRIED],
        *[parse_flag(pl.col(name)).fill_null(False).alias(name) for name in _FLAGS],
        "extract_date",
        "source_file",
        "source_line",
        pl.col("^x__.*$"),
        pl.col("transaction_type").alias("_type_text"),
        pl.col("date").alias("_date_text"),
    ).with_row_index(ROW)
    facts = facts.with_columns(
        pl.format("S{}", pl.col("_subscription_id")).alias("subscription_key"),
        pl.col("occurred_at").dt.convert_time_zone(zone).dt.date().alias("close_date"),
        pl.col("type")
        .replace_strict(
            {rule.type: rule.role.value for rule in TRANSACTION_RULES.values()},
            default=None,
            return_dtype=pl.String,
        )
        .alias("role"),
        unreadable_value(raw, facts, MONEY_COLUMNS | WHOLE_COLUMNS),
    )
    return with_product_key(facts.with_columns(pl.col(_UNSIGNED).abs()))


def _type(labels: pl.Series) -> pl.Expr:
    distinct = labels.drop_nulls().unique().to_list()
    known = {label: kind for label in distinct if (kind := transaction_type(label))}
    return (
        pl.col("transaction_type")
        .replace_strict(known, default=None, return_dtype=pl.String)
        .alias("type")
    )
