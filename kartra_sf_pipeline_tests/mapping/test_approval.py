from __future__ import annotations

import json
from pathlib import Path

import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.account_map import propose_map
from kartra_sf_pipeline.mapping.approval import (
    approval_of,
    approvals,
    approve,
    org_fingerprint,
    refuse_unapproved,
    refuse_unsigned,
)
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.org_facts import OrgFacts
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.mapping.account import facts_of, text_field, with_fields

ORG = "00D000000000001AAA"
MAP = propose_map((), ("vip",))


@pytest.fixture(scope="module")
def facts(local_org: LocalOrg) -> OrgFacts:
    return facts_of(local_org)


def sign(home: Path, facts: OrgFacts, content: FieldMap = MAP) -> None:
    approve(home, content, ORG, facts.objects, by=" Ann ", file=Path("our_map.yaml"))


def test_a_signature_holds_for_the_map_and_org_that_it_was_given_for(
    facts: OrgFacts, tmp_path: Path
) -> None:
    sign(tmp_path, facts)
    assert refuse_unapproved(tmp_path, MAP, ORG, facts.objects).by == "Ann"
    refuse_unsigned(tmp_path, MAP)


def test_nothing_signed_is_refused_with_the_next_step(facts: OrgFacts, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Nobody has approved.*map approve --by NAME"):
        refuse_unapproved(tmp_path, MAP, ORG, facts.objects)
    with pytest.raises(SettingsError, match="Nobody has approved"):
        refuse_unsigned(tmp_path, MAP)


def test_a_change_of_the_map_asks_again(facts: OrgFacts, tmp_path: Path) -> None:
    sign(tmp_path, facts)
    other = propose_map((), ("vip", "new"))
    assert isinstance(approval_of(tmp_path, other, ORG, facts.objects), str)


def test_a_change_of_the_orgs_schema_asks_again(facts: OrgFacts, tmp_path: Path) -> None:
    sign(tmp_path, facts)
    changed = with_fields(facts.objects, "Contact", text_field("Added_Later__c"))
    said = approval_of(tmp_path, MAP, ORG, changed)
    assert isinstance(said, str)
    assert "schema has changed since Ann" in said


def test_another_org_asks_again(facts: OrgFacts, tmp_path: Path) -> None:
    sign(tmp_path, facts)
    said = approval_of(tmp_path, MAP, "00D000000000002AAA", facts.objects)
    assert isinstance(said, str)
    assert "another org" in said


def test_deploying_the_maps_own_fields_does_not_ask_again(facts: OrgFacts) -> None:
    own = with_fields(
        facts.objects,
        "Contact",
        text_field("Kartra_Score__c", type="double"),
        text_field("Kartra_Migration_Run__c"),
    )
    own = with_fields(own, "Task", text_field("Kartra_Calendar__c"))
    assert org_fingerprint(MAP, own) == org_fingerprint(MAP, facts.objects)


def test_a_nameless_signature_is_refused(facts: OrgFacts, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs a name"):
        approve(tmp_path, MAP, ORG, facts.objects, by="  ", file=Path("m.yaml"))


def test_earlier_signatures_stay(facts: OrgFacts, tmp_path: Path) -> None:
    sign(tmp_path, facts)
    sign(tmp_path, facts, propose_map((), ()))
    assert len(approvals(tmp_path)) == 2
    assert not isinstance(approval_of(tmp_path, MAP, ORG, facts.objects), str)


@pytest.mark.parametrize("content", ["", "{}", "[1]", json.dumps([{"by": "Ann"}])])
def test_a_damaged_file_of_approvals_is_named(content: str, tmp_path: Path) -> None:
    (tmp_path / "approvals.json").write_text(content, encoding="utf-8")
    if content == "{}":
        assert approvals(tmp_path) == []
        return
    with pytest.raises(SettingsError, match=r"approvals\.json"):
        approvals(tmp_path)
