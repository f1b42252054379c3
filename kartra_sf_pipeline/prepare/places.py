"""Countries and states, under one name each."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, cast

import polars as pl
import pycountry

from kartra_sf_pipeline.prepare.nulls import clean, tidy
from kartra_sf_pipeline.prepare.text import words

# Names that people write and ISO 3166 does not list.
_COUNTRY_ALIASES: Final = {
    "usa": "US", "u s a": "US", "us of a": "US", "america": "US", "estados unidos": "US",
    "etats unis": "US", "united states america": "US", "the united states": "US",
    "the united states of america": "US",
    "uk": "GB", "england": "GB", "scotland": "GB", "wales": "GB", "northern ireland": "GB",
    "great britain": "GB", "britain": "GB", "united kingdom of great britain": "GB",
    "holland": "NL", "the netherlands": "NL", "nederland": "NL", "deutschland": "DE",
    "espana": "ES", "italia": "IT", "brasil": "BR", "osterreich": "AT", "schweiz": "CH",
    "suisse": "CH", "belgie": "BE", "belgique": "BE", "sverige": "SE", "norge": "NO",
    "danmark": "DK", "suomi": "FI", "polska": "PL", "mexique": "MX", "czech republic": "CZ",
    "ivory coast": "CI", "cote divoire": "CI", "cape verde": "CV", "swaziland": "SZ",
    "macedonia": "MK", "burma": "MM", "east timor": "TL", "russia": "RU", "turkey": "TR",
    "turkiye": "TR", "uae": "AE", "emirates": "AE", "brunei": "BN", "vatican": "VA",
    "vatican city": "VA", "palestine": "PS", "palestinian territory": "PS",
    "micronesia": "FM", "falkland islands": "FK", "democratic republic of the congo": "CD",
    "democratic republic of congo": "CD", "congo kinshasa": "CD", "dr congo": "CD",
    "republic of the congo": "CG", "congo brazzaville": "CG", "korea": "KR",
    "republic of korea": "KR", "korea south": "KR", "korea north": "KP", "hong kong sar": "HK",
    "hong kong sar china": "HK", "macau": "MO", "macao sar china": "MO", "taiwan roc": "TW",
    "saint martin": "MF", "sint maarten": "SX", "saint helena": "SH", "cocos islands": "CC",
    "us virgin islands": "VI", "virgin islands us": "VI", "british virgin islands": "VG",
    "curacao": "CW", "reunion": "RE", "aland islands": "AX", "kosovo": "XK", "laos": "LA",
    "the bahamas": "BS", "the gambia": "GM", "republic of ireland": "IE", "eire": "IE",
    "peoples republic of china": "CN", "mainland china": "CN", "new zealand aotearoa": "NZ",
    "trinidad tobago": "TT", "bosnia": "BA", "bosnia herzegovina": "BA", "st lucia": "LC",
    "st kitts and nevis": "KN", "st vincent and the grenadines": "VC", "antigua": "AG",
}  # fmt: skip

# English short names where ISO's own reads as a catalogue entry or as a long form.
_SHORT_NAMES: Final = {
    "CD": "Democratic Republic of the Congo", "CG": "Congo", "FM": "Micronesia",
    "FK": "Falkland Islands", "PS": "Palestine", "VA": "Vatican City", "TR": "Turkey",
    "VG": "British Virgin Islands", "VI": "U.S. Virgin Islands", "LA": "Laos", "RU": "Russia",
    "SX": "Sint Maarten", "MF": "Saint Martin", "CC": "Cocos Islands", "XK": "Kosovo",
    "BN": "Brunei", "SY": "Syria", "CZ": "Czechia",
}  # fmt: skip

# Where people write a state by its code or by its name. Elsewhere the text stays as it is.
_STATE_COUNTRIES: Final = ("US", "CA", "AU", "BR", "MX", "IN")


@cache
def country_table() -> pl.DataFrame:
    """Every accepted spelling: `spelling` (as `words` makes it), `iso2`, `country` (short name)."""
    rows: list[tuple[str, str]] = []
    names: dict[str, str] = {"XK": _SHORT_NAMES["XK"]}
    for entry in cast("list[Any]", list(pycountry.countries)):
        code: str = entry.alpha_2
        common = getattr(entry, "common_name", None)
        official = getattr(entry, "official_name", None)
        names[code] = _SHORT_NAMES.get(code) or common or entry.name
        rows += [
            (spelling, code)
            for spelling in (entry.name, common, official, code, entry.alpha_3)
            if spelling
        ]
    # What people write counts more than what a catalogue calls something else.
    rows = [
        *_COUNTRY_ALIASES.items(),
        *rows,
        *((name, code) for code, name in _SHORT_NAMES.items()),
    ]
    table = pl.DataFrame(rows, schema=["spelling", "iso2"], orient="row")
    return (
        table.with_columns(words(pl.col("spelling")))
        .unique("spelling", keep="first", maintain_order=True)
        .with_columns(country=pl.col("iso2").replace_strict(names))
    )


@cache
def state_table() -> pl.DataFrame:
    """Every accepted spelling of a state: `iso2`, `spelling`, `state` (English name)."""
    rows = [
        (code, spelling, entry.name)
        for code in _STATE_COUNTRIES
        for entry in cast("list[Any]", pycountry.subdivisions.get(country_code=code))
        for spelling in (entry.name, entry.code.removeprefix(f"{code}-"))
    ]
    rows += [("US", "washington dc", "District of Columbia"), ("US", "d c", "District of Columbia")]
    table = pl.DataFrame(rows, schema=["iso2", "spelling", "state"], orient="row")
    return table.with_columns(words(pl.col("spelling"))).unique(
        ["iso2", "spelling"], keep="first", maintain_order=True
    )


def prepare_places(raw: pl.DataFrame) -> pl.DataFrame:
    """From `country` and `state` to `country` (English short name), `country_iso2`, `state`.

    Text that is no known name stays as it was written, with a null code: nothing is guessed. A
    state is looked up within its country alone. Rows keep their order.
    """
    asked = raw.select(
        tidy(clean(pl.col("country"))).alias("_country"),
        tidy(clean(pl.col("state"))).alias("_state"),
    ).with_columns(
        words(pl.col("_country")).alias("_country_words"),
        words(pl.col("_state")).alias("_state_words"),
    )
    with_country = asked.join(
        country_table(),
        left_on="_country_words",
        right_on="spelling",
        how="left",
        maintain_order="left",
    )
    with_state = with_country.join(
        state_table(),
        left_on=["iso2", "_state_words"],
        right_on=["iso2", "spelling"],
        how="left",
        maintain_order="left",
    )
    return with_state.select(
        pl.coalesce("country", "_country").alias("country"),
        pl.col("iso2").alias("country_iso2"),
        pl.coalesce("state", "_state").alias("state"),
    )
