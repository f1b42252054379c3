"""The files that an owner puts together by hand."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline_tests.sample.conftest import Account


def test_bookings_are_dated_in_words_and_some_are_series(account: Account) -> None:
    bookings = account.frame("calendar_bookings")
    assert len(bookings) > 50
    assert bookings["date"].str.contains(r"^\d{2} [A-Z][a-z]{2} \d{4}$").all()
    assert bookings["time"].str.contains(r"^\d{2}:\d{2}$").all()
    series = bookings.drop_nulls("booking_id").group_by("booking_id").len()
    assert series["len"].max() > 1  # type: ignore[operator]
    assert {"booked", "completed", "cancelled"} >= set(bookings["status"])
    known = bookings["attendee_email"].is_in(account.people["email"].to_list())
    assert 0.9 < known.mean() < 1  # type: ignore[operator]


def test_notes_belong_to_contacts_and_some_span_lines(account: Account) -> None:
    notes = account.frame("notes")
    assert len(notes) > 50
    assert notes["note"].str.contains("\n").any()
    assert notes["contact_email"].is_in(account.people["email"].to_list()).all()
    with_id = notes.drop_nulls("contact_id").join(account.people, on="contact_id")
    assert (with_id["contact_email"] == with_id["email"]).all()


def test_the_schema_tells_the_type_of_every_custom_column(account: Account) -> None:
    schema = account.frame("custom_fields")
    columns = {name for name in account.frame("contacts").columns if name.startswith("x__")}
    assert columns == {"x__" + name.replace("-", "_") for name in schema["field_identifier"]}
    choices = schema.filter(pl.col("field_type").is_in(["drop_down", "radio_button", "checkbox"]))
    assert choices["options"].null_count() == 0


def test_sequences_name_their_steps_and_who_is_in_them(account: Account) -> None:
    steps = account.frame("sequences")
    assert steps["sequence"].n_unique() >= 12
    assert (steps.group_by("sequence").len()["len"] > 1).all()
    joined = account.frame("contacts")["sequences"].str.split(",").explode().drop_nulls()
    assert set(joined) <= set(steps["sequence"])


def test_companies_are_those_of_contacts_now_and_then_twice(account: Account) -> None:
    companies = account.frame("companies")
    assert len(companies) > 10
    firms = account.people["domain"].drop_nulls()
    listed = companies["domain"].drop_nulls()
    assert listed.is_in(firms.to_list()).mean() > 0.6  # type: ignore[operator]
    assert companies.filter(pl.col("domain").is_not_null())["domain"].is_duplicated().any() or (
        companies["name"].str.to_lowercase().is_duplicated().any()
    )
