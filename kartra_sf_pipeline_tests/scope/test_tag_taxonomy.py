from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.prepare.tags import parse_tags
from kartra_sf_pipeline.scope.tag_taxonomy import SCHEMA, tag_taxonomy


def taxonomy(*people: list[str] | None) -> pl.DataFrame:
    unified = pl.DataFrame(
        {"contact_key": [str(n) for n in range(len(people))], "tags": list(people)},
        schema={"contact_key": pl.String, "tags": pl.List(pl.String)},
    )
    return tag_taxonomy(parse_tags(unified), unified["tags"], unified.height)


def test_tags_come_by_frequency_with_their_share_and_kind() -> None:
    frame = taxonomy(["VIP", "webinar_registered_may"], ["VIP"], ["hot"], None)
    assert frame.schema == SCHEMA
    assert frame.select("tag", "contacts", "share", "kind", "evidence").rows() == [
        ("VIP", 2, 0.5, "other", None),
        ("hot", 1, 0.25, "other", None),
        ("webinar_registered_may", 1, 0.25, "webinar", "webinar, registered"),
    ]


def test_spellings_that_differ_in_case_are_one_tag_and_listed() -> None:
    frame = taxonomy(["Vip"], ["VIP", "vip"], ["Vip"])
    assert frame.select("tag", "contacts", "spellings").rows() == [("Vip", 3, ["VIP", "vip"])]


def test_tags_of_the_same_letters_name_the_most_frequent_one() -> None:
    frame = taxonomy(
        ["Free Guide"], ["Free Guide"], ["free-guide"], ["FreeGuide", "Café"], ["Cafe"]
    )
    rows = {row["tag"]: row for row in frame.iter_rows(named=True)}
    assert rows["Free Guide"]["duplicates"] == ["FreeGuide", "free-guide"]
    assert rows["Free Guide"]["same_as"] is None
    assert rows["free-guide"]["same_as"] == "Free Guide"
    assert rows["free-guide"]["duplicates"] == []
    assert {rows["Café"]["same_as"], rows["Cafe"]["same_as"]} == {None, "Cafe"}


def test_tags_of_signs_alone_are_not_each_others_duplicates() -> None:
    assert taxonomy(["***", "!!!"])["same_as"].null_count() == 2


def test_an_account_without_tags_has_an_empty_taxonomy() -> None:
    assert taxonomy(None).schema == SCHEMA
    assert taxonomy().is_empty()
