"""What later stages need to know of the org, kept in the home folder as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from kartra_sf_pipeline.errors import OrgError, SettingsError
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.salesforce import soql
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline.salesforce.snapshot import OrgSnapshot, take_snapshot
from kartra_sf_pipeline.salesforce.user_info import own_currency

CUSTOM_OBJECTS = ("Affiliate__c", "Kartra_Subscription__c", "Kartra_Transaction__c")
"""Objects of the map's own, there once a strategy that wants them was deployed."""

OBJECTS = (
    "Account",
    "Contact",
    "Lead",
    "Product2",
    "PricebookEntry",
    "Campaign",
    "CampaignMember",
    "CampaignMemberStatus",
    "Group",
    "GroupMember",
    "Opportunity",
    "OpportunityContactRole",
    "OpportunityLineItem",
    "AccountContactRelation",
    "AccountTeamMember",
    "OpportunityTeamMember",
    "ObjectTerritory2Association",
    "Event",
    "Task",
    "ContentVersion",
    *CUSTOM_OBJECTS,
)
"""What phases may write under our own names; an org or a user without one of them is judged by what
the map wants."""


PERMISSIONS = ("ApiEnabled", "CustomizeApplication", "ModifyAllData", "ModifyMetadata")
"""User permissions that a migration needs, by their API names."""


@dataclass(frozen=True)
class OrgUser:
    """A user of the org who can own records, or once could."""

    id: str
    username: str
    email: str
    name: str
    active: bool


@dataclass(frozen=True)
class OrgFacts:
    """The org's describes and limits, and the standard price book that products are priced in."""

    snapshot: OrgSnapshot
    standard_pricebook_id: str
    users: tuple[OrgUser, ...] = ()
    currency: str | None = None
    """The org's one currency; None where it has several, or does not tell."""
    permissions: frozenset[str] | None = None
    """Those of `PERMISSIONS` that the user has; None where the org does not tell."""

    @property
    def objects(self) -> dict[str, ObjectDescribe]:
        """Describes by object name."""
        return self.snapshot.objects

    def write(self, home: Path) -> Path:
        """Store the facts; returns the file."""
        path = home / "org_snapshot.json"
        content = {
            "standard_pricebook_id": self.standard_pricebook_id,
            "currency": self.currency,
            "permissions": None if self.permissions is None else sorted(self.permissions),
            "users": [asdict(user) for user in self.users],
            "snapshot": json.loads(self.snapshot.to_json()),
        }
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return path


def ask_org(org: Org, field_map: FieldMap | None = None) -> OrgFacts:
    """The facts as the org shows them now; OrgError where it has no standard price book.

    A map adds the objects that it writes: those of its own may be called otherwise than ours.
    """
    org.forget_describes()
    book = org.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true")
    if book.is_empty():
        raise OrgError("The org shows no standard price book: products cannot be priced in it.")
    return OrgFacts(
        snapshot_objects(org, field_map),
        book["Id"][0],
        _users(org),
        own_currency(org),
        _permissions(org),
    )


def _permissions(org: Org) -> frozenset[str] | None:
    """From the profile and the permission sets that are assigned to the signed-in user."""
    shown = org.describe("PermissionSet").fields
    columns = [f"Permissions{name}" for name in PERMISSIONS]
    if not all(column in shown for column in columns):
        return None
    told = f"SELECT {', '.join(columns)} FROM PermissionSet WHERE"
    user = soql.quote(org.user_id)
    profile = org.query(f"SELECT ProfileId FROM User WHERE Id = {user}")["ProfileId"][0]
    own = org.query(f"{told} ProfileId = {soql.quote(profile or '')}")
    # A profile's permissions are those of a set of its own; without that, half would be unseen.
    if own.is_empty():
        return None
    given = org.query(
        f"{told} Id IN (SELECT PermissionSetId FROM PermissionSetAssignment "
        f"WHERE AssigneeId = {user})"
    )
    return frozenset(
        column.removeprefix("Permissions")
        for column in columns
        if True in (*own[column], *given[column])
    )


def snapshot_objects(org: Org, field_map: FieldMap | None = None) -> OrgSnapshot:
    """A fresh snapshot of `OBJECTS` and what the map writes, as far as the org shows them."""
    shown = {one["name"] for one in org.describe_global()}
    written = [] if field_map is None else [one.object for one in field_map.active().values()]
    return take_snapshot(org, [name for name in (*OBJECTS, *written) if name in shown])


def _users(org: Org) -> tuple[OrgUser, ...]:
    found = org.query(
        "SELECT Id, Username, Email, Name, IsActive FROM User WHERE UserType = 'Standard' "
        "ORDER BY Username"
    )
    return tuple(
        OrgUser(row["Id"], row["Username"], row["Email"] or "", row["Name"] or "", row["IsActive"])
        for row in found.iter_rows(named=True)
    )


def snapshot_of(home: Path) -> OrgFacts:
    """The facts that were last stored; SettingsError where the org was never asked."""
    path = home / "org_snapshot.json"
    if not path.exists():
        raise SettingsError(
            "There is no snapshot of the org yet.", next_step="Materialise `org_snapshot` first."
        )
    return _read_facts(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_facts(path: Path, _: int) -> OrgFacts:
    content = json.loads(path.read_text(encoding="utf-8"))
    held = content.get("permissions")
    return OrgFacts(
        OrgSnapshot.from_json(json.dumps(content["snapshot"])),
        content["standard_pricebook_id"],
        tuple(OrgUser(**user) for user in content["users"]),
        content.get("currency"),
        None if held is None else frozenset(held),
    )
