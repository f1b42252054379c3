"""Campaigns, their member statuses, members and counts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

import polars as pl

from kartra_sf_pipeline.localorg.rules.batch import Batch, fetch, keys
from kartra_sf_pipeline.localorg.rules.constraints import MISSING, check_unique_together
from kartra_sf_pipeline.localorg.rules.derive.people import copy_to_members

_COUNTS = (
    "NumberOfContacts",
    "NumberOfLeads",
    "NumberOfConvertedLeads",
    "NumberOfResponses",
    "NumberOfOpportunities",
    "NumberOfWonOpportunities",
    "AmountAllOpportunities",
    "AmountWonOpportunities",
)


def zero_counts(batch: Batch) -> None:
    """A new campaign has counts of zero, not of null."""
    for name in _COUNTS:
        batch.fill(name, pl.repeat(0, len(batch), eager=True), batch.creating)


def first_statuses(batch: Batch) -> None:
    """A new campaign has the statuses Sent (default) and Responded."""
    made = batch.ids.filter(batch.live & batch.creating)
    if made.is_empty():
        return
    pair = pl.DataFrame(
        {
            "Label": ["Sent", "Responded"],
            "SortOrder": [1, 2],
            "IsDefault": [1, 0],
            "HasResponded": [0, 1],
        }
    )
    rows = (
        pl.DataFrame({"CampaignId": made})
        .join(pair, how="cross")
        .with_columns(
            pl.lit(batch.now).alias("CreatedDate"),
            pl.lit(batch.now).alias("LastModifiedDate"),
            pl.lit(batch.now).alias("SystemModstamp"),
            pl.lit(batch.store.user_id).alias("CreatedById"),
            pl.lit(batch.store.user_id).alias("LastModifiedById"),
        )
    )
    rows.insert_column(0, batch.store.new_ids("CampaignMemberStatus", rows.height))
    batch.store.insert_frame(batch.connection, "CampaignMemberStatus", rows)


def member(batch: Batch) -> None:
    """A member is a contact or a lead (the contact where both are given), once per campaign."""
    contact, lead = batch.given("ContactId"), batch.given("LeadId")
    batch.fail(
        batch.creating & ~contact & ~lead,
        "REQUIRED_FIELD_MISSING",
        MISSING.format("ContactId"),
        ["ContactId"],
    )
    if (contact & lead).any():
        batch.fill("LeadId", pl.repeat(None, len(batch), eager=True), contact & lead)
    for name in ("ContactId", "LeadId"):
        check_unique_together(batch, ("CampaignId", name), "Already a campaign member.")


def member_status(batch: Batch) -> None:
    """A status that the campaign does not have becomes its default one, without an error."""
    campaign = batch.value("CampaignId")
    updating = ~batch.creating & batch.live
    if updating.any() and batch.given("Status").any():
        held = batch.look_up("CampaignMember", batch.ids, ["CampaignId"])["CampaignId"]
        campaign = pl.DataFrame({"a": campaign, "b": held}).select(pl.coalesce("a", "b"))
        campaign = campaign.to_series()
    wanted = batch.given("Status") | batch.creating
    if not wanted.any():
        return
    statuses = fetch(
        batch.connection,
        "SELECT s.CampaignId, s.Label, s.IsDefault, s.HasResponded FROM json_each(?) k "
        "CROSS JOIN CampaignMemberStatus s ON s.CampaignId = k.value WHERE s.IsDeleted = 0 "
        "ORDER BY s.SortOrder",
        {
            "campaign": pl.String,
            "label": pl.String,
            "default": pl.Int64,
            "responded": pl.Int64,
        },
        (keys(campaign),),
    ).with_columns(pl.col("label").str.to_lowercase().alias("key"))
    defaults = (
        statuses.sort("default", descending=True, maintain_order=True)
        .unique("campaign", keep="first", maintain_order=True)
        .select("campaign", pl.col("label").alias("d"), pl.col("responded").alias("dr"))
    )
    frame = (
        pl.DataFrame({"campaign": campaign, "key": batch.value("Status").str.to_lowercase()})
        .join(
            statuses.unique(["campaign", "key"], keep="first"),
            on=["campaign", "key"],
            how="left",
            maintain_order="left",
        )
        .join(defaults, on="campaign", how="left", maintain_order="left")
        .select(
            pl.coalesce("label", "d").alias("status"),
            pl.when(pl.col("label").is_not_null()).then("responded").otherwise("dr").alias("r"),
        )
    )
    batch.fill("Status", frame["status"], wanted)
    batch.fill("HasResponded", frame["r"], wanted)
    responded = wanted & (frame["r"] == 1).fill_null(False)
    today = pl.repeat(batch.now[:10], len(batch), eager=True)
    if updating.any() and responded.any():
        first = batch.look_up("CampaignMember", batch.ids, ["FirstRespondedDate"])
        responded = responded & first["FirstRespondedDate"].is_null()
    batch.fill("FirstRespondedDate", today, responded)


def after_member(batch: Batch) -> None:
    """Copies of the person's columns, and the campaigns' counts."""
    made = batch.live & batch.creating
    for link in ("ContactId", "LeadId"):
        people = batch.value(link).filter(made).drop_nulls()
        if not people.is_empty():
            copy_to_members(batch, link, people)
    rows = batch.connection.execute(
        "SELECT DISTINCT CampaignId FROM CampaignMember "
        "WHERE Id IN (SELECT value FROM json_each(?))",
        (keys(batch.ids.filter(batch.live)),),
    ).fetchall()
    recount(batch.connection, [r[0] for r in rows])


def status_row(batch: Batch) -> None:
    """A label is there once per campaign; a new row without a position goes to the end."""
    check_unique_together(
        batch, ("CampaignId", "Label"), "A member status with this label already exists."
    )
    check_unique_together(
        batch, ("CampaignId", "SortOrder"), "A member status with this sort order already exists."
    )
    blank = batch.creating & ~batch.given("SortOrder")
    if not blank.any():
        return
    last = fetch(
        batch.connection,
        "SELECT s.CampaignId, max(s.SortOrder) FROM json_each(?) k "
        "CROSS JOIN CampaignMemberStatus s ON s.CampaignId = k.value GROUP BY 1",
        {"campaign": pl.String, "last": pl.Int64},
        (keys(batch.value("CampaignId")),),
    )
    order = (
        pl.DataFrame({"campaign": batch.value("CampaignId")})
        .join(last, on="campaign", how="left", maintain_order="left")
        .select(pl.col("last").fill_null(0) + pl.int_range(1, pl.len() + 1).over("campaign"))
    )
    batch.fill("SortOrder", order.to_series(), blank)


def after_status(batch: Batch) -> None:
    """One default per campaign, and members follow what their status means now."""
    connection = batch.connection
    defaults = batch.ids.filter(batch.live & (batch.value("IsDefault") == 1).fill_null(False))
    for record_id in defaults:
        connection.execute(
            "UPDATE CampaignMemberStatus SET IsDefault = 0 WHERE Id <> ? AND CampaignId = "
            "(SELECT CampaignId FROM CampaignMemberStatus WHERE Id = ?)",
            (record_id, record_id),
        )
    rows = connection.execute(
        "SELECT DISTINCT CampaignId FROM CampaignMemberStatus "
        "WHERE Id IN (SELECT value FROM json_each(?))",
        (keys(batch.ids.filter(batch.live)),),
    ).fetchall()
    campaigns = [r[0] for r in rows]
    connection.execute(
        "UPDATE CampaignMember SET HasResponded = s.HasResponded FROM json_each(?) k "
        "CROSS JOIN CampaignMemberStatus s ON s.CampaignId = k.value "
        "WHERE CampaignMember.CampaignId = s.CampaignId AND CampaignMember.Status = s.Label "
        "AND s.IsDeleted = 0 AND CampaignMember.HasResponded <> s.HasResponded",
        (json.dumps(campaigns),),
    )
    recount(connection, campaigns)


def recount(connection: sqlite3.Connection, campaigns: Sequence[str]) -> None:
    """Members, responses and opportunities of the campaigns, counted from the records."""
    if not campaigns:
        return
    listed = json.dumps(list(campaigns))
    connection.execute(
        "UPDATE Campaign SET NumberOfContacts = s.contacts, NumberOfLeads = s.leads, "
        "NumberOfResponses = s.responses FROM ("
        "SELECT k.value id, count(m.ContactId) contacts, count(m.LeadId) leads, "
        "coalesce(sum(m.HasResponded), 0) responses FROM json_each(?) k "
        "LEFT JOIN CampaignMember m ON m.CampaignId = k.value AND m.IsDeleted = 0 GROUP BY 1) s "
        "WHERE Campaign.Id = s.id",
        (listed,),
    )
    connection.execute(
        "UPDATE Campaign SET NumberOfOpportunities = s.n, NumberOfWonOpportunities = s.won, "
        "AmountAllOpportunities = s.total, AmountWonOpportunities = s.won_total FROM ("
        "SELECT k.value id, count(o.Id) n, coalesce(sum(o.IsWon), 0) won, "
        "coalesce(sum(o.Amount), 0) total, coalesce(sum(o.Amount * o.IsWon), 0) won_total "
        "FROM json_each(?) k LEFT JOIN Opportunity o "
        "ON o.CampaignId = k.value AND o.IsDeleted = 0 GROUP BY 1) s WHERE Campaign.Id = s.id",
        (listed,),
    )
