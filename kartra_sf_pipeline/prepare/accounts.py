"""Which account a person belongs to: the key, and what counts as evidence for an account.

Kartra has no companies, only a company's name and a website on a contact. An account exists where
one of the two is found, or a row of a companies file. A business e-mail address alone joins an
account of its domain, but founds none.
"""

from __future__ import annotations

from typing import Literal

import polars as pl

from kartra_sf_pipeline.prepare.company_words import company_key
from kartra_sf_pipeline.prepare.web import company_domain, host_of, registrable_domains, website

AccountKey = Literal["domain", "name"]
"""What makes two people's companies one account: the web domain first, or the name first."""


def web_domains(sites: pl.Series) -> pl.Series:
    """The company domain of each web address; null for none and for sites that host everyone."""
    hosts = sites.alias("_site").to_frame().select(host_of(pl.col("_site"))).to_series()
    domains = registrable_domains(hosts)
    return domains.to_frame("_d").select(company_domain(pl.col("_d"))).to_series()


def company_evidence(raw_companies: pl.DataFrame) -> pl.DataFrame:
    """The rows of a companies file with `domain_found` (domain or website) and `name_key`."""
    sites = raw_companies.select(
        website(pl.col("domain")).alias("domain"), website(pl.col("website")).alias("website")
    )
    return raw_companies.with_columns(
        pl.Series("domain_found", web_domains(sites["domain"])).fill_null(
            web_domains(sites["website"])
        ),
        company_key(pl.col("name")).alias("name_key"),
    )


def account_keys(
    people: pl.DataFrame,
    raw_companies: pl.DataFrame | None = None,
    *,
    keyed_by: AccountKey = "domain",
) -> pl.DataFrame:
    """For each row of `people`: `account_key`, `name_key`, `evidence`; all null if there is none.

    Reads the columns `company`, `website`, `domain` of people who stay. `evidence` is `company`,
    `website`, or `email_domain` for those who only joined. Keyed by domain, a name without a domain
    joins the account of the one domain that goes with this name; where two do, it stays by itself.
    Keyed by name, it is the other way round: a domain without a name joins the one name of it.
    """
    facts = people.select(
        pl.col("domain").alias("_domain"),
        company_key(pl.col("company")).alias("name_key"),
        pl.Series("_web", web_domains(people["website"])),
    ).with_columns(
        pl.when(pl.col("name_key").is_not_null())
        .then(pl.lit("company"))
        .when(pl.col("_web").is_not_null())
        .then(pl.lit("website"))
        .alias("_founds")
    )
    founders = facts.filter(pl.col("_founds").is_not_null()).select("name_key", "_domain")
    if raw_companies is not None and raw_companies.height:
        rows = company_evidence(raw_companies).select("name_key", _domain="domain_found")
        founders = pl.concat([founders, rows])
    facts = with_one_another(facts, founders)
    founds = pl.col("_founds").is_not_null()
    if keyed_by == "domain":
        founded = founders["_domain"].drop_nulls().unique()
        joins = pl.col("_domain").is_in(founded.implode())
    else:
        nameless = founders.filter(pl.col("name_key").is_null())["_domain"].drop_nulls().unique()
        joins = pl.col("_one_name").is_not_null() | pl.col("_domain").is_in(nameless.implode())
    key = pl.when(founds | joins).then(account_key(keyed_by))
    return facts.select(
        key.alias("account_key"),
        "name_key",
        pl.when(key.is_not_null())
        .then(pl.coalesce("_founds", pl.lit("email_domain")))
        .alias("evidence"),
    )


def account_key(keyed_by: AccountKey) -> pl.Expr:
    """The key of rows of `with_one_another`; null where there is neither a domain nor a name."""
    if keyed_by == "domain":
        return pl.coalesce(
            pl.lit("domain:") + pl.coalesce("_domain", "_one_domain"),
            pl.lit("name:") + pl.col("name_key"),
        )
    return pl.coalesce(
        pl.lit("name:") + pl.coalesce("name_key", "_one_name"),
        pl.lit("domain:") + pl.col("_domain"),
    )


def with_one_another(rows: pl.DataFrame, founders: pl.DataFrame) -> pl.DataFrame:
    """Add `_one_domain` of each `name_key` and `_one_name` of each `_domain`, in the rows' order.

    Null where the founders know none, or several.
    """
    domains = domain_of_name(founders).rename({"_named_domain": "_one_domain"})
    names = name_of_domain(founders)
    return rows.join(domains, on="name_key", how="left", maintain_order="left").join(
        names, on="_domain", how="left", maintain_order="left"
    )


def domain_of_name(founders: pl.DataFrame) -> pl.DataFrame:
    """The names that go with exactly one domain: `name_key`, `_named_domain`."""
    return (
        founders.drop_nulls()
        .unique(maintain_order=True)
        .filter(pl.col("name_key").is_unique())
        .select("name_key", _named_domain="_domain")
    )


def name_of_domain(founders: pl.DataFrame) -> pl.DataFrame:
    """The domains that go with exactly one name: `_domain`, `_one_name`."""
    return (
        founders.drop_nulls()
        .unique(maintain_order=True)
        .filter(pl.col("_domain").is_unique())
        .select("_domain", _one_name="name_key")
    )
