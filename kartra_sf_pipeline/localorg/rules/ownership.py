"""Who may own a record: a user who is active, or a queue that takes records of the object."""

from __future__ import annotations

import json

import polars as pl

from kartra_sf_pipeline.localorg.rules.batch import Batch, fetch
from kartra_sf_pipeline.localorg.visibility import holds

_USER, _GROUP = "005", "00G"
# With this permission of the API user, inactive users may own what is loaded.
_INACTIVE_ALLOWED = "PermissionsUpdateWithInactiveOwner"


def check_owner(batch: Batch) -> None:
    """Refuse owners that a client named and that cannot own; call before defaults are filled."""
    if batch.sobject.field("OwnerId") is None or "OwnerId" not in batch.values:
        return
    if "OwnerId" in batch.cleared:
        batch.fail(
            batch.cleared["OwnerId"] & ~batch.creating,
            "INVALID_CROSS_REFERENCE_KEY",
            "Owner ID: owner cannot be blank",
            ["OwnerId"],
        )
    owner = batch.value("OwnerId")
    distinct = owner.filter(batch.live).drop_nulls().unique()
    if distinct.is_empty() or (len(distinct) == 1 and distinct[0] == batch.store.user_id):
        return
    users = [i for i in distinct if i.startswith(_USER)]
    inactive = inactive_users(batch, users)
    if inactive and not holds(batch.store, _INACTIVE_ALLOWED):
        refuse_inactive(batch, owner, inactive)
    groups = [i for i in distinct if i.startswith(_GROUP)]
    if groups:
        queues = fetch(
            batch.connection,
            'SELECT q.QueueId FROM QueueSobject q JOIN "Group" g ON g.Id = q.QueueId '
            "WHERE g.Type = 'Queue' AND q.IsDeleted = 0 AND q.SobjectType = ? "
            "AND q.QueueId IN (SELECT value FROM json_each(?))",
            {"Id": pl.String},
            (batch.sobject.name, json.dumps(groups)),
        )["Id"]
        batch.fail(
            owner.str.starts_with(_GROUP) & ~owner.is_in(queues.implode()),
            "INVALID_OPERATION",
            "Queue not associated with this SObject type",
            ["OwnerId"],
        )


def inactive_users(batch: Batch, ids: list[str]) -> list[str]:
    """Which of the users are not active."""
    rows = batch.connection.execute(
        "SELECT u.Id FROM json_each(?) k CROSS JOIN User u ON u.Id = k.value WHERE u.IsActive = 0",
        (json.dumps(ids),),
    ).fetchall()
    return [r[0] for r in rows]


def refuse_inactive(batch: Batch, users: pl.Series, inactive: list[str]) -> None:
    """Refuse the rows whose user is one of the inactive ones."""
    text = pl.DataFrame({"u": users}).select(
        pl.format(
            "operation performed with inactive user [{}] as owner of {}",
            pl.col("u").str.slice(0, 15),
            pl.lit(batch.sobject.label.lower()),
        )
    )
    batch.fail(users.is_in(inactive), "INACTIVE_OWNER_OR_USER", text.to_series())
