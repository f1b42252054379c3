"""The definitions load, say what they are, and stay what they were unless changed on purpose."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from kartra_sf_pipeline.definitions import defs
from kartra_sf_pipeline.gates.suites import SUITES
from kartra_sf_pipeline.jobs import JOBS
from kartra_sf_pipeline.migration.phases import PHASES
from kartra_sf_pipeline.settings import PROJECT
from kartra_sf_pipeline_tests.definitions_catalogue import CATALOGUE, HINT, catalogue
from kartra_sf_pipeline_tests.end_to_end.command_line import environment

GROUPS = ("extract", "prepare", "scope", "map", "transform", "load", "prove")
# What a person signs, and what the org holds beside its plan, are no expectations on rows.
COMPARED = {
    ("field_map", "field_map_is_approved"),
    ("schema_deployed", "schema_is_as_planned"),
}
GRAPH = defs.resolve_asset_graph()
KEYS = sorted(GRAPH.materializable_asset_keys)


def test_definitions_are_loadable() -> None:
    dg.Definitions.validate_loadable(defs)


def test_assets_gates_jobs_and_sensors_are_those_of_the_catalogue() -> None:
    assert catalogue() == CATALOGUE.read_text(encoding="utf-8"), HINT


@pytest.mark.parametrize("job", [job.name for job in JOBS])
def test_each_job_resolves(job: str) -> None:
    assert defs.resolve_job_def(job).nodes


def test_the_jobs_of_the_first_cut_are_there() -> None:
    assert {job.name for job in JOBS} == {"scope", "rehearsal", "rollback"}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.to_user_string())
def test_every_asset_says_what_it_is_and_whose(key: dg.AssetKey) -> None:
    node = GRAPH.get(key)
    assert node.group_name in GROUPS
    assert node.description
    assert len(node.description.strip()) > 15
    assert node.kinds
    assert node.owners


def test_every_rule_is_a_check_and_every_critical_one_blocks() -> None:
    for suite in SUITES:
        for rule in suite.rules:
            check = GRAPH.get(dg.AssetCheckKey(dg.AssetKey(suite.asset), rule.name))
            assert check.blocking == (rule.severity == "critical"), rule.name


def test_no_check_is_without_a_rule() -> None:
    rules = {(suite.asset, rule.name) for suite in SUITES for rule in suite.rules}
    checks = {(key.asset_key.to_user_string(), key.name) for key in GRAPH.asset_check_keys}
    assert checks - rules == COMPARED
    assert rules <= checks


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_every_phase_is_gated_before_and_after_it(phase: object) -> None:
    name = phase.name  # type: ignore[attr-defined]
    gated = {suite.asset for suite in SUITES}
    assert {name, f"loaded_{name}"} <= gated
    (before,) = [suite for suite in SUITES if suite.load_phase == name]
    assert before.asset == name


def test_phases_are_loaded_one_after_another() -> None:
    for earlier, later in pairwise(PHASES):
        parents = GRAPH.get(dg.AssetKey(f"loaded_{later.name}")).parent_keys
        assert dg.AssetKey(f"loaded_{earlier.name}") in parents


def test_only_the_scope_job_asks_no_org() -> None:
    scope = defs.resolve_job_def("scope")
    groups = {GRAPH.get(key).group_name for key in scope.asset_layer.executable_asset_keys}
    assert groups == {"extract", "prepare", "scope"}


def test_no_credential_is_in_the_configuration_of_a_resource() -> None:
    fields = {
        name for resource in (defs.resources or {}).values() for name in type(resource).model_fields
    }
    assert not {name for name in fields if "token" in name or "password" in name or "key" in name}


@pytest.mark.slow
def test_dagster_itself_validates_the_workspace(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"],
        cwd=PROJECT,
        env=environment({"DAGSTER_HOME": str(tmp_path), "KARTRA_SF_HOME": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
