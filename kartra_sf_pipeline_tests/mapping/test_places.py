"""Codes of states and countries come from the org's own lists."""

from __future__ import annotations

import json

import polars as pl

from kartra_sf_pipeline.mapping.rows.places import picks_places, with_place_codes
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

COUNTRIES = [
    {"value": "US", "label": "United States", "active": True},
    {"value": "AT", "label": "Austria", "active": False},
    {"value": "IT", "label": "Italy", "active": True},
]
# One bit per country, the first one the highest: 0x80 is the United States, 0x20 Italy.
STATES = [
    {"value": "CA", "label": "California", "active": True, "validFor": "gAAA"},
    {"value": "CA", "label": "Cagliari", "active": True, "validFor": "IAAA"},
    {"value": "FC", "label": "Forlì-Cesena", "active": True, "validFor": "IAAA"},
]
CONTACT = ObjectDescribe.from_json(
    {
        "name": "Contact",
        "fields": [
            {"name": "MailingStateCode", "type": "picklist", "createable": True,
             "controllerName": "MailingCountryCode", "picklistValues": STATES},
            {"name": "MailingCountryCode", "type": "picklist", "createable": True,
             "picklistValues": COUNTRIES},
        ],
    }
)  # fmt: skip


def coded(country: str | None, iso: str | None, state: str | None) -> tuple[str | None, ...]:
    rows = pl.DataFrame(
        {"country": [country], "country_iso2": [iso], "state": [state]},
        schema=dict.fromkeys(("country", "country_iso2", "state"), pl.String),
    )
    [row] = with_place_codes(rows, CONTACT).rows(named=True)
    return row["country_code"], row["state_code"], row["place_held"]


def test_a_state_gets_the_code_that_its_country_offers() -> None:
    assert coded("United States", "US", "California") == ("US", "CA", None)
    assert coded("Italy", "IT", "cagliari") == ("IT", "CA", None)
    assert coded("Italy", "IT", "Forli-Cesena") == ("IT", "FC", None)
    assert coded("ITALY", None, "ca") == ("IT", "CA", None)


def test_what_the_lists_lack_is_kept_as_text_and_never_coded() -> None:
    assert coded("United States", "US", "Kent") == ("US", None, "Kent")
    assert coded("Austria", "AT", "Tirol") == (None, None, "Tirol, Austria")
    assert coded(None, None, "California") == (None, None, "California")
    assert coded(None, None, None) == (None, None, None)


def test_an_org_without_the_lists_gets_no_codes() -> None:
    bare = ObjectDescribe.from_json({"name": "Contact", "fields": []})
    assert picks_places(CONTACT)
    assert not picks_places(bare)
    rows = pl.DataFrame({"country": ["Italy"], "state": ["Cagliari"]})
    assert with_place_codes(rows, bare)["country_code"].to_list() == [None]


def test_which_state_goes_with_which_country_survives_the_snapshot() -> None:
    stored = json.loads(json.dumps(CONTACT.to_dict()))
    assert ObjectDescribe.from_dict(stored) == CONTACT
