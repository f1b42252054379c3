from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kartra_sf_pipeline.localorg.soql.errors import SoqlError
from kartra_sf_pipeline.localorg.soql.service import QueryService
from kartra_sf_pipeline.localorg.store import Store

BASE = "/services/data/v62.0"
# Fields by kind, so that most comparisons are legal; the last kind is legal almost nowhere.
FIELDS = {
    "Contact": {
        "text": ["Name", "Account.Name", "Account.Owner.Name", "Email", "LeadSource"],
        "id": ["Id", "AccountId", "Account.OwnerId"],
        "time": ["CreatedDate", "Account.LastModifiedDate"],
        "number": ["Account.AnnualRevenue", "Account.NumberOfEmployees"],
        "flag": ["HasOptedOutOfEmail", "Owner.IsActive"],
        "odd": ["MailingAddress", "Description", "Nope", "Who.Name"],
    },
    "Event": {
        "text": ["Subject", "Who.Name", "What.Type", "Account.Name", "Owner.Name"],
        "id": ["Id", "WhoId", "WhatId"],
        "time": ["StartDateTime", "CreatedDate"],
        "number": ["DurationInMinutes"],
        "flag": ["IsAllDayEvent"],
        "odd": ["Who.AccountId", "Description", "Nope"],
    },
    "FieldDefinition": {
        "text": ["QualifiedApiName", "EntityDefinition.Label", "DataType"],
        "id": ["EntityDefinitionId"],
        "time": [],
        "number": ["Length"],
        "flag": ["IsNillable"],
        "odd": ["Nope", "Id"],
    },
}
VALUES = {
    "text": ["'x'", "''", "'É%'", "null", "'a\\'b\\\\'"],
    "id": ["'003Lo0000000001'", "null", "''"],
    "time": ["2026-01-31T10:00:00Z", "TODAY", "LAST_N_DAYS:30", "NEXT_N_YEARS:3", "null"],
    "number": ["5", "-1.5e400", "0.1", "null"],
    "flag": ["true", "false"],
    "odd": ["2026-99-31T10:00:00Z", "2026-02-30", "LAST_N_DAYS:99999999", "'x'", "1"],
}
KINDS = ["text", "id", "time", "number", "flag"]


@st.composite
def conditions(draw: st.DrawFn, source: str, depth: int = 0) -> str:
    shape = draw(st.integers(0, 7 if depth < 2 else 4))
    if shape > 4:
        left = draw(conditions(source, depth + 1))
        right = draw(conditions(source, depth + 1))
        return [f"(NOT {left})", f"({left} AND {right})", f"({left} OR {right})"][shape - 5]
    kind = draw(st.sampled_from([*KINDS, *KINDS, "odd"]))
    names = FIELDS[source][kind] or FIELDS[source]["text"]
    name = draw(st.sampled_from(names))
    some = st.sampled_from(VALUES[kind])
    if shape == 4 and kind == "id":
        inner = draw(st.sampled_from(["SELECT AccountId FROM Opportunity", "SELECT Id FROM Lead"]))
        return f"{name} IN ({inner} WHERE CreatedDate > LAST_WEEK)"
    if shape == 3:
        operator = draw(st.sampled_from(["IN", "NOT IN"]))
        return f"{name} {operator} ({', '.join(draw(st.lists(some, min_size=1, max_size=30)))})"
    operators = ["=", "!="] if kind in {"id", "flag"} else ["=", "!=", "<", ">=", "LIKE"]
    return f"{name} {draw(st.sampled_from(operators))} {draw(some)}"


@st.composite
def queries(draw: st.DrawFn) -> str:
    source = draw(st.sampled_from(list(FIELDS)))
    legal = [n for kind in KINDS for n in FIELDS[source][kind]]
    names = draw(st.lists(st.sampled_from(legal), min_size=1, max_size=4, unique=True))
    where = f" WHERE {draw(conditions(source))}" if draw(st.booleans()) else ""
    tail = draw(st.sampled_from(["", " LIMIT 5", " LIMIT 5 OFFSET 2", " OFFSET 2000"]))
    order = f" ORDER BY {draw(st.sampled_from(names))} DESC NULLS LAST"
    if draw(st.booleans()):
        function = draw(st.sampled_from(["COUNT", "MIN", "MAX", "SUM", "AVG", "COUNT_DISTINCT"]))
        other = draw(st.sampled_from(legal))
        grouped = ", ".join(names)
        having = draw(st.sampled_from(["", " HAVING COUNT(Id) > 0"]))
        return (
            f"SELECT {grouped}, {function}({other}) n FROM {source}{where} GROUP BY {grouped}"
            f"{having}{order}{tail}"
        )
    return f"SELECT {', '.join(names)} FROM {source}{where}{order}{tail}"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryService]:
    store = Store(tmp_path_factory.mktemp("org"))
    yield QueryService(store)
    store.close()


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(soql=queries())
def test_every_query_is_answered_or_refused(service: QueryService, soql: str) -> None:
    # Anything but a refusal fails the test.
    with contextlib.suppress(SoqlError):
        page = service.query(soql, BASE)
        assert page.total >= len(page.records)


def test_a_query_nested_beyond_reason_is_refused(service: QueryService) -> None:
    deep = "(NOT " * 20_000 + "Name = 'x'" + ")" * 20_000
    with pytest.raises(SoqlError):
        service.query(f"SELECT Id FROM Account WHERE {deep}", BASE)
    path = ".".join(["Owner", *["Manager"] * 60, "Name"])
    with pytest.raises(SoqlError, match="more than 5 levels"):
        service.query(f"SELECT {path} FROM Account", BASE)


def test_long_lists_of_ids_are_accepted(service: QueryService) -> None:
    ids = ", ".join(f"'001{i:012d}'" for i in range(4_000))
    assert service.query(f"SELECT Id FROM Account WHERE Id IN ({ids})", BASE).total == 0


def test_an_aggregate_of_a_compound_field_is_refused(service: QueryService) -> None:
    with pytest.raises(SoqlError, match="does not support aggregate operator"):
        service.query("SELECT COUNT(MailingAddress) FROM Contact", BASE)
