"""Which accounts are one company: spellings of a name, a name and the domain that says it.

Accounts with one key are one already. Here two keys are compared that share a name, the beginning
of one, a domain's own word, a phone or an address. A company of the same name may still be another
one: merged is only what a second fact or an unmistakable domain supports, the rest is for review.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist

from kartra_sf_pipeline.prepare.clusters import IGNORE, MERGE, REVIEW, components
from kartra_sf_pipeline.prepare.company_words import company_key
from kartra_sf_pipeline.prepare.follow import settle
from kartra_sf_pipeline.prepare.matching import MATCH_SCHEMA, Thresholds
from kartra_sf_pipeline.prepare.review import NO_DECISIONS, Decisions
from kartra_sf_pipeline.prepare.text import null_if_blank, words
from kartra_sf_pipeline.prepare.wording import worded

ALIAS_SCHEMA: Final = {"account_key": pl.String, "account": pl.String}
# Neighbours that each account of a block meets, sorted by name.
_WINDOW: Final = 8
# A domain's word of so many letters is hardly another company's name by chance.
_UNMISTAKABLE: Final = 10
_NEAR: Final = 92.0


def match_companies(
    accounts: pl.DataFrame,
    thresholds: Thresholds = Thresholds(),
    decisions: Decisions = NO_DECISIONS,
) -> pl.DataFrame:
    """Scored pairs of accounts, in the columns of `MATCH_SCHEMA`; the keys are account keys."""
    known = _features(accounts)
    pairs = _candidates(known)
    scored = _score(known, pairs).with_columns(
        pl.when(pl.col("score") >= thresholds.merge_at)
        .then(pl.lit(MERGE))
        .when(pl.col("score") >= thresholds.review_at)
        .then(pl.lit(REVIEW))
        .otherwise(pl.lit(IGNORE))
        .alias("decision")
    )
    settled = settle(scored.filter(pl.col("score") > 0.5), decisions, accounts["account_key"])
    return settled.select(list(MATCH_SCHEMA)).sort(
        ["score", "left_key", "right_key"], descending=[True, False, False]
    )


def account_aliases(matches: pl.DataFrame) -> pl.DataFrame:
    """`account_key` and the `account` that it goes into, for keys that were merged away.

    A key of a domain outlives one of a name; of two alike the smaller one stays.
    """
    groups = components(matches.filter(pl.col("decision") == MERGE))
    if groups.is_empty():
        return pl.DataFrame(schema=ALIAS_SCHEMA)
    named = pl.col("contact_key").str.starts_with("name:")
    return (
        groups.sort("cluster", named, "contact_key")
        .with_columns(pl.col("contact_key").first().over("cluster").alias("account"))
        .filter(pl.col("contact_key") != pl.col("account"))
        .select(pl.col("contact_key").alias("account_key"), "account")
    )


def with_aliases(frame: pl.DataFrame, aliases: pl.DataFrame) -> pl.DataFrame:
    """`frame` with `account_key` replaced where it was merged away."""
    if aliases.is_empty():
        return frame
    into = dict(aliases.iter_rows())
    return frame.with_columns(pl.col("account_key").replace(into))


def companies_shown(accounts: pl.DataFrame) -> pl.DataFrame:
    """What the review file shows of each account."""
    address = ("street", "postal_code", "city", "state")
    return accounts.select(
        pl.col("account_key").alias("key"),
        "name",
        "phone",
        pl.concat_str(address, separator=", ", ignore_nulls=True).alias("address"),
        "website",
    )


def _features(accounts: pl.DataFrame) -> pl.DataFrame:
    # An account that nobody named is called by its domain: that is no name.
    named = pl.col("name").ne_missing(pl.col("domain"))
    name = pl.when(named).then(company_key(pl.col("name")))
    return accounts.select(
        "account_key",
        name.alias("name"),
        name.str.replace_all(" ", "").alias("letters"),
        "domain",
        null_if_blank(
            pl.col("domain").str.extract(r"^([^.]+)\.", 1).str.replace_all(r"[^\pL\pN]", "")
        ).alias("label"),
        null_if_blank(pl.col("phone").str.replace_all(r"\D", "")).alias("phone"),
        null_if_blank(words(pl.concat_str("street", "postal_code", separator=" "))).alias("place"),
    ).with_row_index("row")


def _candidates(known: pl.DataFrame) -> pl.DataFrame:
    tokens = pl.concat(
        [
            known.select("row", "letters", token=pl.col(column))
            for column in ("letters", "label", "phone", "place")
        ]
        + [known.select("row", "letters", token=pl.lit("^") + pl.col("letters").str.slice(0, 5))]
    )
    members = (
        tokens.drop_nulls("token")
        .unique(["row", "token"])
        .filter(pl.col("token").is_duplicated())
        .sort("token", "letters", "row", nulls_last=True)
    )
    met = [
        members.select(
            left=pl.min_horizontal("row", pl.col("row").shift(-step)),
            right=pl.max_horizontal("row", pl.col("row").shift(-step)),
            together=pl.col("token") == pl.col("token").shift(-step),
        ).filter("together")
        for step in range(1, _WINDOW + 1)
    ]
    return pl.concat(met).select("left", "right").unique().sort("left", "right")


def _score(known: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    both = pl.concat(
        [known[pairs["left"]].select(pl.all().name.suffix("_l")),
         known[pairs["right"]].select(pl.all().name.suffix("_r"))],
        how="horizontal",
    )  # fmt: skip
    alike = np.maximum(
        *(
            cpdist(
                both[f"{name}_l"].fill_null("").to_list(),
                both[f"{name}_r"].fill_null("").to_list(),
                scorer=scorer,
                dtype=np.float32,
                workers=-1,
            )
            for name, scorer in (("name", fuzz.token_sort_ratio), ("letters", fuzz.ratio))
        )
    )
    same = {
        name: (pl.col(f"{name}_l") == pl.col(f"{name}_r")).fill_null(False)
        for name in ("name", "phone", "place")
    }
    named = pl.col("name_l").is_not_null() & pl.col("name_r").is_not_null()
    near = named & (pl.col("alike") >= _NEAR)
    numbers = [pl.col(f"name_{s}").str.replace_all(r"\D", "") for s in "lr"]
    numbered = (named & (numbers[0] != numbers[1])).fill_null(False)
    domains = (pl.col("domain_l") != pl.col("domain_r")).fill_null(False)
    says = pl.any_horizontal(
        (pl.col(f"letters_{a}") == pl.col(f"label_{b}")).fill_null(False)
        for a, b in (("l", "r"), ("r", "l"))
    )
    long = pl.max_horizontal(pl.col(f"letters_{s}").str.len_chars() for s in "lr") >= _UNMISTAKABLE
    second = same["phone"] | same["place"]
    rules = (
        ("company_name_and_fact", same["name"] & second, 0.98),
        ("company_near_name_and_fact", near & second, 0.96),
        ("company_domain_says_name", says & ~domains & long & (near | ~named), 0.96),
        ("company_same_name", same["name"], 0.88),
        ("company_domain_says_name_short", says, 0.85),
        ("company_near_name", near & ~domains, 0.78),
        ("company_near_name_other_domain", near, 0.6),
    )
    rule = pl.coalesce(pl.when(holds).then(pl.lit(name)) for name, holds, _ in rules)
    scores = {name: score for name, _, score in rules}
    return (
        both.with_columns(pl.Series("alike", alike))
        .filter(~numbered)
        .select(
            pl.min_horizontal("account_key_l", "account_key_r").alias("left_key"),
            pl.max_horizontal("account_key_l", "account_key_r").alias("right_key"),
            rule.alias("rule"),
            pl.concat_str(
                pl.when(named).then(worded("names {} % alike", pl.col("alike").round(0))),
                pl.when(says).then(pl.lit("the domain says the name")),
                pl.when(same["phone"]).then(pl.lit("same phone")),
                pl.when(same["place"]).then(pl.lit("same street and postal code")),
                pl.when(domains).then(pl.lit("two domains")),
                separator="; ",
                ignore_nulls=True,
            ).alias("evidence"),
        )
        .with_columns(
            pl.col("rule")
            .replace_strict(scores, default=0.0, return_dtype=pl.Float64)
            .alias("score")
        )
    )
