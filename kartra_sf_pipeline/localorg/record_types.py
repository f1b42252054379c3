"""The record types of an object, and which of them the API user has."""

from __future__ import annotations

from dataclasses import dataclass

from kartra_sf_pipeline.localorg.database import Database
from kartra_sf_pipeline.localorg.schema import Field
from kartra_sf_pipeline.localorg.visibility import OF_USER

# The record type of records that have none.
MASTER = "012000000000000AAA"
WITHOUT = frozenset(
    {
        "AccountContactRelation",
        "AccountTeamMember",
        "CampaignMemberStatus",
        "ContentDocument",
        "ContentDocumentLink",
        "Group",
        "GroupMember",
        "OpportunityContactRole",
        "OpportunityLineItem",
        "OpportunityTeamMember",
        "PricebookEntry",
        "User",
    }
)


@dataclass(frozen=True, slots=True)
class RecordTypeInfo:
    """One record type; `available` says that the user may choose it, `default` that it is what a
    record of the user gets without a choice.
    """

    id: str
    name: str
    developer_name: str
    active: bool
    available: bool
    default: bool


def record_type_field() -> Field:
    """The field that an object has from its first record type on."""
    return Field(
        "RecordTypeId",
        "Record Type ID",
        "reference",
        length=18,
        reference_to=("RecordType",),
        relationship_name="RecordType",
    )


def record_types(database: Database, object_name: str) -> list[RecordTypeInfo]:
    """The record types of an object by name, the master not among them.

    A record type is available when it is active and a permission set or the profile of the user
    makes it visible. Those of persons come with their feature and are everybody's.
    """
    rows = database.query(
        "SELECT r.Id, r.Name, r.DeveloperName, r.IsActive, "
        "coalesce(max(a.visible), 0) OR coalesce(r.IsPersonType, 0), "
        "coalesce(max(a.is_default AND a.visible), 0) "
        "FROM RecordType r LEFT JOIN _record_type_access a "
        f"ON a.record_type = r.Id AND a.parent IN ({OF_USER}) "
        "WHERE r.SobjectType = :object COLLATE NOCASE AND r.IsDeleted = 0 "
        "GROUP BY r.Id ORDER BY r.Name, r.Id",
        {"user": database.user_id, "object": object_name},
    )
    return [
        RecordTypeInfo(
            r[0], r[1], r[2], bool(r[3]), bool(r[3]) and bool(r[4]), bool(r[3]) and bool(r[5])
        )
        for r in rows
    ]


def allowed_values(database: Database, object_name: str) -> dict[tuple[str, str], set[str]]:
    """(record type id, folded field name) to the folded values that the record type has."""
    found: dict[tuple[str, str], set[str]] = {}
    rows = database.query(
        "SELECT v.record_type, lower(v.field), v.value FROM _record_type_value v "
        "JOIN RecordType r ON r.Id = v.record_type WHERE r.SobjectType = ? COLLATE NOCASE",
        (object_name,),
    )
    for record_type, field, value in rows:
        found.setdefault((record_type, field), set()).add(value.casefold())
    return found
