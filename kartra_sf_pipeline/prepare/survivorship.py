"""Merging: under which key a person goes on, and with which of the values.

The key is the one under which the person was loaded before, else that of the contact which Kartra
had first (the lowest id, else the earliest joined, else the smallest key): a later export must not
move anyone to another record of the org. Values are the
newest extract's, then the most complete row's; its blanks are filled from the others in the same
order. Consent is not filled: the most restrictive word of the group stands. Tags and lists are the
union.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.accounts import AccountKey, account_keys
from kartra_sf_pipeline.prepare.clusters import components
from kartra_sf_pipeline.prepare.consent import (
    COMMUNICATIONS_BY_RESTRICTION,
    GDPR_BY_RESTRICTION,
    consent_reason,
    mailable,
    restriction_rank,
)
from kartra_sf_pipeline.prepare.dispositions import KEEP, MERGE
from kartra_sf_pipeline.prepare.identity import (
    CONTACT,
    NOTHING_KNOWN,
    NOTHING_SETTLED,
    Settled,
    contact_claims,
    settle_keys,
)
from kartra_sf_pipeline.prepare.wording import worded

CONTACT_ROW_COLUMNS: Final = (
    "source_file", "source_line", "disposition", "reason", "detail", "contact_key",
)  # fmt: skip

# Values that only mean something together travel together: half an address is a wrong one.
_TOGETHER: Final = (
    ("first_name", "middle_name", "last_name", "suffix", "salutation", "name_verdict",
     "name_review"),
    ("street", "city", "state", "postal_code", "country", "country_iso2"),
    ("phone_e164", "phone_raw", "phone_verdict"),
    ("email", "email_raw", "email_verdict", "email_suggestion"),
    ("website", "domain"),
)  # fmt: skip
_ALONE: Final = (
    "company", "facebook", "twitter", "linkedin", "source", "score", "time_zone", "sales_tax_id",
    "business_type", "picture", "ip", "ip_country", "notes", "tags_raw", "lists_raw",
    "sequences_raw", "referring_id",
)  # fmt: skip

_ADDED: Final = ("merged_keys", "merged_emails", "values_from", "primary_reason")
# What belongs to the row that keeps the person's key, whichever row's values lead.
_IDENTITY: Final = ("contact_key", "kartra_id", "source_file", "source_line")


def unify_contacts(
    prepared: pl.DataFrame,
    matches: pl.DataFrame,
    *,
    raw_companies: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`unify_people` of people of whom nothing was loaded before: `(contacts_unified, rows)`."""
    people = unify_people(prepared, matches, NOTHING_KNOWN, raw_companies=raw_companies)
    return people.unified, people.contact_rows


@dataclass(frozen=True)
class Unified:
    """`contacts_unified`, `contact_rows`, and `apart` (`identity.APART_SCHEMA`): contacts that
    were loaded on their own and are one person with another now.
    """

    unified: pl.DataFrame
    contact_rows: pl.DataFrame
    apart: pl.DataFrame


def unify_people(
    prepared: pl.DataFrame,
    matches: pl.DataFrame,
    known: pl.DataFrame,
    *,
    raw_companies: pl.DataFrame | None = None,
    keyed_by: AccountKey = "domain",
) -> Unified:
    """Fold the pairs that are to be merged, under the keys that are `known` from earlier loads.

    The first has one row per surviving person: the columns of `contacts_prepared` after
    survivorship, `merged_keys` (other keys folded in), `merged_emails` (every other address that
    was theirs, older extracts included), `values_from` (the key whose values lead) and
    `primary_reason`, why they do: `only_row`, `newest_extract`, `most_complete` or `lowest_key`.
    Key, id and lineage are those of the contact that bears the key, else of the one that Kartra
    had first; where no contact bears the person's key any more, that one's own key is among
    `merged_keys`. The second has one row per raw row, with the survivor's key where there is one.
    `known` has `identity.KNOWN_SCHEMA`.
    """
    ranked, settled = _with_loaded_keys(_ranked(prepared, matches), prepared, known)
    several = ranked.filter(pl.col("_size") > 1)
    numbered = prepared.with_row_index("_at")
    folded = pl.col("_at").is_in(several["_at"].implode())
    members = several.drop("contact_key", "extract_date").join(
        numbered.filter(folded), on="_at", how="left", maintain_order="left"
    )
    alone = numbered.filter((pl.col("disposition") == KEEP) & ~folded).with_columns(
        pl.lit([], pl.List(pl.String)).alias("merged_keys"),
        pl.col("contact_key").alias("values_from"),
        pl.lit("only_row").alias("primary_reason"),
    )
    unified = pl.concat([alone, _merged(members)], how="diagonal")
    unified = _under_their_keys(unified, ranked)
    rows = _contact_rows(prepared, ranked, settled)
    unified = _with_merged_emails(unified, prepared, rows)
    keys = account_keys(unified, raw_companies, keyed_by=keyed_by).select("account_key")
    unified = unified.with_columns(keys.get_columns())
    kept = [c for c in prepared.columns if c in unified.columns]
    return Unified(unified.select(*kept, *_ADDED), rows, settled.apart)


def _with_loaded_keys(
    ranked: pl.DataFrame, prepared: pl.DataFrame, known: pl.DataFrame
) -> tuple[pl.DataFrame, Settled]:
    """Add `_key`, the person's key; the contact that bears it is the person's oldest (`_age` 0)."""
    oldest = ranked.filter(pl.col("_age") == 0).select("_person", group="contact_key")
    if known.is_empty():
        keys = oldest.select("_person", _key="group")
        return ranked.join(keys, on="_person", how="left", maintain_order="left"), NOTHING_SETTLED
    members = ranked.join(oldest, on="_person").select(
        "group", "contact_key", age=pl.col("_since").cast(pl.Int64)
    )
    claims = contact_claims(members, prepared.select("contact_key", "email"))
    settled = settle_keys(claims, known, CONTACT)
    keys = oldest.join(settled.keys, on="group", how="left").select(
        "_person", _key=pl.coalesce("key", "group")
    )
    ranked = ranked.join(keys, on="_person", how="left", maintain_order="left")
    ages = (
        ranked.select("_at", "_person", "_age", _other=pl.col("contact_key") != pl.col("_key"))
        .sort("_person", "_other", "_age")
        .select("_at", _age=pl.int_range(pl.len()).over("_person"))
    )
    ranked = ranked.drop("_age").join(ages, on="_at", how="left", maintain_order="left")
    return ranked, settled


def _under_their_keys(unified: pl.DataFrame, ranked: pl.DataFrame) -> pl.DataFrame:
    """Put the person's key in the place of the oldest contact's, which joins `merged_keys`."""
    moved = ranked.filter((pl.col("_age") == 0) & (pl.col("contact_key") != pl.col("_key")))
    if moved.is_empty():
        return unified
    return (
        unified.join(
            moved.select("contact_key", _new_key="_key"),
            on="contact_key",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            pl.coalesce("_new_key", "contact_key").alias("contact_key"),
            pl.when(pl.col("_new_key").is_not_null())
            .then(pl.concat_list("contact_key", "merged_keys"))
            .otherwise("merged_keys")
            .alias("merged_keys"),
        )
        .drop("_new_key")
    )


def _ranked(prepared: pl.DataFrame, matches: pl.DataFrame) -> pl.DataFrame:
    """Kept rows, best of a person first: `_at` (row number), `contact_key`, `_person`, `_size`,
    `_rank` (whose values lead is 0), `_age` (who keeps the key is 0), `_since` (the same order over
    all people), what they were ranked by.
    """
    groups = components(matches.filter(pl.col("decision") == MERGE))
    counted = [
        c
        for c in (*_ALONE, *(c for together in _TOGETHER for c in together))
        if c in prepared.columns
    ]
    filled = pl.sum_horizontal(pl.col(c).is_not_null().cast(pl.Int16) for c in counted)
    kept = prepared.with_row_index("_at").filter(pl.col("disposition") == KEEP)
    ranked = (
        kept.select(
            "_at",
            "contact_key",
            "extract_date",
            "joined_at",
            # A placeholder is not a name, and an address with a typo is hardly one.
            (filled - _weak().cast(pl.Int16) * 3).alias("_filled"),
            pl.col("kartra_id").str.extract(r"^(\d{1,18})$", 1).cast(pl.Int64).alias("_number"),
        )
        .join(groups, on="contact_key", how="left", maintain_order="left")
        .with_columns(
            # Numbers below zero are people whom nobody resembles.
            pl.coalesce("cluster", -1 - pl.col("_at").cast(pl.Int64)).alias("_person")
        )
        .drop("cluster")
        .sort(
            ["_person", "extract_date", "_filled", "_number", "contact_key"],
            descending=[False, True, True, False, False],
            nulls_last=True,
        )
    )
    ages = (
        ranked.select("_at", "_person", "_number", "joined_at", "contact_key")
        .sort("_number", "joined_at", "contact_key", nulls_last=True)
        .select(
            "_at",
            _age=pl.int_range(pl.len()).over("_person"),
            _since=pl.int_range(pl.len(), dtype=pl.UInt32),
        )
    )
    return (
        ranked.drop("joined_at")
        .with_columns(
            pl.len().over("_person").alias("_size"),
            pl.int_range(pl.len()).over("_person").alias("_rank"),
        )
        .join(ages, on="_at", how="left", maintain_order="left")
    )


def _weak() -> pl.Expr:
    return pl.col("name_verdict").is_in(["placeholder", "company"]) | (
        pl.col("email_verdict") != "valid"
    )


def _merged(several: pl.DataFrame) -> pl.DataFrame:
    """One row per group of two or more, best first within each group."""
    if several.is_empty():
        return several.with_columns(
            pl.lit([], pl.List(pl.String)).alias("merged_keys"),
            pl.lit("").alias("values_from"),
            pl.lit("").alias("primary_reason"),
        )
    kept = several.select(
        "_person", *(c for c in several.columns if c.startswith("x__")), *_ALONE
    ).columns[1:]
    singles = [pl.col(name).drop_nulls().first().alias(name) for name in kept]
    groups = [
        # The first row that has any of the group gives all of it.
        pl.col(name).filter(present).first().alias(name)
        for together in _TOGETHER
        for present in [_present(together)]
        for name in together
    ]
    consent = _consent_of_group()
    untouched = [
        c
        for c in several.columns
        if c not in {"_person", *_IDENTITY, *kept, *(c for t in _TOGETHER for c in t), *consent}
        and c not in {"tags", "lists", "joined_at", "extract_date"}
    ]
    reason = (
        pl.when(
            pl.col("extract_date")
            .first()
            .ne_missing(pl.col("extract_date").get(1, null_on_oob=True))
        )
        .then(pl.lit("newest_extract"))
        .when(pl.col("_filled").first() != pl.col("_filled").get(1, null_on_oob=True))
        .then(pl.lit("most_complete"))
        .otherwise(pl.lit("lowest_key"))
    )
    merged = several.group_by("_person", maintain_order=True).agg(
        *singles,
        *groups,
        *consent.values(),
        *(pl.col(name).first() for name in untouched),
        # The person has been known since the first of the rows.
        pl.col("joined_at").min(),
        pl.col("extract_date").first(),
        *(
            pl.col(name).explode(empty_as_null=True).drop_nulls().unique(maintain_order=True)
            for name in ("tags", "lists")
        ),
        *(pl.col(name).sort_by("_age").first() for name in _IDENTITY),
        pl.col("contact_key").filter(pl.col("_age") > 0).alias("merged_keys"),
        pl.col("contact_key").first().alias("values_from"),
        reason.alias("primary_reason"),
    )
    merged = merged.with_columns(
        pl.when(pl.col(name).list.len() > 0).then(name).alias(name) for name in ("tags", "lists")
    )
    merged = merged.with_columns(consent_reason().alias("consent_reason"))
    return merged.with_columns(mailable(pl.col("consent_reason")).alias("mailable"))


def _present(together: tuple[str, ...]) -> pl.Expr:
    """True on rows that hold a value of the group worth taking; on the first row if none does."""
    lead = {
        "first_name": ~pl.col("name_verdict").is_in(["placeholder", "company"]),
        "email": pl.col("email").is_not_null() & (pl.col("email_verdict") != "typo"),
        "website": pl.col("website").is_not_null(),
    }
    present = lead.get(
        together[0], pl.any_horizontal(pl.col(name).is_not_null() for name in together)
    )
    if together[0] == "email":
        mistyped = pl.col("email").is_not_null() & ~present.any()
        present = present | mistyped
    return present | (~present.any() & (pl.col("_rank") == 0))


def _consent_of_group() -> dict[str, pl.Expr]:
    """The most restrictive of each: terms with their evidence, flag, status, block, deletion."""
    # Of two equal words, the one that is dated is the better evidence.
    terms = (
        restriction_rank(pl.col("gdpr_status"), GDPR_BY_RESTRICTION),
        pl.col("gdpr_status_at").is_null(),
    )
    flag = restriction_rank(pl.col("communications"), COMMUNICATIONS_BY_RESTRICTION)
    # Any word other than "subscribed" forbids; a blank says nothing.
    status = (
        pl.when(pl.col("mailing_status").is_null())
        .then(1)
        .when(pl.col("mailing_status") == "subscribed")
        .then(2)
        .otherwise(0)
    )
    return {
        "gdpr_status": pl.col("gdpr_status").sort_by(*terms, maintain_order=True).first(),
        "gdpr_status_at": pl.col("gdpr_status_at").sort_by(*terms, maintain_order=True).first(),
        "gdpr_status_ip": pl.col("gdpr_status_ip").sort_by(*terms, maintain_order=True).first(),
        "communications": pl.col("communications").sort_by(flag, maintain_order=True).first(),
        "mailing_status": pl.col("mailing_status").sort_by(status, maintain_order=True).first(),
        "blocklisted": pl.col("blocklisted").any(),
        "deleted": pl.col("deleted").any(),
    }


def _contact_rows(prepared: pl.DataFrame, ranked: pl.DataFrame, settled: Settled) -> pl.DataFrame:
    """The disposition of every raw row after merging, with the survivor's key."""
    bearers = ranked.filter(pl.col("_age") == 0).select("_person", _bearer="contact_key")
    owners = ranked.join(bearers, on="_person").select("contact_key", "_bearer", _survivor="_key")
    joined = prepared.select(
        *CONTACT_ROW_COLUMNS[:-1], key=pl.coalesce("merged_into", "contact_key")
    ).join(owners, left_on="key", right_on="contact_key", how="left", maintain_order="left")
    folded = (pl.col("disposition") == KEEP) & (pl.col("key") != pl.col("_bearer"))
    apart = folded & pl.col("key").is_in(settled.apart["loaded_key"].implode())
    return joined.select(
        "source_file",
        "source_line",
        pl.when(folded).then(pl.lit(MERGE)).otherwise("disposition").alias("disposition"),
        pl.when(apart)
        .then(pl.lit("loaded_apart"))
        .when(folded)
        .then(pl.lit("same_person"))
        .otherwise("reason")
        .alias("reason"),
        pl.when(apart)
        .then(
            worded(
                "Was loaded as its own Contact {}, and is the same person as {}: merge the two "
                "in Salesforce, or write ignore in match_review.csv.",
                "key",
                "_survivor",
            )
        )
        .when(folded)
        .then(worded("Merged into {}; contact_matches holds the evidence.", "_survivor"))
        .otherwise("detail")
        .alias("detail"),
        pl.when(pl.col("disposition").is_in([KEEP, MERGE])).then("_survivor").alias("contact_key"),
    )


def _with_merged_emails(
    unified: pl.DataFrame, prepared: pl.DataFrame, rows: pl.DataFrame
) -> pl.DataFrame:
    """Add `merged_emails`: addresses of a person's rows other than the one that survived."""
    others = (
        prepared.select("email")
        .with_columns(rows["contact_key"])
        .drop_nulls()
        .join(unified.select("contact_key", _own="email"), on="contact_key")
        .filter(pl.col("email").ne_missing(pl.col("_own")))
        .group_by("contact_key", maintain_order=True)
        .agg(pl.col("email").unique(maintain_order=True).alias("merged_emails"))
    )
    return unified.join(others, on="contact_key", how="left", maintain_order="left").with_columns(
        pl.col("merged_emails").fill_null([])
    )
