"""A picture of an org at one moment, for the stages that plan and judge without asking it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.salesforce.org import Org

FRAME_SCHEMA: dict[str, pl.DataType] = {
    "object": pl.String(),
    "field": pl.String(),
    "type": pl.String(),
    "length": pl.Int64(),
    "nillable": pl.Boolean(),
    "createable": pl.Boolean(),
    "updateable": pl.Boolean(),
    "unique": pl.Boolean(),
    "external_id": pl.Boolean(),
    "restricted": pl.Boolean(),
    "values": pl.List(pl.String()),
    "reference_to": pl.List(pl.String()),
}


@dataclass(frozen=True, slots=True)
class OrgSnapshot:
    """Describes by object name, limits as (maximum, remaining), and the Organization record.

    `fingerprint` is a SHA-256 over the describes alone: equal for equal schemas as this user sees
    them, whatever the day, the limits left or the order in which objects were asked for.
    """

    org_id: str
    instance_url: str
    api_version: str
    taken_at: datetime
    organization: dict[str, Any]
    limits: dict[str, tuple[int, int]]
    objects: dict[str, ObjectDescribe]
    fingerprint: str

    def to_frame(self) -> pl.DataFrame:
        """One row per field, in the org's order."""
        rows = [
            {
                "object": described.name,
                "field": field.name,
                "type": field.type,
                "length": field.length,
                "nillable": field.nillable,
                "createable": field.createable,
                "updateable": field.updateable,
                "unique": field.unique,
                "external_id": field.external_id,
                "restricted": field.restricted_picklist,
                "values": list(field.picklist_values),
                "reference_to": list(field.reference_to),
            }
            for described in self.objects.values()
            for field in described.fields.values()
        ]
        return pl.DataFrame(rows, schema=FRAME_SCHEMA)

    def to_json(self) -> str:
        """Everything, for a file; `from_json` reads it back equal."""
        return json.dumps(
            {
                "org_id": self.org_id,
                "instance_url": self.instance_url,
                "api_version": self.api_version,
                "taken_at": self.taken_at.isoformat(),
                "organization": self.organization,
                "limits": self.limits,
                "objects": [described.to_dict() for described in self.objects.values()],
                "fingerprint": self.fingerprint,
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> OrgSnapshot:
        """The snapshot that `to_json` wrote."""
        plain = json.loads(text)
        objects = [ObjectDescribe.from_dict(described) for described in plain["objects"]]
        return cls(
            org_id=plain["org_id"],
            instance_url=plain["instance_url"],
            api_version=plain["api_version"],
            taken_at=datetime.fromisoformat(plain["taken_at"]),
            organization=plain["organization"],
            limits={
                limit: (maximum, remaining)
                for limit, (maximum, remaining) in plain["limits"].items()
            },
            objects={described.name: described for described in objects},
            fingerprint=plain["fingerprint"],
        )


def take_snapshot(org: Org, objects: Iterable[str]) -> OrgSnapshot:
    """Describe the objects afresh; about one API call each, and two more."""
    org.forget_describes()
    described = {name: org.describe(name) for name in dict.fromkeys(objects)}
    return OrgSnapshot(
        org_id=org.org_id,
        instance_url=org.instance_url,
        api_version=org.api_version,
        taken_at=datetime.now(UTC),
        organization=org.organization(),
        limits=org.limits(),
        objects=described,
        fingerprint=fingerprint(described.values()),
    )


def fingerprint(objects: Iterable[ObjectDescribe]) -> str:
    """SHA-256 over the describes, objects and fields sorted by name."""
    plain = []
    for described in sorted(objects, key=lambda described: described.name):
        one = described.to_dict()
        one["fields"] = sorted(one["fields"], key=lambda field: field["name"])
        plain.append(one)
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
