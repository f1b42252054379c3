"""Kartra lists: campaigns with their members, or groups."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha256

import polars as pl

from kartra_sf_pipeline.mapping.model import Policies
from kartra_sf_pipeline.mapping.org_facts import OrgUser
from kartra_sf_pipeline.mapping.rows.lineage import LINEAGE
from kartra_sf_pipeline.mapping.strategies import Lists

_WORDS = re.compile("[a-z0-9]+")
_SLUG = 70
"""Characters of a developer name after its prefix; 80 is what the org takes."""

BORN_WITH = ("Sent", "Responded")
"""Member statuses of a new campaign."""


def all_lists(memberships: pl.DataFrame, lists: pl.DataFrame, chosen: Lists) -> pl.DataFrame:
    """One row per list, whether it is in the lists export, on contacts, or both.

    `strategy` is what the map makes of it: `campaign`, `group` or `none`.
    """
    declared = (
        lists.filter(fold_list(pl.col("list")).is_not_null())
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
    found = pl.concat([declared, used], how="diagonal_relaxed").unique(
        "list_folded", keep="first", maintain_order=True
    )
    return found.with_columns(
        active=pl.col("active").fill_null(value=True), strategy=strategy_of(found, chosen)
    )


def strategy_of(lists: pl.DataFrame, chosen: Lists) -> pl.Series:
    """What the map makes of each row's `list_folded`."""
    return pl.Series(
        "strategy", [chosen.of(folded or "") for folded in lists["list_folded"]], dtype=pl.String
    )


def campaigns(memberships: pl.DataFrame, lists: pl.DataFrame, chosen: Lists) -> pl.DataFrame:
    """One campaign per list that becomes one."""
    return (
        all_lists(memberships, lists, chosen)
        .filter(pl.col("strategy") == "campaign")
        .with_columns(campaign_key="list:" + pl.col("list_folded"))
        .sort("campaign_key")
    )


def groups(memberships: pl.DataFrame, lists: pl.DataFrame, chosen: Lists) -> pl.DataFrame:
    """One public group per list that becomes one, under a developer name of its own."""
    rows = all_lists(memberships, lists, chosen).filter(pl.col("strategy") == "group")
    return rows.with_columns(developer_names(rows["list_folded"])).sort("developer_name")


def developer_names(folded: pl.Series) -> pl.Series:
    """`developer_name` of the group of each list: the same in every run, never that of another.

    A name of plain words gives them back; any other carries a part of its hash, because signs,
    accents and length are lost on the way.
    """
    return pl.Series("developer_name", [_developer_name(one) for one in folded], dtype=pl.String)


def _developer_name(folded: str | None) -> str | None:
    if folded is None:
        return None
    words = _WORDS.findall(folded)
    plain = "_".join(words)
    if " ".join(words) == folded and plain and len(plain) <= _SLUG:
        return f"Kartra_{plain}"
    digest = sha256(folded.encode()).hexdigest()[:10]
    kept = plain[: _SLUG - len(digest) - 1].strip("_")
    return "_".join(part for part in ("Kartra", kept, f"x{digest}") if part)


def memberships_sorted(
    memberships: pl.DataFrame, lists: pl.DataFrame, people: pl.DataFrame, users: Sequence[OrgUser]
) -> pl.DataFrame:
    """Memberships of lists that become no campaign: the user that takes each, or why none does.

    `lists` are `all_lists`, `people` has contact_key and email. `user_id` is null where `reason`
    says `no_email`, `no_user`, `inactive_user`, `user_is_in_the_group` (another contact is that
    user) or `list_is_not_moved`.
    """
    known = pl.DataFrame(
        [(user.email.strip().lower(), user.username, user.id, user.active) for user in users],
        schema={
            "_email": pl.String,
            "username": pl.String,
            "user_id": pl.String,
            "_active": pl.Boolean,
        },
        orient="row",
    )
    # Of several users of one address the one whose user name it is stands for the person.
    known = (
        known.sort(
            pl.col("_active").not_(),
            pl.col("username").str.to_lowercase() != pl.col("_email"),
            "username",
        )
        .unique("_email", keep="first", maintain_order=True)
        .drop("username")
    )
    rows = (
        memberships.join(
            lists.filter(pl.col("strategy") != "campaign").select("list_folded", "strategy"),
            on="list_folded",
            how="inner",
            maintain_order="left",
        )
        .join(people.select("contact_key", _email="email"), on="contact_key", how="left")
        .join(known, on="_email", how="left")
        .sort("list_folded", "contact_key")
    )
    rows = rows.with_columns(
        reason=pl.when(pl.col("strategy") == "none")
        .then(pl.lit("list_is_not_moved"))
        .when(pl.col("_email").is_null())
        .then(pl.lit("no_email"))
        .when(pl.col("user_id").is_null())
        .then(pl.lit("no_user"))
        .when(pl.col("_active").not_())
        .then(pl.lit("inactive_user"))
    )
    again = pl.struct("list_folded", "user_id").is_first_distinct().not_()
    fits = rows.filter(pl.col("reason").is_null()).with_columns(
        reason=pl.when(again).then(pl.lit("user_is_in_the_group"))
    )
    return (
        pl.concat([fits, rows.filter(pl.col("reason").is_not_null())])
        .with_columns(user_id=pl.when(pl.col("reason").is_null()).then("user_id"))
        .select(
            "contact_key", "list_name", "list_folded", "strategy", "reason", "user_id", *LINEAGE
        )
        .sort("list_folded", "contact_key")
    )


def memberships_left_out(judged: pl.DataFrame) -> pl.DataFrame:
    """Memberships that arrive nowhere, each with the reason."""
    return judged.filter(pl.col("reason").is_not_null()).drop("user_id")


def group_members(judged: pl.DataFrame) -> pl.DataFrame:
    """One row per user of the org who is on a list that becomes a group."""
    fits = judged.filter(pl.col("reason").is_null())
    return fits.with_columns(developer_names(fits["list_folded"])).with_columns(
        member_key=pl.col("developer_name") + "|" + pl.col("contact_key")
    )


def fold_list(name: pl.Expr) -> pl.Expr:
    """Case and spaces do not make two lists of one; null for a name of spaces alone."""
    folded = name.str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()
    return pl.when(folded != "").then(folded)


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
    """List memberships with the lineage of the contact that holds them, and whether Kartra still
    mails it: under any mailing status but `subscribed`, known or not, it does not.

    `unified`: contact_key, mailing_status, blocklisted and lineage.
    """
    gone = (pl.col("mailing_status") != "subscribed").fill_null(value=False)
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
