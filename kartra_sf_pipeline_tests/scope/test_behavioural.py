from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.scope.behavioural import SCHEMA, behavioural_tags


def tagged(*tags: tuple[str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(tags, schema={"contact_key": pl.String, "tag": pl.String}, orient="row")
    return frame.with_columns(tag_folded=pl.col("tag").str.to_lowercase())


@pytest.mark.parametrize(
    ("tag", "kind", "evidence"),
    [
        ("webinar_registered_may", "webinar", "webinar, registered"),
        ("Masterclass - no show", "webinar", "masterclass, no show"),
        ("Quiz taken 2024", "survey", "quiz, taken"),
        ("member_gold", "membership", "member"),
        ("course_completed_y", "course", "course, completed"),
        ("CourseCompleted", "course", "course, completed"),
        ("form submitted z", "form", "form, submitted"),
        ("opt-in ebook", "form", "opt in"),
        ("purchased-gold", "purchase", "purchased"),
        ("purchased Growth Membership", "purchase", "purchased, membership"),
        ("customer", "purchase", "customer"),
        ("Cart abandoned", "purchase", "cart, abandoned"),
    ],
)
def test_a_tag_that_looks_like_an_event_is_named_with_its_evidence(
    tag: str, kind: str, evidence: str
) -> None:
    frame = behavioural_tags(tagged(("1", tag)))
    assert frame.rows() == [(tag, 1, kind, evidence)]


@pytest.mark.parametrize("tag", ["VIP", "information", "platform", "reformer", "newsletter", "Мир"])
def test_other_tags_are_left_out(tag: str) -> None:
    assert behavioural_tags(tagged(("1", tag))).is_empty()


def test_tags_come_by_frequency_in_their_first_spelling() -> None:
    frame = behavioural_tags(
        tagged(("1", "survey done"), ("1", "Webinar A"), ("2", "WEBINAR A"), ("2", "quiz b"))
    )
    assert frame.select("tag", "contacts").rows() == [
        ("Webinar A", 2),
        ("quiz b", 1),
        ("survey done", 1),
    ]


def test_no_tags_are_an_empty_frame_of_the_same_columns() -> None:
    assert behavioural_tags(tagged()).schema == SCHEMA
