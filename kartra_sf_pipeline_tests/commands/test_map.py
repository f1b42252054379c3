"""`kartra-sf map` as people run it, on a small account and a local org."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from kartra_sf_pipeline.scope.behavioural import behavioural_tags
from kartra_sf_pipeline.scope.inventory import object_inventory
from kartra_sf_pipeline_tests.end_to_end.command_line import Ended
from kartra_sf_pipeline_tests.end_to_end.homes import Home, temporary_home
from kartra_sf_pipeline_tests.mapping.account import prepared_account
from kartra_sf_pipeline_tests.prepare.commerce_frames import raw

pytestmark = pytest.mark.xdist_group("map_commands")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home that holds the frames of a scoped account, as the assets store them."""
    with temporary_home(tmp_path_factory.mktemp("map") / "home") as made:
        folder = made.path / "frames"
        folder.mkdir()
        account = prepared_account()
        listed = object_inventory(behavioural_tags(account["parsed_tags"]), raw("sequences"))
        for name, frame in {**account, "object_inventory": listed}.items():
            frame.write_parquet(folder / f"{name}.parquet")
        yield made


@pytest.fixture(scope="module")
def proposed(home: Home) -> Ended:
    return home.run("map", "propose", "--json")


@pytest.fixture
def our_map(home: Home, proposed: Ended, tmp_path: Path) -> Path:
    """A copy of the proposal, for a test to change."""
    path = tmp_path / "our_map.yaml"
    path.write_text(Path(proposed.json["file"]).read_text(encoding="utf-8"), encoding="utf-8")
    return path


def changed(path: Path, old: str, new: str) -> int:
    """Put `new` for the first `old`; returns its line."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_a_proposal_is_written_with_a_reason_for_each_decision(proposed: Ended) -> None:
    assert proposed.code == 0
    told = proposed.json
    content = yaml.safe_load(Path(told["file"]).read_text(encoding="utf-8"))
    assert set(content["phases"]) > {"accounts", "contacts", "files"}
    assert content["decisions"] == [
        {key: value for key, value in one.items() if (key, value) != ("confidence", 1.0)}
        for one in told["decisions"]
    ]
    assert not [fault for fault in told["faults"] if fault["stops"]]
    assert told["unmapped"]
    for rule in content["phases"]["contacts"]["fields"]:
        assert rule["reason"]


def test_a_proposal_never_writes_over_a_file_of_the_users_unless_told_to(
    home: Home, our_map: Path
) -> None:
    before = our_map.read_bytes()
    our_map.write_bytes(before + b"# mine\n")
    refused = home.run("map", "propose", "--out", our_map, "--json")
    assert refused.code == 2
    assert "exists already" in refused.json["error"]
    assert our_map.read_bytes() == before + b"# mine\n"
    assert home.run("map", "propose", "--out", our_map, "--force", "--json").code == 0
    assert our_map.read_bytes() == before


def test_a_proposal_that_cannot_be_written_says_where(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file" / "our_map.yaml"):
        ended = home.run("map", "propose", "--out", place, "--force", "--json")
        assert ended.code == 2
        assert f"{place} cannot be written" in ended.json["error"]


def test_show_tells_of_each_field_and_masks_what_it_shows(home: Home, proposed: Ended) -> None:
    told = home.run("map", "show", "--map", proposed.json["file"], "--json").json
    fields = {(one["phase"], one["target"]): one for one in told["fields"]}
    name = fields["contacts", "LastName"]
    assert name["fill_rate"] == 1.0
    assert name["longest"] > 1
    people = home.frame("contacts_unified")["last_name"].drop_nulls()
    for shown in name["samples"].split(", "):
        assert shown not in set(people)
        assert "…(" in shown
    assert told["strategies"]["subscriptions"] == "opportunity"
    assert "strategies.files" in {one["about"] for one in told["decisions"]}
    assert told["value_maps"]["stages"]["values"]["sale"] == "Closed Won"
    assert told["approved"] is False


def test_the_screen_shows_choices_with_their_reasons_and_one_phase_alone(
    home: Home, proposed: Ended
) -> None:
    whole = home.run("map", "show", "--map", proposed.json["file"])
    assert whole.code == 0
    assert "strategies.line_items" in whole.said
    assert "no attachments" in whole.said
    one = home.run("map", "show", "--phase", "contact_tags", "--map", proposed.json["file"])
    assert "contact_tags: Contact" in one.said
    assert "strategies.line_items" not in one.said
    assert "opportunities: Opportunity" not in one.said


def test_a_choice_of_a_persons_is_shown_as_one(home: Home, our_map: Path) -> None:
    content = yaml.safe_load(our_map.read_text(encoding="utf-8"))
    content["strategies"] = {"failed_payments": "closed_lost"}
    our_map.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    said = home.run("map", "show", "--map", our_map).said
    assert "chosen by a person" in said


def test_a_phase_that_there_is_not_is_named_with_those_that_there_are(
    home: Home, our_map: Path
) -> None:
    ended = home.run("map", "show", "--phase", "people", "--map", our_map, "--json")
    assert ended.code == 2
    assert "no phase people" in ended.json["error"]
    assert "contact_tags" in ended.json["error"]


def test_diff_finds_nothing_in_a_copy_and_each_change_otherwise(home: Home, our_map: Path) -> None:
    assert home.run("map", "diff", our_map, "--json").json["differences"] == []
    changed(our_map, "target: Suffix", "target: Nickname__c")
    found = home.run("map", "diff", our_map, "--json")
    assert found.code == 0
    assert {(one["phase"], one["target"]) for one in found.json["differences"]} == {
        ("contacts", "Nickname__c"),
        ("contacts", "Suffix"),
    }
    assert "Nickname__c" in home.run("map", "diff", our_map).said


def test_approve_signs_a_sound_map_and_a_change_asks_again(home: Home, our_map: Path) -> None:
    signed = home.run("map", "approve", "--by", "Ann Smith", "--map", our_map, "--json")
    assert signed.code == 0
    assert signed.json["by"] == "Ann Smith"
    assert home.run("map", "show", "--map", our_map, "--json").json["approved"] is True
    changed(our_map, "contact_tags:", "contact_tags:  # a remark changes nothing")
    assert home.run("map", "show", "--map", our_map, "--json").json["approved"] is True
    changed(our_map, "target: Suffix", "target: Title")
    assert home.run("map", "show", "--map", our_map, "--json").json["approved"] is False


def test_approve_refuses_a_map_that_the_org_cannot_bear_with_the_line(
    home: Home, our_map: Path
) -> None:
    line = changed(our_map, "target: Suffix", "target: No_Such_Field__c")
    ended = home.run("map", "approve", "--by", "Ann Smith", "--map", our_map, "--json")
    assert ended.code == 2
    assert f"our_map.yaml, line {line}: " in ended.json["error"]
    assert "No_Such_Field__c" in ended.json["error"]


def test_schema_prints_what_editors_check_a_map_by(home: Home) -> None:
    ended = home.run("map", "schema")
    assert ended.code == 0
    assert {"phases", "strategies", "decisions"} <= set(json.loads(ended.out)["properties"])


VERBS = [
    ("show", "--map"),
    ("approve", "--by", "Ann Smith", "--map"),
    ("diff",),
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_map_that_is_not_there_is_named(home: Home, verb: tuple[str, ...]) -> None:
    ended = home.run("map", *verb, "/no/such/map.yaml", "--json")
    assert ended.code == 2
    assert "/no/such/map.yaml is missing" in ended.json["error"]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_file_that_is_no_yaml_is_refused_with_its_line(
    home: Home, tmp_path: Path, verb: tuple[str, ...]
) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("version: 1\nphases:\n  accounts: {object: [Account\n", encoding="utf-8")
    ended = home.run("map", *verb, path, "--json")
    assert ended.code == 2
    assert "broken.yaml, line" in ended.json["error"]
    assert "not valid YAML" in ended.json["error"]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_an_unknown_key_is_refused_with_its_line(
    home: Home, our_map: Path, verb: tuple[str, ...]
) -> None:
    line = changed(our_map, "source: suffix", "sauce: suffix")
    ended = home.run("map", *verb, our_map, "--json")
    assert ended.code == 2
    assert "sauce" in ended.json["error"]
    assert f"line {line}" in ended.json["error"]


def test_a_map_of_another_shape_says_so(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("- one\n- two\n", encoding="utf-8")
    ended = home.run("map", "show", "--map", path, "--json")
    assert ended.code == 2
    assert "does not hold" in ended.json["error"]


def test_a_phase_of_the_map_that_no_load_knows_is_refused(home: Home, our_map: Path) -> None:
    changed(our_map, "\n  contact_tags:", "\n  contact_togs:")
    ended = home.run("map", "show", "--map", our_map, "--json")
    assert ended.code == 2
    assert "missing: contact_tags" in ended.json["error"]
    assert "unknown: contact_togs" in ended.json["error"]


def test_without_an_account_there_is_nothing_to_propose_from(tmp_path: Path) -> None:
    with temporary_home(tmp_path / "empty") as bare:
        ended = bare.run("map", "propose", "--json")
        assert ended.code == 2
        assert "kartra-sf scope" in ended.json["error"]
        none = bare.run("map", "show", "--json")
        assert none.code == 2
        assert "no field map yet" in none.json["error"]


def test_a_judge_that_fails_ends_the_proposal_with_its_reason(home: Home) -> None:
    ended = home.run("map", "propose", "--judge", "/no/such/judge", "--json")
    assert ended.code == 2
    assert "/no/such/judge" in ended.json["error"]


def test_objects_are_shown_once_there_was_a_rehearsal_and_the_inventory_before(home: Home) -> None:
    ended = home.run("objects", "--json")
    assert ended.code == 2
    assert "kartra-sf rehearse" in ended.json["error"]
    listed = home.run("objects", "--inventory", "--json")
    assert listed.code == 0
    assert "membership" in {one["kind"] for one in listed.json["inventory"]}
    assert "To be rebuilt" in home.run("objects", "--inventory").said
