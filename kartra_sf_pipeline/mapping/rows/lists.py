"""Kartra lists: campaigns with their members, or groups."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.mapping.model import Policies
from kartra_sf_pipeline.mapping.rows.lineage import LINEAGE

BORN_WITH = ("Sent", "Responded")
"""Member statuses of a new campaign."""

INACTIVE = (
    "unsubscribed",
    "blocklisted",
    "spam_complaint",
    "multiple_soft_bounces",
    "do_not_contact",
    "declined_commercial_messages",
)
"""Mailing statuses under which Kartra sends a list's member nothing any more."""


def campaigns(memberships: pl.DataFrame, lists: pl.DataFrame) -> pl.DataFrame:
    """One campaign per list, whether it is in the lists export, on contacts, or both."""
    declared = (
        lists.filter(pl.col("list").is_not_null())
        .select(
            name=pl.col("list").str.strip_chars(),
            list_folded=fold_list(pl.col("list")),
            description="description",
            active=pl.col("active")
            .str.to_lowercase()
            .is_in(["0", "no", "false", "inactive"])
            .not_(),
            source_file="source_file",
            source_line="source_line",
        )
        .unique("list_folded", keep="first", maintain_order=True)
    )
    used = memberships.select(
        name="list_name",
        list_folded="list_folded",
        source_file="source_file",
        source_line="source_line",
    ).unique("list_folded", keep="first", maintain_order=True)
    return (
        pl.concat([declared, used], how="diagonal_relaxed")
        .unique("list_folded", keep="first", maintain_order=True)
        .with_columns(
            active=pl.col("active").fill_null(value=True),
            campaign_key="list:" + pl.col("list_folded"),
        )
        .sort("campaign_key")
    )


def fold_list(name: pl.Expr) -> pl.Expr:
    """Case and spaces do not make two lists of one."""
    return name.str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()


def campaign_member_statuses(campaigns: pl.DataFrame, policies: Policies) -> pl.DataFrame:
    """The statuses that each campaign needs beside `Sent` and `Responded`, which it is born with.

    None of them counts as a response: a membership alone is none.
    """
    labels = (policies.campaign_member_status, policies.inactive_member_status)
    wanted = [label for label in dict.fromkeys(labels) if label not in BORN_WITH]
    statuses = pl.DataFrame(
        {
            "label": wanted,
            "sort_order": range(len(BORN_WITH) + 1, len(BORN_WITH) + 1 + len(wanted)),
        },
        schema={"label": pl.String, "sort_order": pl.Int64},
    )
    return campaigns.join(statuses, how="cross").with_columns(
        has_responded=pl.lit(value=False),
        status_key=pl.col("campaign_key") + "|" + pl.col("label"),
    )


def campaign_members(
    memberships: pl.DataFrame, lists: pl.DataFrame, policies: Policies
) -> pl.DataFrame:
    """One row per contact and list; who may not be mailed any more keeps the inactive status."""
    known = lists.select("campaign_key", "list_folded")
    return (
        memberships.join(known, on="list_folded", how="inner", maintain_order="left")
        .with_columns(
            status=pl.when("inactive")
            .then(pl.lit(policies.inactive_member_status))
            .otherwise(pl.lit(policies.campaign_member_status)),
            member_key=pl.col("campaign_key") + "|" + pl.col("contact_key"),
        )
        .unique("member_key", keep="first", maintain_order=True)
        .sort("campaign_key", "contact_key")
    )


def memberships(lists: pl.DataFrame, unified: pl.DataFrame) -> pl.DataFrame:
    """List memberships with the lineage of the contact that holds them, and whether it may still
    be mailed.

    `unified`: contact_key, mailing_status, blocklisted and lineage.
    """
    gone = pl.col("mailing_status").is_in(INACTIVE).fill_null(value=False)
    return lists.join(
        unified.select(
            "contact_key",
            *LINEAGE,
            inactive=gone | pl.col("blocklisted").fill_null(value=False),
        ),
        on="contact_key",
        how="inner",
        maintain_order="left",
    )
