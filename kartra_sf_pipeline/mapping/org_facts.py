"""What later stages need to know of the org, kept in the home folder as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from kartra_sf_pipeline.errors import OrgError, SettingsError
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline.salesforce.snapshot import OrgSnapshot, take_snapshot

OBJECTS = (
    "Account",
    "Contact",
    "Product2",
    "PricebookEntry",
    "Campaign",
    "CampaignMember",
    "Opportunity",
    "OpportunityContactRole",
    "OpportunityLineItem",
    "Event",
    "Task",
)


@dataclass(frozen=True)
class OrgFacts:
    """The org's describes and limits, and the standard price book that products are priced in."""

    snapshot: OrgSnapshot
    standard_pricebook_id: str

    @property
    def objects(self) -> dict[str, ObjectDescribe]:
        """Describes by object name."""
        return self.snapshot.objects

    def write(self, home: Path) -> Path:
        """Store the facts; returns the file."""
        path = home / "org_snapshot.json"
        content = {
            "standard_pricebook_id": self.standard_pricebook_id,
            "snapshot": json.loads(self.snapshot.to_json()),
        }
        path.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return path


def ask_org(org: Org) -> OrgFacts:
    """The facts as the org shows them now; OrgError where it has no standard price book."""
    org.forget_describes()
    book = org.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true")
    if book.is_empty():
        raise OrgError("The org shows no standard price book: products cannot be priced in it.")
    return OrgFacts(take_snapshot(org, OBJECTS), book["Id"][0])


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
    return OrgFacts(
        OrgSnapshot.from_json(json.dumps(content["snapshot"])), content["standard_pricebook_id"]
    )
