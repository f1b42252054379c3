"""From a Kartra contact id or an e-mail address to the person who survived matching."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from kartra_sf_pipeline.prepare.codes import clean_id

_EMAIL_KEY = "email:"


@dataclass(frozen=True)
class ContactLookup:
    """Two tables of one answer per question: `by_id` (kartra_id, contact_key), `by_email`."""

    by_id: pl.DataFrame
    by_email: pl.DataFrame

    def resolve(
        self, frame: pl.DataFrame, *, email: str, lead_id: str | None = None
    ) -> pl.DataFrame:
        """Add `contact_key` and `contact_evidence` (lead_id | email) to each row, null if unknown.

        The id counts first: purchase rows keep the e-mail of their day, which may have changed
        hands. An id that is given but unknown still leaves the e-mail to answer.
        """
        nobody = pl.Series([None], dtype=pl.String).new_from_index(0, frame.height)
        answers = pl.DataFrame(
            {
                "_by_id": self.find(frame[lead_id], "id") if lead_id else nobody,
                "_by_email": self.find(frame[email], "email"),
            }
        )
        return frame.with_columns(
            answers.select(
                pl.coalesce("_by_id", "_by_email").alias("contact_key"),
                pl.when(pl.col("_by_id").is_not_null())
                .then(pl.lit("lead_id"))
                .when(pl.col("_by_email").is_not_null())
                .then(pl.lit("email"))
                .alias("contact_evidence"),
            )
        )

    def find(self, asked: pl.Series, by: Literal["id", "email"]) -> pl.Series:
        """The contact key of each id or e-mail address as it stands in a file; null if unknown."""
        table, key = (self.by_id, "kartra_id") if by == "id" else (self.by_email, "email")
        fold = clean_id if by == "id" else _mail_fold
        return (
            asked.to_frame("asked")
            .select(fold(pl.col("asked")))
            .join(table, left_on="asked", right_on=key, how="left", maintain_order="left")
            .get_column("contact_key")
        )


def _mail_fold(expr: pl.Expr) -> pl.Expr:
    return clean_id(expr).str.to_lowercase()


def _first_answers(pairs: list[pl.DataFrame], key: str) -> pl.DataFrame:
    """One contact per key: earlier frames are better evidence, ties go to the smaller key."""
    return (
        pl.concat([pair.with_columns(_rank=pl.lit(n, pl.UInt8)) for n, pair in enumerate(pairs)])
        .drop_nulls(key)
        .sort("_rank", "contact_key", key)
        .unique(key, keep="first", maintain_order=True)
        .drop("_rank")
    )


def contact_lookup(contacts_unified: pl.DataFrame) -> ContactLookup:
    """Index the surviving people by every id and e-mail that was theirs.

    Ids and e-mails come from the survivor's own row, from `merged_keys` ("123", "email:x") and,
    where the frame has it, from `merged_emails`: addresses of rows that were folded into it.
    """
    people = contacts_unified.select("contact_key", "kartra_id")
    merged = (
        contacts_unified.select("contact_key", key="merged_keys")
        .explode("key", empty_as_null=True)
        .drop_nulls("key")
    )
    every_key = pl.concat(
        [contacts_unified.select("contact_key", key=pl.col("contact_key")), merged]
    )
    is_email = pl.col("key").str.starts_with(_EMAIL_KEY)
    ids = [
        people.select("kartra_id", "contact_key"),
        every_key.filter(~is_email).select(kartra_id="key", contact_key="contact_key"),
    ]
    emails = [
        contacts_unified.select(email=_mail_fold(pl.col(column)), contact_key="contact_key")
        for column in ("email", "email_raw")
        if column in contacts_unified.columns
    ]
    emails.append(
        every_key.filter(is_email).select(
            email=_mail_fold(pl.col("key").str.strip_prefix(_EMAIL_KEY)), contact_key="contact_key"
        )
    )
    if "merged_emails" in contacts_unified.columns:
        emails.append(
            contacts_unified.select(email="merged_emails", contact_key="contact_key")
            .explode("email", empty_as_null=True)
            .with_columns(_mail_fold(pl.col("email")))
        )
    return ContactLookup(
        by_id=_first_answers(ids, "kartra_id"), by_email=_first_answers(emails, "email")
    )
