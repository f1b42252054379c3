from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.org_facts import ask_org, snapshot_objects
from kartra_sf_pipeline.mapping.schema import BYPASS, PERMISSION_SET, wanted_schema
from kartra_sf_pipeline.mapping.schema_deployment import deploy_plan
from kartra_sf_pipeline.mapping.schema_plan import Plan, ask_plan, not_as_planned
from kartra_sf_pipeline.mapping.schema_record import entries_of
from kartra_sf_pipeline.mapping.schema_removal import plan_removal, remove
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline.salesforce.metadata import build_package, deploy, is_assigned
from kartra_sf_pipeline.salesforce.metadata_package import package_of
from kartra_sf_pipeline.salesforce.metadata_parts import parts_of
from kartra_sf_pipeline.salesforce.metadata_spec import Components, CustomFieldSpec
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.localorg import clients
from kartra_sf_pipeline_tests.localorg.whole_schema import content, missing_from, retrieve
from kartra_sf_pipeline_tests.mapping.schema_maps import REFUNDED, TAGS, plain_map, whole_map


@pytest.fixture
def org(empty_org: LocalOrg) -> Org:
    return connect(AccessToken(empty_org.url, empty_org.access_token))


def planned(org: Org, field_map: FieldMap) -> Plan:
    return ask_plan(org, field_map, snapshot_objects(org).objects)


def actions(plan: Plan) -> dict[str, int]:
    return dict(plan.to_frame().group_by("action").len().iter_rows())


def step(plan: Plan, name: str) -> tuple[str, str]:
    return next((s.action, s.detail) for s in plan.steps if s.name == name)


def test_the_retrieved_schema_is_what_the_map_asks_for(
    org: Org, empty_org: LocalOrg, tmp_path: Path
) -> None:
    wanted = wanted_schema(whole_map())
    before = planned(org, whole_map())
    assert set(actions(before)) == {"create"}
    assert deploy_plan(org, before, tmp_path) == len(before.parts)

    package = package_of(parts_of(wanted), api_version=org.api_version)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        asked = {name: archive.read(name).decode() for name in archive.namelist()}
    names: dict[str, list[str]] = {}
    for part in parts_of(wanted):
        names.setdefault(part.kind, []).append(part.name)
    client = clients.connect(empty_org)
    found, problems = retrieve(client, names)
    assert problems == []
    lacking = {
        path: missing_from(content(text), content(found[path]))
        for path, text in asked.items()
        if path != "package.xml"
    }
    assert not any(lacking.values()), lacking

    after = planned(org, whole_map())
    assert actions(after) == {"present": len(before.steps)}
    assert not_as_planned(before.to_frame(), after.to_frame()).is_empty()


def test_a_second_run_deploys_nothing(org: Org, empty_org: LocalOrg, tmp_path: Path) -> None:
    deploy_plan(org, planned(org, plain_map()), tmp_path)
    known = entries_of(tmp_path, org.org_id)
    seen = empty_org.admin("GET", "status")["requests"]
    assert deploy_plan(org, planned(org, plain_map()), tmp_path) == 0
    sent = [one for one in empty_org.requests(seen) if one["method"] == "POST"]
    # A retrieval and its polls; no deployment, no record.
    assert {one["path"].split("/")[2] for one in sent} == {"Soap"}
    assert entries_of(tmp_path, org.org_id) == known


def test_what_is_new_is_usable_and_the_bypass_is_granted_to_nobody(
    org: Org, tmp_path: Path
) -> None:
    deploy_plan(org, planned(org, whole_map()), tmp_path)
    assert is_assigned(org, PERMISSION_SET)
    assert not is_assigned(org, BYPASS)
    subscription = org.describe("Kartra_Subscription__c")
    assert subscription.createable
    assert subscription.fields["Kartra_Id__c"].unique
    assert not subscription.fields["Kartra_Id__c"].case_sensitive
    kinds = {one.name: one.available for one in org.describe("Opportunity").record_types}
    assert kinds == {"Kartra_Sale": True}
    stages = org.query("SELECT MasterLabel, IsClosed, IsWon FROM OpportunityStage").rows()
    assert (REFUNDED.name, True, False) in stages
    assert ("Closed Won", True, True) in stages
    held = org.count(
        "SELECT COUNT() FROM SetupEntityAccess WHERE SetupEntityId IN (SELECT Id FROM "
        f"CustomPermission WHERE DeveloperName = '{BYPASS}')"
    )
    assert held == 1


def foreign(*fields: CustomFieldSpec) -> bytes:
    return build_package(list(fields))


def test_what_the_org_has_is_widened_and_keeps_what_is_its_own(org: Org, tmp_path: Path) -> None:
    own = [
        CustomFieldSpec(
            "Contact", "Kartra_Tags__c", "Etiketten", "MultiselectPicklist",
            values=("VIP", "house"), restricted=True,
        ),
        CustomFieldSpec("Contact", "Kartra_Source__c", "Quelle", "Text", length=20),
        CustomFieldSpec("Contact", "Kartra_Score__c", "Score", "Number", precision=4, scale=1),
        CustomFieldSpec(
            "Contact", "Kartra_Id__c", "Key", "Text", length=255,
            unique=True, external_id=True, case_sensitive=True,
        ),
    ]  # fmt: skip
    assert deploy(org, foreign(*own)).success
    plan = planned(org, plain_map())
    assert step(plan, "Contact.Kartra_Tags__c") == ("extend", "2 picklist values to add")
    assert step(plan, "Contact.Kartra_Source__c") == ("extend", "length 20 to 80")
    assert step(plan, "Contact.Kartra_Score__c") == (
        "conflict",
        "the org's number and ours do not fit into 18 digits",
    )
    assert step(plan, "Contact.Kartra_Id__c")[1].startswith("upper and lower case")
    with pytest.raises(SettingsError, match=r"Contact\.Kartra_Score__c: the org's number"):
        deploy_plan(org, plan, tmp_path)
    assert entries_of(tmp_path, org.org_id) == []


def test_values_are_added_to_a_picklist_without_losing_any(org: Org, tmp_path: Path) -> None:
    own = CustomFieldSpec(
        "Contact", "Kartra_Tags__c", "Etiketten", "MultiselectPicklist", values=("VIP", "house")
    )
    assert deploy(org, foreign(own)).success
    deploy_plan(org, planned(org, plain_map()), tmp_path)
    field = org.describe("Contact").fields["Kartra_Tags__c"]
    assert field.picklist_values == ("VIP", "house", *TAGS[1:])
    assert field.label == "Etiketten"

    removal = plan_removal(org, tmp_path)
    kept = removal.to_frame().filter(pl.col("name") == "Contact.Kartra_Tags__c")
    assert kept["action"].to_list() == ["switch_off"]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"type": "Number"}, "a field of type Number"),
        ({"type": "Text", "length": 255}, "is not unique"),
        ({"type": "Text", "length": 255, "unique": True}, "is no external ID"),
    ],
)
def test_something_else_under_a_name_of_ours_is_a_conflict(
    org: Org, tmp_path: Path, own: dict[str, Any], said: str
) -> None:
    field = CustomFieldSpec("Account", "Kartra_Id__c", "Key", **own)
    assert deploy(org, foreign(field)).success
    plan = planned(org, plain_map())
    assert [s.name for s in plan.conflicts] == ["Account.Kartra_Id__c"]
    assert said in plan.conflicts[0].detail
    with pytest.raises(
        SettingsError, match=r"One component of the field map clashes with the org; nothing"
    ):
        deploy_plan(org, plan, tmp_path)


def test_what_the_org_does_not_accept_is_told_with_the_way_out(org: Org, tmp_path: Path) -> None:
    plan = planned(org, plain_map())
    bad = Components(fields=(CustomFieldSpec("Contact", "Bad__c", "Bad", "Text", length=999),))
    broken = Plan(plan.wanted, plan.steps, (*plan.parts, *parts_of(bad)))
    with pytest.raises(SettingsError, match=r"(?s)did not validate.*CustomField Contact\.Bad__c"):
        deploy_plan(org, broken, tmp_path)
    assert "Kartra_Id__c" not in org.describe("Contact").fields
    assert entries_of(tmp_path, org.org_id) == []


def test_what_cannot_be_read_back_is_not_as_planned(org: Org, tmp_path: Path) -> None:
    before = planned(org, plain_map())
    deploy_plan(org, before, tmp_path)
    grants = org.query("SELECT Id FROM FieldPermissions WHERE Field = 'Contact.Kartra_Source__c'")[
        "Id"
    ]
    org.delete("FieldPermissions", grants[0])
    missed = not_as_planned(before.to_frame(), planned(org, plain_map()).to_frame())
    assert missed.rows() == [
        (
            "CustomField Contact.Kartra_Source__c",
            "extend: the migration user may not write it on Contact yet",
        ),
        ("PermissionSet Kartra_Migration", "extend: 1 grants to add"),
    ]
    deploy_plan(org, planned(org, plain_map()), tmp_path)
    assert actions(planned(org, plain_map())) == {"present": len(before.steps)}


def test_a_custom_object_may_be_called_otherwise(org: Org, tmp_path: Path) -> None:
    given = whole_map()
    phase = given.phases["affiliate_records"].model_copy(update={"object": "Partner__c"})
    content = given.model_copy(update={"phases": {**given.phases, "affiliate_records": phase}})
    content = FieldMap.model_validate(content.model_dump())
    before = ask_plan(org, content, snapshot_objects(org, content).objects)
    deploy_plan(org, before, tmp_path)
    org.forget_describes()
    after = ask_plan(org, content, ask_org(org, content).objects)
    assert not_as_planned(before.to_frame(), after.to_frame()).rows() == []
    assert not after.pending


def test_a_removal_leaves_the_org_as_it_was(org: Org, tmp_path: Path) -> None:
    field_map = whole_map()
    phases = {
        name: phase.model_copy(update={"record_type": None})
        for name, phase in field_map.phases.items()
    }
    field_map = field_map.model_copy(update={"phases": phases})
    first = snapshot_objects(org)
    deploy_plan(org, planned(org, field_map), tmp_path)
    assert snapshot_objects(org).fingerprint != first.fingerprint
    removal = plan_removal(org, tmp_path)
    assert set(removal.to_frame()["action"]) == {"delete"}
    assert remove(org, tmp_path, removal) == len(removal.steps)
    assert snapshot_objects(org).fingerprint == first.fingerprint
    assert org.count(f"SELECT COUNT() FROM PermissionSet WHERE Name = '{PERMISSION_SET}'") == 0
    assert plan_removal(org, tmp_path).steps == ()
    # And all of it can come again.
    assert set(actions(planned(org, field_map))) == {"create"}
    deploy_plan(org, planned(org, field_map), tmp_path)


def test_record_types_stay_switched_off_and_stages_go(org: Org, tmp_path: Path) -> None:
    first = org.describe("Opportunity")
    deploy_plan(org, planned(org, whole_map()), tmp_path)
    removal = plan_removal(org, tmp_path)
    told = {(s.entry.component, s.action) for s in removal.steps}
    assert ("RecordType", "switch_off") in told
    assert ("BusinessProcess", "keep") in told
    remove(org, tmp_path, removal)
    found = org.describe("Opportunity")
    assert {one.active for one in found.record_types} == {False}
    assert found.fields["StageName"].picklist_values == first.fields["StageName"].picklist_values
    assert set(found.fields) - set(first.fields) == {"RecordTypeId"}


def test_a_removal_that_the_org_does_not_accept_changes_nothing(org: Org, tmp_path: Path) -> None:
    deploy_plan(org, planned(org, whole_map()), tmp_path)
    lookup = CustomFieldSpec(
        "Contact", "Their_Own__c", "Theirs", "Lookup", reference_to="Affiliate__c"
    )
    assert deploy(org, foreign(lookup)).success
    with pytest.raises(SettingsError, match=r"Affiliate__c is referenced.*Remove in the org"):
        remove(org, tmp_path, plan_removal(org, tmp_path))
    assert is_assigned(org, PERMISSION_SET)
    assert set(actions(planned(org, whole_map()))) == {"present"}
    assert len(plan_removal(org, tmp_path).steps) > 1


def test_a_removal_tells_whose_data_goes(org: Org, tmp_path: Path) -> None:
    deploy_plan(org, planned(org, whole_map()), tmp_path)
    org.collections_create(
        "Contact",
        [
            {"LastName": "A", "Kartra_Id__c": "1", "Kartra_Migration_Run__c": "r",
             "Kartra_Tags__c": "vip", "Kartra_Needs_Review__c": True},
            {"LastName": "B", "Kartra_Id__c": "2"},
        ],
    )  # fmt: skip
    org.create("Affiliate__c", {"Name": "A", "Kartra_Migration_Run__c": "r"})
    rows = {r["name"]: (r["ours"], r["others"]) for r in plan_removal(org, tmp_path).to_frame()
            .iter_rows(named=True)}  # fmt: skip
    assert rows["Contact.Kartra_Id__c"] == (1, 1)
    assert rows["Contact.Kartra_Tags__c"] == (1, 0)
    assert rows["Contact.Kartra_Needs_Review__c"] == (1, 0)
    assert rows["Contact.Kartra_Notes__c"] == (None, None)
    assert rows["Affiliate__c"] == (1, 0)
    assert rows["Activity.Kartra_Id__c"] == (0, 0)
