"""People: contacts, oldest first, and leads where the map makes somebody one."""

from __future__ import annotations

import polars as pl


def contacts(unified: pl.DataFrame, plan: pl.DataFrame) -> pl.DataFrame:
    """One row per person who becomes a contact, oldest first so that creation order is kept (S22).

    `plan` is `segments.people_plan`: it says who, and under which account.
    """
    return _people(unified, plan, "contact")


def leads(unified: pl.DataFrame, plan: pl.DataFrame, tags: pl.DataFrame) -> pl.DataFrame:
    """One row per person who becomes a lead, oldest first, with all tags as text.

    `lead_company` is the company's name where a person wrote one: such a person has an account as
    a rule and is no lead, so it is mostly null.
    """
    told = tags.group_by("contact_key").agg(tags=pl.col("tag").sort().str.join("; "))
    rows = _people(unified.drop("tags", strict=False), plan, "lead")
    return rows.join(told, on="contact_key", how="left", maintain_order="left").with_columns(
        lead_company=pl.col("company")
    )


def _people(unified: pl.DataFrame, plan: pl.DataFrame, become: str) -> pl.DataFrame:
    chosen = plan.filter(pl.col("become") == become).select("contact_key", "account_key")
    return (
        unified.drop("account_key")
        .join(chosen, on="contact_key", how="inner", maintain_order="left")
        .with_columns(
            opted_out=pl.col("mailable").fill_null(value=False).not_(),
            phone=phone(),
            email_held=pl.when(pl.col("email").is_null()).then(pl.col("email_raw")),
        )
        .sort("joined_at", "contact_key", nulls_last=True)
    )


def phone() -> pl.Expr:
    """The number to call; one that a spreadsheet has spoilt is kept as exported, never as this."""
    return pl.when(pl.col("phone_verdict").fill_null("") != "damaged").then(
        pl.coalesce("phone_e164", "phone_raw").str.slice(0, 40)
    )
