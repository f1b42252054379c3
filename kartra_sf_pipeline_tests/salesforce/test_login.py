"""The logins that go to hard-wired hosts, over real TLS: a proxy on loopback plays those hosts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from kartra_sf_pipeline.errors import OrgError, OrgUnavailable, SettingsError
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import (
    AccessToken,
    ClientCredentials,
    Credentials,
    JwtKey,
    UsernamePassword,
)
from kartra_sf_pipeline_tests.salesforce.wire import (
    ORG_ID,
    Reply,
    Script,
    Seen,
    Wire,
    as_json,
    refused,
    root,
    serve,
)

INSTANCE = "acme.my.salesforce.com"
SOAP_OK = f"""<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope
xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><loginResponse><result>
<serverUrl>https://{INSTANCE}/services/Soap/u/62.0/00D</serverUrl><sessionId>TOKEN</sessionId>
</result></loginResponse></soapenv:Body></soapenv:Envelope>"""
SOAP_NO = """<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope
xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
xmlns:sf="urn:fault.partner.soap.sforce.com">
<soapenv:Body><soapenv:Fault><detail><sf:LoginFault>
<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>
<sf:exceptionMessage>Invalid username, password, security token</sf:exceptionMessage>
</sf:LoginFault></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"""


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def certificate(rsa_key: rsa.RSAPrivateKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for the hosts that are played, with its key, in one PEM file."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "played hosts")])
    hosts = [x509.DNSName("*.salesforce.com"), x509.DNSName(INSTANCE)]
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(rsa_key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(rsa_key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "played.pem"
    path.write_bytes(pem(rsa_key) + signed.public_bytes(serialization.Encoding.PEM))
    return path


def pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture
def played(certificate: Path, monkeypatch: pytest.MonkeyPatch):
    """Serve a script under any https host name, by way of the proxy settings of the environment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    @contextmanager
    def serving(script: Script) -> Iterator[Wire]:
        with serve(script, tls=context) as wire:
            for name in ("HTTPS_PROXY", "https_proxy"):
                monkeypatch.setenv(name, wire.url)
            for name in ("NO_PROXY", "no_proxy"):
                monkeypatch.delenv(name, raising=False)
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
            yield wire

    return serving


def token_reply(token: str = "TOKEN") -> Reply:
    return as_json({"access_token": token, "instance_url": f"https://{INSTANCE}"})


def test_username_and_password_sign_in_by_soap_at_the_domain(played) -> None:
    def script(seen: Seen) -> Reply:
        return Reply(200, SOAP_OK.encode(), "text/xml") if "/Soap/u/" in seen.path else root()

    with played(script) as wire:
        org = connect(UsernamePassword("ann@acme.test", "p&ss", "TOK", "test"))
        assert (org.org_id, org.instance_url) == (ORG_ID, f"https://{INSTANCE}")
        assert [seen.host for seen in wire.seen] == ["test.salesforce.com", INSTANCE]
        assert b"p&amp;ssTOK" in wire.seen[0].body
        assert wire.seen[1].headers["authorization"] == "Bearer TOKEN"


def test_a_jwt_is_signed_for_the_login_domain(
    played, rsa_key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    key_file = tmp_path / "server.key"
    key_file.write_bytes(pem(rsa_key))

    def script(seen: Seen) -> Reply:
        return token_reply() if "oauth2" in seen.path else root()

    with played(script) as wire:
        connect(JwtKey("ann@acme.test", "3MVG", str(key_file), domain="login"))
        connect(JwtKey("ann@acme.test", "3MVG", private_key=pem(rsa_key).decode(), domain="login"))
        for seen in (wire.seen[0], wire.seen[2]):
            assert seen.host == "login.salesforce.com"
            form = parse_qs(seen.body.decode())
            claims = jwt.decode(
                form["assertion"][0],
                rsa_key.public_key(),
                algorithms=["RS256"],
                audience="https://login.salesforce.com",
            )
            assert (claims["iss"], claims["sub"]) == ("3MVG", "ann@acme.test")


def test_client_credentials_go_to_the_my_domain(played) -> None:
    def script(seen: Seen) -> Reply:
        return token_reply() if "oauth2" in seen.path else root()

    with played(script) as wire:
        connect(ClientCredentials("3MVG", "secret", "acme.my"))
        assert wire.seen[0].host == INSTANCE
        assert wire.seen[0].body == b"grant_type=client_credentials"


def test_an_expired_session_is_renewed_and_the_request_repeated(played) -> None:
    tokens = iter(["OLD", "NEW"])

    def script(seen: Seen) -> Reply:
        if "oauth2" in seen.path:
            return token_reply(next(tokens))
        if seen.headers["authorization"] == "Bearer OLD" and seen.method == "POST":
            return refused(401, "INVALID_SESSION_ID", "Session expired or invalid")
        return as_json({"id": "001000000000001AAA"}) if seen.method == "POST" else root()

    with played(script):
        org = connect(ClientCredentials("3MVG", "secret", "acme.my"))
        assert org.create("Account", {"Name": "x"}) == "001000000000001AAA"
        assert org.session_id == "NEW"


def test_a_given_token_is_not_renewed() -> None:
    def script(seen: Seen) -> Reply:
        return refused(401, "INVALID_SESSION_ID", "expired") if "limits" in seen.path else root()

    with serve(script) as wire:
        org = connect(AccessToken(wire.url, "t"))
        with pytest.raises(OrgError, match="renew the access token"):
            org.limits()
        assert len(wire.seen) == 2


@pytest.mark.parametrize(
    ("credentials", "reply", "says"),
    [
        (
            UsernamePassword("ann@acme.test", "s3cr3t", "tok3n", "login"),
            Reply(500, SOAP_NO.encode(), "text/xml"),
            "Invalid username, password",
        ),
        (
            ClientCredentials("3MVGsecretkey", "s3cr3t", "acme.my"),
            as_json({"error": "invalid_client", "error_description": "bad s3cr3t"}, 400),
            "invalid_client",
        ),
        (
            ClientCredentials("3MVGsecretkey", "s3cr3t", "acme.my"),
            Reply(404, b"<html>no such domain</html>", "text/html"),
            "login domain",
        ),
    ],
)
def test_a_refused_login_says_why_without_any_secret(
    played, credentials: Credentials, reply: Reply, says: str
) -> None:
    with played(lambda _: reply):
        with pytest.raises(OrgError) as caught:
            connect(credentials)
        text = str(caught.value)
        assert says in text
        assert f"{credentials.domain}.salesforce.com refused" in text  # type: ignore[union-attr]
        assert not any(secret in text for secret in ("s3cr3t", "tok3n", "3MVGsecretkey"))
        assert not caught.value.retryable


def test_a_certificate_that_nobody_vouches_for_is_refused(
    played, monkeypatch: pytest.MonkeyPatch
) -> None:
    with played(lambda _: root()):
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(OrgUnavailable, match="TLS certificate was not accepted"):
            connect(AccessToken(f"https://{INSTANCE}", "t"))


def test_a_file_that_is_no_private_key_is_a_setting_to_mend(tmp_path: Path) -> None:
    key_file = tmp_path / "server.key"
    key_file.write_text("not a key")
    with pytest.raises(SettingsError, match="RSA private key in PEM form"):
        connect(JwtKey("ann@acme.test", "3MVG", str(key_file)))
    with pytest.raises(SettingsError, match="exactly one private key"):
        connect(JwtKey("ann@acme.test", "3MVG"))
