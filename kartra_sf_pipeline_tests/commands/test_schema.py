"""`kartra-sf schema`: the plan on the screen, and the way back with its refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from kartra_sf_pipeline.mapping.org_facts import snapshot_objects
from kartra_sf_pipeline.mapping.schema_deployment import deploy_plan
from kartra_sf_pipeline.mapping.schema_plan import ask_plan
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.salesforce.metadata import CustomFieldSpec, build_package, deploy
from kartra_sf_pipeline_tests.end_to_end.command_line import kartra_sf_process
from kartra_sf_pipeline_tests.end_to_end.homes import Home, temporary_home
from kartra_sf_pipeline_tests.mapping.schema_maps import plain_map

INTENT = {
    "key": "1", "intent": "create", "sf_id": None, "pre_image": None, "written": "{}",
    "source_file": "contacts.csv", "source_line": 2,
}  # fmt: skip
TEXTS: dict[str, pl.DataType] = {"sf_id": pl.String(), "pre_image": pl.String()}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with temporary_home(tmp_path / "home") as home:
        (home.path / "field_map.yaml").write_text(plain_map().to_yaml(), encoding="utf-8")
        yield home


def schema(home: Home) -> str:
    home.org.forget_describes()
    return snapshot_objects(home.org).fingerprint


def deployed(home: Home) -> None:
    deploy_plan(
        home.org,
        ask_plan(home.org, plain_map(), snapshot_objects(home.org).objects),
        home.path,
    )


def loaded(home: Home, books: Ledger) -> str:
    run = books.begin_run("rehearsal", "local", home.org.org_id, home.address.url, "x")
    books.write_intents(run, "contacts", "Contact", pl.DataFrame([INTENT], schema_overrides=TEXTS))
    return run


def test_the_plan_is_shown_and_nothing_is_written(home: Home) -> None:
    number = home.last_request()
    told = home.run("schema", "plan", "--json")
    assert told.code == 0
    content = told.json
    assert set(content["actions"]) == {"create"}
    assert content["actions"]["create"] == len(content["components"])
    assert {"component", "name", "type", "action", "detail"} == set(content["components"][0])
    assert home.writes_since(number) == []
    said = home.run("schema", "plan").said
    assert "Contact.Kartra_Id__c" in said
    assert f"{len(content['components'])} components: " in said


def test_a_plan_with_a_clash_ends_with_1(home: Home) -> None:
    field = CustomFieldSpec("Account", "Kartra_Id__c", "Key", "Date")
    assert deploy(home.org, build_package([field])).success
    ended = home.run("schema", "plan")
    assert ended.code == 1
    assert "a field of type Date under this name" in ended.said


def test_a_plan_without_a_map_says_what_to_do(home: Home) -> None:
    (home.path / "field_map.yaml").unlink()
    ended = home.run("schema", "plan")
    assert ended.code == 2
    assert "map propose" in ended.said


def test_what_was_never_deployed_is_not_removed(home: Home) -> None:
    assert "Nothing was deployed to this org" in home.run("schema", "remove", "--yes").said


def test_a_removal_is_shown_first_and_then_leaves_the_org_as_it_was(home: Home) -> None:
    first = schema(home)
    deployed(home)
    after = schema(home)
    shown = home.run("schema", "remove")
    assert shown.code == 0
    assert "Nothing was changed" in shown.said
    assert "Contact.Kartra_Id__c" in shown.said
    assert schema(home) == after
    # A run that was rolled back is no hindrance.
    books = Ledger(home.path / "ledger.sqlite")
    books.finish_run(loaded(home, books), "rolled_back")
    done = home.run("schema", "remove", "--yes", "--json").json
    assert done["removed"] == len(done["components"])
    assert schema(home) == first


def test_a_loaded_org_keeps_its_schema_unless_a_reason_is_given(home: Home) -> None:
    deployed(home)
    after = schema(home)
    books = Ledger(home.path / "ledger.sqlite")
    run = loaded(home, books)
    refused = home.run("schema", "remove", "--yes")
    assert refused.code == 2
    assert f"Run {run} loaded this org and was not rolled back" in refused.said
    assert "kartra-sf rollback" in refused.said
    nameless = home.run("schema", "remove", "--yes", "--force", "--reason", " ")
    assert (nameless.code, "needs a reason" in nameless.said) == (2, True)
    with books.lease():
        words = ("schema", "remove", "--yes", "--force", "--reason", "test org")
        busy = kartra_sf_process(*words, env={"KARTRA_SF_HOME": str(home.path)})
    assert (busy.code, "Another load or rollback" in busy.said) == (2, True), busy.said
    assert schema(home) == after
    assert home.run("schema", "remove", "--yes", "--force", "--reason", "test org").code == 0
    record = json.loads((home.path / "deployed_schema.json").read_text(encoding="utf-8"))
    assert record["entries"] == []
    assert record["removals"][0]["reason"] == "test org"


def test_what_another_home_has_loaded_is_not_removed_without_a_reason(home: Home) -> None:
    deployed(home)
    after = schema(home)
    record = {
        "Name": "Acme",
        "Kartra_Id__c": "domain:acme.com",
        "Kartra_Migration_Run__c": "theirs",
    }
    home.org.create("Account", record)
    refused = home.run("schema", "remove", "--yes")
    assert refused.code == 2
    assert "Account.Kartra_Id__c (1)" in refused.said
    assert "another home" in refused.said
    assert home.run("schema", "remove", "--yes", "--force").code == 2
    assert schema(home) == after
    assert home.run("schema", "remove", "--yes", "--force", "--reason", "test org").code == 0


def test_production_is_not_touched(home: Home) -> None:
    ended = home.run("schema", "remove", "--yes", KARTRA_SF_TARGET="production")
    assert ended.code == 2
    assert "Production" in ended.said
