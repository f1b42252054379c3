"""Further companies of people who have several (S73): the accounts beside the one they are in."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.mapping.rows.choices import Frames
from kartra_sf_pipeline.prepare.accounts import web_domains
from kartra_sf_pipeline.prepare.company_words import company_key

FURTHER_SCHEMA: Final = pl.Schema(
    {
        "contact_key": pl.String(),
        "account_key": pl.String(),
        "evidence": pl.String(),
        "known": pl.Boolean(),
        "name": pl.String(),
        "domain": pl.String(),
        "source_file": pl.String(),
        "source_line": pl.Int64(),
    }
)
NEEDS: Final = (
    "contacts_prepared",
    "contact_rows",
    "contacts_unified",
    "companies_prepared",
    "account_names",
)


def further_accounts(frames: Frames) -> pl.DataFrame:
    """One row per person and further account (`FURTHER_SCHEMA`), sorted by both.

    `evidence` is `merged_row` (another row of the same person names that company),
    `company_name` (the company's text is the name of one other account) or `email_domain` (the
    address is of another account's domain). Only people who are in an account have further ones.
    Where `known` is false no account of that key is there yet: only a merged row names it, and
    `name` and `domain` say what it is. Lineage is the row that gives the evidence.
    """
    accounts = frames["companies_prepared"].select("account_key", "name", "domain").collect()
    people = (
        frames["contacts_unified"]
        .select(
            "contact_key",
            "account_key",
            "company",
            "website",
            "email",
            "source_file",
            "source_line",
        )
        .rename({"account_key": "_own"})
        .join(accounts.lazy().select(_own="account_key"), on="_own", how="semi")
        .collect(engine="streaming")
    )
    found = pl.concat(
        [
            _of_merged_rows(frames, people),
            _by_name(people, accounts),
            _by_address(people, accounts),
        ],
        how="diagonal",
    )
    there = accounts.select("account_key", known=pl.lit(value=True))
    return (
        found.filter(pl.col("account_key") != pl.col("_own"))
        .unique(["contact_key", "account_key"], keep="first", maintain_order=True)
        .join(there, on="account_key", how="left", maintain_order="left")
        .with_columns(pl.col("known").fill_null(value=False))
        .sort("contact_key", "account_key")
        .match_to_schema(FURTHER_SCHEMA, missing_columns="raise", extra_columns="ignore")
    )


def new_accounts(further: pl.DataFrame) -> pl.DataFrame:
    """Account rows for companies that only a merged row names, one each."""
    return (
        further.filter(pl.col("known").not_())
        .sort("account_key", "source_file", "source_line")
        .unique("account_key", keep="first", maintain_order=True)
        .select(
            "account_key",
            "domain",
            "source_file",
            "source_line",
            name=pl.coalesce("name", "domain"),
            website=pl.col("domain"),
            evidence=pl.lit("merged_row"),
        )
    )


def account_contact_relations(further: pl.DataFrame, plan: pl.DataFrame) -> pl.DataFrame:
    """One row per contact and further account; the account that a contact is in needs none."""
    contacts = plan.filter(pl.col("become") == "contact").select("contact_key")
    return further.join(contacts, on="contact_key", how="semi", maintain_order="left").with_columns(
        relation_key=pl.col("account_key") + "|" + pl.col("contact_key")
    )


def _of_merged_rows(frames: Frames, people: pl.DataFrame) -> pl.DataFrame:
    """Companies that the other rows of merged people name, under the keys that accounts go by."""
    place = ["source_file", "source_line"]
    folded = (
        frames["contact_rows"]
        .filter((pl.col("disposition") == "merge") & pl.col("contact_key").is_not_null())
        .select("contact_key", *place)
    )
    named = (
        frames["contacts_prepared"]
        .filter((pl.col("disposition") == "keep") & pl.col("account_key").is_not_null())
        .select("account_key", "company", "domain", *place)
        .join(folded, on=place, how="inner")
        .collect(engine="streaming")
    )
    goes_by = frames["account_names"].filter("own").select("alias", _now="account_key").collect()
    return (
        named.join(goes_by, left_on="account_key", right_on="alias", how="left")
        .join(people.select("contact_key", "_own"), on="contact_key", how="inner")
        .select(
            "contact_key",
            "_own",
            *place,
            account_key=pl.coalesce("_now", "account_key"),
            evidence=pl.lit("merged_row"),
            name="company",
            domain="domain",
        )
    )


def _by_name(people: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Another account whose name is the person's company text, where one alone has that name."""
    named = accounts.select("account_key", _name=company_key(pl.col("name"))).drop_nulls()
    alone = named.filter(pl.col("_name").is_unique())
    own = named.select(_own="account_key", _own_name="_name")
    return (
        people.with_columns(_name=company_key(pl.col("company")))
        .join(own, on="_own", how="left")
        .filter(pl.col("_own_name").is_null() | (pl.col("_own_name") != pl.col("_name")))
        .join(alone, on="_name", how="inner")
        .select(
            "contact_key",
            "_own",
            "account_key",
            "source_file",
            "source_line",
            evidence=pl.lit("company_name"),
        )
    )


def _by_address(people: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """The account of the address's domain, where the person is in another one."""
    hosts = people["email"].str.split("@").list.last().fill_null("")
    known = accounts.filter(pl.col("domain").is_not_null()).unique("domain", keep="first")
    return (
        people.with_columns(web_domains(hosts).alias("_domain"))
        .join(known.select("account_key", _domain="domain"), on="_domain", how="inner")
        .select(
            "contact_key",
            "_own",
            "account_key",
            "source_file",
            "source_line",
            evidence=pl.lit("email_domain"),
        )
    )
