"""Pools of people's names, read from Faker's locale lists once for a whole account."""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Callable
from functools import cache

import polars as pl

from kartra_sf_pipeline.sample.draw import Shelf
from kartra_sf_pipeline.sample.places import LOCALES
from kartra_sf_pipeline.sample.words import words

# What a first name becomes when a person signs up a second time.
_NICKNAMES = """
    Alexander=Alex Alexandra=Alex Andrew=Andy Anthony=Tony Barbara=Barb Benjamin=Ben
    Catherine=Cathy Charles=Charlie Christina=Tina Christine=Chris Christopher=Chris
    Cynthia=Cindy Daniel=Dan David=Dave Deborah=Debbie Donald=Don Dorothy=Dot Edward=Ted
    Elizabeth=Liz Frances=Fran Gregory=Greg James=Jim Jacqueline=Jackie Jeffrey=Jeff
    Jennifer=Jen Jessica=Jess John=Jack Jonathan=Jon Joseph=Joe Joshua=Josh Judith=Judy
    Katherine=Kate Kathleen=Kathy Kenneth=Ken Kimberly=Kim Lawrence=Larry Margaret=Peggy
    Matthew=Matt Michael=Mike Nicholas=Nick Pamela=Pam Patricia=Pat Patrick=Pat
    Rebecca=Becky Richard=Rick Robert=Bob Ronald=Ron Samantha=Sam Samuel=Sam Sandra=Sandy
    Stephanie=Steph Stephen=Steve Steven=Steve Susan=Sue Thomas=Tom Timothy=Tim
    Victoria=Vicky William=Bill Zachary=Zach
"""
NICKNAMES: dict[str, str] = {
    full: short for full, _, short in (pair.partition("=") for pair in words(_NICKNAMES))
}

# Particles by Faker locale: part of the family name, written small.
PARTICLES: dict[str, tuple[str, ...]] = {
    "nl_NL": ("van", "de", "van der", "van den"),
    "de_DE": ("von",),
    "fr_FR": ("de", "de la", "Le"),
    "fr_CA": ("St-",),
    "it_IT": ("Di", "De"),
    "pt_BR": ("da", "dos", "de"),
    "es_ES": ("de la", "del"),
    "en_IE": ("O'",),
    "en_US": ("Mc", "De La", "St. "),
    "ar_AA": ("بن",),
}


def ascii_letters(name: str) -> str:
    """The letters a to z that remain of a name once accents are taken off; "" for other scripts."""
    return re.sub(r"[^a-z]", "", unicodedata.normalize("NFKD", name).lower())


def _listed(provider: type, *attributes: str) -> list[str]:
    """The first of the attributes that holds a list worth using, most frequent names first."""
    for attribute in attributes:
        values = getattr(provider, attribute, None)
        # A stub such as Polish's ["Doe"], or a method of the same name, is none.
        if not isinstance(values, list | tuple | dict) or len(values) < 5:
            continue
        if isinstance(values, dict):
            frequency: dict[str, float] = values
            values = sorted(frequency, key=lambda name: (-frequency[name], name))
        # Names of several words would leave it open where the first name ends.
        return [name for name in dict.fromkeys(values) if re.fullmatch(r"[^\s,;.\"]+", name)]
    return []


class NamePools:
    """Given and family names by locale, each with its ASCII letters and its short form."""

    def __init__(self) -> None:
        given: list[list[str]] = []
        family: list[list[str]] = []
        particle: list[list[str]] = []
        for locale in LOCALES:
            module = importlib.import_module(f"faker.providers.person.{locale.names}")
            provider = module.Provider
            female = _listed(provider, "first_names_female")
            male = _listed(provider, "first_names_male")
            # Women and men in turn, so that a draw that favours the first names favours both.
            given.append([name for pair in zip(female, male, strict=False) for name in pair])
            family.append(
                _listed(provider, "last_names", "male_last_names", "last_romanized_names")[:1200]
            )
            particle.append(list(PARTICLES.get(locale.names, ("",))))
        self.given = Shelf(given)
        self.family = Shelf(family)
        self.particle = Shelf(particle)
        self.given_ascii = _map(self.given.series, ascii_letters)
        self.family_ascii = _map(self.family.series, ascii_letters)
        self.nickname = self.given.series.replace_strict(NICKNAMES, default=None)


def _map(series: pl.Series, function: Callable[[str], str]) -> pl.Series:
    """Apply a function to each value of a pool (some thousand values, once per process)."""
    return pl.Series([function(value) for value in series], dtype=pl.String)


@cache
def name_pools() -> NamePools:
    """The pools, built on first use and kept for the process."""
    return NamePools()
