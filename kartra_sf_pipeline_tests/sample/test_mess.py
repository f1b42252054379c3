"""The mess is there, in about the shares that a real account has."""

from __future__ import annotations

import phonenumbers
import polars as pl

from kartra_sf_pipeline.sample.catalogue import CUSTOM_FIELDS, LISTS
from kartra_sf_pipeline_tests.sample.conftest import Account


def share(frame: pl.DataFrame, condition: pl.Expr) -> float:
    return frame.select(condition.fill_null(value=False).mean()).item()


def test_names_stand_in_the_wrong_cells(account: Account) -> None:
    contacts = account.newest_contacts()
    assert 0.2 < share(contacts, pl.col("last_name").is_null()) < 0.45
    full = pl.col("last_name").is_null() & pl.col("first_name").str.contains(r"\S \S")
    assert 0.08 < share(contacts, full) < 0.2
    assert share(contacts, pl.col("first_name").str.contains(r"[^\x00-\x7f]")) > 0.02
    for script in (r"\p{Han}", r"\p{Cyrillic}", r"\p{Greek}", r"\p{Arabic}", r"\p{Hebrew}"):
        assert share(contacts, pl.col("first_name").str.contains(script)) > 0, script
    assert contacts["last_name2"].drop_nulls().len() > 5
    particles = pl.col("last_name").str.contains(r"(?i)^(van|von|de|de la|da|dos|O')\b")
    assert share(contacts, particles) > 0.005
    assert account.people["suffix"].drop_nulls().len() > 10


def test_addresses_are_mistyped_shared_by_a_role_or_broken(account: Account) -> None:
    kinds = dict(account.people["email_kind"].value_counts().iter_rows())
    assert kinds["typo"] >= 10
    assert kinds["role"] >= 10
    assert kinds["invalid"] >= 2
    mail = account.people["email"].str.split("@").list.last()
    assert (mail == "gmail.com").mean() > 0.3  # type: ignore[operator]
    assert mail.is_in(["gmali.com", "gmial.com", "gmail.con", "yaho.com", "aol.con"]).any()


def test_phones_come_in_many_forms_and_are_numbers_that_exist(account: Account) -> None:
    numbers = account.people["phone_e164"].drop_nulls()
    valid = [phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in numbers]
    assert sum(valid) / len(valid) > 0.95
    phones = account.newest_contacts()["phone"].drop_nulls()
    shapes = phones.str.replace_all(r"\d", "9").n_unique()
    assert shapes > 25
    assert phones.str.contains(r"E\+").any()
    codes = account.newest_contacts()["phone_country_code"]
    assert codes.is_null().any()
    assert codes.str.starts_with("+").any()
    assert (codes == "1").any()


def test_consent_has_every_state_and_some_bare_digits(account: Account) -> None:
    contacts = account.newest_contacts()
    labels = set(contacts["gdpr_status"].drop_nulls())
    assert {"Off", "Not subject", "Accepted", "Not accepted", "Unknown", "Pending"} <= labels
    assert labels - {"Off", "Not subject", "Accepted", "Not accepted", "Unknown", "Pending"}
    said = set(contacts["gdpr_communications"].drop_nulls())
    assert {"Yes", "No"} < said <= {"Yes", "No", "0", "1"}
    refused = contacts.filter(pl.col("gdpr_status").is_in(["Not accepted", "Declined"]))
    assert set(refused["gdpr_communications"]) <= {"No", "0", "1"}
    dates = contacts["gdpr_status_date"].drop_nulls()
    assert dates.str.contains(r"^\d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2}$").mean() > 0.5  # type: ignore[operator]
    assert len(set(contacts["status"].drop_nulls())) >= 7


def test_tags_are_hundreds_and_a_few_of_them_take_most(account: Account) -> None:
    tags = account.newest_contacts()["tags"].str.split(",").explode().drop_nulls()
    counts = tags.value_counts(sort=True)["count"]
    assert 250 < len(counts) < 600
    assert counts.head(10).sum() > 0.25 * counts.sum()
    assert (counts <= 3).sum() > 50
    for begin in ("webinar_registered_", "member_", "course_completed_", "form submitted "):
        assert tags.str.starts_with(begin).any(), begin
    assert {"VIP", "vip"} <= set(tags)
    lists = account.newest_contacts()["lists"].str.split(",").explode().drop_nulls()
    assert set(lists) <= {name for name, *_ in LISTS}
    assert lists.n_unique() >= 12


def test_the_five_kinds_of_custom_field_are_filled_now_and_then(account: Account) -> None:
    contacts = account.newest_contacts()
    assert {kind for _, _, kind, _ in CUSTOM_FIELDS} == {
        "input_field", "text_area", "drop_down", "radio_button", "checkbox",
    }  # fmt: skip
    for identifier, _, kind, options in CUSTOM_FIELDS:
        cells = contacts["x__" + identifier.replace("-", "_")].drop_nulls()
        if identifier == "legacy_code":
            assert cells.is_empty()
            continue
        assert 0.01 < len(cells) / len(contacts) < 0.5
        if kind in ("drop_down", "radio_button"):
            assert set(cells) <= set(options)
        elif kind == "checkbox":
            assert set(cells.str.split(", ").explode()) <= set(options)
    essay = contacts["x__biggest_challenge"].drop_nulls()
    assert essay.str.contains("\n").any()
    assert essay.str.contains('"').any()
    assert contacts["x__interests"].str.contains(", ").any()


def test_one_company_is_written_in_several_ways(account: Account) -> None:
    contacts = account.newest_contacts().join(
        account.people.select("contact_id", "company_key", true_company="company"),
        left_on="id", right_on="contact_id",
    )  # fmt: skip
    named = contacts.filter(pl.col("company").is_not_null())
    assert 0.15 < len(named) / len(contacts) < 0.35
    spelled = named.group_by("company_key").agg(pl.len(), pl.col("company").n_unique())
    assert spelled.filter((pl.col("len") > 5) & (pl.col("company") >= 3)).height >= 5
    sites = contacts["website"].drop_nulls()
    assert sites.str.starts_with("https://").any()
    assert (~sites.str.contains("://")).any()
    assert named["company_key"].null_count() == 0


def test_second_records_of_a_person_differ_from_the_first_as_people_do(account: Account) -> None:
    people = account.people
    second = people.filter(pl.col("contact_id") != pl.col("cluster"))
    assert 0.03 < len(second) / len(people) < 0.07
    assert second["duplicate_kind"].null_count() == 0
    assert second["duplicate_kind"].n_unique() == 5
    pairs = second.join(people, left_on="cluster", right_on="contact_id", suffix="_first")
    assert len(pairs) == len(second)
    for column in ("given", "family", "company_key", "country"):
        assert pairs.select(pl.col(column).eq_missing(pl.col(column + "_first")).all()).item()
    assert (pairs["email"] != pairs["email_first"]).all()
    phones = pairs.filter(pl.all_horizontal(pl.col("phone_e164", "phone_e164_first").is_not_null()))
    assert len(phones) > 20
    assert (phones["phone_e164"] == phones["phone_e164_first"]).all()
    assert (pairs["full_name"] != pairs["full_name_first"]).any()
    relatives = people.filter(pl.col("household") != pl.col("cluster"))
    assert len(relatives) > 10
    assert relatives.filter(pl.col("contact_id") == pl.col("cluster")).height == len(relatives)
