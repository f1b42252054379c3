from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kartra_sf_pipeline.salesforce import soql

_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def read_literal(text: str) -> str:
    """The value of a quoted literal; fails where the quote ends before the text does."""
    assert text[0] == text[-1] == "'"
    out: list[str] = []
    inside = iter(text[1:-1])
    for character in inside:
        assert character != "'"
        if character == "\\":
            character = next(inside)
            character = _UNESCAPED.get(character, character)
        out.append(character)
    return "".join(out)


@given(st.text())
def test_any_text_survives_quoting(text: str) -> None:
    assert read_literal(soql.quote(text)) == text


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (None, "null"),
        (True, "true"),
        (7, "7"),
        (Decimal("1E+3"), "1000"),
        (date(2024, 2, 29), "2024-02-29"),
        (
            datetime(2024, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))),
            "2024-02-29T23:30:00.000Z",
        ),
    ],
)
def test_other_values_are_literals_without_quotes(value: soql.SoqlValue, literal: str) -> None:
    assert soql.quote(value) == literal


def test_a_datetime_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        soql.quote(datetime(2024, 1, 1))
    assert soql.quote(datetime(2024, 1, 1, tzinfo=UTC)) == "2024-01-01T00:00:00.000Z"


@pytest.mark.parametrize("text", ["Name FROM User", "Id'", "", "a b", "1x", "Account..Name"])
def test_a_name_is_a_name_or_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="API name"):
        soql.name(text)


@given(st.lists(st.text(max_size=30), max_size=60), st.integers(120, 600))
def test_chunks_cover_every_value_once_and_fit_the_url(values: list[str], limit: int) -> None:
    chunks = list(soql.in_chunks("Kartra_Id__c", values, limit))
    inside = [chunk.removeprefix("Kartra_Id__c IN (").removesuffix(")") for chunk in chunks]
    wanted = [soql.quote(value) for value in dict.fromkeys(values)]
    assert ",".join(inside) == ",".join(wanted)
    widest = max((len(quote_plus(literal)) for literal in wanted), default=0)
    for chunk in chunks:
        assert len(quote_plus(chunk)) <= max(limit, widest + 40)


def test_no_values_give_no_condition() -> None:
    assert list(soql.in_chunks("Id", [])) == []


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT Id, Account.Name FROM Contact", ["Id", "Account.Name"]),
        ("select Id,Name\nfrom Account where Name = ' from '", ["Id", "Name"]),
        ("SELECT c.Id, c.Account.Name FROM Contact c", ["Id", "Account.Name"]),
        ("SELECT COUNT() FROM Account", []),
        ("SELECT COUNT(Id) FROM Account", ["expr0"]),
        (
            "SELECT StageName, COUNT(Id) n, MAX(Amount) FROM Opportunity GROUP BY StageName",
            ["StageName", "n", "expr0"],
        ),
        ("SELECT Account.Name, COUNT(Id) FROM Contact GROUP BY Account.Name", ["Name", "expr0"]),
        (
            "SELECT toLabel(StageName), FORMAT(Amount) shown FROM Opportunity",
            ["StageName", "shown"],
        ),
        ("SELECT FromAddress, Id FROM EmailMessage", ["FromAddress", "Id"]),
    ],
)
def test_the_columns_of_a_query_are_read_from_its_text(query: str, columns: list[str]) -> None:
    assert soql.selected_columns(query) == columns


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM X",
        "SELECT Id",
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "SELECT FIELDS(ALL) FROM Account",
    ],
)
def test_what_no_frame_can_hold_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match=r"SELECT|FROM|subqueries|FIELDS"):
        soql.selected_columns(query)
