from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.mapping.account_map import default_map, propose
from kartra_sf_pipeline.mapping.model import FieldRule, load_map
from kartra_sf_pipeline.mapping.org_facts import OrgFacts
from kartra_sf_pipeline.mapping.phase_frames import phase_frames
from kartra_sf_pipeline.mapping.profile import figures_of, told_words
from kartra_sf_pipeline.mapping.rows.choices import choices_for
from kartra_sf_pipeline.mapping.schema import decimal_places, text_lengths
from kartra_sf_pipeline.mapping.strategies import ValueMap
from kartra_sf_pipeline.mapping.transforms import unlisted
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


def changed(facts: OrgFacts, objects: dict[str, ObjectDescribe], phase: str, **more: object):
    """The faults of the default map once a rule was added to a phase of it, its rules first."""
    content = default_map()
    old = content.phases[phase]
    rule = FieldRule.model_validate(more)
    rules = (*(one for one in old.fields if one.target != rule.target), rule)
    phases = {**content.phases, phase: old.model_copy(update={"fields": rules})}
    content = content.model_copy(
        update={
            "phases": phases,
            "value_maps": {**content.value_maps, "letters": ValueMap(values={"a": "A"})},
        }
    )
    frames = phase_frames(scanned_account(), choices_for(content, facts, 60))
    return check_map(content, frames, objects)


def test_a_value_map_that_refuses_stops_the_map_and_names_what_it_lacks(facts: OrgFacts) -> None:
    faults = changed(
        facts,
        facts.objects,
        "contacts",
        target="MailingCountry",
        source="country",
        values="letters",
    )
    [refused] = [fault for fault in faults if "does not list" in fault.what]
    assert refused.stops
    assert refused.place[-1] == "values"
    assert "'Australia', 'Brazil'" in refused.what
    assert "value_maps.letters" in refused.way_out


@pytest.mark.parametrize(("option", "lost"), [("Coaching", False), ("Consent", True)])
def test_a_text_that_ticks_no_box_stops_the_map(facts: OrgFacts, option: str, lost: bool) -> None:
    box = text_field("Box__c", type="boolean", length=0)
    objects = with_fields(facts.objects, "Contact", box)
    industries = scanned_account()["contacts_unified"].select("x__industry").unique().collect()
    options = [one for one in industries["x__industry"].drop_nulls() if option != "Consent"]
    faults = changed(
        facts, objects, "contact_tags",
        target="Box__c", source="x__industry", transform="boolean", options=[option, *options],
    )  # fmt: skip
    told = [fault for fault in faults if "cannot be read as boolean" in fault.what]
    assert [fault.stops for fault in told] == ([True] if lost else [])
    assert all("`options`" in fault.way_out for fault in told)


@pytest.mark.parametrize("unknown", ["keep", "blank"])
def test_a_value_map_that_is_told_what_to_do_refuses_nothing(unknown: str) -> None:
    words = ValueMap.model_validate({"values": {"a": "A"}, "unknown": unknown})
    frame = pl.DataFrame({"v": ["a", "b"]})
    assert not frame.select(unlisted(pl.col("v"), words)).to_series().any()


def test_a_long_value_that_is_refused_is_masked() -> None:
    assert told_words(["sale", "x" * 41]) == "'sale', x…(41)"
    assert told_words([str(number) for number in range(12)]).endswith("and 2 more")


@pytest.mark.parametrize("origin", ["constant", "default"])
def test_what_the_map_writes_itself_is_judged_by_the_picklist(facts: OrgFacts, origin: str) -> None:
    rule = {"target": "Size__c", origin: "Huge"}
    if origin == "default":
        rule |= {"source": "city", "on_blank": "set"}
    for restricted in (True, False):
        field = picklist("Size__c", "Small", restrictedPicklist=restricted)
        faults = changed(facts, with_fields(facts.objects, "Contact", field), "contacts", **rule)
        [told] = [fault for fault in faults if "'Huge'" in fault.what]
        assert told.place[-1] == origin
        assert told.stops == restricted


@pytest.mark.parametrize(
    ("kind", "text", "fits"),
    [
        ("date", "2024-02-30", False),
        ("date", "2024-02-29", True),
        ("datetime", "2024-02-29T10:00:00Z", True),
        ("boolean", "on", False),
        ("currency", "12.5", True),
        ("int", "12.5", False),
    ],
)
def test_a_constant_that_its_field_cannot_hold_stops_the_map(
    facts: OrgFacts, kind: str, text: str, fits: bool
) -> None:
    field = text_field("Own__c", type=kind, length=0)
    objects = with_fields(facts.objects, "Contact", field)
    faults = changed(facts, objects, "contacts", target="Own__c", constant=text)
    assert [fault.stops for fault in faults if "cannot hold the constant" in fault.what] == (
        [] if fits else [True]
    )


def test_a_blank_default_of_a_required_field_is_told_and_a_filled_one_is_enough(
    facts: OrgFacts,
) -> None:
    rule = {"target": "Department", "source": "website", "required": True, "on_blank": "set"}
    blank = changed(facts, facts.objects, "contacts", **rule, default=" ")
    assert any("is blank, and the field is required" in fault.what for fault in blank)
    kept = changed(facts, facts.objects, "contacts", **{**rule, "on_blank": "keep"})
    [lacking] = [fault for fault in kept if "lack a value for Department" in fault.what]
    assert "stops the run" in lacking.way_out
    assert not lacking.stops
    filled = changed(facts, facts.objects, "contacts", **rule, default="None")
    assert not any("Department" in fault.what for fault in filled)


def test_letters_whose_small_forms_vary_are_found_in_a_picklist() -> None:
    rule = FieldRule(target="Own__c", source="city")
    frame = pl.DataFrame({"city": ["Weiß", "Rot"]})
    figures = figures_of(rule, frame, None, ("weiß", "Blau"), None)
    assert figures["picklist_misses"] == 1


def test_digits_that_a_number_has_no_room_for_are_told(facts: OrgFacts) -> None:
    frame = pl.DataFrame({"rate": ["0.125", "0.1", "7"]})
    rule = FieldRule(target="Own__c", source="rate", transform="decimal")
    figures = figures_of(rule, frame, 2, None, None)
    assert (figures["rounded_cells"], figures["places"]) == (1, 2)
    described = facts.objects["Contact"]
    assert decimal_places(rule, described) == 2
    wide = text_field("Own__c", type="double", length=0, scale=4)
    objects = with_fields(facts.objects, "Contact", wide)
    assert decimal_places(rule, objects["Contact"]) == 4


def test_the_subject_of_a_task_is_as_long_as_its_combobox(facts: OrgFacts) -> None:
    task = facts.objects["Task"]
    assert text_lengths(task, [], "Task")["subject"] == task.fields["Subject"].length == 255
