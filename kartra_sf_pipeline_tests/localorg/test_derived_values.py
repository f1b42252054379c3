from __future__ import annotations

from pathlib import Path

import pytest

from kartra_sf_pipeline_tests.localorg.engine import KEY, KEYED, Engine, key_field


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(tmp_path_factory.mktemp("derived") / "org")


@pytest.fixture
def engine(shared: Engine) -> Engine:
    shared.store.reset()
    for name in KEYED:
        shared.add_field(name, key_field())
    return shared


def standard_book(engine: Engine) -> str:
    return engine.one("SELECT Id FROM Pricebook2 WHERE IsStandard = 1")


def product(engine: Engine, key: str = "p1", price: str = "97") -> str:
    """A product with a standard price; returns the price book entry's id."""
    engine.upsert("Product2", {KEY: key, "Name": f"Course {key}", "IsActive": "true"})
    (entry,) = engine.insert(
        "PricebookEntry",
        {
            "Pricebook2Id": standard_book(engine),
            f"Product2.{KEY}": key,
            "UnitPrice": price,
            "IsActive": "true",
        },
    )
    return entry["id"]


def opportunity(engine: Engine, key: str = "o1", **cells: str) -> str:
    (outcome,) = engine.upsert(
        "Opportunity",
        {
            KEY: key,
            "Name": "Deal",
            "StageName": "Closed Won",
            "CloseDate": "2026-02-03",
            "Amount": "10",
            **cells,
        },
    )
    assert outcome["code"] is None, outcome
    return outcome["id"]


def test_a_persons_name_is_put_together_and_follows_changes(engine: Engine) -> None:
    engine.upsert(
        "Contact",
        {KEY: "1", "FirstName": "Ann", "MiddleName": "B.", "LastName": "Lee", "Suffix": "Jr."},
        {KEY: "2", "LastName": "Solo"},
    )
    assert engine.store.query("SELECT Name FROM Contact ORDER BY Id") == [
        ("Ann B. Lee Jr.",),
        ("Solo",),
    ]
    engine.upsert("Contact", {KEY: "1", "LastName": "Ray", "Suffix": "#N/A"})
    assert engine.one(f"SELECT Name FROM Contact WHERE {KEY} = '1'") == "Ann B. Ray"


def test_the_stage_decides_and_an_unknown_stage_is_open(engine: Engine) -> None:
    opportunity(engine, "won")
    opportunity(engine, "odd", StageName="My own stage")
    rows = engine.store.query(
        "SELECT StageName, IsClosed, IsWon, Probability, ForecastCategoryName, ExpectedRevenue, "
        "Fiscal FROM Opportunity ORDER BY Id"
    )
    assert rows == [
        ("Closed Won", 1, 1, 100.0, "Closed", 10.0, "2026 1"),
        ("My own stage", 0, 0, 0.0, "Pipeline", 0.0, "2026 1"),
    ]


def test_lines_own_the_amount(engine: Engine) -> None:
    entry = product(engine)
    deal = opportunity(engine)
    (line,) = engine.upsert(
        "OpportunityLineItem",
        {
            KEY: "l1",
            f"Opportunity.{KEY}": "o1",
            "PricebookEntryId": entry,
            "Quantity": "2",
            "UnitPrice": "97.5",
        },
    )
    assert line["code"] is None, line
    assert engine.one(
        "SELECT Amount, HasOpportunityLineItem, ExpectedRevenue, Pricebook2Id FROM Opportunity"
    ) == (195.0, 1, 195.0, standard_book(engine))
    assert engine.one(
        "SELECT TotalPrice, ListPrice, Name, Product2Id IS NOT NULL FROM OpportunityLineItem"
    ) == (195.0, 97.0, "Deal Course p1", 1)
    (ignored,) = engine.update("Opportunity", {"Id": deal, "Amount": "1"})
    assert ignored["code"] is None
    assert engine.one("SELECT Amount FROM Opportunity") == 195.0
    engine.update("OpportunityLineItem", {"Id": line["id"], "Quantity": "3"})
    assert engine.one("SELECT Amount FROM Opportunity") == 292.5
    engine.remove("OpportunityLineItem", line["id"])
    assert engine.one("SELECT HasOpportunityLineItem FROM Opportunity") == 0


def test_a_line_needs_an_active_entry_of_the_deals_book_one_price_and_a_quantity(
    engine: Engine,
) -> None:
    entry = product(engine)
    (book,) = engine.insert("Pricebook2", {"Name": "Other", "IsActive": "true"})
    opportunity(engine)
    opportunity(engine, "o2", Pricebook2Id=book["id"])

    def line(**cells: str) -> str:
        (outcome,) = engine.insert(
            "OpportunityLineItem",
            {
                f"Opportunity.{KEY}": "o1",
                "PricebookEntryId": entry,
                "Quantity": "1",
                "UnitPrice": "5",
                **cells,
            },
        )
        return outcome["message"]

    assert "different pricebook" in line(**{f"Opportunity.{KEY}": "o2"})
    assert "both UnitPrice and TotalPrice" in line(TotalPrice="5")
    assert "nonzero" in line(Quantity="0")
    engine.update("PricebookEntry", {"Id": entry, "IsActive": "false"})
    assert "inactive" in line()


def test_a_standard_price_comes_first_and_once(engine: Engine) -> None:
    engine.upsert("Product2", {KEY: "p9", "Name": "X"})
    (book,) = engine.insert("Pricebook2", {"Name": "Other", "IsActive": "true"})
    cells = {f"Product2.{KEY}": "p9", "UnitPrice": "1", "Pricebook2Id": book["id"]}
    (early,) = engine.insert("PricebookEntry", cells)
    assert (early["code"], early["message"]) == (
        "STANDARD_PRICE_NOT_DEFINED",
        "No standard price defined for this product",
    )
    standard = {**cells, "Pricebook2Id": standard_book(engine)}
    first, second = engine.insert("PricebookEntry", standard, standard)
    assert first["code"] is None
    assert second["code"] == "DUPLICATE_VALUE"
    (late,) = engine.insert("PricebookEntry", cells)
    assert late["code"] is None


def test_a_campaign_is_born_with_two_statuses_and_counts_its_members(engine: Engine) -> None:
    engine.upsert("Campaign", {KEY: "c1", "Name": "List"})
    assert engine.store.query(
        "SELECT Label, IsDefault, HasResponded FROM CampaignMemberStatus ORDER BY SortOrder"
    ) == [("Sent", 1, 0), ("Responded", 0, 1)]
    engine.upsert("Contact", *({KEY: str(i), "LastName": f"N{i}"} for i in range(3)))
    outcomes = engine.insert(
        "CampaignMember",
        {f"Campaign.{KEY}": "c1", f"Contact.{KEY}": "0", "Status": "responded"},
        {f"Campaign.{KEY}": "c1", f"Contact.{KEY}": "1", "Status": "Never heard of"},
        {f"Campaign.{KEY}": "c1", f"Contact.{KEY}": "2", "Status": None},
        {f"Campaign.{KEY}": "c1", f"Contact.{KEY}": None, "Status": None},
    )
    assert [o["code"] for o in outcomes] == [None, None, None, "REQUIRED_FIELD_MISSING"]
    assert engine.store.query(
        "SELECT Status, HasResponded, LastName FROM CampaignMember ORDER BY Id"
    ) == [("Responded", 1, "N0"), ("Sent", 0, "N1"), ("Sent", 0, "N2")]
    assert engine.one("SELECT NumberOfContacts, NumberOfResponses FROM Campaign") == (3, 1)
    (again,) = engine.insert(
        "CampaignMember", {f"Campaign.{KEY}": "c1", f"Contact.{KEY}": "0", "Status": None}
    )
    assert (again["code"], again["message"]) == ("DUPLICATE_VALUE", "Already a campaign member.")
    engine.upsert("Contact", {KEY: "1", "LastName": "Renamed"})
    assert (
        engine.one(
            "SELECT count(*) FROM CampaignMember WHERE Name = 'Renamed' AND LastName = 'Renamed'"
        )
        == 1
    )
    engine.remove("CampaignMember", outcomes[0]["id"])
    assert engine.one("SELECT NumberOfContacts, NumberOfResponses FROM Campaign") == (2, 0)


def test_a_new_default_status_takes_over(engine: Engine) -> None:
    engine.upsert("Campaign", {KEY: "c1", "Name": "List"})
    engine.insert(
        "CampaignMemberStatus",
        {f"Campaign.{KEY}": "c1", "Label": "Subscribed", "IsDefault": "true"},
    )
    engine.upsert("Contact", {KEY: "1", "LastName": "A"})
    engine.insert("CampaignMember", {f"Campaign.{KEY}": "c1", f"Contact.{KEY}": "1"})
    assert engine.one("SELECT Status FROM CampaignMember") == "Subscribed"
    assert engine.one("SELECT count(*) FROM CampaignMemberStatus WHERE IsDefault = 1") == 1


def test_a_member_cannot_move_to_another_campaign(engine: Engine) -> None:
    engine.upsert("Campaign", {KEY: "c1", "Name": "A"}, {KEY: "c2", "Name": "B"})
    engine.upsert("Contact", {KEY: "1", "LastName": "A"})
    (member,) = engine.insert("CampaignMember", {f"Campaign.{KEY}": "c1", f"Contact.{KEY}": "1"})
    (moved,) = engine.update("CampaignMember", {"Id": member["id"], f"Campaign.{KEY}": "c2"})
    assert moved["code"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"StartDateTime": "2026-01-02T10:00:00Z", "DurationInMinutes": "30"}, None),
        ({"StartDateTime": "2026-01-02T10:00:00Z", "EndDateTime": "2026-01-02T10:30:00Z"}, None),
        ({"IsAllDayEvent": "true", "ActivityDate": "2026-01-02"}, None),
        ({"StartDateTime": "2026-01-02T10:00:00Z"}, "REQUIRED_FIELD_MISSING"),
        ({"DurationInMinutes": "30"}, "REQUIRED_FIELD_MISSING"),
        (
            {"StartDateTime": "2026-01-02T10:00:00Z", "EndDateTime": "2026-01-02T09:00:00Z"},
            "FIELD_INTEGRITY_EXCEPTION",
        ),
        (
            {"StartDateTime": "2026-01-02T10:00:00Z", "EndDateTime": "2026-02-02T09:00:00Z"},
            "FIELD_INTEGRITY_EXCEPTION",
        ),
    ],
)
def test_an_event_needs_a_start_and_an_end(
    engine: Engine, cells: dict[str, str | None], code: str | None
) -> None:
    (outcome,) = engine.insert("Event", {"Subject": "Call", **cells})
    assert outcome["code"] == code
    if code is None:
        row = engine.one("SELECT ActivityDate, EndDateTime > StartDateTime FROM Event")
        assert row == ("2026-01-02", 1)


def test_a_moved_event_keeps_its_length(engine: Engine) -> None:
    (event,) = engine.insert(
        "Event", {"StartDateTime": "2026-01-02T10:00:00Z", "DurationInMinutes": "45"}
    )
    engine.update("Event", {"Id": event["id"], "StartDateTime": "2026-01-03T08:00:00Z"})
    assert engine.one("SELECT EndDateTime, ActivityDate FROM Event") == (
        "2026-01-03T08:45:00.000+0000",
        "2026-01-03",
    )


def test_an_activity_finds_person_and_account(engine: Engine) -> None:
    engine.upsert("Account", {KEY: "a1", "Name": "Acme"})
    engine.upsert("Contact", {KEY: "1", "LastName": "A", f"Account.{KEY}": "a1"})
    (event,) = engine.insert(
        "Event",
        {
            f"Contact:Who.{KEY}": "1",
            "StartDateTime": "2026-01-02T10:00:00Z",
            "DurationInMinutes": "5",
        },
    )
    assert event["code"] is None
    assert engine.one("SELECT AccountId = (SELECT Id FROM Account) FROM Event") == 1
    engine.insert("Task", {f"Contact:Who.{KEY}": "1", "Subject": "Call", "Status": "Completed"})
    assert engine.one("SELECT IsClosed, Priority FROM Task") == (1, "Normal")


def test_deleting_an_account_takes_its_people_and_deals_along(engine: Engine) -> None:
    (account,) = engine.upsert("Account", {KEY: "a1", "Name": "Acme"})
    engine.upsert("Contact", {KEY: "1", "LastName": "A", f"Account.{KEY}": "a1"})
    engine.upsert("Campaign", {KEY: "c1", "Name": "L"})
    engine.insert("CampaignMember", {f"Campaign.{KEY}": "c1", f"Contact.{KEY}": "1"})
    opportunity(engine, **{f"Account.{KEY}": "a1"})
    (gone,) = engine.remove("Account", account["id"])
    assert gone["code"] is None
    for name in ("Account", "Contact", "Opportunity", "CampaignMember"):
        assert engine.one(f"SELECT count(*) FROM {name} WHERE IsDeleted = 0") == 0, name
    assert engine.one("SELECT NumberOfContacts FROM Campaign") == 0
    again, absent, malformed = engine.remove("Account", account["id"], "001Lo00000zzzzz", "x")
    assert [o["code"] for o in (again, absent, malformed)] == [
        "ENTITY_IS_DELETED",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
    ]
    (back,) = engine.upsert("Account", {KEY: "a1", "Name": "Acme again"})
    assert back["created"]


def test_deleting_a_campaign_leaves_the_deal_without_one(engine: Engine) -> None:
    (campaign,) = engine.upsert("Campaign", {KEY: "c1", "Name": "L"})
    opportunity(engine, **{f"Campaign.{KEY}": "c1"})
    assert engine.one("SELECT NumberOfOpportunities, AmountAllOpportunities FROM Campaign") == (
        1,
        10.0,
    )
    engine.remove("Campaign", campaign["id"])
    assert engine.one("SELECT CampaignId, IsDeleted FROM Opportunity") == (None, 0)


def test_a_product_on_a_line_cannot_be_deleted(engine: Engine) -> None:
    entry = product(engine)
    opportunity(engine)
    engine.insert(
        "OpportunityLineItem",
        {
            f"Opportunity.{KEY}": "o1",
            "PricebookEntryId": entry,
            "Quantity": "1",
            "UnitPrice": "1",
        },
    )
    product_id = engine.one("SELECT Id FROM Product2")
    (held,) = engine.remove("Product2", product_id)
    assert held["code"] == "DELETE_FAILED"
    (book,) = engine.remove("Pricebook2", standard_book(engine))
    assert book["code"] == "DELETE_FAILED"


def test_a_hard_delete_leaves_nothing(engine: Engine) -> None:
    (contact,) = engine.upsert("Contact", {KEY: "1", "LastName": "A"})
    engine.remove("Contact", contact["id"], hard=True)
    assert engine.one("SELECT count(*) FROM Contact") == 0


def test_a_group_refuses_contacts(engine: Engine, tmp_path: Path) -> None:
    (contact,) = engine.upsert("Contact", {KEY: "1", "LastName": "A"})
    (group,) = engine.insert("Group", {"Name": "G", "DeveloperName": "G", "Type": "Regular"})
    assert group["code"] is None, group
    bad, good = engine.insert(
        "GroupMember",
        {"GroupId": group["id"], "UserOrGroupId": contact["id"]},
        {"GroupId": group["id"], "UserOrGroupId": engine.store.user_id},
    )
    assert bad["code"] == "MALFORMED_ID"
    assert good["code"] is None
