"""Records that people made before: met, completed by a policy, given back as they were."""

from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.assets.existing import conflicts_of
from kartra_sf_pipeline.mapping.account_map import default_map
from kartra_sf_pipeline.mapping.strategies import Existing
from kartra_sf_pipeline.migration.conflicts import Conflicts, Rule
from kartra_sf_pipeline.migration.existing import Likeness, find_existing
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.loader import Meeting
from kartra_sf_pipeline.migration.phases import phase_named
from kartra_sf_pipeline.migration.rollback import rollback
from kartra_sf_pipeline.proof.read_back import read_back
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.migration.small_account import all_outcomes, load_all, rows

ACCOUNTS, CONTACTS = phase_named("accounts"), phase_named("contacts")
EMAIL = Likeness("Contact", "Email", lambda s: s.str.to_lowercase())
COLUMNS = (
    "Kartra_Id__c LastName FirstName Email Phone HasOptedOutOfEmail MailingStreet MailingCity "
    "Account.Kartra_Id__c Kartra_Score__c"
)
ANN = ("1", "1", "Lee", "Anna", "ann@lee.example.org", "+1 1", "true", "5th Ave", "New York",
       "domain:acme.com", "7")  # fmt: skip
FIELDS = (
    "FirstName, Phone, HasOptedOutOfEmail, MailingStreet, MailingCity, Account.Name, "
    "Kartra_Score__c, Kartra_Id__c, Kartra_Migration_Run__c"
)


def people(*cells: tuple[str | None, ...]) -> pl.DataFrame:
    return rows("contacts", COLUMNS, *cells)


def wanted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(key="_key", value=pl.col("Email").str.to_lowercase())


def made_by_people(org: Org, **more: str | bool) -> tuple[str, str]:
    """Ids of a contact and its account that the org had before."""
    account = org.create("Account", {"Name": "Acme by hand"})
    contact = org.create(
        "Contact",
        {
            "LastName": "Lee",
            "FirstName": "Ann",
            "Email": "Ann@Lee.example.org",
            "MailingCity": "Boston",
            "AccountId": account,
            **more,
        },
    )
    return contact, account


def meet(
    org: Org, ledger: Ledger, frame: pl.DataFrame, default: Rule, **rules: Rule
) -> tuple[str, pl.DataFrame, Conflicts]:
    companies = rows("contacts", "Kartra_Id__c Name", ("domain:acme.com",) * 2 + ("Acme, Inc.",))
    load_all(org, ledger, {ACCOUNTS: companies})
    conflicts = Conflicts(default, {"Kartra_Score__c": "overwrite", **rules})
    meeting = Meeting(conflicts, find_existing(org, EMAIL, wanted(frame)))
    run, results = load_all(org, ledger, {CONTACTS: frame}, meeting)
    return run, results["contacts"].outcomes, conflicts


def held(org: Org, contact: str) -> dict[str, object]:
    return org.query(f"SELECT {FIELDS} FROM Contact WHERE Id = '{contact}'").row(0, named=True)


@pytest.mark.parametrize(
    ("default", "expected", "explained"),
    [
        ("keep_target", ("Ann", None, False, None, "Boston", "Acme by hand", 7), 6),
        ("fill_blanks", ("Ann", "+1 1", True, None, "Boston", "Acme by hand", 7), 4),
        ("overwrite", ("Anna", "+1 1", True, "5th Ave", "New York", "Acme, Inc.", 7), 0),
    ],
)
def test_a_persons_record_is_completed_as_the_policy_says_and_given_back_as_it_was(
    org: Org,
    ledger: Ledger,
    default: Rule,
    expected: tuple[object, ...],
    explained: int,
) -> None:
    contact, _ = made_by_people(org)
    before = held(org, contact)
    run, outcomes, conflicts = meet(org, ledger, people(ANN), default)
    assert outcomes.select("sf_id", "outcome").rows() == [(contact, "updated")]
    assert tuple(held(org, contact).values()) == (*expected, "1", None)

    summary, differences = read_back(
        org, {CONTACTS: people(ANN)}, outcomes, conflicts={"contacts": conflicts}
    )
    assert differences.is_empty()
    told = summary.row(0, named=True)
    assert (told["fields"], told["explained"]) == (10, explained)
    assert told["equal"] == told["fields"] - explained

    _, again, _ = meet(org, ledger, people(ANN), default)
    assert again["outcome"].to_list() == ["unchanged"]

    report = rollback(org, ledger, run)
    assert report.counts["kept_updated"] == 1
    assert report.counts["deleted"] == 0
    assert held(org, contact) == before


def test_what_this_run_wrote_is_never_explained_by_the_policy(org: Org, ledger: Ledger) -> None:
    contact, _ = made_by_people(org)
    run, outcomes, conflicts = meet(org, ledger, people(ANN), "fill_blanks")
    org.update("Contact", contact, {"Phone": "garbled"})
    summary, differences = read_back(
        org,
        {CONTACTS: people(ANN)},
        outcomes,
        conflicts={"contacts": conflicts},
        written=ledger.written(run),
    )
    assert differences.select("field", "expected", "found").rows() == [("Phone", "+1 1", "garbled")]
    assert summary["explained"].to_list() == [4]


def test_an_opt_out_can_be_added_and_never_removed(org: Org, ledger: Ledger) -> None:
    contact, _ = made_by_people(org, HasOptedOutOfEmail=True)
    mailable = people((*ANN[:6], "false", *ANN[7:]))
    rule: dict[str, Rule] = {"HasOptedOutOfEmail": "fill_blanks"}
    meet(org, ledger, mailable, "overwrite", **rule)
    assert held(org, contact)["HasOptedOutOfEmail"] is True


def test_the_policy_holds_on_later_runs_and_a_new_value_of_ours_still_arrives(
    org: Org, ledger: Ledger
) -> None:
    contact, _ = made_by_people(org)
    meet(org, ledger, people(ANN), "fill_blanks")
    org.update("Contact", contact, {"Phone": "+44 people"})
    meet(org, ledger, people((*ANN[:10], "9")), "fill_blanks")
    assert held(org, contact)["Phone"] == "+44 people"
    assert held(org, contact)["Kartra_Score__c"] == 9


def test_the_maps_own_fields_are_nobody_elses_unless_the_map_says_so() -> None:
    given = default_map()
    rules = conflicts_of(given, "contacts")
    assert rules is not None
    told = {name: rules.by_column[name] for name in ("Phone", "Kartra_Score__c")}
    assert told == {"Phone": "fill_blanks", "Kartra_Score__c": "overwrite"}
    kept = given.model_copy(update={"existing": Existing(conflicts="keep_target")})
    rules = conflicts_of(kept, "contacts")
    assert rules is not None
    assert rules.by_column["Kartra_Score__c"] == "keep_target"
    # Whatever the policy: who asked not to be mailed is not mailed, on either side.
    assert rules.by_column["HasOptedOutOfEmail"] == "fill_blanks"
    assert conflicts_of(given, "opportunities") is None


def test_several_holders_are_told_for_review_and_the_row_becomes_a_record_of_its_own(
    org: Org, ledger: Ledger
) -> None:
    first, _ = made_by_people(org)
    second, _ = made_by_people(org)
    found = find_existing(org, EMAIL, wanted(people(ANN)))
    assert found.rows() == [("Contact", "1", None, "Email", "review", 2)]
    _, outcomes, _ = meet(org, ledger, people(ANN), "fill_blanks")
    assert outcomes["outcome"].to_list() == ["created"]
    assert {held(org, one)["Kartra_Id__c"] for one in (first, second)} == {None}


def test_two_rows_for_one_record_are_told_for_review(org: Org) -> None:
    made_by_people(org)
    found = find_existing(org, EMAIL, wanted(people(ANN, ("2", "2", *ANN[2:]))))
    assert found.select("key", "decision", "candidates").rows() == [
        ("1", "review", 1),
        ("2", "review", 1),
    ]


def test_what_people_made_since_is_not_touched(org: Org, ledger: Ledger) -> None:
    meet(org, ledger, people(ANN), "fill_blanks")
    since, _ = made_by_people(org)
    before = held(org, since)
    assert find_existing(org, EMAIL, wanted(people(ANN))).is_empty()
    _, outcomes, _ = meet(org, ledger, people(ANN), "overwrite")
    assert outcomes["outcome"].to_list() == ["unchanged"]
    assert held(org, since) == before


def test_a_record_that_somebody_keyed_meanwhile_is_left_alone(org: Org, ledger: Ledger) -> None:
    contact, _ = made_by_people(org)
    found = find_existing(org, EMAIL, wanted(people(ANN)))
    org.update("Contact", contact, {"Kartra_Id__c": "other"})
    plain = people((*ANN[:9], None, "7"))
    meeting = Meeting(Conflicts("overwrite"), found)
    _, results = load_all(org, ledger, {CONTACTS: plain}, meeting)
    assert all_outcomes(results)["outcome"].to_list() == ["created"]
    assert held(org, contact)["Kartra_Id__c"] == "other"
