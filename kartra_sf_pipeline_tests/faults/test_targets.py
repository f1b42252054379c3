"""Orgs that refuse or do not answer, and targets that may not be loaded yet."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from kartra_sf_pipeline_tests.end_to_end.homes import Home
from kartra_sf_pipeline_tests.faults.refusals import nothing_written, refused

pytestmark = pytest.mark.xdist_group("faults")

TOKEN = "00Dxx0000000000!this.is.not.the.token"


@pytest.fixture
def any_map(fault_home: Home, tmp_path: Path, account: Path) -> Path:
    """A map that loads, for refusals that come before it matters."""
    from kartra_sf_pipeline.mapping.account_map import propose_map
    from kartra_sf_pipeline.mapping.approval import approve
    from kartra_sf_pipeline.mapping.org_facts import ask_org

    path = tmp_path / "field_map.yaml"
    content = propose_map((), ())
    path.write_text(content.to_yaml(), encoding="utf-8")
    facts = ask_org(fault_home.org)
    org_id = facts.snapshot.org_id
    approve(fault_home.path, content, org_id, facts.objects, by="Ann", file=path)
    return path


def sandbox(url: str, token: str, **more: str) -> dict[str, str]:
    return {
        "KARTRA_SF_TARGET": "sandbox",
        "SALESFORCE_INSTANCE_URL": url,
        "SALESFORCE_ACCESS_TOKEN": token,
        **more,
    }


def test_an_org_that_answers_401_is_named_without_the_token(
    fault_home: Home, account: Path, any_map: Path
) -> None:
    env = sandbox(fault_home.address.url, TOKEN, KARTRA_SF_MAP=str(any_map))
    with nothing_written(fault_home):
        ended = fault_home.run("rehearse", "--exports", account, **env)
    refused(ended, "INVALID_SESSION_ID", code=1)
    assert TOKEN not in ended.said


def test_an_org_that_does_not_answer_is_named(
    fault_home: Home, account: Path, any_map: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        env = sandbox(f"http://127.0.0.1:{port}", TOKEN, KARTRA_SF_MAP=str(any_map))
        ended = fault_home.run("rehearse", "--exports", account, **env)
    refused(ended, f"127.0.0.1:{port}", code=1)
    assert TOKEN not in ended.said


def test_plain_http_to_another_machine_is_refused(
    fault_home: Home, account: Path, any_map: Path
) -> None:
    env = sandbox("http://example.org", TOKEN, KARTRA_SF_MAP=str(any_map))
    ended = fault_home.run("rehearse", "--exports", account, **env)
    refused(ended, "plain HTTP", "https://")


def test_a_login_that_is_not_complete_names_what_is_missing(
    fault_home: Home, account: Path, any_map: Path
) -> None:
    env = {"KARTRA_SF_TARGET": "sandbox", "KARTRA_SF_MAP": str(any_map)}
    ended = fault_home.run("rehearse", "--exports", account, **env)
    refused(ended, "SALESFORCE_INSTANCE_URL", "SALESFORCE_ACCESS_TOKEN")


@pytest.mark.parametrize("target", ["sandbox", "production"])
def test_a_load_elsewhere_must_name_its_exports(fault_home: Home, target: str) -> None:
    ended = fault_home.run("rehearse", KARTRA_SF_TARGET=target)
    refused(ended, "exports", "--exports", "KARTRA_SF_EXPORTS")


def test_production_is_refused_before_anything_is_written(
    fault_home: Home, account: Path, any_map: Path
) -> None:
    address = fault_home.address
    env = sandbox(address.url, address.access_token, KARTRA_SF_MAP=str(any_map))
    env["KARTRA_SF_TARGET"] = "production"
    with nothing_written(fault_home):
        ended = fault_home.run("rehearse", "--exports", account, **env)
    refused(ended, "sandbox run", "KARTRA_SF_TARGET")


def test_a_sandbox_without_a_map_is_refused_before_anything_is_written(
    fault_home: Home, account: Path
) -> None:
    address = fault_home.address
    with nothing_written(fault_home):
        ended = fault_home.run(
            "rehearse", "--exports", account, **sandbox(address.url, address.access_token)
        )
    # The map's gate says no: a person has to sign first.
    refused(ended, "field_map_is_approved", "kartra-sf map approve --by", code=1)
