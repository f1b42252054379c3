"""Who works which account and opportunity, and which territory an account is in.

From files that people assemble by hand. Users and territories are the org's: whether it has them
is judged where its facts are known, not here, and so is which of two rows for one member counts.
"""

from __future__ import annotations

import polars as pl
import polars.selectors as cs

from kartra_sf_pipeline.kartra.exports import UNKNOWN_PREFIX
from kartra_sf_pipeline.prepare.accounts import company_evidence
from kartra_sf_pipeline.prepare.codes import clean_id
from kartra_sf_pipeline.prepare.dispositions import QUARANTINE, Rule, dispose
from kartra_sf_pipeline.prepare.nulls import clean, tidy
from kartra_sf_pipeline.prepare.wording import worded

_PLACE = ("extract_date", "source_file", "source_line")
_FURTHER = cs.starts_with(UNKNOWN_PREFIX)
"""Columns that these files do not have by themselves: kept, so that they can be told of."""
_FATE = ("disposition", "reason", "detail")


def prepare_account_team(
    raw: pl.DataFrame, companies: pl.DataFrame, names: pl.DataFrame
) -> pl.DataFrame:
    """`account_team_prepared`: one row per raw row, each with one disposition.

    `names` is `account_names`: an account is found by its domain, else by its normalised name.
    """
    facts = _with_account(raw, companies, names).with_columns(**_person())
    judged = dispose(facts, [*_account_rules(), *_user_rules()])
    return judged.select(
        "account_key", "account_name", "account_domain", "user", "role", *_PLACE, *_FATE, _FURTHER
    )


def prepare_opportunity_team(
    raw: pl.DataFrame, transactions: pl.DataFrame, subscriptions: pl.DataFrame
) -> pl.DataFrame:
    """`opportunity_team_prepared`: one row per raw row, each with one disposition.

    `transactions` and `subscriptions` are the prepared frames: transaction_id or subscription_id,
    opportunity_key and disposition; transactions also contact_key and reason. `opportunity_key` is
    what the payment went into, unless the map makes it an opportunity of its own; whether it makes
    one of a failed payment is known later, so that a row of one is kept here. A subscription may be
    named by its id or, where no id is written like that, by the key of its opportunity (`S<id>`).
    """
    facts = raw.select(
        clean_id(pl.col("transaction_id")),
        clean_id(pl.col("subscription_id")),
        *_PLACE,
        _FURTHER,
        **_person(),
    ).with_columns(_bare_id=pl.col("subscription_id").str.strip_prefix("S"))
    for column, name, frame in (
        ("transaction_id", "transaction_id", transactions),
        ("subscription_id", "subscription_id", subscriptions),
        ("_bare_id", "subscription_id", subscriptions),
    ):
        arrives = frame.filter(
            pl.col("disposition").is_in(["keep", "merge"]) & pl.col("opportunity_key").is_not_null()
        ).select(pl.col(name).alias(column), pl.col("opportunity_key").alias(f"_by_{column}"))
        known = arrives.drop_nulls().unique(column, keep="first", maintain_order=True)
        facts = facts.join(known, on=column, how="left", maintain_order="left")
    facts = facts.join(_tried(transactions), on="transaction_id", how="left", maintain_order="left")
    # Subscriptions that only payments know of have their opportunity, too.
    paid = transactions["opportunity_key"].drop_nulls().unique()
    facts = facts.with_columns(
        opportunity_key=pl.coalesce(
            "_by_transaction_id",
            "_by_subscription_id",
            _paid_for("subscription_id", paid),
            "_by__bare_id",
            _paid_for("_bare_id", paid),
            "_tried",
        )
    )
    missing = Rule(
        pl.col("opportunity_key").is_null(),
        QUARANTINE,
        "opportunity_not_found",
        worded(
            "No opportunity comes of transaction '{}' or subscription '{}'.",
            pl.col("transaction_id").fill_null(""),
            pl.col("subscription_id").fill_null(""),
        ),
    )
    judged = dispose(facts, [missing, *_user_rules()])
    return judged.select(
        "opportunity_key",
        "transaction_id",
        "subscription_id",
        "user",
        "role",
        *_PLACE,
        *_FATE,
        _FURTHER,
    )


def prepare_territories(
    raw: pl.DataFrame, companies: pl.DataFrame, names: pl.DataFrame
) -> pl.DataFrame:
    """`territories_prepared`: one row per raw row, each with one disposition."""
    facts = _with_account(raw, companies, names).with_columns(
        raw.select(tidy(clean(pl.col("territory"))).alias("territory"))
    )
    missing = Rule(
        pl.col("territory").is_null(),
        QUARANTINE,
        "territory_not_named",
        pl.lit("The row names no territory."),
    )
    judged = dispose(facts, [*_account_rules(), missing])
    return judged.select(
        "account_key", "account_name", "account_domain", "territory", *_PLACE, *_FATE, _FURTHER
    )


def _tried(transactions: pl.DataFrame) -> pl.DataFrame:
    """`transaction_id` of failed payments of known people, and the key of a deal made of each."""
    failed = (pl.col("reason") == "failed_payment") & pl.col("contact_key").is_not_null()
    return (
        transactions.filter(failed)
        .select("transaction_id", _tried=pl.lit("T") + pl.col("transaction_id"))
        .drop_nulls()
        .unique("transaction_id")
    )


def _paid_for(column: str, paid: pl.Series) -> pl.Expr:
    key = pl.lit("S") + pl.col(column)
    return pl.when(key.is_in(paid.implode())).then(key)


def _person() -> dict[str, pl.Expr]:
    return {
        "user": tidy(clean(pl.col("user"))).str.to_lowercase(),
        "role": tidy(clean(pl.col("role"))),
    }


def _with_account(raw: pl.DataFrame, companies: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """The rows with `account_key`, and every other column of `raw` as it stands."""
    named = raw.select(name="account_name", domain="account_domain", website="account_domain")
    found = company_evidence(named).select(
        _domain=pl.lit("domain:") + pl.col("domain_found"),
        _name=pl.lit("name:") + pl.col("name_key"),
    )
    known = pl.concat(
        [
            names.select("alias", "account_key"),
            companies.select(alias="account_key", account_key="account_key"),
        ]
    ).unique("alias", keep="first", maintain_order=True)
    known = known.join(companies.select("account_key"), on="account_key", how="semi")
    rows = raw.with_columns(
        tidy(clean(pl.col("account_name"))).alias("account_name"),
        clean(pl.col("account_domain")).alias("account_domain"),
        *found.get_columns(),
    )
    for column in ("_domain", "_name"):
        answer = known.rename({"alias": column, "account_key": f"{column}_key"})
        rows = rows.join(answer, on=column, how="left", maintain_order="left")
    # A name says nothing against the domain that stands beside it.
    return rows.with_columns(
        account_key=pl.when(pl.col("_domain").is_not_null())
        .then("_domain_key")
        .otherwise("_name_key")
    )


def _account_rules() -> list[Rule]:
    return [
        Rule(
            pl.col("account_key").is_null(),
            QUARANTINE,
            "account_not_found",
            worded(
                "No account is known as '{}' or by the domain '{}'.",
                pl.col("account_name").fill_null(""),
                pl.col("account_domain").fill_null(""),
            ),
        )
    ]


def _user_rules() -> list[Rule]:
    return [
        Rule(
            pl.col("user").is_null(), QUARANTINE, "user_not_named", pl.lit("The row names no user.")
        )
    ]
