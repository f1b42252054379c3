"""The JWT bearer flow: an assertion that a connected app's key has signed is worth a token."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
# An assertion is for use at once: the platform takes none that lives longer.
_LONGEST_SECONDS = 600


class AssertionRefused(Exception):
    """Why an assertion is worth nothing: OAuth error code and description."""

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        self.description = description
        super().__init__(description)


def check(assertion: str, folder: Path, user: str, hosts: Sequence[str]) -> None:
    """Refuse an assertion that no certificate in `folder` vouches for, or that is not for `user`.

    `hosts` are further audiences beside Salesforce's own sign-in hosts. Raises AssertionRefused.
    """
    claims = _claims(assertion, folder)
    if not claims.get("iss"):
        raise AssertionRefused("invalid_client_id", "client identifier invalid")
    audience = claims.get("aud")
    allowed = {*_AUDIENCES, *hosts}
    named = audience if isinstance(audience, list) else [audience]
    if not any(isinstance(a, str) and a.rstrip("/") in allowed for a in named):
        raise AssertionRefused("invalid_grant", "audience is invalid")
    expires = claims.get("exp")
    if isinstance(expires, str) and expires.isascii() and expires.isdigit():
        # Some clients send the seconds as text, and are understood.
        expires = int(expires)
    if not isinstance(expires, int | float) or isinstance(expires, bool):
        raise AssertionRefused("invalid_grant", "invalid assertion")
    left = expires - time.time()
    if left <= 0:
        raise AssertionRefused("invalid_grant", "expired authorization code")
    if left > _LONGEST_SECONDS:
        raise AssertionRefused("invalid_grant", "invalid assertion")
    if str(claims.get("sub") or claims.get("prn") or "").casefold() != user.casefold():
        raise AssertionRefused("invalid_grant", "user hasn't approved this consumer")


def _claims(assertion: str, folder: Path) -> dict[str, object]:
    for key in _keys(folder):
        try:
            return jwt.decode(
                assertion,
                key,
                algorithms=["RS256"],
                options={
                    "verify_exp": False,
                    "verify_aud": False,
                    "verify_iat": False,
                    "verify_sub": False,
                    "verify_nbf": False,
                    "verify_iss": False,
                },
            )
        except jwt.PyJWTError:
            continue
    raise AssertionRefused("invalid_grant", "invalid assertion")


def _keys(folder: Path) -> list[RSAPublicKey]:
    found: list[RSAPublicKey] = []
    for path in sorted(folder.glob("*.crt")):
        try:
            key = x509.load_pem_x509_certificate(path.read_bytes()).public_key()
        except (OSError, ValueError):
            continue
        if isinstance(key, RSAPublicKey):
            found.append(key)
    return found
