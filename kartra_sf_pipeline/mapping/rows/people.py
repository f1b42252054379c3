"""People: contacts, oldest first."""

from __future__ import annotations

import polars as pl


def contacts(unified: pl.DataFrame, companies: pl.DataFrame) -> pl.DataFrame:
    """One row per person, oldest first so that creation order is kept (S22)."""
    known = companies.select("account_key", _known=pl.lit(value=True))
    return (
        unified.join(known, on="account_key", how="left", maintain_order="left")
        .with_columns(
            account_key=pl.when(pl.col("_known")).then(pl.col("account_key")),
            opted_out=pl.col("mailable").fill_null(value=False).not_(),
            # A number that a spreadsheet has spoilt is kept as exported, never as a phone.
            phone=pl.when(pl.col("phone_verdict").fill_null("") != "damaged").then(
                pl.coalesce("phone_e164", "phone_raw").str.slice(0, 40)
            ),
            email_held=pl.when(pl.col("email").is_null()).then(pl.col("email_raw")),
        )
        .drop("_known")
        .sort("joined_at", "contact_key", nulls_last=True)
    )
