from __future__ import annotations

from pathlib import Path

import pytest

from kartra_sf_pipeline.errors import SettingsError
from kartra_sf_pipeline.salesforce.credentials import (
    AccessToken,
    ClientCredentials,
    JwtKey,
    UsernamePassword,
    from_environment,
)

URL = "https://acme.my.salesforce.com"


def env(**values: str) -> dict[str, str]:
    return {f"SALESFORCE_{name}": value for name, value in values.items()}


def test_an_instance_url_and_a_token_are_an_access_token_login() -> None:
    found = from_environment(
        env(INSTANCE_URL=URL + "/lightning/page", ACCESS_TOKEN="00D!x"), "sandbox"
    )
    assert found == AccessToken(URL, "00D!x")


def test_a_bare_host_is_taken_as_https() -> None:
    found = from_environment(
        env(INSTANCE_URL="acme.my.salesforce.com", ACCESS_TOKEN="t"), "sandbox"
    )
    assert isinstance(found, AccessToken)
    assert found.instance_url == URL


@pytest.mark.parametrize(("target", "domain"), [("sandbox", "test"), ("production", "login")])
def test_the_login_domain_follows_the_target(target: str, domain: str) -> None:
    found = from_environment(env(USERNAME="u@x", PASSWORD="p", SECURITY_TOKEN="s"), target)
    assert found == UsernamePassword("u@x", "p", "s", domain)


def test_a_named_domain_wins_and_may_be_written_as_an_address() -> None:
    values = env(
        USERNAME="u@x",
        PASSWORD="p",
        SECURITY_TOKEN="",
        DOMAIN="https://Acme--UAT.sandbox.my.salesforce.com/",
    )
    found = from_environment(values, "sandbox")
    assert found == UsernamePassword("u@x", "p", "", "acme--uat.sandbox.my")


def test_a_key_file_is_a_jwt_login(tmp_path: Path) -> None:
    key = tmp_path / "server.key"
    key.write_text("pem")
    values = env(USERNAME="u@x", CONSUMER_KEY="3MVG", PRIVATE_KEY_FILE=str(key))
    assert from_environment(values, "production") == JwtKey("u@x", "3MVG", str(key), None, "login")


def test_a_key_file_that_is_not_there_is_named() -> None:
    values = env(USERNAME="u@x", CONSUMER_KEY="3MVG", PRIVATE_KEY_FILE="/nowhere/server.key")
    with pytest.raises(SettingsError, match=r"PRIVATE_KEY_FILE names /nowhere/server\.key"):
        from_environment(values, "production")


def test_client_credentials_need_a_my_domain() -> None:
    values = env(CONSUMER_KEY="3MVG", CONSUMER_SECRET="s", DOMAIN="acme.my")
    assert from_environment(values, "production") == ClientCredentials("3MVG", "s", "acme.my")
    with pytest.raises(SettingsError, match="My Domain"):
        from_environment({**values, "SALESFORCE_DOMAIN": "login"}, "production")


def test_the_narrower_grant_wins_when_several_are_complete() -> None:
    values = env(INSTANCE_URL=URL, ACCESS_TOKEN="t", USERNAME="u", PASSWORD="p", SECURITY_TOKEN="s")
    assert isinstance(from_environment(values, "sandbox"), AccessToken)


@pytest.mark.parametrize(
    ("values", "first", "lacking"),
    [
        ({}, "access token", "SALESFORCE_INSTANCE_URL, SALESFORCE_ACCESS_TOKEN"),
        ({"ACCESS_TOKEN": "t"}, "access token", "set SALESFORCE_INSTANCE_URL;"),
        ({"PASSWORD": "p"}, "username and password", "SALESFORCE_USERNAME, SALESFORCE_SECURITY"),
        ({"PRIVATE_KEY_FILE": "k"}, "JWT key", "SALESFORCE_USERNAME, SALESFORCE_CONSUMER_KEY"),
        ({"CONSUMER_SECRET": "s"}, "client credentials", "SALESFORCE_DOMAIN, SALESFORCE_CONSUMER"),
        ({"ACCESS_TOKEN": "  "}, "access token", "SALESFORCE_ACCESS_TOKEN"),
    ],
)
def test_what_is_missing_is_named_and_the_begun_login_comes_first(
    values: dict[str, str], first: str, lacking: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment(env(**values), "sandbox")
    step = caught.value.next_step
    assert step.startswith(f"Complete one of these logins. {first}: set ")
    assert lacking in step
    for name in ("access token", "JWT key", "client credentials", "username and password"):
        assert f"{name}: " in step


def test_no_secret_is_in_a_repr_or_an_error() -> None:
    secret = "s3cr3t-value"
    shown = [
        repr(AccessToken(URL, secret)),
        repr(UsernamePassword("u", secret, secret)),
        repr(JwtKey("u", secret, None, secret)),
        repr(ClientCredentials(secret, secret, "acme")),
    ]
    with pytest.raises(SettingsError) as caught:
        from_environment(env(PASSWORD=secret, CONSUMER_SECRET=secret), "sandbox")
    assert not any(secret in text for text in [*shown, str(caught.value)])
