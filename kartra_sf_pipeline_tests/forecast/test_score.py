"""How right a forecast was, by record: a record that fails twice counts once."""

from __future__ import annotations

import polars as pl
import pytest

from kartra_sf_pipeline.forecast.score import Score, score


def predicted(*keys: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"object": ["Contact"] * len(keys), "key": list(keys)},
        schema={"object": pl.String, "key": pl.String},
    )


def outcomes(**said: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"object": ["Contact"] * len(said), "key": list(said), "outcome": list(said.values())},
        schema={"object": pl.String, "key": pl.String, "outcome": pl.String},
    )


@pytest.mark.parametrize(
    ("foreseen", "said", "expected"),
    [
        (("a",), {"a": "rejected", "b": "created"}, Score(1, 1, 1.0, 1.0)),
        (("a", "a"), {"a": "rejected"}, Score(1, 1, 1.0, 1.0)),
        (("a", "b"), {"a": "rejected", "b": "created"}, Score(2, 1, 0.5, 1.0)),
        (("a",), {"a": "rejected", "b": "rejected"}, Score(1, 2, 1.0, 0.5)),
        (("a",), {"a": "created", "b": "rejected"}, Score(1, 1, 0.0, 0.0)),
        ((), {"a": "rejected"}, Score(0, 1, None, 0.0)),
        (("a",), {"a": "created"}, Score(1, 0, 0.0, None)),
        ((), {"a": "created"}, Score(0, 0, None, None)),
    ],
)
def test_precision_and_recall(
    foreseen: tuple[str, ...], said: dict[str, str], expected: Score
) -> None:
    assert score(predicted(*foreseen), outcomes(**said)) == expected


def test_the_same_key_of_another_object_is_another_record() -> None:
    other = predicted("a").with_columns(object=pl.lit("Account"))
    assert score(other, outcomes(a="rejected")) == Score(1, 1, 0.0, 0.0)
