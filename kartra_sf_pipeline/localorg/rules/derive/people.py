"""Names of contacts, leads and users, and their copies on campaign members."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.localorg.rules.batch import Batch, keys

PARTS = ("FirstName", "MiddleName", "LastName", "Suffix")
# Columns of a campaign member that repeat those of the person.
COPIED = (
    "Salutation",
    "FirstName",
    "LastName",
    "Name",
    "Title",
    "Phone",
    "Fax",
    "MobilePhone",
    "Email",
    "Description",
    "DoNotCall",
    "HasOptedOutOfEmail",
    "HasOptedOutOfFax",
    "LeadSource",
)
ADDRESS = {
    "Street": "MailingStreet",
    "City": "MailingCity",
    "State": "MailingState",
    "PostalCode": "MailingPostalCode",
    "Country": "MailingCountry",
}


def full_name(batch: Batch) -> None:
    """A new person's Name: first, middle and last name and suffix, one blank between them."""
    if not batch.creating.any():
        return
    parts = [p for p in PARTS if batch.sobject.field(p)]
    name = pl.DataFrame({p: batch.value(p) for p in parts}).select(
        pl.concat_str(parts, separator=" ", ignore_nulls=True)
    )
    batch.fill("Name", name.to_series(), batch.creating)


def refresh_name(batch: Batch) -> None:
    """Name of the changed people, whose other name parts only the table knows."""
    changed = [p for p in PARTS if p in batch.values]
    ids = batch.ids.filter(batch.live & ~batch.creating)
    if not changed or ids.is_empty():
        return
    parts = " || ".join(f"coalesce({p} || ' ', '')" for p in PARTS if batch.sobject.field(p))
    name = f"rtrim({parts})"
    batch.connection.execute(
        f'UPDATE "{batch.sobject.name}" SET Name = {name} '
        f"WHERE Id IN (SELECT value FROM json_each(?)) AND Name IS NOT {name}",
        (keys(ids),),
    )


def refresh_members(batch: Batch) -> None:
    """Campaign members of changed people show the people's new values."""
    ids = batch.ids.filter(batch.live & ~batch.creating)
    carried = {*COPIED, *PARTS, *ADDRESS.values(), "AccountId", "Street", "City", "Company"}
    if ids.is_empty() or not carried & set(batch.values):
        return
    any_member = batch.connection.execute("SELECT 1 FROM CampaignMember LIMIT 1").fetchone()
    if any_member:
        copy_to_members(batch, "ContactId" if batch.sobject.name == "Contact" else "LeadId", ids)


def copy_to_members(batch: Batch, link: str, people: pl.Series) -> None:
    """Write the people's columns into the members that point at them through `link`."""
    contact = link == "ContactId"
    table = "Contact" if contact else "Lead"
    described = batch.store.schema.object(table)
    assert described is not None
    pairs = [(c, f"p.{c}") for c in COPIED if described.field(c)]
    pairs += [(c, f"p.{ADDRESS[c] if contact else c}") for c in ADDRESS]
    pairs += [
        ("CompanyOrAccount", "a.Name" if contact else "p.Company"),
        ("LeadOrContactOwnerId", "p.OwnerId"),
        ("LeadOrContactId", "p.Id"),
    ]
    sets = ", ".join(f"{column} = {source}" for column, source in pairs)
    account = "LEFT JOIN Account a ON a.Id = p.AccountId" if contact else ""
    batch.connection.execute(
        f"UPDATE CampaignMember SET {sets}, Type = '{table}' FROM json_each(?) k "
        f"CROSS JOIN {table} p ON p.Id = k.value {account} WHERE CampaignMember.{link} = p.Id",
        (keys(people),),
    )
