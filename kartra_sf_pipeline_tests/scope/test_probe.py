from __future__ import annotations

from typing import Any

import polars as pl

from kartra_sf_pipeline.scope.behavioural import KINDS, behavioural_tags
from kartra_sf_pipeline.scope.probe import SCHEMA, engagement_probe
from kartra_sf_pipeline_tests.scope.account import frames


def probe(*tags: tuple[str, str]) -> dict[str, dict[str, Any]]:
    parsed = pl.DataFrame(tags, schema={"contact_key": pl.String, "tag": pl.String}, orient="row")
    parsed = parsed.with_columns(tag_folded=pl.col("tag").str.to_lowercase())
    here = frames() | {"parsed_tags": parsed, "behavioural_tags": behavioural_tags(parsed)}
    frame = engagement_probe(here)
    assert frame.schema == SCHEMA
    assert frame["kind"].to_list() == list(KINDS)
    return {row["kind"]: row for row in frame.iter_rows(named=True)}


def test_tags_keep_that_a_thing_happened_but_not_when() -> None:
    found = probe(("1", "webinar_may"), ("2", "webinar_may"), ("2", "webinar_june"))["webinar"]
    assert (found["verdict"], found["tags"], found["contacts"]) == ("partly", 2, 2)
    assert found["share"] == 2 / 3
    assert found["evidence"] == "webinar_may (2), webinar_june (1)"
    assert "without dates" in found["recoverable"]


def test_what_no_tag_speaks_of_is_lost() -> None:
    found = probe(("1", "VIP"))["survey"]
    assert found["verdict"] == "lost"
    assert found["evidence"] is None
    assert found["recoverable"].startswith("Nothing")
    assert found["lost"]
    assert found["ask"]


def test_payments_and_bookings_bring_their_own_history() -> None:
    found = probe(("1", "customer"))
    assert (found["purchase"]["verdict"], found["purchase"]["rows"]) == ("recovered", 2)
    assert found["purchase"]["tags"] == 1
    assert found["event"]["verdict"] in {"recovered", "lost"}


def test_many_tags_are_named_by_the_most_frequent_five() -> None:
    found = probe(*(("1", f"video {n} watched") for n in range(8)))["video"]
    assert found["evidence"].endswith("and 3 more")


def test_nothing_at_all_is_lost_in_every_kind() -> None:
    assert set(engagement_probe({})["verdict"]) == {"lost"}
