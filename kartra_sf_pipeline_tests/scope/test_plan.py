from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.scope.plan import SCHEMA, migration_scope
from kartra_sf_pipeline_tests.scope.account import frames


def test_all_twelve_objects_have_a_row_with_real_counts() -> None:
    frame = migration_scope(frames())
    assert frame.height == 12
    counts = {
        row[0]: row[1:] for row in frame.select("object", "source_rows", "planned_rows").rows()
    }
    assert counts == {
        "Contacts": (4, 3),
        "Companies": (0, 1),
        "Custom fields": (1, 1),
        "Tags": (3, 3),
        "Lists": (1, 1),
        "Transactions": (5, 2),
        "Subscriptions": (0, 1),
        "Affiliates": (1, 2),
        "Calendars": (1, 0),
        "Memberships and courses": (0, 0),
        "Sequences": (1, 0),
        "Forms and surveys": (0, 0),
    }


def test_what_is_not_supported_plans_no_rows_and_has_no_cardinality() -> None:
    frame = migration_scope(frames()).filter(pl.col("support") == "not supported")
    assert frame.height == 3
    assert frame["planned_rows"].sum() == 0
    assert frame["cardinality"].null_count() == 3


def test_traces_in_tags_are_mentioned() -> None:
    notes = dict(migration_scope(frames()).select("object", "note").iter_rows())
    assert "and arrive: 1." in notes["Memberships and courses"]
    assert "No tag speaks of it" in notes["Forms and surveys"]


def test_an_empty_account_has_a_scope_of_zeros() -> None:
    frame = migration_scope({})
    assert frame.schema == SCHEMA
    assert frame.select(pl.sum("source_rows", "planned_rows")).row(0) == (0, 0)
