"""Features that an org may have switched on: the fields and objects that come with each.

A feature stays on, as on the platform; only a reset that says so takes it away. Which ones are on
is kept with the org's settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kartra_sf_pipeline.localorg import standard_data
from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.database import Database, quote
from kartra_sf_pipeline.localorg.schema import (
    Field,
    PicklistValue,
    Schema,
    SObject,
    parse_field,
    parse_object,
    standard_schema,
)

FEATURES = tuple(sorted(standard_data.features()))
MULTI_CURRENCY = "multi-currency"
CONTACTS_TO_ACCOUNTS = "contacts-to-multiple-accounts"
PERSON_ACCOUNTS = "person-accounts"
CURRENCY_FIELDS = ("CurrencyIsoCode", "DefaultCurrencyIsoCode")
FIRST_CURRENCY = "USD"
# Lookups that may point at any object of the org, custom ones included.
_OPEN_LOOKUPS = {
    ("ContentDocumentLink", "LinkedEntityId"),
    ("ContentVersion", "FirstPublishLocationId"),
}


def switched_on(database: Database) -> frozenset[str]:
    """The features of the org."""
    return frozenset((database.get_meta("features") or "").split()) & set(FEATURES)


def remember(database: Database, features: Iterable[str]) -> None:
    """Keep which features are on; the catalog has to be told."""
    database.set_meta("features", " ".join(sorted(features)))


def base_schema(database: Database) -> Schema:
    """The objects of a new org with the features that are on."""
    on = switched_on(database)
    described = standard_data.features()
    hidden = {name for f in FEATURES if f not in on for name in described[f].get("owns", ())}
    objects = [o for o in standard_schema() if o.name not in hidden]
    for feature in FEATURES:
        if feature not in on:
            continue
        more = described[feature]["more_fields"]
        objects = [_with_more(o, more.get(o.name, ())) for o in objects]
        objects += [parse_object(raw) for raw in described[feature]["objects"]]
    return Schema(tuple(objects))


def _with_more(sobject: SObject, more: Iterable[dict[str, object]]) -> SObject:
    new = {field.name: field for field in map(parse_field, more)}
    if not new:
        return sobject
    kept = [f for f in sobject.fields if f.name not in new]
    return sobject.with_fields((*kept, *new.values()))


def settled(schema: Schema, database: Database) -> Schema:
    """The schema with what depends on its other objects and on records: lookups, currencies."""
    custom = tuple(o.name for o in schema if o.custom)
    money = _currencies(database) if MULTI_CURRENCY in switched_on(database) else ()
    objects = []
    for sobject in schema:
        fields = tuple(_settled(sobject, f, custom, money) for f in sobject.fields)
        if money and sobject.custom and sobject.field("CurrencyIsoCode") is None:
            fields += (_currency_field(money),)
        objects.append(sobject if fields == sobject.fields else sobject.with_fields(fields))
    return Schema(tuple(objects), schema.version + 1)


def _settled(
    sobject: SObject, field: Field, custom: tuple[str, ...], money: tuple[PicklistValue, ...]
) -> Field:
    if (sobject.name, field.name) in _OPEN_LOOKUPS:
        described = standard_schema().object(sobject.name)
        before = described.field(field.name) if described else None
        assert before is not None
        return replace(field, reference_to=(*before.reference_to, *custom))
    if money and field.name in CURRENCY_FIELDS:
        return replace(field, picklist_values=money)
    return field


def _currency_field(money: tuple[PicklistValue, ...]) -> Field:
    return Field(
        "CurrencyIsoCode",
        "Currency ISO Code",
        "picklist",
        length=3,
        restricted_picklist=True,
        defaulted_on_create=True,
        picklist_values=money,
    )


def _currencies(database: Database) -> tuple[PicklistValue, ...]:
    """The active currencies; the corporate one is the default."""
    known = database.query("SELECT 1 FROM sqlite_master WHERE name = 'CurrencyType'")
    rows = (
        database.query(
            "SELECT IsoCode, IsCorporate FROM CurrencyType WHERE IsActive = 1 ORDER BY IsoCode"
        )
        if known
        else []
    )
    if not rows:
        rows = [(database.get_meta("corporate_currency") or FIRST_CURRENCY, 1)]
    return tuple(PicklistValue(code, code, default=bool(corporate)) for code, corporate in rows)


def first_records(database: Database, schema: Schema, user_id: str) -> None:
    """Write what a feature finds in the org or brings along; once per feature and reset."""
    on = switched_on(database)
    with database.write() as connection:
        if MULTI_CURRENCY in on:
            code = database.get_meta("corporate_currency") or FIRST_CURRENCY
            rows = connection.execute("SELECT 1 FROM CurrencyType").fetchall()
            if not rows:
                now = now_text()
                new_id = database.new_ids_for_prefix("01L", 1).item()
                connection.execute(
                    "INSERT INTO CurrencyType (Id, IsoCode, ConversionRate, DecimalPlaces, "
                    "IsActive, IsCorporate, CreatedDate, CreatedById, LastModifiedDate, "
                    "LastModifiedById, SystemModstamp) VALUES (?, ?, 1, 2, 1, 1, ?, ?, ?, ?, ?)",
                    (new_id, code, now, user_id, now, user_id, now),
                )
            for sobject in schema:
                for field in sobject.fields:
                    if field.name in CURRENCY_FIELDS:
                        connection.execute(
                            f"UPDATE {quote(sobject.name)} SET {field.name} = ? "
                            f"WHERE {field.name} IS NULL",
                            (code,),
                        )
        if PERSON_ACCOUNTS in on:
            _person_type(database, user_id)
        if CONTACTS_TO_ACCOUNTS in on:
            _relate_contacts(database)


def _person_type(database: Database, user_id: str) -> None:
    """The record type that makes an account a person."""
    with database.write() as connection:
        if connection.execute("SELECT 1 FROM RecordType WHERE IsPersonType = 1").fetchone():
            return
        now = now_text()
        connection.execute(
            "INSERT INTO RecordType (Id, Name, DeveloperName, SobjectType, IsActive, IsPersonType, "
            "CreatedDate, CreatedById, LastModifiedDate, LastModifiedById, SystemModstamp) "
            "VALUES (?, 'Person Account', 'PersonAccount', 'Account', 1, 1, ?, ?, ?, ?, ?)",
            (database.new_ids_for_prefix("012", 1).item(), now, user_id, now, user_id, now),
        )


def _relate_contacts(database: Database) -> None:
    """Contacts that have an account are related to it directly."""
    with database.write() as connection:
        missing = connection.execute(
            "SELECT c.Id, c.AccountId, c.CreatedDate, c.CreatedById FROM Contact c "
            "WHERE c.AccountId IS NOT NULL AND c.IsDeleted = 0 AND NOT EXISTS "
            "(SELECT 1 FROM AccountContactRelation r WHERE r.ContactId = c.Id "
            "AND r.AccountId = c.AccountId AND r.IsDeleted = 0)"
        ).fetchall()
        if not missing:
            return
        ids = database.new_ids_for_prefix("07k", len(missing))
        now = now_text()
        connection.executemany(
            "INSERT INTO AccountContactRelation (Id, ContactId, AccountId, IsDirect, IsActive, "
            "CreatedDate, CreatedById, LastModifiedDate, LastModifiedById, SystemModstamp) "
            "VALUES (?, ?, ?, 1, 1, ?, ?, ?, ?, ?)",
            [
                (i, contact, account, made, by, made, by, now)
                for i, (contact, account, made, by) in zip(ids, missing, strict=True)
            ],
        )
