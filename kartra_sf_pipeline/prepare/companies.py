"""Accounts: one row per company that contacts or a companies file give evidence of."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.accounts import (
    AccountKey,
    account_key,
    account_keys,
    company_evidence,
    with_one_another,
)
from kartra_sf_pipeline.prepare.codes import clean_id
from kartra_sf_pipeline.prepare.dispositions import KEEP, MERGE, QUARANTINE, place
from kartra_sf_pipeline.prepare.nulls import clean, tidy
from kartra_sf_pipeline.prepare.places import prepare_places
from kartra_sf_pipeline.prepare.web import website
from kartra_sf_pipeline.prepare.wording import worded

COMPANY_COLUMNS: Final = (
    "account_key", "name", "website", "domain", "phone", "street", "city", "state", "postal_code",
    "country", "country_iso2", "contacts", "source_file", "source_line", "evidence", "keyed_by",
)  # fmt: skip
_FROM_FILE: Final = (
    "name", "website", "domain", "phone", "street", "city", "state", "postal_code", "country",
    "country_iso2",
)  # fmt: skip


def prepare_companies(
    unified: pl.DataFrame,
    raw_companies: pl.DataFrame,
    aliases: pl.DataFrame | None = None,
    kept: pl.DataFrame | None = None,
    *,
    keyed_by: AccountKey = "domain",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`(companies_prepared, company_rows)`.

    The first has one row per account with `COMPANY_COLUMNS`, sorted by key. Values come from the
    companies file where it has the account, else from its people: the name most of them write, and
    a website of that domain. A person's address is not taken for the company's. `evidence` names
    what the account rests on: `companies_export`, `company`, `website`. `contacts` counts people.
    Lineage is the file's row, else that of the person who has been known longest.

    The second has one row per row of the companies file: kept (the account's primary row), merged
    into that, or in quarantine for want of a name and a domain. `aliases` are account keys that
    were merged into others (`company_matching.account_aliases`), `kept` the accounts that go on
    under a key that was loaded (`identity.KEY_SCHEMA`); people may have that key already.
    `keyed_by` is the policy that the people's keys follow, too (`accounts.account_keys`).
    """
    into = {} if aliases is None else dict(aliases.iter_rows())
    loaded = {} if kept is None else dict(kept.iter_rows())
    implied = {key: account for account, key in loaded.items()}
    people = unified.select(
        "account_key", "company", "website", "domain", "joined_at", "source_file", "source_line"
    )
    found = account_keys(people, raw_companies, keyed_by=keyed_by).select("name_key", "evidence")
    people = people.with_columns(found.get_columns()).with_columns(
        pl.col("account_key").replace(implied).replace(into)
    )
    rows = _keyed_rows(raw_companies, people, into, keyed_by)
    accounts = _from_people(people.drop_nulls("account_key"), keyed_by).join(
        _from_file(rows), on="account_key", how="full", coalesce=True, suffix="_file"
    )
    goes_on = pl.col("account_key").replace(loaded)
    return (
        _assemble(accounts).with_columns(goes_on, keyed_by=pl.lit(keyed_by)).sort("account_key"),
        _company_rows(rows).with_columns(goes_on),
    )


def _keyed_rows(
    raw_companies: pl.DataFrame,
    people: pl.DataFrame,
    into: dict[str, str],
    keyed_by: AccountKey,
) -> pl.DataFrame:
    """Rows of the companies file with typed values, `account_key` and `_first` (of its account)."""
    rows = company_evidence(raw_companies)
    places = prepare_places(rows).select("country", "country_iso2", "state")
    rows = rows.select(
        tidy(clean(pl.col("name"))).alias("name"),
        website(pl.col("website")).alias("website"),
        pl.col("domain_found").alias("domain"),
        tidy(clean(pl.col("phone"))).alias("phone"),
        tidy(clean(pl.col("address"))).alias("street"),
        tidy(clean(pl.col("city"))).alias("city"),
        places["state"],
        tidy(clean(pl.col("zip"))).alias("postal_code"),
        places["country"],
        places["country_iso2"],
        clean_id(pl.col("id")).alias("company_id"),
        "name_key",
        "extract_date",
        "source_file",
        "source_line",
    ).with_row_index("_row")
    founders = pl.concat(
        [
            rows.select("name_key", _domain="domain"),
            people.filter(pl.col("evidence").is_in(["company", "website"])).select(
                "name_key", _domain="domain"
            ),
        ]
    )
    rows = with_one_another(rows.rename({"domain": "_domain"}), founders)
    rows = rows.with_columns(account_key=account_key(keyed_by)).rename({"_domain": "domain"})
    keyed = rows.with_columns(pl.col("account_key").replace(into))
    primary = (
        keyed.drop_nulls("account_key")
        .sort("extract_date", "_row", descending=[True, False], nulls_last=True)
        .unique("account_key", keep="first", maintain_order=True)
        .select("account_key", _primary="_row", _place=place())
    )
    return keyed.join(primary, on="account_key", how="left", maintain_order="left")


def _company_rows(rows: pl.DataFrame) -> pl.DataFrame:
    key, primary = pl.col("account_key"), pl.col("_primary") == pl.col("_row")
    nothing = key.is_null()
    return rows.select(
        "source_file",
        "source_line",
        pl.when(nothing)
        .then(pl.lit(QUARANTINE))
        .when(primary)
        .then(pl.lit(KEEP))
        .otherwise(pl.lit(MERGE))
        .alias("disposition"),
        pl.when(nothing)
        .then(pl.lit("no_name_or_domain"))
        .when(~primary)
        .then(pl.lit("same_account"))
        .alias("reason"),
        pl.when(nothing)
        .then(pl.lit("The row has no name, and no website or domain of a company's own."))
        .when(~primary)
        .then(worded("The account's row is {}.", "_place"))
        .alias("detail"),
        "account_key",
    )


def _from_file(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per account of the file: the newest row's values, blanks filled from the others."""
    return (
        rows.drop_nulls("account_key")
        .sort("extract_date", "_row", descending=[True, False], nulls_last=True)
        .group_by("account_key", maintain_order=True)
        .agg(
            *(pl.col(name).drop_nulls().first() for name in _FROM_FILE),
            pl.col("source_file").first(),
            pl.col("source_line").first(),
        )
    )


def _from_people(people: pl.DataFrame, keyed_by: AccountKey) -> pl.DataFrame:
    """One row per account that people belong to: name, website, count, lineage, evidence."""
    at_domain = pl.lit("domain:") + pl.col("domain") == pl.col("account_key")
    founds = pl.col("evidence") != "email_domain"
    by_name = founds & pl.col("account_key").str.starts_with("name:")
    sites = at_domain | by_name if keyed_by == "name" else at_domain
    keyed = people.select(
        "account_key",
        pl.when(pl.col("name_key").is_not_null()).then("company").alias("name"),
        pl.when(sites & pl.col("domain").is_not_null()).then("website").alias("website"),
        pl.when(pl.col("account_key").str.starts_with("domain:"))
        .then(pl.col("account_key").str.strip_prefix("domain:"))
        .when(sites)
        .then("domain")
        .alias("domain"),
        "joined_at",
        "source_file",
        "source_line",
        "evidence",
    )
    oldest = (
        # Who only joined an account is no evidence of it.
        keyed.with_columns((pl.col("evidence") == "email_domain").alias("_joined"))
        .sort("_joined", "joined_at", "source_file", "source_line", nulls_last=True)
        .unique("account_key", keep="first", maintain_order=True)
        .select("account_key", "source_file", "source_line", "evidence")
    )
    counts = keyed.group_by("account_key").agg(pl.len().cast(pl.UInt32).alias("contacts"))
    return (
        oldest.join(_modal(keyed, "name"), on="account_key", how="left")
        .join(_modal(keyed, "website"), on="account_key", how="left")
        .join(_modal(keyed, "domain"), on="account_key", how="left")
        .join(counts, on="account_key", how="left")
    )


def _modal(people: pl.DataFrame, column: str) -> pl.DataFrame:
    """The value that most people of an account give; the oldest of those that tie."""
    return (
        people.drop_nulls(column)
        .group_by("account_key", column)
        .agg(pl.len().alias("_n"), pl.col("joined_at").min().alias("_since"))
        .sort("account_key", "_n", "_since", column, descending=[False, True, False, False])
        .unique("account_key", keep="first", maintain_order=True)
        .select("account_key", column)
    )


def _assemble(accounts: pl.DataFrame) -> pl.DataFrame:
    in_file = pl.col("source_file_file").is_not_null()
    both = ("name", "website", "domain")
    domain = pl.coalesce("domain_file", "domain")
    # A site's own name stands in where nobody wrote the company's.
    name = pl.coalesce("name_file", "name", domain)
    return accounts.select(
        "account_key",
        name.alias("name"),
        pl.coalesce("website_file", "website", domain).alias("website"),
        domain.alias("domain"),
        *(name for name in _FROM_FILE if name not in both),
        pl.col("contacts").fill_null(0),
        pl.coalesce("source_file_file", "source_file").alias("source_file"),
        pl.coalesce("source_line_file", "source_line").alias("source_line"),
        pl.when(in_file).then(pl.lit("companies_export")).otherwise("evidence").alias("evidence"),
    ).sort("account_key")
