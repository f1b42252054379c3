from __future__ import annotations

import logging
import socket
import time
from pathlib import Path

import pytest

from kartra_sf_pipeline.errors import OrgError, OrgUnavailable, SettingsError
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline_tests.salesforce.wire import (
    ORG_ID,
    USER_ID,
    Reply,
    Seen,
    as_json,
    refused,
    root,
    serve,
)

TOKEN = "00D000000000001EAA!SECRETTOKEN"


def test_connecting_takes_one_call_and_learns_who_is_signed_in() -> None:
    with serve(lambda _: root()) as wire:
        org = connect(AccessToken(wire.url, TOKEN))
        assert (org.org_id, org.user_id) == (ORG_ID, USER_ID)
        assert wire.paths() == ["GET /services/data/v62.0/"]
        assert wire.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_the_client_object_speaks_plain_http_on_loopback_too() -> None:
    def script(seen: Seen) -> Reply:
        return (
            as_json({"totalSize": 0, "done": True, "records": []})
            if "query" in seen.path
            else root()
        )

    with serve(script) as wire:
        org = connect(AccessToken(wire.url, TOKEN))
        assert org.client.query("SELECT Id FROM Account")["totalSize"] == 0
        assert wire.seen[-1].path.startswith("/services/data/v62.0/query/")


def test_a_proxy_from_the_environment_is_not_asked_for_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serve(lambda _: root()) as wire:
        assert connect(AccessToken(wire.url, TOKEN)).org_id == ORG_ID


def test_a_netrc_entry_does_not_replace_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password pw\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serve(lambda _: root()) as wire:
        connect(AccessToken(wire.url, TOKEN))
        assert wire.seen[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("reply", "code", "says"),
    [
        (
            refused(401, "INVALID_SESSION_ID", "Session expired or invalid"),
            "INVALID_SESSION_ID",
            "sign in again",
        ),
        (Reply(401, b""), "INVALID_SESSION_ID", "renew the access token"),
        (
            refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
            "REQUEST_LIMIT_EXCEEDED",
            "24-hour",
        ),
        (
            refused(403, "API_DISABLED_FOR_ORG", "API is not enabled"),
            "API_DISABLED_FOR_ORG",
            "administrator",
        ),
        (refused(403, "", ""), "", "permission sets"),
        (
            refused(404, "NOT_FOUND", "The requested resource does not exist"),
            "NOT_FOUND",
            "API version",
        ),
        (
            as_json({"error": "invalid_grant", "error_description": "expired"}, 400),
            "invalid_grant",
            "expired",
        ),
    ],
)
def test_a_refusal_says_what_was_tried_who_said_no_and_what_to_do(
    reply: Reply, code: str, says: str
) -> None:
    with serve(lambda _: reply) as wire:
        with pytest.raises(OrgError) as caught:
            connect(AccessToken(wire.url, TOKEN))
        text = str(caught.value)
        assert text.startswith(
            f"Connecting to the org: 127.0.0.1:{wire.port} answered {reply.status}"
        )
        assert says in text
        assert TOKEN not in text
        assert (caught.value.code, caught.value.status) == (code, reply.status)
        assert not caught.value.retryable


def test_a_web_page_is_told_apart_from_an_answer() -> None:
    page = Reply(200, b"<html>Log in</html>", "text/html")
    with serve(lambda _: page) as wire, pytest.raises(OrgError, match="not JSON"):
        connect(AccessToken(wire.url, TOKEN))
    gone = Reply(503, b"<html>maintenance</html>", "text/html")
    with serve(lambda _: gone) as wire, pytest.raises(OrgUnavailable, match="a web page instead"):
        connect(AccessToken(wire.url, TOKEN))


def test_a_port_where_nothing_listens_is_a_refused_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(
        OrgUnavailable, match=f"127.0.0.1:{port} cannot be reached: the connection was refused"
    ):
        connect(AccessToken(f"http://127.0.0.1:{port}", TOKEN))


def test_a_host_that_does_not_exist_is_a_dns_failure() -> None:
    with pytest.raises(OrgUnavailable, match="not known to DNS"):
        connect(AccessToken("https://no-such-org.invalid", TOKEN))


def test_silence_ends_in_a_timeout() -> None:
    def script(_: Seen) -> Reply:
        time.sleep(1)
        return root()

    with serve(script) as wire, pytest.raises(OrgUnavailable, match="did not answer in time"):
        connect(AccessToken(wire.url, TOKEN), timeout_seconds=0.2)


@pytest.mark.parametrize(
    "url", ["http://acme.my.salesforce.com", "acme.my.salesforce.com", "ftp://x"]
)
def test_an_instance_url_that_could_leak_or_is_none_is_a_setting_to_mend(url: str) -> None:
    with pytest.raises(SettingsError, match="https"):
        connect(AccessToken(url, TOKEN))


def test_reads_are_repeated_after_a_lost_answer_and_writes_are_not() -> None:
    lost = iter([True, True, False])

    def script(seen: Seen) -> Reply:
        if seen.path.endswith("/limits") and next(lost):
            return Reply(503) if len(wire.seen) % 2 else Reply(drop=True)
        if seen.method == "POST":
            return Reply(drop=True)
        if seen.path.endswith("/limits"):
            return as_json({"DailyApiRequests": {"Max": 10, "Remaining": 3}})
        return root()

    with serve(script) as wire:
        org = connect(AccessToken(wire.url, TOKEN))
        assert org.limits() == {"DailyApiRequests": (10, 3)}
        assert wire.paths().count("GET /services/data/v62.0/limits") == 3
        with pytest.raises(OrgUnavailable, match="the connection broke"):
            org.create("Account", {"Name": "x"})
        assert wire.paths().count("POST /services/data/v62.0/sobjects/Account") == 1


def test_the_days_api_calls_are_noted() -> None:
    reply = root()
    reply.headers["Sforce-Limit-Info"] = "per-app-api-usage=17/250(appName=x), api-usage=18/15000"
    with serve(lambda _: reply) as wire:
        assert connect(AccessToken(wire.url, TOKEN)).api_usage == (18, 15000)


def test_logs_hold_neither_token_nor_query(caplog: pytest.LogCaptureFixture) -> None:
    def script(seen: Seen) -> Reply:
        return refused(400, "MALFORMED_QUERY", "no") if "query" in seen.path else root()

    with caplog.at_level(logging.DEBUG, "kartra_sf_pipeline"), serve(script) as wire:
        org = connect(AccessToken(wire.url, TOKEN))
        with pytest.raises(OrgError):
            org.query("SELECT Id FROM Contact WHERE Email = 'ann@example.org'")
    assert "GET query -> 400" in caplog.text
    assert TOKEN not in caplog.text
    assert "ann@" not in caplog.text
    assert TOKEN not in repr(org)
