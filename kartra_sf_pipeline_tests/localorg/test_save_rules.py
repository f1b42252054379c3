from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.localorg.rules.header import HeaderError
from kartra_sf_pipeline.localorg.schema import Field, PicklistValue
from kartra_sf_pipeline_tests.localorg.engine import KEY, KEYED, Engine, key_field


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine(tmp_path_factory.mktemp("rules") / "org")


@pytest.fixture
def engine(shared: Engine) -> Engine:
    shared.store.reset()
    for name in KEYED:
        shared.add_field(name, key_field())
    return shared


def refused(outcome: dict[str, Any]) -> tuple[str, str, list[str]]:
    return outcome["code"], outcome["message"], list(outcome["fields"] or [])


def test_missing_required_fields_are_listed_together(engine: Engine) -> None:
    (outcome,) = engine.insert("Opportunity", {"Amount": "1"})
    assert refused(outcome) == (
        "REQUIRED_FIELD_MISSING",
        "Required fields are missing: [Name, StageName, CloseDate]",
        ["Name", "StageName", "CloseDate"],
    )
    assert outcome["id"] is None


def test_white_space_is_no_last_name(engine: Engine) -> None:
    (outcome,) = engine.insert("Contact", {"LastName": "   "})
    assert outcome["code"] == "REQUIRED_FIELD_MISSING"


def test_a_required_field_cannot_be_emptied(engine: Engine) -> None:
    engine.upsert("Contact", {KEY: "1", "LastName": "A"})
    (outcome,) = engine.upsert("Contact", {KEY: "1", "LastName": "#N/A"})
    assert outcome["code"] == "REQUIRED_FIELD_MISSING"
    assert outcome["id"] is not None


def test_an_empty_cell_leaves_a_field_alone_and_a_null_mark_empties_it(engine: Engine) -> None:
    engine.upsert(
        "Contact",
        {KEY: "1", "LastName": "A", "Title": "Boss", "Phone": "1"},
        {KEY: "2", "LastName": "B", "Title": "Boss", "Phone": "1"},
    )
    engine.upsert(
        "Contact",
        {KEY: "1", "Title": None, "Phone": "#N/A"},
        {KEY: "2", "Title": "#N/A", "Phone": "2"},
    )
    assert engine.store.query("SELECT Title, Phone FROM Contact ORDER BY Id") == [
        ("Boss", None),
        (None, "2"),
    ]


@pytest.mark.parametrize(
    ("cells", "code", "message", "field"),
    [
        (
            {"FirstName": "x" * 41},
            "STRING_TOO_LONG",
            f"First Name: data value too large: {'x' * 41} (max length=40)",
            "FirstName",
        ),
        ({"Email": "a@b"}, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: a@b", "Email"),
        (
            {"Birthdate": "31.12.1999"},
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "Birthdate: value not of required type: 31.12.1999",
            "Birthdate",
        ),
        (
            {"HasOptedOutOfEmail": "maybe"},
            "INVALID_TYPE_ON_FIELD_IN_RECORD",
            "Email Opt Out: value not of required type: maybe",
            "HasOptedOutOfEmail",
        ),
        (
            {"AccountId": "hello"},
            "MALFORMED_ID",
            "Account ID: id value of incorrect type: hello",
            "AccountId",
        ),
        (
            {"AccountId": "003Lo0000000001IAA"},
            "MALFORMED_ID",
            "Account ID: id value of incorrect type: 003Lo0000000001IAA",
            "AccountId",
        ),
    ],
)
def test_a_bad_value_is_refused_with_the_code_of_the_platform(
    engine: Engine, cells: dict[str, str], code: str, message: str, field: str
) -> None:
    (outcome,) = engine.insert("Contact", {"LastName": "A", **cells})
    assert refused(outcome) == (code, message, [field])


def test_an_id_that_is_not_there_and_one_that_was_deleted(engine: Engine) -> None:
    (account,) = engine.insert("Account", {"Name": "A"})
    engine.remove("Account", account["id"])
    gone, absent = engine.insert(
        "Contact",
        {"LastName": "A", "AccountId": account["id"]},
        {"LastName": "A", "AccountId": "001Lo00000zzzzz"},
    )
    assert refused(gone) == ("ENTITY_IS_DELETED", "entity is deleted", [])
    assert refused(absent) == ("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])


def test_ids_are_taken_in_both_lengths(engine: Engine) -> None:
    (account,) = engine.insert("Account", {"Name": "A"})
    engine.insert("Contact", {"LastName": "A", "AccountId": account["id"][:15]})
    assert engine.one("SELECT AccountId FROM Contact") == account["id"]


def test_parents_are_found_by_external_id_whatever_its_case(engine: Engine) -> None:
    engine.upsert("Account", {KEY: "domain:acme.com", "Name": "Acme"})
    good, bad, none = engine.upsert(
        "Contact",
        {KEY: "1", "LastName": "A", f"Account.{KEY}": "DOMAIN:Acme.com"},
        {KEY: "2", "LastName": "B", f"Account.{KEY}": "domain:other.com"},
        {KEY: "3", "LastName": "C", f"Account.{KEY}": None},
    )
    assert good["code"] is None
    assert none["code"] is None
    assert refused(bad) == (
        "INVALID_FIELD",
        f"Foreign key external ID: domain:other.com not found for field {KEY} in entity Account",
        [],
    )
    assert engine.one("SELECT count(*) FROM Contact WHERE AccountId IS NOT NULL") == 1


def test_headers_that_mean_nothing_name_the_first_bad_column(engine: Engine) -> None:
    for header, text in (
        ("Foo", "Field name not found : Foo"),
        (f"Nothing.{KEY}", "Unable to find relationship: Nothing"),
        (
            f"Account:Account.{KEY}",
            "type is not needed for non polymorphic foreign key references: Account",
        ),
        ("Account.Phone", "Field name not found : Account.Phone"),
    ):
        with pytest.raises(HeaderError, match="^" + text.replace("(", r"\(") + "$"):
            engine.insert("Contact", {"LastName": "A", header: "x"})


def test_a_key_twice_in_a_chunk_is_refused_and_in_a_later_chunk_updates(engine: Engine) -> None:
    rows: list[dict[str, str | None]] = [{KEY: str(i), "LastName": "A"} for i in range(401)]
    rows[1] = {KEY: "0", "LastName": "twin"}
    rows[400] = {KEY: "5", "LastName": "later"}
    outcomes = engine.upsert("Contact", *rows)
    assert refused(outcomes[0])[:2] == ("DUPLICATE_VALUE", "Duplicate external id specified: 0")
    assert outcomes[1]["code"] == "DUPLICATE_VALUE"
    assert outcomes[5]["created"]
    assert not outcomes[400]["created"]
    assert outcomes[400]["id"] == outcomes[5]["id"]
    assert engine.one(f"SELECT LastName FROM Contact WHERE {KEY} = '5'") == "later"


def test_unique_values_meet_each_other_and_the_table(engine: Engine) -> None:
    engine.add_field(
        "Contact", Field("Code__c", "Code", "string", length=9, unique=True, custom=True)
    )
    first, twin, other = engine.insert(
        "Contact",
        {"LastName": "A", "Code__c": "x"},
        {"LastName": "B", "Code__c": "X"},
        {"LastName": "C", "Code__c": None},
    )
    assert (first["code"], other["code"]) == (None, None)
    assert refused(twin)[:2] == (
        "DUPLICATE_VALUE",
        f"duplicate value found: Code__c duplicates value on record with id: {first['id'][:15]}",
    )
    (again,) = engine.insert("Contact", {"LastName": "D", "Code__c": "x"})
    assert again["code"] == "DUPLICATE_VALUE"
    (same,) = engine.update("Contact", {"Id": first["id"], "Code__c": "X"})
    assert same["code"] is None


def test_a_failed_first_row_does_not_claim_its_unique_value(engine: Engine) -> None:
    engine.add_field(
        "Contact", Field("Code__c", "Code", "string", length=9, unique=True, custom=True)
    )
    bad, good = engine.insert(
        "Contact", {"LastName": None, "Code__c": "x"}, {"LastName": "B", "Code__c": "x"}
    )
    assert bad["code"] == "REQUIRED_FIELD_MISSING"
    assert good["code"] is None


def test_picklists_restricted_and_not(engine: Engine) -> None:
    values = (PicklistValue("Hot", "Hot"), PicklistValue("Cold", "Cold", active=False))
    engine.add_field(
        "Contact",
        Field(
            "Heat__c",
            "Heat",
            "picklist",
            length=255,
            picklist_values=values,
            restricted_picklist=True,
            custom=True,
        ),
    )
    good, bad, inactive = engine.insert(
        "Contact",
        {"LastName": "A", "Heat__c": "hot", "LeadSource": "Something new"},
        {"LastName": "B", "Heat__c": "Warm"},
        {"LastName": "C", "Heat__c": "Cold"},
    )
    assert good["code"] is None
    assert engine.one("SELECT Heat__c, LeadSource FROM Contact") == ("Hot", "Something new")
    assert refused(bad) == (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "Heat: bad value for restricted picklist field: Warm",
        ["Heat__c"],
    )
    assert inactive["code"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"


def test_multi_select_values_are_checked_one_by_one(engine: Engine) -> None:
    values = tuple(PicklistValue(f"Tag {i}", f"Tag {i}") for i in range(150))
    engine.add_field(
        "Contact",
        Field(
            "Tags__c",
            "Tags",
            "multipicklist",
            length=4099,
            picklist_values=values,
            restricted_picklist=True,
            custom=True,
        ),
    )
    good, bad, many = engine.insert(
        "Contact",
        {"LastName": "A", "Tags__c": "tag 1; Tag 2;Tag 1;"},
        {"LastName": "B", "Tags__c": "Tag 1;Other"},
        {"LastName": "C", "Tags__c": ";".join(v.value for v in values[:101])},
    )
    assert good["code"] is None
    assert engine.one("SELECT Tags__c FROM Contact") == "Tag 1;Tag 2"
    assert bad["message"] == "Tags: bad value for restricted picklist field: Other"
    assert many["code"] == "FIELD_INTEGRITY_EXCEPTION"


def test_numbers_are_rounded_to_scale_and_kept_in_range(engine: Engine) -> None:
    engine.add_field(
        "Contact", Field("Paid__c", "Paid", "currency", precision=8, scale=2, custom=True)
    )
    good, text, large, comma = engine.insert(
        "Contact",
        {"LastName": "A", "Paid__c": "1.005e2"},
        {"LastName": "A", "Paid__c": "many"},
        {"LastName": "A", "Paid__c": "1000000"},
        {"LastName": "A", "Paid__c": "1,000"},
    )
    assert good["code"] is None
    assert engine.one("SELECT Paid__c FROM Contact") == 100.5
    assert text["code"] == comma["code"] == "INVALID_TYPE_ON_FIELD_IN_RECORD"
    assert large["code"] == "NUMBER_OUTSIDE_VALID_RANGE"


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000+0000"),
        ("2026-03-01T10:00:00.123+02:00", "2026-03-01T08:00:00.000+0000"),
        ("2026-03-01T10:00:00-0530", "2026-03-01T15:30:00.000+0000"),
        ("2026-03-01", "2026-03-01T00:00:00.000+0000"),
        ("2026-03-01T10:00:00", None),
        ("2026-02-30T10:00:00Z", None),
    ],
)
def test_date_times_need_a_zone_and_are_stored_in_utc(
    engine: Engine, given: str, stored: str | None
) -> None:
    engine.add_field("Contact", Field("At__c", "At", "datetime", custom=True))
    (outcome,) = engine.insert("Contact", {"LastName": "A", "At__c": given})
    if stored is None:
        assert outcome["code"] == "INVALID_TYPE_ON_FIELD_IN_RECORD"
    else:
        assert engine.one("SELECT At__c FROM Contact") == stored


def test_system_fields_cannot_be_written_and_are_stamped(engine: Engine) -> None:
    bad, good = engine.insert(
        "Contact", {"LastName": "A", "CreatedDate": "2020-01-01T00:00:00Z"}, {"LastName": "B"}
    )
    assert bad["code"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert bad["fields"] == ["CreatedDate"]
    row = engine.one("SELECT CreatedById, OwnerId, CreatedDate = SystemModstamp FROM Contact")
    assert row == (engine.store.user_id, engine.store.user_id, 1)
    assert good["id"].startswith("003")


def test_updates_tell_malformed_absent_and_missing_ids_apart(engine: Engine) -> None:
    outcomes = engine.update(
        "Contact",
        {"Id": "x", "LastName": "A"},
        {"Id": "003Lo00000zzzzz", "LastName": "A"},
        {"Id": None, "LastName": "A"},
        {"Id": "001Lo0000000001IAA", "LastName": "A"},
    )
    assert [o["code"] for o in outcomes] == [
        "MALFORMED_ID",
        "INVALID_CROSS_REFERENCE_KEY",
        "MISSING_ARGUMENT",
        "MALFORMED_ID",
    ]


def test_upserting_the_same_rows_again_creates_nothing(engine: Engine) -> None:
    rows: list[dict[str, str | None]] = [
        {KEY: str(i), "LastName": f"N{i}", "Email": f"p{i}@example.com"} for i in range(500)
    ]
    first = engine.upsert("Contact", *rows)
    second = engine.upsert("Contact", *rows)
    assert all(o["created"] for o in first)
    assert not any(o["created"] for o in second)
    assert [o["id"] for o in first] == [o["id"] for o in second]
    assert engine.one("SELECT count(*) FROM Contact") == 500


def test_a_key_that_names_two_records_is_refused(engine: Engine) -> None:
    engine.insert(
        "Contact", {"LastName": "A", "Email": "a@b.co"}, {"LastName": "B", "Email": "A@b.co"}
    )
    (outcome,) = engine.write(
        "Contact", "upsert", [{"Email": "a@b.co", "LastName": "C"}], key="Email"
    )
    assert outcome["code"] == "DUPLICATE_EXTERNAL_ID"


_CELL = st.one_of(
    st.none(),
    st.text(max_size=50),
    st.sampled_from(["#N/A", "1e999", "2026-13-01", "nan", "-0", "true", "a@b.co", "\x00", "'"]),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                KEY: _CELL,
                "LastName": _CELL,
                "Email": _CELL,
                "Birthdate": _CELL,
                "HasOptedOutOfEmail": _CELL,
                "AccountId": _CELL,
                "MailingLatitude": _CELL,
                "EmailBouncedDate": _CELL,
                f"Account.{KEY}": _CELL,
            }
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_cells_give_an_outcome_per_row_and_never_an_exception(
    shared: Engine, rows: list[dict[str, str | None]]
) -> None:
    for name in KEYED:
        if shared.store.visible_schema().object(name).field(KEY) is None:  # type: ignore[union-attr]
            shared.add_field(name, key_field())
    outcomes = shared.upsert("Contact", *rows)
    assert [o["row"] for o in outcomes] == list(range(len(rows)))
    for outcome in outcomes:
        assert (outcome["code"] is None) == (outcome["message"] is None)
        assert outcome["code"] is not None or outcome["id"] is not None
