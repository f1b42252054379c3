from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed

from kartra_sf_pipeline.localorg.certificates import server_certificates
from kartra_sf_pipeline_tests.conftest import LocalOrg

USER = "admin@local.example"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def test_the_org_listens_on_tls_for_those_who_trust_its_certificate(local_org: LocalOrg) -> None:
    address = local_org.address
    assert address.tls_url.startswith("https://127.0.0.1:")
    trust = ssl.create_default_context(cafile=address.ca_file)
    headers = {"Authorization": f"Bearer {address.access_token}"}
    with httpx.Client(base_url=address.tls_url, headers=headers, verify=trust) as client:
        assert client.get("/services/data/v62.0/limits").status_code == 200
        told = client.get("/services/data/v62.0").json()["identity"]
        assert told.startswith(address.tls_url)
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address.tls_url}/services/data")


def test_simple_salesforce_works_unpatched_over_tls(empty_org: LocalOrg) -> None:
    session = requests.Session()
    session.verify = empty_org.address.ca_file
    # A proxy or certificate bundle of the environment is no part of the test.
    session.trust_env = False
    client: Any = Salesforce(
        instance_url=empty_org.address.tls_url,
        session_id=empty_org.access_token,
        session=session,
    )
    made = client.Account.create({"Name": "A"})
    assert client.query("SELECT Id FROM Account")["records"][0]["Id"] == made["id"]


def test_the_keys_are_for_the_owner_alone(local_org: LocalOrg) -> None:
    folder = local_org.home / "org"
    keys = [folder / "tls" / "server.key", folder / "connected-app" / "client.key"]
    assert [k.stat().st_mode & 0o777 for k in keys] == [0o600, 0o600]


def test_certificates_are_kept_while_they_are_good_and_renewed_when_not(tmp_path: Path) -> None:
    first = server_certificates(tmp_path)
    before = first.chain_file.read_bytes()
    assert server_certificates(tmp_path).chain_file.read_bytes() == before
    first.key_file.write_bytes(b"broken")
    assert server_certificates(tmp_path).chain_file.read_bytes() != before


class _SignInHere(HTTPAdapter):
    """The client signs in at Salesforce's own host, wherever its org is."""

    def __init__(self, org: LocalOrg) -> None:
        self.org = org
        super().__init__()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        assert request.url is not None
        request.url = request.url.replace("https://test.salesforce.com", self.org.url, 1)
        return super().send(request, *args, **kwargs)


def sign_in(org: LocalOrg, **more: Any) -> Any:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://test.salesforce.com", _SignInHere(org))
    return Salesforce(domain="test", session=session, version="62.0", **more)


def test_simple_salesforce_signs_in_by_soap(local_org: LocalOrg) -> None:
    client = sign_in(local_org, username=USER, password=local_org.access_token, security_token="")
    assert client.session_id == local_org.access_token
    assert f"https://{client.sf_instance}" == local_org.url.replace("http:", "https:")


def test_simple_salesforce_signs_in_by_an_assertion(local_org: LocalOrg) -> None:
    key = local_org.home / "org" / "connected-app" / "client.key"
    client = sign_in(local_org, username=USER, consumer_key="app", privatekey_file=str(key))
    assert client.session_id == local_org.access_token


def test_a_wrong_password_is_a_login_fault(local_org: LocalOrg) -> None:
    with pytest.raises(SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        sign_in(local_org, username=USER, password="wrong", security_token="")
    envelope = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        '<login xmlns="urn:partner.soap.sforce.com"><username>a</username></login>'
        "</e:Body></e:Envelope>"
    )
    reply = httpx.post(f"{local_org.url}/services/Soap/u/62.0", content=envelope)
    assert reply.status_code == 500
    fault = ElementTree.fromstring(reply.content)[0][0]
    assert [c.tag for c in fault] == ["faultcode", "faultstring", "detail"]
    space = "{urn:fault.partner.soap.sforce.com}"
    assert fault.findtext(f"detail/{space}LoginFault/{space}exceptionCode") == "INVALID_LOGIN"


def exchange(org: LocalOrg, key: Any, **claims: Any) -> tuple[int, dict[str, Any]]:
    body = {"iss": "app", "sub": USER, "aud": "https://login.salesforce.com"}
    body = {**body, "exp": int(time.time()) + 120, **claims}
    assertion = jwt.encode({k: v for k, v in body.items() if v is not None}, key, "RS256")
    form = {"grant_type": GRANT, "assertion": assertion}
    reply = httpx.post(f"{org.url}/services/oauth2/token", data=form)
    return reply.status_code, reply.json()


def test_a_signed_assertion_is_worth_a_token(local_org: LocalOrg) -> None:
    key = (local_org.home / "org" / "connected-app" / "client.key").read_text()
    status, body = exchange(local_org, key)
    assert status == 200
    assert list(body) == ["access_token", "scope", "instance_url", "id", "token_type"]
    assert body["access_token"] == local_org.access_token
    assert exchange(local_org, key, aud=local_org.url)[0] == 200


@pytest.mark.parametrize(
    ("claims", "code", "description"),
    [
        ({"iss": None}, "invalid_client_id", "client identifier invalid"),
        ({"aud": "https://other.example"}, "invalid_grant", "audience is invalid"),
        ({"exp": 1_000}, "invalid_grant", "expired authorization code"),
        ({"exp": "soon"}, "invalid_grant", "invalid assertion"),
        ({"exp": None}, "invalid_grant", "invalid assertion"),
        ({"exp": 99_999_999_999}, "invalid_grant", "invalid assertion"),
        ({"sub": "other@local.example"}, "invalid_grant", "user hasn't approved this consumer"),
    ],
)
def test_an_assertion_that_says_the_wrong_thing_is_refused(
    local_org: LocalOrg, claims: dict[str, Any], code: str, description: str
) -> None:
    key = (local_org.home / "org" / "connected-app" / "client.key").read_text()
    body = {"error": code, "error_description": description}
    assert exchange(local_org, key, **claims) == (400, body)


def test_an_assertion_of_a_stranger_is_refused(local_org: LocalOrg) -> None:
    stranger = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    refused = {"error": "invalid_grant", "error_description": "invalid assertion"}
    assert exchange(local_org, stranger) == (400, refused)
    for assertion in ("", "x", "a.b.c"):
        form = {"grant_type": GRANT, "assertion": assertion}
        reply = httpx.post(f"{local_org.url}/services/oauth2/token", data=form)
        assert (reply.status_code, reply.json()) == (400, refused)
