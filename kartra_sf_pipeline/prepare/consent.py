"""Consent: what Kartra's words and codes say, and who may be mailed.

Two things are separate in Kartra: acceptance of the terms (`gdpr_status`) and agreement to
commercial messages (`gdpr_communications`). Mailing needs both where GDPR applies, and where it
does not, some sign that the person subscribed. What is absent, pending, unknown or not understood
never counts as consent.
"""

from __future__ import annotations

from typing import Final, Literal

import polars as pl

from kartra_sf_pipeline.prepare.nulls import clean
from kartra_sf_pipeline.prepare.text import words

# What a bare 1 in the communications column means. Kartra's own pages contradict each other.
Polarity = Literal["one_is_yes", "zero_is_yes"]

GDPR_WORDS: Final = {
    "0": "off", "off": "off", "gdpr off": "off", "disabled": "off",
    "1": "not_subject", "not subject": "not_subject", "not applicable": "not_subject",
    "2": "accepted", "accepted": "accepted", "yes": "accepted", "terms accepted": "accepted",
    "3": "refused", "not accepted": "refused", "declined": "refused", "rejected": "refused",
    "refused": "refused", "terms not accepted": "refused", "no": "refused",
    "4": "unknown", "unknown": "unknown", "location unknown": "unknown",
    "5": "pending", "pending": "pending",
}  # fmt: skip

MAILING_WORDS: Final = {
    "subscribed": "subscribed", "active": "subscribed",
    "unsubscribed": "unsubscribed", "not subscribed": "unsubscribed", "inactive": "unsubscribed",
    "blocklisted": "blocklisted", "blacklisted": "blocklisted", "blocked": "blocklisted",
    "spam complaint": "spam_complaint", "spam": "spam_complaint", "complaint": "spam_complaint",
    "multiple soft bounces": "multiple_soft_bounces", "soft bounces": "multiple_soft_bounces",
    "bounced": "bounced", "hard bounce": "bounced",
    "do not contact": "do_not_contact",
    "declined commercial messages": "declined_commercial_messages",
    "declined commercial messages gdpr": "declined_commercial_messages",
}  # fmt: skip

# Most restrictive first: when rows of one person disagree, the earliest word here stands.
GDPR_BY_RESTRICTION: Final = (
    "refused",
    "pending",
    "unknown",
    None,
    "off",
    "not_subject",
    "accepted",
)
COMMUNICATIONS_BY_RESTRICTION: Final = ("no", "review", None, "yes")


def _code_or_word(expr: pl.Expr) -> pl.Expr:
    """A label in folded words; a code that a spreadsheet made a decimal ("2.0") as a code."""
    return words(clean(expr).str.replace(r"^(\d)\.0$", "${1}"))


def gdpr_status(expr: pl.Expr) -> pl.Expr:
    """Codes 0-5 and labels to off, not_subject, accepted, refused, unknown or pending.

    A label that nobody documented is `unknown`, not null: something was recorded.
    """
    word = _code_or_word(expr)
    return pl.when(word.is_not_null()).then(
        word.replace_strict(GDPR_WORDS, default="unknown", return_dtype=pl.String)
    )


def communications(expr: pl.Expr, polarity: Polarity | None) -> pl.Expr:
    """The commercial-messages flag as yes, no, or review; null when blank.

    A bare 0 or 1 needs `polarity`; without it, and for any other word, the flag is for review.
    """
    word = _code_or_word(expr)
    table = {"yes": "yes", "true": "yes", "agreed": "yes", "accepted": "yes"}
    table |= {"no": "no", "false": "no", "not agreed": "no", "declined": "no", "refused": "no"}
    table |= {"rejected": "no", "not accepted": "no", "disagreed": "no"}
    if polarity is not None:
        one, zero = ("yes", "no") if polarity == "one_is_yes" else ("no", "yes")
        table |= {"1": one, "0": zero}
    return pl.when(word.is_not_null()).then(
        word.replace_strict(table, default="review", return_dtype=pl.String)
    )


def mailing_status(expr: pl.Expr) -> pl.Expr:
    """Status labels old and new to snake case; an unknown label keeps its own words."""
    word = words(clean(expr))
    return word.replace_strict(
        MAILING_WORDS, default=word.str.replace_all(" ", "_"), return_dtype=pl.String
    )


def consent_reason(
    *,
    email: str = "email",
    gdpr: str = "gdpr_status",
    communications: str = "communications",
    mailing: str = "mailing_status",
    blocklisted: str = "blocklisted",
    deleted: str = "deleted",
) -> pl.Expr:
    """The first rule that decides about mailing, over canonical columns.

    `consented` and `subscribed` are the two that allow it; see `mailable`.
    """
    status, terms, agreed = pl.col(mailing), pl.col(gdpr), pl.col(communications)
    recognised = status.is_in(sorted(set(MAILING_WORDS.values())))
    return (
        pl.when(pl.col(deleted))
        .then(pl.lit("deleted"))
        .when(pl.col(blocklisted) | (status == "blocklisted"))
        .then(pl.lit("blocklisted"))
        .when(status.is_not_null() & ~recognised)
        .then(pl.lit("status_not_recognised"))
        .when(status != "subscribed")
        .then(pl.lit("status_") + status)
        .when(pl.col(email).is_null())
        .then(pl.lit("no_valid_email"))
        .when(terms.is_in(["refused", "pending", "unknown"]))
        .then(pl.lit("gdpr_") + terms)
        .when(agreed == "no")
        .then(pl.lit("communications_refused"))
        .when(agreed == "review")
        .then(pl.lit("communications_unclear"))
        .when(terms.is_null())
        .then(pl.lit("consent_absent"))
        .when((terms == "accepted") & agreed.is_null())
        .then(pl.lit("communications_absent"))
        .when(terms == "accepted")
        .then(pl.lit("consented"))
        # GDPR is off or does not apply: no consent is recorded, so that something else must say
        # that the person wants mail.
        .when((agreed == "yes") | (status == "subscribed"))
        .then(pl.lit("subscribed"))
        .otherwise(pl.lit("consent_absent"))
    )


def mailable(reason: pl.Expr) -> pl.Expr:
    """True for the reasons of `consent_reason` that allow mailing."""
    return reason.is_in(["consented", "subscribed"])


def restriction_rank(expr: pl.Expr, order: tuple[str | None, ...]) -> pl.Expr:
    """Position of a canonical word in `order`: 0 is the most restrictive."""
    table = {word: rank for rank, word in enumerate(order) if word is not None}
    blank = order.index(None)
    return expr.replace_strict(table, default=blank, return_dtype=pl.Int8).fill_null(blank)
