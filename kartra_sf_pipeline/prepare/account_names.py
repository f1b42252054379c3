"""What each account is known by in this run, and the key under which it goes on."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.accounts import (
    AccountKey,
    account_keys,
    company_evidence,
    domain_of_name,
    name_of_domain,
)
from kartra_sf_pipeline.prepare.identity import (
    ACCOUNT,
    KEY_SCHEMA,
    Settled,
    account_claims,
    replaced,
    settle_keys,
)

NAME_SCHEMA: Final = {
    "account_key": pl.String,
    "alias": pl.String,
    "own": pl.Boolean,
    "account": pl.String,
}


def name_accounts(
    people: pl.DataFrame,
    raw_companies: pl.DataFrame,
    accounts: pl.DataFrame,
    merged: pl.DataFrame,
    known: pl.DataFrame,
    *,
    keyed_by: AccountKey = "domain",
) -> tuple[pl.DataFrame, Settled]:
    """One row per account and alias (`NAME_SCHEMA`), and how loaded keys were given out.

    `accounts` are those that `prepare_companies` finds in people and file, `merged` the keys that
    were merged into others (`company_matching.account_aliases`), `known` what was loaded before
    (`identity.KNOWN_SCHEMA`). `account` is the key that the exports imply, `account_key` the one
    under which the account goes on. `own` aliases are keys that rows imply; the others are names
    that go with the account's domain and with no other one, or domains of its name where accounts
    are `keyed_by` that.
    """
    into = dict(merged.iter_rows())
    own = accounts.select(
        pl.col("account_key").alias("alias"), pl.lit(value=True).alias("own"), account="account_key"
    )
    founders = _founders(people, raw_companies, keyed_by)
    if keyed_by == "domain":
        pairs = domain_of_name(founders).select(name="name_key", domain="_named_domain")
    else:
        pairs = name_of_domain(founders).select(name="_one_name", domain="_domain")
    of_name, of_domain = pl.lit("name:") + pl.col("name"), pl.lit("domain:") + pl.col("domain")
    alias, account = (of_name, of_domain) if keyed_by == "domain" else (of_domain, of_name)
    signs = pairs.select(
        alias.alias("alias"), pl.lit(value=False).alias("own"), account.alias("account")
    )
    names = (
        pl.concat([own, signs])
        .with_columns(pl.col("account").replace(into))
        .sort("alias", "own", descending=[False, True])
        .unique("alias", keep="first", maintain_order=True)
    )
    settled = settle_keys(account_claims(names, known), known, ACCOUNT)
    named = names.with_columns(replaced(pl.col("account"), settled).alias("account_key"))
    return named.select(list(NAME_SCHEMA)).sort("account_key", "alias"), settled


def merged_away(names: pl.DataFrame) -> pl.DataFrame:
    """`account_key` and the `account` that it goes into, of keys that rows imply."""
    return names.filter(pl.col("own") & (pl.col("alias") != pl.col("account"))).select(
        pl.col("alias").alias("account_key"), "account"
    )


def loaded_keys(names: pl.DataFrame) -> pl.DataFrame:
    """The accounts that go on under another key than the one they imply (`identity.KEY_SCHEMA`)."""
    moved = names.filter(pl.col("account") != pl.col("account_key"))
    return moved.select(group="account", key="account_key").unique().select(list(KEY_SCHEMA))


def account_aliases_to_note(names: pl.LazyFrame) -> pl.LazyFrame:
    """`key` and `alias` of every account, its own key included."""
    own = names.select(key="account_key", alias="account_key")
    return pl.concat([own, names.select(key="account_key", alias="alias")]).unique(
        maintain_order=True
    )


def _founders(
    people: pl.DataFrame, raw_companies: pl.DataFrame, keyed_by: AccountKey
) -> pl.DataFrame:
    """`name_key` and `_domain` of whatever founds an account."""
    found = account_keys(people, raw_companies, keyed_by=keyed_by).with_columns(
        people["domain"].alias("_domain")
    )
    founders = found.filter(pl.col("evidence").is_in(["company", "website"]))
    rows = company_evidence(raw_companies).select("name_key", _domain="domain_found")
    return pl.concat([founders.select("name_key", "_domain"), rows])
