"""Person accounts: an account and the contact behind it that are one person."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from kartra_sf_pipeline.localorg.rules.batch import Batch, keys
from kartra_sf_pipeline.localorg.rules.constraints import MISSING, READ_ONLY, fail_listing
from kartra_sf_pipeline.localorg.rules.derive.people import PARTS, copy_to_members

FLAG = "IsPersonAccount"
_PLACE = ("Street", "City", "State", "PostalCode", "Country")
_RENAMED = (
    "Email",
    "MobilePhone",
    "HomePhone",
    "OtherPhone",
    "AssistantPhone",
    "AssistantName",
    "Title",
    "Department",
    "LeadSource",
    "Birthdate",
    "HasOptedOutOfEmail",
    "HasOptedOutOfFax",
    "DoNotCall",
    *(f"{kind}{part}" for kind in ("Mailing", "Other") for part in _PLACE),
)
# Columns of a person's account that its contact repeats: account's name to contact's name.
_REPEATED: Mapping[str, str] = {
    **{name: name for name in (*PARTS, "Salutation", "Name", "Phone", "Fax", "OwnerId")},
    **{f"Person{name}": name for name in _RENAMED},
}


def person(batch: Batch) -> None:
    """A person is an account of a person's record type, or one that has a last name and no name.

    Its Name is made of the parts; a business has no parts and no Person fields.
    """
    if batch.sobject.field(FLAG) is None:
        return
    rows = batch.connection.execute(
        "SELECT Id FROM RecordType WHERE IsPersonType = 1 AND SobjectType = 'Account' "
        "AND IsActive = 1 AND IsDeleted = 0 ORDER BY Id"
    ).fetchall()
    types = [r[0] for r in rows]
    chosen = batch.value("RecordTypeId")
    without = chosen.is_null() & batch.given("LastName") & ~batch.given("Name")
    if types and (batch.creating & without).any():
        default = pl.repeat(types[0], len(batch), dtype=pl.String, eager=True)
        batch.fill("RecordTypeId", default, batch.creating & without)
        chosen = batch.value("RecordTypeId")
    is_type = chosen.is_in(types).fill_null(False)
    held = (batch.look_up("Account", batch.ids, [FLAG])[FLAG] == 1).fill_null(False)
    batch.fail(
        ~batch.creating & chosen.is_not_null() & (is_type != held),
        "FIELD_INTEGRITY_EXCEPTION",
        "A business account and a person account can't be turned into each other.",
        ["RecordTypeId"],
    )
    persons = (batch.creating & is_type) | (~batch.creating & held)
    own = [f.name for f in batch.sobject.fields if f.name.startswith("Person") or f.name in PARTS]
    refused = {name: batch.given(name) & ~persons for name in (*own, "Salutation")}
    # A box that is not ticked is no value.
    for field in batch.sobject.fields:
        if field.type == "boolean" and field.name in refused:
            refused[field.name] = refused[field.name] & (batch.value(field.name) == 1)
    refused["Name"] = batch.given("Name") & persons
    fail_listing(batch, refused, "INVALID_FIELD_FOR_INSERT_UPDATE", READ_ONLY)
    missing = batch.creating & ~batch.given("LastName")
    if "LastName" in batch.cleared:
        missing = missing | batch.cleared["LastName"]
    batch.fail(
        persons & missing, "REQUIRED_FIELD_MISSING", MISSING.format("LastName"), ["LastName"]
    )
    made = persons & batch.creating
    if made.any():
        name = pl.DataFrame({p: batch.value(p) for p in PARTS}).select(
            pl.concat_str(PARTS, separator=" ", ignore_nulls=True)
        )
        batch.fill("Name", name.to_series(), made)
        batch.fill(FLAG, pl.repeat(1, len(batch), eager=True), made)


def after_person(batch: Batch) -> None:
    """The contact behind a person appears with the account and follows it."""
    if batch.sobject.field(FLAG) is None:
        return
    connection = batch.connection
    made = batch.live & batch.creating & (batch.value(FLAG) == 1).fill_null(False)
    if made.any():
        accounts = batch.ids.filter(made)
        stamps = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById")
        known = batch.look_up("Account", accounts, stamps)
        contacts = pl.DataFrame(
            {
                "Id": batch.store.new_ids("Contact", len(accounts)),
                "AccountId": accounts,
                **known,
            }
        ).with_columns(
            pl.lit(1).alias(FLAG),
            pl.lit("").alias("LastName"),
            pl.lit(batch.now).alias("SystemModstamp"),
        )
        batch.store.insert_frame(connection, "Contact", contacts)
        connection.executemany(
            "UPDATE Account SET PersonContactId = ? WHERE Id = ?",
            contacts.select("Id", "AccountId").rows(),
        )
    changed = keys(batch.ids.filter(batch.live))
    parts = " || ".join(f"coalesce({p} || ' ', '')" for p in PARTS)
    connection.execute(
        f"UPDATE Account SET Name = rtrim({parts}) WHERE {FLAG} = 1 "
        f"AND Name IS NOT rtrim({parts}) AND Id IN (SELECT value FROM json_each(?))",
        (changed,),
    )
    sets = ", ".join(f"{theirs} = a.{ours}" for ours, theirs in _REPEATED.items())
    connection.execute(
        f"UPDATE Contact SET {sets} FROM json_each(?) k CROSS JOIN Account a ON a.Id = k.value "
        f"WHERE a.{FLAG} = 1 AND Contact.Id = a.PersonContactId",
        (changed,),
    )
    behind = connection.execute(
        f"SELECT PersonContactId FROM Account WHERE {FLAG} = 1 "
        "AND Id IN (SELECT value FROM json_each(?))",
        (keys(batch.ids.filter(batch.live & ~batch.creating)),),
    ).fetchall()
    if behind:
        copy_to_members(batch, "ContactId", pl.Series([r[0] for r in behind], dtype=pl.String))


def no_contact_of_person(batch: Batch) -> None:
    """A person's account has no contacts but the person."""
    if batch.sobject.field(FLAG) is None or not batch.given("AccountId").any():
        return
    account = batch.look_up("Account", batch.value("AccountId"), [FLAG])[FLAG]
    batch.fail(
        account == 1,
        "FIELD_INTEGRITY_EXCEPTION",
        "A person account can't have other contacts.",
        ["AccountId"],
    )
