"""Accounts of companies, and affiliates as accounts or as records of their own."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def accounts(companies: pl.DataFrame, *more: pl.DataFrame) -> pl.DataFrame:
    """One row per account: those of companies, then `more` under keys of their own."""
    rows = [companies, *(frame for frame in more if frame.height)]
    return pl.concat(rows, how="diagonal").unique("account_key", keep="first", maintain_order=True)


def affiliates(
    prepared: pl.DataFrame,
    derived: pl.DataFrame,
    people: pl.DataFrame,
    tags: pl.DataFrame,
    words: Sequence[str],
) -> pl.DataFrame:
    """One row per affiliate, from the export first, else from the sales that name one.

    `people`: contact_key, email. `contact_key` is the contact of the affiliate's e-mail, and
    `affiliate_tags` those of its tags that hold one of the `words` (S54).
    """
    kept = prepared.filter(pl.col("disposition") == "keep")
    rows = pl.concat([kept, derived], how="diagonal_relaxed")
    says_it = pl.lit(value=False)
    if words:
        says_it = pl.col("tag_folded").str.contains_any(list(words), ascii_case_insensitive=True)
    telling = (
        tags.filter(says_it)
        .group_by("contact_key")
        .agg(affiliate_tags=pl.col("tag").sort().str.join("; "))
    )
    known = people.filter(pl.col("email").is_not_null()).unique("email", keep="first")
    return (
        rows.unique("affiliate_key", keep="first", maintain_order=True)
        .with_columns(
            display_name=pl.coalesce("name", "username", "email"),
            _email=pl.col("email").str.strip_chars().str.to_lowercase(),
        )
        .drop("contact_key", strict=False)
        .join(
            known.select("contact_key", _email="email"),
            on="_email",
            how="left",
            maintain_order="left",
        )
        .join(telling, on="contact_key", how="left", maintain_order="left")
        .drop("_email")
    )
