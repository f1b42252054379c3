from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.proof.objects_moved import objects_moved
from kartra_sf_pipeline.scope.inventory import SCHEMA
from kartra_sf_pipeline.scope.scoreboard import Moved

FATES = pl.DataFrame(
    [
        ("contacts", "loaded", None),
        ("contacts", "merged", "older_extract"),
        ("contacts", "suppressed", "deleted_in_kartra"),
        ("contacts", "rejected", "INVALID_EMAIL_ADDRESS"),
        ("transactions", "loaded", None),
        ("transactions", "merged", "rebill_rolled_up"),
        ("transactions", "suppressed", "failed_payment"),
        ("transactions", "suppressed", "failed_payment"),
    ],
    schema=["export", "disposition", "reason"],
    orient="row",
)
OUTCOMES = pl.DataFrame(
    [
        ("contacts", "1", "created"),
        ("contacts", "2", "rejected"),
        ("contact_tags", "1", "updated"),
        ("leads", "3", "created"),
        ("accounts", "domain:a.org", "created"),
        ("accounts", "domain:b.org", "rejected"),
        ("opportunities", "T1", "created"),
        ("opportunities", "S9", "unchanged"),
        ("campaign_members", "list:a|1", "created"),
        ("campaign_members", "list:a|2", "rejected"),
        ("events", "A7", "created"),
        ("events", "B7", "created"),
    ],
    schema=["phase", "key", "outcome"],
    orient="row",
)
INVENTORY = pl.DataFrame(
    [("Sequences", "sequence", "Welcome"), ("Sequences", "sequence", "Goodbye")],
    schema=["object", "kind", "name"],
    orient="row",
)


def told() -> dict[str, Moved]:
    tagged = pl.Series("contact_key", ["1", "1", "2", "3"])
    return objects_moved(FATES, OUTCOMES, tagged, 3, 5, INVENTORY)


def test_loaded_and_merged_rows_arrived_and_each_other_one_has_its_reason() -> None:
    assert told()["Contacts"] == Moved(
        4, 2, 2, (("INVALID_EMAIL_ADDRESS", 1), ("deleted_in_kartra", 1))
    )
    assert told()["Transactions"] == Moved(4, 2, 1, (("failed_payment", 2),))


def test_an_object_without_an_export_is_counted_by_its_records() -> None:
    assert told()["Companies"] == Moved(2, 1, 1, (("rejected", 1),))
    assert told()["Subscriptions"] == Moved(1, 1, 1)
    assert told()["Calendars"] == Moved(1, 1, 1)


def test_tags_and_lists_arrive_with_their_people() -> None:
    assert told()["Tags"] == Moved(4, 3, 3, (("not_arrived", 1),))
    assert told()["Lists"] == Moved(3, 1, 1, (("not_made_a_member", 2),))
    assert told()["Custom fields"] == Moved(5, 5, 5)


def test_what_is_rebuilt_is_counted_and_never_called_moved() -> None:
    assert told()["Sequences"] == Moved(2, 0, 0, (("listed_for_rebuilding", 2),))
    empty = objects_moved(
        FATES, OUTCOMES, pl.Series("contact_key", [], pl.String), 0, 0, pl.DataFrame(schema=SCHEMA)
    )
    assert "Sequences" not in empty
