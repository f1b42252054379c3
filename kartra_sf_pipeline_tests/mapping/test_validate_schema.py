from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kartra_sf_pipeline.mapping.fault import Fault
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.org_facts import PERMISSIONS, OrgFacts, snapshot_of
from kartra_sf_pipeline.mapping.strategies import RecordTypeRule, ValueMap
from kartra_sf_pipeline.mapping.validate_schema import schema_faults
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, RecordType
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.localorg import clients
from kartra_sf_pipeline_tests.mapping.account import facts_of, text_field, with_fields
from kartra_sf_pipeline_tests.mapping.schema_maps import plain_map, whole_map, with_record_type


@pytest.fixture(scope="module")
def facts(local_org: LocalOrg) -> OrgFacts:
    local_org.admin("POST", "reset")
    return facts_of(local_org)


def with_more(facts: OrgFacts, sobject: str, *fields: FieldDescribe) -> OrgFacts:
    objects = with_fields(facts.objects, sobject, *fields)
    return replace(facts, snapshot=replace(facts.snapshot, objects=objects))


def with_kinds(facts: OrgFacts, sobject: str, *kinds: RecordType) -> OrgFacts:
    objects = {
        **facts.objects,
        sobject: replace(facts.objects[sobject], record_types=kinds),
    }
    return replace(facts, snapshot=replace(facts.snapshot, objects=objects))


def only(faults: list[Fault]) -> Fault:
    (fault,) = faults
    return fault


@pytest.mark.parametrize("content", [plain_map(), whole_map()], ids=["plain", "whole"])
def test_a_new_org_takes_the_standard_map_and_the_whole_one(
    facts: OrgFacts, content: FieldMap
) -> None:
    assert schema_faults(content, facts) == []


def test_more_custom_fields_than_the_edition_takes_are_told(facts: OrgFacts) -> None:
    many = [text_field(f"Own_{n}__c") for n in range(490)]
    fault = only(schema_faults(plain_map(), with_more(facts, "Contact", *many)))
    assert not fault.stops
    assert "the Developer Edition takes 500" in fault.what
    assert fault.place == ("phases", "contacts", "fields")
    organization = {**facts.snapshot.organization, "OrganizationType": "Unlimited Edition"}
    bigger = replace(facts, snapshot=replace(facts.snapshot, organization=organization))
    assert schema_faults(plain_map(), with_more(bigger, "Contact", *many)) == []


def test_one_external_id_too_many_stops(facts: OrgFacts) -> None:
    keys = [text_field(f"Key_{n}__c", externalId=True) for n in range(25)]
    fault = only(schema_faults(plain_map(), with_more(facts, "Account", *keys)))
    assert fault.stops
    assert "Account would have 26 external IDs" in fault.what
    assert schema_faults(plain_map(), with_more(facts, "Account", *keys[1:])) == []


def test_more_long_text_than_an_object_holds_stops(facts: OrgFacts) -> None:
    long = [text_field(f"Long_{n}__c", type="textarea", length=131_072) for n in range(12)]
    fault = only(schema_faults(plain_map(), with_more(facts, "Contact", *long)))
    assert fault.stops
    assert "an object takes 1,638,400" in fault.what


def test_a_stage_that_is_neither_there_nor_planned_is_named_with_its_line(
    facts: OrgFacts, tmp_path: Path
) -> None:
    plain = plain_map()
    stages = plain.value_maps["stages"].values | {"refund": "Refunded"}
    value_maps = {**plain.value_maps, "stages": ValueMap(values=stages)}
    content = plain.model_copy(update={"value_maps": value_maps})
    fault = only(schema_faults(content, facts))
    assert fault.stops
    text = content.to_yaml()
    told = fault.told(tmp_path / "m.yaml", text)
    line = next(n for n, one in enumerate(text.splitlines(), 1) if "refund: Refunded" in one)
    assert f"line {line}: the org has no stage 'Refunded'" in told
    assert "Closed Won" in told
    assert "phases.opportunities.record_type.stages" in told


def test_a_record_type_that_cannot_be_made_stops_and_one_that_is_there_does_not(
    facts: OrgFacts,
) -> None:
    rule = RecordTypeRule(name="Theirs", label="Theirs")
    content = with_record_type(plain_map(), "opportunities", rule)
    fault = only(schema_faults(content, facts))
    assert fault.stops
    assert "cannot be made without a process" in fault.what
    theirs = RecordType("Theirs", active=True, available=True)
    assert schema_faults(content, with_kinds(facts, "Opportunity", theirs)) == []


@pytest.mark.parametrize(
    ("active", "said"), [(True, "is not assigned to the migration user"), (False, "is inactive")]
)
def test_a_record_type_that_the_user_may_not_use_is_told(
    facts: OrgFacts, active: bool, said: str
) -> None:
    content = with_record_type(
        plain_map(), "contacts", RecordTypeRule(name="Theirs", label="Theirs")
    )
    kind = RecordType("Theirs", active=active, available=False)
    fault = only(schema_faults(content, with_kinds(facts, "Contact", kind)))
    assert not fault.stops
    assert said in fault.what
    assert fault.place == ("phases", "contacts", "record_type", "name")


def test_a_user_who_may_not_deploy_is_told_before_anything_is_sent(
    facts: OrgFacts, local_org: LocalOrg, tmp_path: Path
) -> None:
    # A new local org does not tell of its profiles' permissions, and nothing is guessed.
    assert facts.permissions is None
    held = ("ApiEnabled", "CustomizeApplication")
    profile = "".join(
        f"<userPermissions><enabled>true</enabled><name>{name}</name></userPermissions>"
        for name in held
    )
    files = {
        "package.xml": clients.package({"Profile": ["Admin"]}),
        "profiles/Admin.profile": clients.component("Profile", profile),
    }
    state, _ = clients.deploy(clients.connect(local_org), files)
    assert state == "Succeeded"
    less = facts_of(local_org)
    assert less.permissions == frozenset(held)
    deploying, loading = schema_faults(plain_map(), less)
    assert deploying.stops
    assert "Modify Metadata" in deploying.what
    assert "Grant it in a permission set" in deploying.way_out
    assert not loading.stops
    assert "Modify All Data" in loading.what
    less.write(tmp_path)
    assert snapshot_of(tmp_path).permissions == less.permissions
    assert schema_faults(plain_map(), replace(less, permissions=frozenset(PERMISSIONS))) == []
