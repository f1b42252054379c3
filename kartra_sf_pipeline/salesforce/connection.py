"""Opens an org: signs in, checks that the session is good, and returns the `Org`."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from urllib.parse import urlsplit

import requests
from jwt.exceptions import PyJWTError
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from kartra_sf_pipeline.errors import OrgError, OrgUnavailable, SettingsError
from kartra_sf_pipeline.salesforce import answers
from kartra_sf_pipeline.salesforce.credentials import (
    AccessToken,
    ClientCredentials,
    Credentials,
    JwtKey,
    UsernamePassword,
)
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline.salesforce.session import TimeoutSession, new_session

DEFAULT_API_VERSION = "62.0"
_LOGIN_PAUSES = (0.5, 2.0)
_LOGIN_STEP = (
    "Check the user name, password, security token or key, that the user is not locked, and that "
    "the login domain is right (SALESFORCE_DOMAIN: login, test or your My Domain)."
)


def connect(
    credentials: Credentials,
    *,
    api_version: str = DEFAULT_API_VERSION,
    timeout_seconds: float = 60,
) -> Org:
    """Sign in and verify the session with one cheap call.

    Plain http works for loopback alone. Raises SettingsError for credentials that cannot work
    anywhere, OrgUnavailable when no org answers, OrgError when it refuses.
    """
    version = api_version.removeprefix("v")
    if isinstance(credentials, AccessToken):
        session = new_session(credentials.instance_url, timeout_seconds)
        url = credentials.instance_url.rstrip("/")
        client = Salesforce(
            instance_url=url, session_id=credentials.access_token, version=version, session=session
        )
        org = Org(client, session, url, version, sign_in=None)
    else:
        session = new_session(None, timeout_seconds)
        sign_in = _sign_in(credentials, session, version)
        token, host = sign_in()
        url = f"https://{host}"
        client = Salesforce(instance_url=url, session_id=token, version=version, session=session)
        org = Org(client, session, url, version, sign_in=lambda: sign_in()[0])
    org.verify()
    return org


def _sign_in(
    credentials: UsernamePassword | JwtKey | ClientCredentials,
    session: TimeoutSession,
    version: str,
) -> Callable[[], tuple[str, str]]:
    """A call that returns a new (token, instance host); an expired session calls it again."""
    arguments: dict[str, str | None]
    match credentials:
        case UsernamePassword():
            arguments = {
                "username": credentials.username,
                "password": credentials.password,
                "security_token": credentials.security_token,
            }
        case JwtKey():
            if (credentials.private_key_file is None) == (credentials.private_key is None):
                raise SettingsError(
                    "A JWT login needs exactly one private key.",
                    next_step="Give either the key's file or its text.",
                )
            arguments = {
                "username": credentials.username,
                "consumer_key": credentials.consumer_key,
                "privatekey_file": credentials.private_key_file,
                "privatekey": credentials.private_key,
            }
        case ClientCredentials():
            arguments = {
                "consumer_key": credentials.consumer_key,
                "consumer_secret": credentials.consumer_secret,
            }
    host = f"{credentials.domain}.salesforce.com"
    action = "Signing in"

    def once() -> tuple[str, str]:
        try:
            # The library warns with the consumer key in the text; our own message replaces it.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                token, instance = SalesforceLogin(
                    session=session,
                    sf_version=version,
                    domain=credentials.domain,
                    **arguments,  # pyright: ignore[reportArgumentType]
                )
        except SalesforceAuthenticationFailed as refused:
            said = _without_secrets(str(refused), credentials.secrets)
            raise OrgError(
                f"{action}: {host} refused: {said}. {_LOGIN_STEP}",
                code=str(refused.code or "INVALID_LOGIN"),
                status=401,
            ) from None
        except requests.RequestException as error:
            raise answers.no_answer(error, action=action, host=host) from None
        except (PyJWTError, ValueError, TypeError, AttributeError) as error:
            # All of these come out of signing with what is not an RSA private key.
            raise SettingsError(
                f"The private key cannot be used: {type(error).__name__}.",
                next_step="It must be an RSA private key in PEM form, without a passphrase.",
            ) from None
        return token, urlsplit(f"https://{instance}").netloc

    def patiently() -> tuple[str, str]:
        for pause in _LOGIN_PAUSES:
            try:
                return once()
            except OrgUnavailable:
                time.sleep(pause)
        return once()

    return patiently


def _without_secrets(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text[:500]
