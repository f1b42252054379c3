"""The four ways to sign in, and how the environment spells them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kartra_sf_pipeline.errors import SettingsError

PREFIX = "SALESFORCE_"


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A session that somebody opened already; it cannot be renewed when it expires."""

    instance_url: str
    access_token: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be written anywhere."""
        return (self.access_token,)


@dataclass(frozen=True, slots=True)
class UsernamePassword:
    """SOAP login. `domain` is `login`, `test` or a My Domain name without `.salesforce.com`."""

    username: str
    password: str = field(repr=False)
    security_token: str = field(default="", repr=False)
    domain: str = "login"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be written anywhere."""
        return (self.password, self.security_token)


@dataclass(frozen=True, slots=True)
class JwtKey:
    """OAuth JWT bearer: a connected app with a certificate; no password is stored anywhere.

    Exactly one of `private_key_file` and `private_key` (PEM text) is needed.
    """

    username: str
    consumer_key: str = field(repr=False)
    private_key_file: str | None = None
    private_key: str | None = field(default=None, repr=False)
    domain: str = "login"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be written anywhere."""
        return (self.consumer_key, self.private_key or "")


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """OAuth client credentials; works on a My Domain only, never on `login` or `test`."""

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    domain: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be written anywhere."""
        return (self.consumer_key, self.consumer_secret)


Credentials = AccessToken | UsernamePassword | JwtKey | ClientCredentials

# In order of preference where several are complete: the narrower grant wins.
_LOGINS: dict[str, tuple[str, ...]] = {
    "access token": ("INSTANCE_URL", "ACCESS_TOKEN"),
    "JWT key": ("USERNAME", "CONSUMER_KEY", "PRIVATE_KEY_FILE"),
    "client credentials": ("DOMAIN", "CONSUMER_KEY", "CONSUMER_SECRET"),
    "username and password": ("USERNAME", "PASSWORD", "SECURITY_TOKEN"),
}
_DISTINCTIVE = {
    "access token": {"ACCESS_TOKEN", "INSTANCE_URL"},
    "JWT key": {"PRIVATE_KEY_FILE"},
    "client credentials": {"CONSUMER_SECRET"},
    "username and password": {"PASSWORD", "SECURITY_TOKEN"},
}


def from_environment(env: Mapping[str, str], target: str) -> Credentials:
    """Credentials for `target` (`sandbox` or `production`) from `SALESFORCE_*` variables.

    The domain defaults to `test` for a sandbox and to `login` otherwise. An empty security token
    is allowed when the variable is set (trusted networks need none).
    Raises SettingsError naming which variables would complete which login.
    """
    given = {
        key.removeprefix(PREFIX): value.strip()
        for key, value in env.items()
        if key.startswith(PREFIX) and (value.strip() or key == f"{PREFIX}SECURITY_TOKEN")
    }
    complete = [name for name, needs in _LOGINS.items() if all(n in given for n in needs)]
    if not complete:
        raise SettingsError(
            f"No complete Salesforce login for the target '{target}' in the environment.",
            next_step=_what_is_missing(given),
        )
    domain = _domain(given.get("DOMAIN", ""), target)
    login = complete[0]
    if login == "access token":
        return AccessToken(_instance_url(given["INSTANCE_URL"]), given["ACCESS_TOKEN"])
    if login == "JWT key":
        key_file = Path(given["PRIVATE_KEY_FILE"]).expanduser()
        if not key_file.is_file():
            raise SettingsError(
                f"SALESFORCE_PRIVATE_KEY_FILE names {key_file}, which is not a file.",
                next_step="Give the path of the PEM private key of the connected app.",
            )
        return JwtKey(
            username=given["USERNAME"],
            consumer_key=given["CONSUMER_KEY"],
            private_key_file=str(key_file),
            domain=domain,
        )
    if login == "client credentials":
        if domain in {"login", "test"}:
            raise SettingsError(
                f"Client credentials cannot sign in at '{domain}.salesforce.com'.",
                next_step="Set SALESFORCE_DOMAIN to the org's My Domain name, "
                "for example acme or acme--uat.sandbox.my.",
            )
        return ClientCredentials(given["CONSUMER_KEY"], given["CONSUMER_SECRET"], domain)
    return UsernamePassword(
        given["USERNAME"], given["PASSWORD"], given.get("SECURITY_TOKEN", ""), domain
    )


def _what_is_missing(given: Mapping[str, str]) -> str:
    """One clause per login, those that were begun first: what it lacks."""
    begun = [name for name in _LOGINS if _DISTINCTIVE[name] & given.keys()]
    order = begun + [name for name in _LOGINS if name not in begun]
    clauses: list[str] = []
    for name in order:
        lacking = [PREFIX + need for need in _LOGINS[name] if need not in given]
        clauses.append(f"{name}: set {', '.join(lacking)}")
    return "Complete one of these logins. " + "; ".join(clauses) + "."


def _domain(value: str, target: str) -> str:
    """`acme.my`, `https://acme.my.salesforce.com/` and `ACME.MY` all mean `acme.my`."""
    name = value.lower().removeprefix("https://").rstrip("/").removesuffix(".salesforce.com")
    return name or ("test" if target == "sandbox" else "login")


def _instance_url(value: str) -> str:
    """The URL with a scheme and no path; a bare host name is taken as https."""
    url = value if "://" in value else f"https://{value}"
    scheme, _, rest = url.partition("://")
    return f"{scheme.lower()}://{rest.partition('/')[0]}"
