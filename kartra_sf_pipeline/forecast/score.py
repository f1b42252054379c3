"""How right the forecast was, against what the org said."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Score:
    """Predicted and actual rejections by record; None where the denominator is empty."""

    predicted: int
    actual: int
    precision: float | None
    recall: float | None


def score(predicted: pl.DataFrame, outcomes: pl.DataFrame) -> Score:
    """Join predictions and rejected outcomes on object and key."""
    said = predicted.select("object", "key").unique()
    was = outcomes.filter(pl.col("outcome") == "rejected").select("object", "key").unique()
    both = said.join(was, on=["object", "key"], how="semi").height
    return Score(
        predicted=said.height,
        actual=was.height,
        precision=both / said.height if said.height else None,
        recall=both / was.height if was.height else None,
    )
