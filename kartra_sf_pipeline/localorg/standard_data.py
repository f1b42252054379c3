"""The described objects of a new org as plain data, put together from the files in `data/`."""

from __future__ import annotations

import base64
import json
from functools import lru_cache
from importlib.resources import files
from typing import Any


def read(name: str) -> Any:
    """The content of one file in `data/`."""
    source = files("kartra_sf_pipeline.localorg") / "data" / name
    return json.loads(source.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def standard() -> dict[str, Any]:
    """Stages, value sets and objects of every org, whatever its features.

    `setup_schema.json` is what setup itself is made of: permissions, processes, and what grants
    them; `further_schema.json` has further objects, and attributes that no recorded description
    tells.
    """
    data = read("standard_schema.json")
    setup, further = read("setup_schema.json"), read("further_schema.json")
    data["value_sets"] |= further["value_sets"]
    for raw in data["objects"]:
        known = {f["name"] for f in raw["fields"]}
        more = setup["more_fields"].get(raw["name"], ())
        raw["fields"] += [f for f in more if f["name"] not in known]
        changed = further["changed_fields"].get(raw["name"], {})
        for described in raw["fields"]:
            described |= changed.get(described["name"], {})
        if raw["name"] in further["linked_files"]:
            links = ["ContentDocumentLink", "LinkedEntityId"]
            raw["children"] = [c for c in raw["children"] if c[:2] != links]
            raw["children"].append([*links, "ContentDocumentLinks", True, False])
    data["objects"] += [*setup["objects"], *further["objects"]]
    return data


@lru_cache(maxsize=1)
def features() -> dict[str, Any]:
    """By feature: `objects` and `more_fields` that it adds, and standard objects that it `owns`."""
    return read("further_schema.json")["features"]


@lru_cache(maxsize=1)
def countries() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Code and name of each country, with code and name of the states that are listed for it."""
    return [
        (code, name, [(state, label) for state, label in states])
        for code, name, states in read("countries.json")
    ]


@lru_cache(maxsize=1)
def states_valid_for() -> list[str]:
    """For each state, in the order of the lists: the countries that have it, as a describe says so.

    One bit per country, the first one the highest of the first byte, in base64.
    """
    found = []
    for place, (_, _, states) in enumerate(countries()):
        bits = bytearray((place // 8 // 3 + 1) * 3)
        bits[place // 8] = 128 >> place % 8
        found += [base64.b64encode(bits).decode()] * len(states)
    return found
