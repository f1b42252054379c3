"""Contacts and the accounts that they are related to: the direct one, and others."""

from __future__ import annotations

import json

import polars as pl

from kartra_sf_pipeline.localorg.rules.batch import Batch
from kartra_sf_pipeline.localorg.rules.constraints import check_unique_together

OBJECT = "AccountContactRelation"


def relation(batch: Batch) -> None:
    """A pair is there once; the account of the contact itself is the direct relation."""
    contact = batch.look_up("Contact", batch.value("ContactId"), ["AccountId"])["AccountId"]
    batch.fail(
        batch.creating & batch.given("ContactId") & contact.is_null(),
        "FIELD_INTEGRITY_EXCEPTION",
        "A private contact can't be related to accounts: the contact needs an account of its own "
        "first.",
        ["ContactId"],
    )
    check_unique_together(
        batch,
        ("AccountId", "ContactId"),
        "This contact already has a relationship with this account.",
    )
    direct = (contact == batch.value("AccountId")).fill_null(False).cast(pl.Int64)
    batch.fill("IsDirect", direct, batch.creating)
    one = pl.repeat(1, len(batch), eager=True)
    batch.fill("IsActive", one, batch.creating & ~batch.given("IsActive"))
    dates = pl.DataFrame({n: batch.value(n) for n in ("StartDate", "EndDate")})
    batch.fail(
        dates["EndDate"] < dates["StartDate"],
        "FIELD_INTEGRITY_EXCEPTION",
        "The end date can't be before the start date.",
        ["EndDate"],
    )


def follow_account(batch: Batch) -> None:
    """A contact's AccountId is its direct relation; an account that it leaves stays related."""
    if batch.store.schema.object(OBJECT) is None or "AccountId" not in batch.values:
        return
    connection = batch.connection
    if "AccountId" in batch.cleared:
        left = batch.ids.filter(batch.live & ~batch.creating & batch.cleared["AccountId"])
        connection.execute(
            f"UPDATE {OBJECT} SET IsDeleted = 1, SystemModstamp = ? WHERE IsDirect = 1 "
            "AND ContactId IN (SELECT value FROM json_each(?))",
            (batch.now, json.dumps(left.to_list())),
        )
    mask = batch.live & batch.given("AccountId")
    pairs = pl.DataFrame(
        {
            "ContactId": batch.ids.filter(mask),
            "AccountId": batch.value("AccountId").filter(mask),
            "made": batch.creating.filter(mask),
        }
    )
    moved = pairs.filter(~pl.col("made"))
    if moved.height:
        connection.execute(
            f"UPDATE {OBJECT} SET IsDirect = (AccountId = (SELECT c.AccountId FROM Contact c "
            f"WHERE c.Id = {OBJECT}.ContactId)) WHERE IsDeleted = 0 "
            "AND ContactId IN (SELECT value FROM json_each(?))",
            (json.dumps(moved["ContactId"].to_list()),),
        )
        held = connection.execute(
            f"SELECT ContactId, AccountId FROM {OBJECT} WHERE IsDirect = 1 AND IsDeleted = 0 "
            "AND ContactId IN (SELECT value FROM json_each(?))",
            (json.dumps(moved["ContactId"].to_list()),),
        ).fetchall()
        have = pl.DataFrame(
            held, schema={"ContactId": pl.String, "AccountId": pl.String}, orient="row"
        )
        pairs = pairs.join(have, on=["ContactId", "AccountId"], how="anti")
    _put(batch, pairs)


def _put(batch: Batch, pairs: pl.DataFrame) -> None:
    if pairs.is_empty():
        return
    user = batch.store.user_id
    rows = pairs.select(
        pl.Series("Id", batch.store.new_ids(OBJECT, pairs.height)),
        "ContactId",
        "AccountId",
        pl.lit(1).alias("IsDirect"),
        pl.lit(1).alias("IsActive"),
    )
    stamps = {
        "CreatedDate": batch.now,
        "CreatedById": user,
        "LastModifiedDate": batch.now,
        "LastModifiedById": user,
        "SystemModstamp": batch.now,
    }
    batch.store.insert_frame(batch.connection, OBJECT, rows, stamps)
