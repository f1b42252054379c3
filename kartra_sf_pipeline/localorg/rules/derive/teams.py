"""Who works with whom: teams, territories, groups, and names that setup gives."""

from __future__ import annotations

import json
import re

import polars as pl

from kartra_sf_pipeline.localorg.rules.batch import Batch, fetch, keys
from kartra_sf_pipeline.localorg.rules.constraints import check_unique_together
from kartra_sf_pipeline.localorg.rules.ownership import inactive_users, refuse_inactive

_TWICE = "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
_NAME = re.compile(r"[A-Za-z](?!.*__)[A-Za-z0-9_]*(?<!_)")
_NAME_RULE = (
    "The Developer Name field can only contain underscores and alphanumeric characters. It must "
    "be unique, begin with a letter, not include spaces, not end with an underscore, and not "
    "contain two consecutive underscores."
)
_NAME_TAKEN = (
    "This Developer Name already exists or has been previously used. Please choose a different "
    "name."
)


def account_team(batch: Batch) -> None:
    """A user is in an account's team once, with at least the right to read."""
    _member(batch, "AccountId")
    for name, value in (
        ("AccountAccessLevel", "Read"),
        ("OpportunityAccessLevel", "None"),
        ("CaseAccessLevel", "None"),
        ("ContactAccessLevel", "ControlledByParent"),
    ):
        _default(batch, name, value)


def opportunity_team(batch: Batch) -> None:
    """A user is in an opportunity's team once, with at least the right to read."""
    user = _member(batch, "OpportunityId")
    batch.fill("Name", user["Name"], batch.creating)
    _default(batch, "OpportunityAccessLevel", "Read")


def _member(batch: Batch, parent: str) -> dict[str, pl.Series]:
    _check_active(batch)
    check_unique_together(batch, (parent, "UserId"), _TWICE)
    user = batch.look_up("User", batch.value("UserId"), ["Name", "Title"])
    batch.fill("Title", user["Title"], batch.creating)
    return user


def _check_active(batch: Batch) -> None:
    user = batch.value("UserId")
    inactive = inactive_users(batch, user.drop_nulls().unique().to_list())
    if inactive:
        refuse_inactive(batch, user, inactive)


def _default(batch: Batch, name: str, value: str) -> None:
    blank = batch.creating & ~batch.given(name)
    batch.fill(name, pl.repeat(value, len(batch), eager=True), blank)


def developer_name(batch: Batch) -> None:
    """DeveloperName is made of the name where it is not given, well formed, and taken once."""
    label = "MasterLabel" if batch.sobject.field("Name") is None else "Name"
    blank = batch.creating & ~batch.given("DeveloperName") & batch.given(label)
    if blank.any():
        made = pl.Series([_as_name(v) for v in batch.value(label)], dtype=pl.String)
        batch.fill("DeveloperName", made, blank)
    names = batch.value("DeveloperName")
    odd = [n for n in names.drop_nulls().unique() if not _NAME.fullmatch(n)]
    batch.fail(names.is_in(odd), "FIELD_INTEGRITY_EXCEPTION", _NAME_RULE, ["DeveloperName"])
    within = tuple(n for n in ("Type", "Territory2ModelId") if batch.sobject.field(n))
    check_unique_together(
        batch,
        ("DeveloperName", *within),
        _NAME_TAKEN,
        "DUPLICATE_DEVELOPER_NAME",
        ["DeveloperName"],
    )


def _as_name(text: str | None) -> str | None:
    if text is None:
        return None
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    if not name:
        return None
    return name if name[0].isalpha() else f"X{name}"


def same_member(batch: Batch) -> None:
    """Adding a member again answers with the membership that is there."""
    made = batch.live & batch.creating
    if not made.any():
        return
    groups = batch.value("GroupId")
    held = fetch(
        batch.connection,
        "SELECT m.GroupId, m.UserOrGroupId, min(m.Id) FROM json_each(?) k "
        "CROSS JOIN GroupMember m ON m.GroupId = k.value WHERE m.IsDeleted = 0 GROUP BY 1, 2",
        {"group": pl.String, "member": pl.String, "first": pl.String},
        (keys(groups),),
    )
    frame = pl.DataFrame(
        {"group": groups, "member": batch.value("UserOrGroupId"), "id": batch.ids, "made": made}
    ).join(held, on=["group", "member"], how="left", maintain_order="left")
    again = frame.select((pl.col("made") & (pl.col("id") != pl.col("first"))).fill_null(False))
    mask = again.to_series()
    if not mask.any():
        return
    batch.connection.execute(
        "DELETE FROM GroupMember WHERE Id IN (SELECT value FROM json_each(?))",
        (json.dumps(batch.ids.filter(mask).to_list()),),
    )
    batch.ids = (
        frame.with_columns(mask.alias("again"))
        .select(pl.when("again").then("first").otherwise("id").alias("id"))
        .to_series()
    )
    batch.creating = batch.creating & ~mask


def queue_object(batch: Batch) -> None:
    """A queue takes records of an object once it is said so."""
    group = batch.look_up("Group", batch.value("QueueId"), ["Type"])["Type"]
    batch.fail(
        batch.creating & (group != "Queue"),
        "INVALID_CROSS_REFERENCE_KEY",
        "Only a group of type Queue can take records.",
        ["QueueId"],
    )
    check_unique_together(batch, ("QueueId", "SobjectType"), _TWICE)


def object_territory(batch: Batch) -> None:
    """A record is assigned to a territory once."""
    check_unique_together(batch, ("ObjectId", "Territory2Id"), _TWICE)
    kind = pl.repeat("Account", len(batch), eager=True)
    batch.fill("SobjectType", kind, batch.creating)


def user_territory(batch: Batch) -> None:
    """An active user is assigned to a territory once."""
    _check_active(batch)
    check_unique_together(batch, ("UserId", "Territory2Id"), _TWICE)
    batch.fill("IsActive", pl.repeat(1, len(batch), eager=True), batch.creating)


def territory_model(batch: Batch) -> None:
    """One territory model is active at a time."""
    active = (batch.value("State") == "Active").fill_null(False) & batch.live
    if not active.any():
        return
    others = batch.connection.execute(
        "SELECT Id FROM Territory2Model WHERE State = 'Active' AND IsDeleted = 0"
    ).fetchall()
    held = {r[0] for r in others}
    seen = active.cast(pl.Int32).cum_sum() > 1
    batch.fail(
        active & (seen | pl.Series([bool(held - {i}) for i in batch.ids])),
        "FIELD_INTEGRITY_EXCEPTION",
        "Another territory model is active: archive it first.",
        ["State"],
    )
    batch.fill("ActivatedDate", pl.repeat(batch.now, len(batch), eager=True), active)
