"""The declared order of the phases, held against an org that has everything a map can ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.org_facts import ask_org
from kartra_sf_pipeline.mapping.schema_deployment import deploy_plan
from kartra_sf_pipeline.mapping.schema_plan import ask_plan
from kartra_sf_pipeline.mapping.strategies import Strategies
from kartra_sf_pipeline.migration.phases import PHASES, order_by_references
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.conftest import LocalOrg

# Each lookup that some strategy deploys is deployed by one of these.
EVERYTHING: tuple[dict[str, str | bool], ...] = (
    {"rebills": "own_opportunity", "teams": True, "territories": True, "files": True},
    {"rebills": "subscription_history"},
    {
        "transactions": "custom_object",
        "subscriptions": "custom_object",
        "affiliates": "custom_object",
        "failed_payments": "closed_lost",
        "account_contact_relations": True,
        "computed_spend": True,
    },
)


@pytest.fixture
def full_org(empty_org: LocalOrg, tmp_path: Path) -> Iterator[Org]:
    for feature in ("territory-management", "contacts-to-multiple-accounts"):
        empty_org.admin("POST", f"features?on={feature}")
    org = connect(AccessToken(empty_org.url, empty_org.access_token))
    for chosen in EVERYTHING:
        deploy_plan(org, ask_plan(org, a_map(chosen), ask_org(org).objects), tmp_path)
        org.forget_describes()
    yield org
    empty_org.admin("POST", "reset?features=none")


def a_map(chosen: dict[str, str | bool]) -> FieldMap:
    strategies = Strategies.model_validate(
        {"lists": {"default": "campaign", "by_list": {"vip": "group"}}, **chosen}
    )
    return default_map().model_copy(update={"strategies": strategies})


def test_every_lookup_that_is_deployed_finds_its_parents_loaded(full_org: Org) -> None:
    describes = {phase.object: full_org.describe(phase.object) for phase in PHASES}
    assert order_by_references(describes) == PHASES
    late = [
        (phase.name, parent)
        for place, phase in enumerate(PHASES)
        for parent in lookups_to_ours(describes[phase.object])
        if not any(p.object == parent and not p.update_only for p in PHASES[:place])
    ]
    assert late == []


def lookups_to_ours(described: ObjectDescribe) -> set[str]:
    """Objects that lookups of our own point to, the object's own records aside."""
    ours = {phase.object for phase in PHASES}
    return {
        parent
        for field in described.fields.values()
        if field.name.startswith("Kartra_")
        for parent in field.reference_to
        if parent in ours and parent != described.name
    }


def test_lookups_of_the_map_are_all_there(full_org: Org) -> None:
    found = {
        f"{name}.{field.name}"
        for name in {phase.object for phase in PHASES}
        for field in full_org.describe(name).fields.values()
        if field.name.startswith("Kartra_") and field.reference_to
    }
    meant = {
        f"{phase.object}.{rule.target.partition('.')[0].removesuffix('__r')}__c"
        for phase in default_map().phases.values()
        for rule in phase.fields
        if rule.new is not None and rule.new.type == "Lookup"
    }
    assert found == meant
