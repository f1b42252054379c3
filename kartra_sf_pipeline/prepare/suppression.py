"""People whom the customer chooses not to move, by named rules; none is chosen unless asked for.

Rules judge whole persons, after merging: a person's consent is the most restrictive of all rows, so
that leaving one row out can never make the rest of them mailable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.contact_lookup import contact_lookup
from kartra_sf_pipeline.prepare.dispositions import KEEP, MERGE, SUPPRESS
from kartra_sf_pipeline.prepare.transaction_rules import Role, transaction_type, types_with
from kartra_sf_pipeline.prepare.wording import worded

NO_CONSENT: Final = (
    "gdpr_refused",
    "gdpr_pending",
    "gdpr_unknown",
    "communications_refused",
    "communications_absent",
    "consent_absent",
)

# In the order in which they claim a person: the graver reason first.
RULES: Final[Mapping[str, str]] = {
    "blocklisted": "The account has blocked the contact.",
    "spam_complaint": "The contact has reported the account's mail as spam.",
    "bounced": "Mail to the address has bounced, or bounced softly several times.",
    "do_not_contact": "The contact asked not to be contacted, or declined commercial messages.",
    "unsubscribed": "The contact has unsubscribed.",
    "no_valid_email": "There is no address that mail could reach.",
    "never_consented": "No consent to commercial messages is recorded.",
    "stale": "Joined long ago, and has neither bought nor booked since.",
}

# Rows of other exports that were held because their person is not among the contacts.
PERSON_MISSING: Final = (
    "buyer_not_found",
    "attendee_not_found",
    "contact_not_found",
    "no_subscription",
)
PERSON_SUPPRESSED: Final = "person_suppressed"


class UnknownRule(ValueError):
    """A name that is not one of `RULES`; the message lists those that are."""


@dataclass(frozen=True)
class Staleness:
    """Who counts as stale: joined more than `months` before `as_of`, score at most `max_score`.

    Without `as_of` (no extract date and no date joined anywhere) nobody is.
    """

    months: int = 24
    max_score: int | None = None
    as_of: date | None = None


@dataclass(frozen=True)
class Suppressed:
    """`unified` and `contact_rows` without the people of the chosen rules, who are in `people`.

    `people`: the columns of `contacts_unified`, with the rule that claimed each as `reason`.
    """

    unified: pl.DataFrame
    contact_rows: pl.DataFrame
    people: pl.DataFrame


def parse_rules(text: str) -> tuple[str, ...]:
    """Names of a comma-separated list, in the order of `RULES`; raises UnknownRule."""
    named = [name for part in text.split(",") if (name := part.strip().lower().replace("-", "_"))]
    strange = [name for name in named if name not in RULES]
    if strange:
        extra = " Duplicates are merged always, and need no rule." if "duplicate" in strange else ""
        raise UnknownRule(
            f"{', '.join(strange)}: no such suppression rule; name some of "
            f"{', '.join(RULES)}.{extra}"
        )
    return tuple(rule for rule in RULES if rule in named)


def reference_date(people: pl.DataFrame) -> date | None:
    """The day that ages are counted to: of the newest extract, else of the last one who joined.

    Never today's, so that a second run on the same files decides the same.
    """
    days = people.select(
        pl.col("extract_date").max().alias("extract"),
        pl.col("joined_at").dt.date().max().alias("joined"),
    )
    return days.select(pl.coalesce("extract", "joined")).item() if people.height else None


def conditions(stale: Staleness, active: pl.Series) -> dict[str, pl.Expr]:
    """For each rule, who falls under it, over the columns of `contacts_unified`.

    `active` are the keys of people who have bought or booked.
    """
    status = pl.col("mailing_status")
    old = pl.lit(False)
    if stale.as_of is not None:
        old = pl.col("joined_at").dt.date() < pl.lit(stale.as_of).dt.offset_by(f"-{stale.months}mo")
        old = old & ~pl.col("contact_key").is_in(active.implode())
        if stale.max_score is not None:
            old = old & (pl.col("score").fill_null(0) <= stale.max_score)
    found = {
        "blocklisted": pl.col("blocklisted") | (status == "blocklisted"),
        "spam_complaint": status == "spam_complaint",
        "bounced": status.is_in(["bounced", "multiple_soft_bounces"]),
        "do_not_contact": status.is_in(["do_not_contact", "declined_commercial_messages"]),
        "unsubscribed": status == "unsubscribed",
        "no_valid_email": pl.col("email").is_null(),
        "never_consented": pl.col("consent_reason").is_in(NO_CONSENT),
        "stale": old,
    }
    return {rule: found[rule].fill_null(False) for rule in RULES}


def payments_of(raw_transactions: pl.LazyFrame, people: pl.DataFrame) -> pl.DataFrame:
    """`contact_key`, `payments`: sales and rebills of each of these people, free ones too."""
    asked = raw_transactions.group_by("transaction_type", "lead_id", "buyer_email").agg(
        payments=pl.len()
    )
    counted = asked.collect(engine="streaming")
    labels = counted["transaction_type"].drop_nulls().unique().to_list()
    paying = types_with(Role.PAYMENT)
    counted = counted.filter(
        pl.col("transaction_type").is_in(
            [label for label in labels if transaction_type(label) in paying]
        )
    )
    found = contact_lookup(people).resolve(counted, email="buyer_email", lead_id="lead_id")
    return found.drop_nulls("contact_key").group_by("contact_key").agg(pl.col("payments").sum())


def booked_by(raw_bookings: pl.LazyFrame, people: pl.DataFrame) -> pl.Series:
    """Keys of the people who have a calendar booking, kept or not."""
    asked = raw_bookings.select("attendee_email").unique().collect()
    found = contact_lookup(people).resolve(asked, email="attendee_email")
    return found["contact_key"].drop_nulls().unique()


def suppress_people(
    unified: pl.DataFrame,
    contact_rows: pl.DataFrame,
    rules: Sequence[str],
    *,
    stale: Staleness,
    active: pl.Series,
) -> Suppressed:
    """Take the people of the chosen rules out; every row of theirs gets the rule as its reason.

    The first rule in the order of `RULES` claims a person. No rule chosen: nothing is taken out.
    """
    held = conditions(stale, active)
    rule = pl.coalesce(
        [pl.when(held[name]).then(pl.lit(name)) for name in RULES if name in rules]
        or [pl.lit(None, pl.String)]
    )
    claimed = unified.with_columns(_rule=rule)
    gone = claimed.filter(pl.col("_rule").is_not_null())
    # Their own columns of that name tell of the row that they were made from, which was kept.
    left_out = gone.with_columns(disposition=pl.lit(SUPPRESS), reason=pl.col("_rule")).drop("_rule")
    if gone.is_empty():
        return Suppressed(unified, contact_rows, left_out)
    rows = contact_rows.join(
        gone.select("contact_key", "_rule"), on="contact_key", how="left", maintain_order="left"
    )
    taken = pl.col("_rule").is_not_null() & pl.col("disposition").is_in([KEEP, MERGE])
    said = pl.col("_rule").replace_strict(RULES, default=None, return_dtype=pl.String)
    rows = rows.with_columns(
        pl.when(taken).then(pl.lit(SUPPRESS)).otherwise("disposition").alias("disposition"),
        pl.when(taken).then("_rule").otherwise("reason").alias("reason"),
        pl.when(taken)
        .then(worded("Left out by choice. {}", said))
        .otherwise("detail")
        .alias("detail"),
        pl.when(~taken).then("contact_key").alias("contact_key"),
    ).select(contact_rows.columns)
    stay = claimed.filter(pl.col("_rule").is_null()).drop("_rule")
    return Suppressed(stay, rows, left_out)


def follow_people(
    prepared: pl.DataFrame,
    raw: pl.DataFrame | pl.LazyFrame,
    people: pl.DataFrame,
    *,
    email: str,
    lead_id: str | None = None,
) -> pl.DataFrame:
    """Suppress the rows of a prepared frame that were held because their person was left out.

    `raw` is the export that `prepared` was made of, `people` the ones left out; `email` and
    `lead_id` name the columns of `raw` that point at a person. Other rows stay as they are.
    """
    held = prepared.lazy().filter(pl.col("reason").is_in(PERSON_MISSING))
    place = ["source_file", "source_line"]
    wanted = [email] if lead_id is None else [email, lead_id]
    asked = raw.lazy().select(*place, *wanted).join(held.select(place), on=place, how="semi")
    known = contact_lookup(people).resolve(asked.collect(), email=email, lead_id=lead_id)
    reasons = people.select("contact_key", _rule="reason")
    found = known.drop_nulls("contact_key").join(reasons, on="contact_key").select(*place, "_rule")
    marks = prepared.select(place).join(found, on=place, how="left", maintain_order="left")
    mark = marks["_rule"]
    taken = pl.lit(mark).is_not_null()
    return prepared.with_columns(
        pl.when(taken).then(pl.lit(SUPPRESS)).otherwise("disposition").alias("disposition"),
        pl.when(taken).then(pl.lit(PERSON_SUPPRESSED)).otherwise("reason").alias("reason"),
        pl.when(taken)
        .then(worded("Its person is left out by choice: {}.", pl.lit(mark)))
        .otherwise("detail")
        .alias("detail"),
    )
