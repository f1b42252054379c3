"""Affiliates: those of a file, and those whom only the transactions name."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.codes import clean_id, folded, parse_whole
from kartra_sf_pipeline.prepare.dispositions import (
    KEEP,
    QUARANTINE,
    ROW,
    Rule,
    dispose,
    newest_rows,
    older_extract,
    superseded,
    unreadable_value,
)
from kartra_sf_pipeline.prepare.money import parse_money
from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.prepare.wording import worded

MONEY_COLUMNS: Final = ("earned", "reserve", "due", "paid")
_NUMBERS: Final = {name: name for name in (*MONEY_COLUMNS, "products")}


def affiliate_key(username: pl.Expr, email: pl.Expr, name: pl.Expr) -> pl.Expr:
    """`affiliate:` and the folded user name, else e-mail, else name; null without any."""
    return worded("affiliate:{}", pl.coalesce(folded(username), folded(email), folded(name)))


def prepare_affiliates(
    raw: pl.DataFrame, transactions: pl.DataFrame | pl.LazyFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`affiliates_prepared` (one row per raw row) and `affiliates_derived`, of equal columns.

    `transactions` may be raw or prepared: read are `affiliate_username`, `affiliate_name`,
    `affiliate_email` and the lineage. A row without a user name gets the one that transactions
    name for its e-mail, so that it is not counted twice. Derived rows have no amounts: what an
    affiliate earned is not added up here.
    """
    named = _named_in(transactions.lazy())
    facts = raw.select(
        clean_id(pl.col("affiliate_id")),
        clean(pl.col("name")),
        clean(pl.col("username")),
        clean(pl.col("email")).str.to_lowercase(),
        clean(pl.col("status")).str.to_lowercase(),
        parse_whole(pl.col("products")).alias("products"),
        *[
            parse_money(pl.col(column), pl.col("currency")).alias(column)
            for column in MONEY_COLUMNS
        ],
        "currency",
        clean(pl.col("payment_method")),
        clean(pl.col("payment_email")),
        "extract_date",
        "source_file",
        "source_line",
        pl.col("^x__.*$"),
    ).with_row_index(ROW)
    usernames = (
        named.drop_nulls("email")
        .filter(pl.col("username").n_unique().over("email") == 1)
        .select("email", _username="username")
        .unique("email")
    )
    facts = (
        facts.join(usernames, on="email", how="left", maintain_order="left")
        .with_columns(pl.coalesce("username", "_username").alias("username"))
        .with_columns(
            affiliate_key(pl.col("username"), pl.col("email"), pl.col("name")).alias(
                "affiliate_key"
            ),
            unreadable_value(raw, facts, _NUMBERS),
            _by_name=pl.col("username").is_null() & pl.col("email").is_null(),
        )
    )
    problems = _problems()
    sound = ~pl.any_horizontal([problem.when.fill_null(False) for problem in problems])
    facts = newest_rows(facts, "affiliate_key", among=sound)
    prepared = (
        dispose(facts, [*problems, _namesake(), older_extract()])
        .with_columns(derived=pl.lit(False))
        .select(
            "affiliate_key",
            "affiliate_id",
            "name",
            "username",
            "email",
            "status",
            "products",
            *MONEY_COLUMNS,
            "currency",
            "payment_method",
            "payment_email",
            "derived",
            pl.col("^x__.*$"),
            "extract_date",
            "source_file",
            "source_line",
            "disposition",
            "reason",
            "detail",
        )
    )
    derived = (
        named.with_columns(
            affiliate_key(pl.col("username"), pl.col("email"), pl.col("name")).alias(
                "affiliate_key"
            ),
            derived=pl.lit(True),
            disposition=pl.lit(KEEP),
        )
        .join(prepared.filter(pl.col("disposition") == KEEP), on="affiliate_key", how="anti")
        .sort("affiliate_key")
    )
    return prepared, pl.concat([prepared.clear(), derived], how="diagonal_relaxed").select(
        prepared.columns
    )


def _problems() -> list[Rule]:
    return [
        Rule(
            pl.col("affiliate_key").is_null(),
            QUARANTINE,
            "no_identity",
            pl.lit("The row has no user name, e-mail address or name."),
        ),
        Rule(
            pl.col("unreadable_value").is_not_null(),
            QUARANTINE,
            "bad_amount",
            pl.col("unreadable_value"),
        ),
    ]


def _namesake() -> Rule:
    """Two rows of one file that share nothing but a name may be two people."""
    return Rule(
        pl.col("_by_name") & superseded() & (pl.col("source_file") == pl.col("newest_file")),
        QUARANTINE,
        "ambiguous_name",
        worded("The same name alone stands in {}; add a user name or e-mail.", "newest_place"),
    )


def _named_in(transactions: pl.LazyFrame) -> pl.DataFrame:
    """One row per affiliate user name: the latest name and e-mail, the lineage of the first row."""
    mentions = (
        transactions.select(
            username=clean(pl.col("affiliate_username")),
            name=clean(pl.col("affiliate_name")),
            email=clean(pl.col("affiliate_email")).str.to_lowercase(),
            extract_date="extract_date",
            source_file="source_file",
            source_line="source_line",
        )
        .drop_nulls("username")
        .collect(engine="streaming")
    )
    return (
        mentions.group_by(_folded=folded(pl.col("username")), maintain_order=True)
        .agg(
            pl.col("username").first(),
            pl.col("name", "email").drop_nulls().last(),
            pl.col("extract_date", "source_file", "source_line").first(),
        )
        .drop("_folded")
    )
