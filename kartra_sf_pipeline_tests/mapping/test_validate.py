from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.account_map import propose
from kartra_sf_pipeline.mapping.model import load_map
from kartra_sf_pipeline.mapping.org_facts import OrgFacts
from kartra_sf_pipeline.mapping.phase_frames import phase_frames
from kartra_sf_pipeline.mapping.rows.choices import choices_for
from kartra_sf_pipeline.mapping.validate import Fault, check_map, refuse
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.mapping.account import (
    facts_of,
    picklist,
    scanned_account,
    text_field,
    with_fields,
)


@pytest.fixture(scope="module")
def facts(local_org: LocalOrg) -> OrgFacts:
    return facts_of(local_org)


@pytest.fixture(scope="module")
def proposal(facts: OrgFacts) -> str:
    return propose(scanned_account(), facts.objects).to_yaml()


def judged(path: Path, facts: OrgFacts, objects: dict[str, ObjectDescribe]) -> list[Fault]:
    content = load_map(path)
    frames = phase_frames(scanned_account(), choices_for(content, facts, 60))
    return check_map(content, frames, objects)


def test_the_proposal_for_the_sample_account_has_no_fault(
    facts: OrgFacts, proposal: str, tmp_path: Path
) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(proposal, encoding="utf-8")
    assert [fault for fault in judged(path, facts, facts.objects) if fault.stops] == []


LONG = "x" * 256
MISTAKES = {
    "a field that is not there": (
        "- target: Website\n      source: website",
        "- target: Websight\n      source: website",
        ("no field Websight", "Nearest: Website"),
    ),
    "a field that cannot be written": (
        "- target: Website\n      source: website",
        "- target: CreatedDate\n      source: website",
        ("Account.CreatedDate is not writable",),
    ),
    "a column that is not there": (
        "- target: Website\n      source: website",
        "- target: Website\n      source: webste",
        ("no column `webste`", "Nearest: website"),
    ),
    "a transform that the type cannot hold": (
        "- target: HasOptedOutOfEmail\n      source: opted_out\n      transform: boolean",
        "- target: HasOptedOutOfEmail\n      source: opted_out\n      transform: text",
        ("cannot hold what `text` writes", "Use boolean"),
    ),
    "a transform that the column cannot take": (
        "- target: Website\n      source: website",
        "- target: Website\n      source: website\n      transform: multi",
        ("`multi` cannot read `website`",),
    ),
    "a required field without a source": (
        "- target: LastName\n      source: last_name\n      required: true",
        "- target: Title\n      source: last_name",
        ("Contact.LastName is required",),
    ),
    "a field name that is none": (
        "- target: Kartra_Source__c",
        "- target: Kartra__Source",
        ("no name for a custom field",),
    ),
    "a picklist value that is too long": (
        "        - Paused",
        f"        - {LONG}",
        ("256 characters; a picklist takes 255",),
    ),
    "too many values": (
        "        - Paused",
        "\n".join(f"        - v{number}" for number in range(1000)),
        ("1004 values; a picklist of its kind takes 1000",),
    ),
    "a text field that is too long": (
        "label: Kartra GDPR status\n        length: 40",
        "label: Kartra GDPR status\n        length: 300",
        ("1 to 255 characters",),
    ),
    "a parent key that is no external id": (
        "- target: Account.Kartra_Id__c",
        "- target: Account.Name",
        ("no external ID of Account",),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_told_with_its_line_and_the_way_out(
    mistake: str, facts: OrgFacts, proposal: str, tmp_path: Path
) -> None:
    old, new, words = MISTAKES[mistake]
    old, new = old.replace("      ", "      "), new
    assert old in proposal
    # The first that counts: phases that no strategy asks for are not judged.
    start = proposal.index("\n  opportunities:") if "Paused" in old else 0
    text = proposal[:start] + proposal[start:].replace(old, new, 1)
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as told:
        refuse(judged(path, facts, facts.objects), path, text)
    said = str(told.value)
    for word in words:
        assert word in said
    line = int(said.split("line ")[1].split(":")[0])
    changed = text[: text.index(new)].count("\n") + 1
    if mistake != "a required field without a source":
        assert changed - 8 <= line <= changed + new.count("\n") + 1


def test_all_faults_are_told_together(facts: OrgFacts, proposal: str, tmp_path: Path) -> None:
    text = proposal.replace("target: Website", "target: Websight").replace(
        "source: first_name", "source: frist_name"
    )
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="2 faults") as told:
        refuse(judged(path, facts, facts.objects), path, text)
    assert "Websight" in str(told.value)
    assert "frist_name" in str(told.value)


def test_what_the_values_break_is_counted(facts: OrgFacts, proposal: str, tmp_path: Path) -> None:
    text = proposal.replace("target: MailingCity", "target: City_Short__c").replace(
        "- target: MailingCountry\n      source: country",
        "- target: Country_List__c\n      source: country",
    )
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    objects = with_fields(
        facts.objects,
        "Contact",
        text_field("City_Short__c", length=4),
        picklist("Country_List__c", "Atlantis", restrictedPicklist=True),
    )
    faults = judged(path, facts, objects)
    [cut] = [fault for fault in faults if "will be cut" in fault.what]
    assert not cut.stops
    assert "4 characters of City_Short__c" in cut.what
    [missed] = [fault for fault in faults if "does not offer" in fault.what]
    assert missed.stops
    assert int(missed.what.split()[0]) > 0


def test_cells_that_a_transform_would_lose_stop_the_map(
    facts: OrgFacts, proposal: str, tmp_path: Path
) -> None:
    text = proposal.replace(
        "- target: MailingCity\n      source: city",
        "- target: City_Number__c\n      source: city\n      transform: integer",
    )
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    field = text_field("City_Number__c", type="double", length=0)
    faults = judged(path, facts, with_fields(facts.objects, "Contact", field))
    [lost] = [fault for fault in faults if "would arrive empty" in fault.what]
    assert lost.stops


def test_a_new_field_that_clashes_with_the_orgs_is_told(
    facts: OrgFacts, proposal: str, tmp_path: Path
) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(proposal, encoding="utf-8")
    field = text_field("Kartra_Score__c", type="date", length=0)
    objects = with_fields(facts.objects, "Contact", field)
    assert any("cannot hold" in fault.what for fault in judged(path, facts, objects))


def test_an_object_that_the_user_may_not_create_is_told(
    facts: OrgFacts, proposal: str, tmp_path: Path
) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(proposal, encoding="utf-8")
    closed = replace(facts.objects["Campaign"], createable=False)
    faults = judged(path, facts, {**facts.objects, "Campaign": closed})
    assert any("may not create Campaign" in fault.what for fault in faults)
