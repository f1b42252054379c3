"""An approval outlives the deployment that it approved, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from kartra_sf_pipeline.assets.map import refuse_unready_load
from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.approval import approval_of, approve
from kartra_sf_pipeline.mapping.org_facts import snapshot_objects
from kartra_sf_pipeline.mapping.schema_deployment import deploy_plan
from kartra_sf_pipeline.mapping.schema_plan import ask_plan
from kartra_sf_pipeline.mapping.schema_removal import plan_removal, remove
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline.salesforce.metadata import assign_permission_set, build_package, deploy
from kartra_sf_pipeline.salesforce.metadata_package import package_of
from kartra_sf_pipeline.salesforce.metadata_parts import parts_of
from kartra_sf_pipeline.salesforce.metadata_spec import (
    Components,
    CustomFieldSpec,
    PermissionSetSpec,
    RecordTypeSpec,
)
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline.settings import Settings, Target
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.mapping.schema_maps import whole_map

MAP = whole_map()


@pytest.fixture
def org(empty_org: LocalOrg) -> Org:
    return connect(AccessToken(empty_org.url, empty_org.access_token))


def holds(home: Path, org: Org) -> bool:
    found = approval_of(home, MAP, org.org_id, snapshot_objects(org).objects)
    assert not isinstance(found, str) or "schema has changed since Ann" in found
    return not isinstance(found, str)


def signed_and_deployed(home: Path, org: Org) -> None:
    objects = snapshot_objects(org).objects
    approve(home, MAP, org.org_id, objects, by="Ann", file=Path("our_map.yaml"))
    deploy_plan(org, ask_plan(org, MAP, objects), home)


def test_a_sandbox_may_be_loaded_by_what_was_signed_before_the_schema_was_there(
    org: Org, tmp_path: Path
) -> None:
    path = tmp_path / "field_map.yaml"
    path.write_text(MAP.to_yaml(), encoding="utf-8")
    sandbox = Settings.load(home=tmp_path, map=path, target=Target.SANDBOX)
    with pytest.raises(SettingsError, match="Nobody has approved"):
        refuse_unready_load(sandbox, org)
    signed_and_deployed(tmp_path, org)
    refuse_unready_load(sandbox, org)
    field = CustomFieldSpec("Contact", "Their_Own__c", "Theirs", "Date")
    grant = seen(field)
    assert deploy(org, build_package([field], grant)).success
    assign_permission_set(org, grant.name)
    with pytest.raises(SettingsError, match=r"schema has changed since Ann.*Nothing was sent"):
        refuse_unready_load(sandbox, org)


def seen(field: CustomFieldSpec) -> PermissionSetSpec:
    return PermissionSetSpec("Theirs", "Theirs", fields=(field.full_name,))


def test_it_holds_once_all_of_the_map_is_deployed_and_once_it_is_removed(
    org: Org, tmp_path: Path
) -> None:
    signed_and_deployed(tmp_path, org)
    assert holds(tmp_path, org)
    remove(org, tmp_path, plan_removal(org, tmp_path))
    assert holds(tmp_path, org)


@pytest.mark.parametrize("sobject", ["Contact", "Affiliate__c"])
def test_a_field_that_somebody_else_makes_voids_it(org: Org, tmp_path: Path, sobject: str) -> None:
    signed_and_deployed(tmp_path, org)
    field = CustomFieldSpec(sobject, "Their_Own__c", "Theirs", "Date")
    grant = seen(field)
    assert deploy(org, build_package([field], grant)).success
    assign_permission_set(org, grant.name)
    assert not holds(tmp_path, org)


def test_a_record_type_that_somebody_else_makes_voids_it(org: Org, tmp_path: Path) -> None:
    signed_and_deployed(tmp_path, org)
    theirs = Components(record_types=(RecordTypeSpec("Contact", "Theirs", "Theirs"),))
    assert deploy(org, package_of(parts_of(theirs), api_version=org.api_version)).success
    assert not holds(tmp_path, org)
