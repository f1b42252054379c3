"""The text of a transactions export as typed facts, before anything is decided about a row.

In two parts, because an account may have millions of rows of sixty columns: the few columns that
decisions need, held in memory, and all others as expressions that stream from file to file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.codes import clean_id, damaged_id, parse_flag, parse_whole
from kartra_sf_pipeline.prepare.dates import parse_datetime
from kartra_sf_pipeline.prepare.dispositions import ROW, unreadable_sentence
from kartra_sf_pipeline.prepare.money import MONEY, is_plain_money, parse_money
from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.prepare.products import with_product_key
from kartra_sf_pipeline.prepare.transaction_rules import TRANSACTION_RULES, transaction_type
from kartra_sf_pipeline.prepare.wording import worded

TYPE: Final = pl.Enum(list(TRANSACTION_RULES))

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


def _money(name: str) -> pl.Expr:
    amount = parse_money(pl.col(MONEY_COLUMNS[name]), pl.col("currency"))
    return (amount.abs() if name in _UNSIGNED else amount).cast(MONEY).alias(name)


def _types(labels: pl.Series) -> pl.Series:
    known = {
        label: kind for label in labels.unique().drop_nulls() if (kind := transaction_type(label))
    }
    return labels.replace_strict(known, default=None, return_dtype=TYPE)


def _product_keys(columns: Sequence[pl.Series]) -> pl.Series:
    frame = pl.DataFrame({"product": columns[0], "price_point": columns[1]})
    return with_product_key(frame).get_column("product_key")


def transaction_events(raw: pl.LazyFrame, *, zone: str) -> pl.DataFrame:
    """What decisions need of each row, in the order of the rows, with its place as `_row`.

    `transaction_id`, `type`, `occurred_at`, `amount` (absolute), `subscription_key`, `lead_id`,
    `extract_date`, and `_damaged`, true where a spreadsheet has rounded an id away.
    """
    subscription = clean_id(pl.col("subscription_id"))
    return (
        raw.select(
            clean_id(pl.col("transaction_id")),
            pl.col("transaction_type")
            .map_batches(_types, return_dtype=TYPE, is_elementwise=True)
            .alias("type"),
            parse_datetime(pl.col("date"), zone).alias("occurred_at"),
            _money("amount"),
            worded("S{}", subscription).alias("subscription_key"),
            clean_id(pl.col("lead_id")),
            "extract_date",
            (damaged_id(clean_id(pl.col("transaction_id"))) | damaged_id(subscription)).alias(
                "_damaged"
            ),
        )
        .with_row_index(ROW)
        .collect(engine="streaming")
    )


def unreadable_rows(raw: pl.LazyFrame) -> pl.DataFrame:
    """`_row` and `unreadable_value`, a sentence about the first amount or count of a row that says
    something and cannot be read; rows without such a cell are not in it.
    """
    columns = MONEY_COLUMNS | WHOLE_COLUMNS
    odd = ~pl.all_horizontal([is_plain_money(pl.col(source)) for source in columns.values()])
    readings = {
        **{name: _money(name) for name in MONEY_COLUMNS},
        **{name: parse_whole(pl.col(source)) for name, source in WHOLE_COLUMNS.items()},
    }
    sentence = pl.coalesce(
        [unreadable_sentence(source, readings[name]) for name, source in columns.items()]
    )
    return (
        raw.select(*columns.values(), "currency")
        .with_row_index(ROW)
        .filter(odd | _is_fraction(pl.col(*WHOLE_COLUMNS.values())))
        .select(ROW, sentence.alias("unreadable_value"))
        .drop_nulls("unreadable_value")
        .collect(engine="streaming")
    )


def _is_fraction(text: pl.Expr) -> pl.Expr:
    return pl.any_horizontal(text.str.contains(".", literal=True).fill_null(False))


def transaction_details(raw: pl.LazyFrame) -> pl.LazyFrame:
    """All other typed columns of each row, in the order of the rows; nothing is held in memory."""
    # Of a mapping by `replace_strict` Polars would hold the whole columns; batches it lets pass.
    product_key = pl.map_batches(
        [clean(pl.col("product")), clean(pl.col("price_point"))],
        _product_keys,
        return_dtype=pl.String,
        is_elementwise=True,
    )
    return raw.select(
        clean(pl.col("product")),
        clean(pl.col("price_point")),
        product_key.alias("product_key"),
        *[_money(name) for name in MONEY_COLUMNS if name != "amount"],
        *[parse_whole(pl.col(source)).alias(name) for name, source in WHOLE_COLUMNS.items()],
        "currency",
        *[clean(pl.col(name)) for name in _CARRIED],
        *[parse_flag(pl.col(name)).fill_null(False).alias(name) for name in _FLAGS],
        pl.col("^x__.*$"),
        "extract_date",
        "source_file",
        "source_line",
    )


def rows_of(raw: pl.LazyFrame, rows: pl.Series, *columns: pl.Expr | str) -> pl.DataFrame:
    """`_row` and some columns of a few rows, read for their sake alone."""
    return (
        raw.with_row_index(ROW)
        .filter(pl.col(ROW).is_in(rows.unique().implode()))
        .select(ROW, *columns)
        .collect(engine="streaming")
    )
