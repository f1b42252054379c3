"""Whom the customer could leave behind, and what that saves: figures for a decision."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.suppression import RULES, Staleness, conditions
from kartra_sf_pipeline.scope.audit import PLAN_TIERS
from kartra_sf_pipeline.scope.frames import Frames, count, height

SCHEMA: Final = pl.Schema(
    {
        "rule": pl.String(),
        "contacts": pl.Int64(),
        "share": pl.Float64(),
        "further": pl.Int64(),
        "buyers": pl.Int64(),
        "payments": pl.Int64(),
        "list_memberships": pl.Int64(),
        "storage_saved_kb": pl.Int64(),
        "kartra_tier": pl.String(),
        "default": pl.Boolean(),
        "chosen": pl.Boolean(),
        "why": pl.String(),
    }
)
# What a record takes of an org's data storage, whatever its fields hold.
RECORD_KB: Final = 2
CAMPAIGN_MEMBER_KB: Final = 1

# The columns of people that this page reads.
PEOPLE: Final = (
    "contact_key", "email", "mailing_status", "blocklisted", "consent_reason", "joined_at", "score",
    "lists", "merged_keys",
)  # fmt: skip


def suppression_choices(
    frames: Frames,
    payments: pl.DataFrame,
    active: pl.Series,
    *,
    stale: Staleness,
    chosen: Sequence[str],
) -> pl.DataFrame:
    """One row per rule: first those that always hold (duplicate, deleted_in_kartra), then `RULES`
    in the order in which they claim people, then `any_chosen`: what the chosen ones do together.

    `contacts` who fall under the rule, `share` of all people; `further`: those that no rule above
    has claimed; `buyers` among them and their `payments`, which would stay behind as well;
    `list_memberships`; `storage_saved_kb` in Salesforce (2 KB a contact, 1 KB a campaign member);
    `kartra_tier`: plan before and after, were they deleted in Kartra; `default` and `chosen` say
    whether the rule holds by itself and in this run.

    `frames` holds contacts_unified, contacts_suppressed and contact_rows; `payments` is
    `suppression.payments_of` all people, `active` the keys of those who have bought or booked.
    """
    people = _people(frames, payments)
    merged = int(people["merged"].sum())
    in_kartra = people.height + merged
    rows = [
        _always(
            "duplicate",
            merged,
            in_kartra,
            "Proven duplicates become one contact; the records that are folded in need no storage.",
        ),
        _always(
            "deleted_in_kartra",
            count(frames, "contact_rows", pl.col("reason") == "deleted_in_kartra"),
            None,
            "Deleted contacts are not restored; Kartra's plan does not count them.",
        ),
        *_rules(people, conditions(stale, active), in_kartra, chosen, stale),
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


Row = tuple[
    str,
    int,
    float | None,
    int,
    int | None,
    int | None,
    int | None,
    int,
    str | None,
    bool,
    bool,
    str,
]


def _people(frames: Frames, payments: pl.DataFrame) -> pl.DataFrame:
    """All people, those left out already among them: a choice must show what it saves."""
    parts = [
        frames[name].select(PEOPLE)
        for name in ("contacts_unified", "contacts_suppressed")
        if height(frames, name)
    ]
    if not parts:
        parts = [frames["contacts_unified"].select(PEOPLE)]
    return (
        pl.concat(parts, how="vertical_relaxed")
        .join(payments, on="contact_key", how="left", maintain_order="left")
        .with_columns(
            payments=pl.col("payments").fill_null(0).cast(pl.Int64),
            memberships=pl.col("lists").list.n_unique().fill_null(0).cast(pl.Int64),
            merged=pl.col("merged_keys").list.len().fill_null(0).cast(pl.Int64),
        )
    )


def _always(rule: str, contacts: int, in_kartra: int | None, why: str) -> Row:
    tier = None if in_kartra is None else _tiers(in_kartra, contacts)
    share = contacts / in_kartra if in_kartra else None
    return (
        rule, contacts, share, contacts, None, None, None, contacts * RECORD_KB, tier, True, True,
        why,
    )  # fmt: skip


def _rules(
    people: pl.DataFrame,
    held: dict[str, pl.Expr],
    in_kartra: int,
    chosen: Sequence[str],
    stale: Staleness,
) -> Iterator[Row]:
    marked = people.with_columns(**held)
    above = pl.lit(False)
    for rule in RULES:
        fits = pl.col(rule)
        yield _row(rule, marked, fits, fits & ~above, in_kartra, rule in chosen, _why(rule, stale))
        above = above | fits
    taken = pl.any_horizontal(pl.col(rule) for rule in chosen) if chosen else pl.lit(False)
    yield _row(
        "any_chosen",
        marked,
        taken,
        taken,
        in_kartra,
        bool(chosen),
        "The chosen rules together; each person counts once.",
    )


def _row(
    rule: str,
    people: pl.DataFrame,
    fits: pl.Expr,
    further: pl.Expr,
    in_kartra: int,
    chosen: bool,
    why: str,
) -> Row:
    contacts, more, buyers, payments, memberships, merged = people.select(
        fits.sum().alias("contacts"),
        further.sum().alias("further"),
        (fits & (pl.col("payments") > 0)).sum().alias("buyers"),
        pl.col("payments").filter(fits).sum().alias("payments"),
        pl.col("memberships").filter(fits).sum().alias("memberships"),
        pl.col("merged").filter(fits).sum().alias("merged"),
    ).row(0)
    return (
        rule,
        contacts,
        contacts / people.height if people.height else None,
        more,
        buyers,
        payments,
        memberships,
        contacts * RECORD_KB + memberships * CAMPAIGN_MEMBER_KB,
        _tiers(in_kartra, contacts + merged),
        False,
        chosen,
        why,
    )


def _why(rule: str, stale: Staleness) -> str:
    if rule != "stale":
        return RULES[rule]
    if stale.as_of is None:
        return "No extract date and no date joined: nobody's age is known."
    points = f", and has at most {stale.max_score} points" if stale.max_score is not None else ""
    return (
        f"Joined more than {stale.months} months before {stale.as_of}, has neither bought nor "
        f"booked{points}."
    )


def _tiers(contacts: int, gone: int) -> str:
    before, after = _tier(contacts), _tier(contacts - gone)
    return f"stays at {before}" if before == after else f"{before} to {after}"


def _tier(contacts: int) -> str:
    fitting = next((tier for tier in PLAN_TIERS if tier >= contacts), None)
    return f"{fitting:,}" if fitting else f"above {PLAN_TIERS[-1]:,}"
