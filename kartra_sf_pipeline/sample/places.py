"""Where the sample's people live: countries, towns, and how their phone numbers are made."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Locale:
    """One country (or half of one) and its share of the account.

    `names` is the Faker locale of its names. `dial` and `trunk` are the country code and the digit
    dialled before a national number; `prefixes` begin a mobile number and `tail` digits end it.
    `places` are "city|state|postal prefix|area code"; `zip_tail` says how a postal code goes on: a
    number of digits, or a country with a form of its own. `mail` are the country's own mail
    providers. `consent_law` holds where an e-mail needs consent.
    """

    code: str
    names: str
    share: float
    country: str
    zone: str
    dial: str
    trunk: str
    prefixes: list[str]
    tail: int
    zip_tail: str
    places: list[str]
    mail: list[str]
    consent_law: bool = False
    legal_form: str = "Ltd"
    street: str = "{number} {name} {kind}"


def _read() -> tuple[Locale, ...]:
    text = Path(__file__).with_name("locales.toml").read_text("utf-8")
    return tuple(Locale(code, **facts) for code, facts in tomllib.loads(text).items())


LOCALES: tuple[Locale, ...] = _read()

# How people and spreadsheets write a country that Kartra would have written in full.
COUNTRY_SPELLINGS: dict[str, tuple[str, ...]] = {
    "United States": ("USA", "US", "United States of America"),
    "United Kingdom": ("UK", "GB", "Great Britain"),
    "Netherlands": ("The Netherlands",),
    "Germany": ("Deutschland",),
    "South Korea": ("Korea, Republic of",),
    "Vietnam": ("Viet Nam",),
    "Turkey": ("Türkiye",),
}
