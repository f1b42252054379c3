from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx
import pytest

from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.localorg.rest_calls import Rest


@pytest.fixture
def org(empty_org: LocalOrg) -> Iterator[LocalOrg]:
    """An org that the test may give features; they are gone afterwards."""
    yield empty_org
    empty_org.admin("POST", "reset?features=none")


@pytest.fixture
def money(org: LocalOrg) -> Rest:
    """An org whose currencies are the dollar, its own, and the euro."""
    org.admin("POST", "features?on=multi-currency")
    rest = Rest(org)
    rest.create("CurrencyType", IsoCode="EUR", ConversionRate=0.9, IsActive=True)
    return rest


@pytest.fixture
def places(org: LocalOrg) -> Rest:
    org.admin("POST", "features?on=state-and-country-picklists")
    return Rest(org)


def deal(**fields: object) -> dict[str, object]:
    return {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-01-01", **fields}


def test_features_are_off_until_switched_on_and_outlast_a_reset(org: LocalOrg) -> None:
    rest = Rest(org)
    rest.create("Account", Name="Old")
    assert org.admin("GET", "features")["on"] == []
    assert rest.field("Account", "CurrencyIsoCode") is None
    refused = httpx.post(
        f"{org.url}/__admin/features?on=time-travel",
        headers={"Authorization": f"Bearer {org.access_token}"},
    )
    assert refused.status_code == 400
    assert "multi-currency" in refused.text
    told = org.admin("POST", "features?on=multi-currency&currency=GBP")
    assert told["on"] == ["multi-currency"]
    assert rest.query("SELECT CurrencyIsoCode FROM Account") == [{"CurrencyIsoCode": "GBP"}]
    org.admin("POST", "reset")
    assert rest.query("SELECT IsoCode, IsCorporate FROM CurrencyType") == [
        {"IsoCode": "GBP", "IsCorporate": True}
    ]


def test_records_have_an_active_currency_the_corporate_one_by_default(money: Rest) -> None:
    described = money.field("Opportunity", "CurrencyIsoCode")
    assert described is not None
    values = [(v["value"], v["defaultValue"]) for v in described["picklistValues"]]
    assert values == [("EUR", False), ("USD", True)]
    plain = money.create("Opportunity", **deal())
    assert money.read("Opportunity", plain)["CurrencyIsoCode"] == "USD"
    euros = money.create("Opportunity", **deal(CurrencyIsoCode="EUR"))
    assert money.read("Opportunity", euros)["CurrencyIsoCode"] == "EUR"
    code, message = money.refused("Opportunity", **deal(CurrencyIsoCode="CHF"))
    assert code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert message.endswith("bad value for restricted picklist field: CHF")
    assert money.refused("CurrencyType", IsoCode="EUR", ConversionRate=1)[0] == "DUPLICATE_VALUE"
    (corporate,) = money.query("SELECT Id FROM CurrencyType WHERE IsCorporate = true")
    assert (
        money.update_refused("CurrencyType", corporate["Id"], IsActive=False)[0]
        == "FIELD_INTEGRITY_EXCEPTION"
    )
    (euro,) = money.query("SELECT Id FROM CurrencyType WHERE IsoCode = 'EUR'")
    money.update("CurrencyType", euro["Id"], IsActive=False)
    assert money.refused("Account", Name="A", CurrencyIsoCode="EUR")[0] == (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    )


def test_each_currency_has_prices_of_its_own_and_lines_keep_to_them(money: Rest) -> None:
    (book,) = money.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true")
    product = money.create("Product2", Name="Course", IsActive=True)
    price = {
        "Pricebook2Id": book["Id"],
        "Product2Id": product,
        "UnitPrice": 97,
        "IsActive": True,
    }
    dollars = money.create("PricebookEntry", **price)
    euros = money.create("PricebookEntry", **price, CurrencyIsoCode="EUR")
    assert money.refused("PricebookEntry", **price, CurrencyIsoCode="EUR")[0] == "DUPLICATE_VALUE"
    own = money.create("Pricebook2", Name="Own", IsActive=True)
    money.create("CurrencyType", IsoCode="GBP", ConversionRate=0.8, IsActive=True)
    pounds = {**price, "Pricebook2Id": own, "CurrencyIsoCode": "GBP"}
    assert money.refused("PricebookEntry", **pounds)[0] == "STANDARD_PRICE_NOT_DEFINED"
    opportunity = money.create("Opportunity", **deal(CurrencyIsoCode="EUR"))
    line = {"OpportunityId": opportunity, "Quantity": 2, "UnitPrice": 90}
    assert money.refused("OpportunityLineItem", **line, PricebookEntryId=dollars) == (
        "FIELD_INTEGRITY_EXCEPTION",
        "field integrity exception: PricebookEntryId (pricebook entry currency code should match "
        "opportunity currency code)",
    )
    found = money.create("OpportunityLineItem", **line, Product2Id=product)
    read = money.read("OpportunityLineItem", found)
    assert (read["PricebookEntryId"], read["CurrencyIsoCode"]) == (euros, "EUR")
    refused = money.update_refused("Opportunity", opportunity, CurrencyIsoCode="USD")
    assert refused[0] == "FIELD_INTEGRITY_EXCEPTION"
    assert (
        money.refused("OpportunityLineItem", **line, PricebookEntryId=euros, CurrencyIsoCode="EUR")[
            0
        ]
        == "INVALID_FIELD_FOR_INSERT_UPDATE"
    )


def test_names_and_codes_of_places_go_together(places: Rest) -> None:
    contact = places.create(
        "Contact", LastName="Lee", MailingCountry="united states", MailingState="california"
    )
    read = places.read("Contact", contact)
    names = ("MailingCountry", "MailingCountryCode", "MailingState", "MailingStateCode")
    assert [read[n] for n in names] == ["United States", "US", "California", "CA"]
    places.update("Contact", contact, MailingStateCode="NY")
    assert places.read("Contact", contact)["MailingState"] == "New York"
    account = places.create(
        "Account", Name="Acme", BillingCountryCode="DE", ShippingCountry="Italy"
    )
    read = places.read("Account", account)
    assert (read["BillingCountry"], read["ShippingCountryCode"]) == ("Germany", "IT")
    places.update("Contact", contact, MailingState=None, MailingCountry=None)
    read = places.read("Contact", contact)
    assert [read[n] for n in names] == [None] * 4


def test_a_describe_says_which_states_are_of_which_country(places: Rest) -> None:
    states = places.field("Contact", "MailingStateCode")
    countries = places.field("Contact", "MailingCountryCode")
    assert states is not None
    assert countries is not None
    assert states["controllerName"] == "MailingCountryCode"
    assert countries["controllerName"] is None
    found = set()
    for value in states["picklistValues"]:
        bits = base64.b64decode(value["validFor"])
        for place, country in enumerate(countries["picklistValues"]):
            if place // 8 < len(bits) and bits[place // 8] & (128 >> place % 8):
                found.add((country["value"], value["value"]))
    assert {("US", "CA"), ("CA", "ON"), ("IT", "AG"), ("MX", "AG")} <= found
    assert ("US", "ON") not in found


def test_places_outside_the_lists_are_refused(places: Rest) -> None:
    wrong = (
        "There's a problem with this {0}, even though it may appear correct. Please select a {1} "
        "from the list of valid {2}.: {3}"
    )
    person = {"LastName": "Lee", "Company": "Acme"}
    for kind, fields, message in (
        (
            "Contact",
            {"MailingCountry": "USA"},
            wrong.format("country", "country/territory", "countries", "Mailing Country"),
        ),
        (
            "Contact",
            {"MailingCountry": "Germany", "MailingState": "Bavaria"},
            wrong.format("state", "state", "states", "Mailing State/Province"),
        ),
        (
            "Lead",
            {"State": "California"},
            "A country/territory must be specified before specifying a state value for field: "
            "State/Province",
        ),
        (
            "Lead",
            {"CountryCode": "XX"},
            "The CountryCode field contains XX, which isn't an available country/territory.",
        ),
    ):
        given = person if kind == "Lead" else {"LastName": "Lee"}
        assert places.refused(kind, **given, **fields) == ("FIELD_INTEGRITY_EXCEPTION", message)
    lead = places.create("Lead", **person, Country="United States", State="Texas")
    assert places.update_refused("Lead", lead, Country="Canada")[1] == wrong.format(
        "state", "state", "states", "State/Province"
    )
    assert places.update_refused("Lead", lead, Country=None)[1].startswith("A country/territory")
    places.update("Lead", lead, Country="Canada", State="Ontario")
    assert places.read("Lead", lead)["StateCode"] == "ON"


def test_without_the_feature_any_text_is_a_country(org: LocalOrg) -> None:
    rest = Rest(org)
    contact = rest.create("Contact", LastName="Lee", MailingCountry="USA", MailingState="Nowhere")
    assert rest.read("Contact", contact)["MailingCountry"] == "USA"


def test_a_person_account_is_an_account_and_a_contact_in_one(org: LocalOrg) -> None:
    org.admin("POST", "features?on=person-accounts")
    rest = Rest(org)
    (kind,) = rest.query("SELECT Id, DeveloperName FROM RecordType WHERE IsPersonType = true")
    person = {"FirstName": "Ann", "LastName": "Lee", "PersonEmail": "ann@example.com"}
    account = rest.create("Account", RecordTypeId=kind["Id"], **person, PersonMailingCity="Bonn")
    read = rest.read("Account", account)
    assert (read["Name"], read["IsPersonAccount"]) == ("Ann Lee", True)
    contact = rest.read("Contact", read["PersonContactId"])
    shown = ("Name", "Email", "MailingCity", "AccountId", "IsPersonAccount")
    assert [contact[n] for n in shown] == ["Ann Lee", "ann@example.com", "Bonn", account, True]
    rest.update("Account", account, LastName="Ray", PersonEmail="ray@example.com")
    contact = rest.read("Contact", read["PersonContactId"])
    assert (contact["Name"], contact["Email"]) == ("Ann Ray", "ray@example.com")
    assert rest.read("Account", account)["Name"] == "Ann Ray"
    other = rest.create("Account", LastName="Solo")
    assert rest.read("Account", other)["RecordTypeId"] == kind["Id"]
    refused = "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert (
        rest.refused("Account", RecordTypeId=kind["Id"], Name="Ann", LastName="Lee")[0] == refused
    )
    assert rest.refused("Account", Name="Acme", PersonEmail="a@example.com")[0] == refused
    assert rest.refused("Account", RecordTypeId=kind["Id"], FirstName="Ann") == (
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [LastName]",
    )
    assert rest.refused("Contact", LastName="Kid", AccountId=account)[0] == (
        "FIELD_INTEGRITY_EXCEPTION"
    )
    business = rest.create("Account", Name="Acme")
    assert rest.read("Account", business)["IsPersonAccount"] is False
    rest.create("Contact", LastName="Kid", AccountId=business)
    rest.delete("Account", account)
    assert rest.query("SELECT LastName FROM Contact ORDER BY LastName") == [
        {"LastName": "Kid"},
        {"LastName": "Solo"},
    ]
