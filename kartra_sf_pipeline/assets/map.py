"""Map: what the org has, the field map, and the schema that the map needs."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import MAP, MIGRATION, REVOPS
from kartra_sf_pipeline.assets.previews import counts, table
from kartra_sf_pipeline.errors import OrgError, SettingsError
from kartra_sf_pipeline.mapping.account_map import map_frame, propose_map
from kartra_sf_pipeline.mapping.custom_fields import plan_custom_fields
from kartra_sf_pipeline.mapping.model import FieldMap, Policies, load_map
from kartra_sf_pipeline.mapping.schema import permission_set, plan_schema, wanted_fields
from kartra_sf_pipeline.mapping.sources import picklist_tags
from kartra_sf_pipeline.resources import LedgerResource, RunSettings, SalesforceResource
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.salesforce.metadata import assign_permission_set, build_package, deploy
from kartra_sf_pipeline.salesforce.snapshot import OrgSnapshot, take_snapshot

Frame = pl.DataFrame
Result = dg.MaterializeResult[pl.DataFrame]

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

_COMMON: dict[str, Any] = {"group_name": MAP, "kinds": {"salesforce"}, "owners": MIGRATION}


@dataclass(frozen=True)
class OrgFacts:
    """What later stages need to know of the org, kept in the home folder as JSON."""

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


def snapshot_of(home: Path) -> OrgFacts:
    """The facts that `org_snapshot` last stored; SettingsError where it never ran."""
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


def confirmed_map(home: Path, field_map: Frame) -> FieldMap:
    """The map that the `field_map` asset stands for; refuses a file that was changed since."""
    path = home / "field_map.yaml"
    content = load_map(path)
    if content.fingerprint() != field_map["map_fingerprint"][0]:
        raise SettingsError(
            f"{path} was changed after `field_map` was materialised.",
            next_step="Name the file in KARTRA_SF_MAP and materialise `field_map` again.",
        )
    return content


@dg.asset(**_COMMON)
def org_snapshot(settings: RunSettings, salesforce: SalesforceResource) -> Result:
    """The org as its describe shows it: the authority on types, lengths and required fields."""
    org = salesforce.org()
    org.forget_describes()
    book = org.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true")
    if book.is_empty():
        raise OrgError("The org shows no standard price book: products cannot be priced in it.")
    facts = OrgFacts(take_snapshot(org, OBJECTS), book["Id"][0])
    path = facts.write(settings.load().home)
    frame = facts.snapshot.to_frame()
    used = {name: maximum - left for name, (maximum, left) in facts.snapshot.limits.items()}
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "org_id": facts.snapshot.org_id,
            "fingerprint": facts.snapshot.fingerprint,
            "file": dg.MetadataValue.path(str(path)),
            "api_requests_used_today": used.get("DailyApiRequests", 0),
            "fields": counts(frame, "object"),
        },
    )


@dg.asset(group_name=MAP, kinds={"yaml"}, owners=REVOPS, deps=["org_snapshot"])
def field_map(
    settings: RunSettings, contacts_unified: Frame, raw_custom_fields: Frame, parsed_tags: Frame
) -> Result:
    """The field map: a file people read. Proposed for the account unless one is given."""
    given = settings.load()
    if given.map is not None:
        content = load_map(given.map)
    else:
        custom = plan_custom_fields(contacts_unified, raw_custom_fields)
        content = propose_map(custom, picklist_tags(parsed_tags, Policies()))
    path = given.home / "field_map.yaml"
    path.write_text(content.to_yaml(), encoding="utf-8")
    frame = map_frame(content)
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "fingerprint": content.fingerprint(),
            "file": dg.MetadataValue.path(str(path)),
            "origin": "given" if given.map else "proposed",
            "map": table(frame.drop("map_fingerprint", "on_blank"), rows=250),
        },
    )


@dg.asset(deps=["org_snapshot"], **_COMMON)
def schema_plan(settings: RunSettings, field_map: Frame) -> Result:
    """Custom fields that the map needs: what is there, what must be created or extended."""
    home = settings.load().home
    wanted = wanted_fields(confirmed_map(home, field_map))
    frame = plan_schema(wanted, snapshot_of(home).objects)
    return dg.MaterializeResult(
        value=frame,
        metadata={
            "rows": frame.height,
            "actions": counts(frame, "action"),
            "plan": table(frame, rows=250),
        },
    )


# Nothing is written to an org while the exports are known to be incomplete.
@dg.asset(pool="salesforce", deps=["control_totals"], **_COMMON)
def schema_deployed(
    settings: RunSettings,
    ledger: LedgerResource,
    salesforce: SalesforceResource,
    field_map: Frame,
    schema_plan: Frame,
) -> Result:
    """The planned fields, deployed with a permission set, granted, and read back.

    Nothing is deployed where the org has everything already.
    """
    given = settings.load()
    # The schema is the first thing that a run writes: not into an org that may not be loaded yet,
    # and not without a ledger to record what follows.
    given.refuse_unready_target()
    ledger.open()
    home = given.home
    conflicts = schema_plan.filter(pl.col("action") == "conflict")
    if conflicts.height:
        row = conflicts.row(0, named=True)
        raise SettingsError(
            f"{conflicts.height} fields of the map clash with the org, first "
            f"{row['object']}.{row['field']}: {row['detail']}.",
            next_step="Rename the target in the field map, or change the field in the org.",
        )
    org = salesforce.org()
    wanted = wanted_fields(confirmed_map(home, field_map))
    changes = schema_plan.filter(pl.col("action") != "present").height
    if changes:
        package = build_package(wanted, permission_set(wanted), api_version=org.api_version)
        result = deploy(org, package)
        if not result.success:
            problems = "; ".join(str(problem) for problem in result.problems[:5])
            raise OrgError(f"The org did not accept the schema: {problems}")
        assign_permission_set(org, permission_set(wanted).name)
        org.forget_describes()
        take = take_snapshot(org, OBJECTS)
        OrgFacts(take, snapshot_of(home).standard_pricebook_id).write(home)
    frame = plan_schema(wanted, snapshot_of(home).objects)
    missing = frame.filter(pl.col("action") != "present")
    if missing.height:
        row = missing.row(0, named=True)
        raise OrgError(
            f"{missing.height} fields are not as planned after the deployment, first "
            f"{row['object']}.{row['field']}: {row['action']} {row['detail']}. "
            "Check the field-level security of the migration user."
        )
    return dg.MaterializeResult(
        value=frame, metadata={"rows": frame.height, "deployed": changes, "read_back": frame.height}
    )
