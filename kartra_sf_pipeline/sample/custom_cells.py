"""The cells of the contacts' custom fields: five kinds, mostly empty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from kartra_sf_pipeline.sample import catalogue
from kartra_sf_pipeline.sample.draw import Bools, Draw, Floats, Ints, digits, text, where

_JOBS = (
    "Owner", "Founder", "CEO", "Coach", "Marketing Manager", "VP, Sales", "Consultant", "Designer",
    "Teacher", "Nurse", "Head of \"People\"", "Freelancer", "Directora", "Geschäftsführer",
    "Retired",
)  # fmt: skip
_CHALLENGES = (
    "Finding clients", "Not enough time.\nI also have three kids.", "Tech overwhelm",
    "Pricing.\nPeople say \"too expensive\"", "I start things; I don't finish them", "Consistency",
    "My list is small (<500)", "Traffic &amp; ads", "Getting seen,\r\nbeing heard", "n/a",
    "I don't know where to begin", "Cómo vender sin sentirme pesada", "everything!!!",
    "Zu viele Ideen, zu wenig Zeit", "Hiring a VA\n\nand keeping her", "=more sales",
    "Launching my course\t(finally)",
)  # fmt: skip
_TEAM = ("1", "just me", "2", "3-5", "10", "2-3 people", "0", "15", "solo", "25+")


def joined_picks(
    draw: Draw, pool: pl.Series, counts: Ints, weights: Sequence[float] | Floats, separator: str
) -> pl.Series:
    """For each row `counts` draws from a pool, each value once, joined in the order drawn."""
    row = np.repeat(np.arange(len(counts)), counts)
    drawn = draw.choose(weights, len(row))
    picks = pl.DataFrame({"row": row, "value": drawn}).unique(maintain_order=True)
    frame = pl.DataFrame({"row": picks["row"], "text": pool.gather(picks["value"])})
    joined = frame.group_by("row", maintain_order=True).agg(pl.col("text").str.join(separator))
    return (
        pl.DataFrame({"row": np.arange(len(counts))})
        .join(joined, on="row", how="left", maintain_order="left")
        .get_column("text")
    )


def custom_columns(draw: Draw) -> pl.DataFrame:
    """One column per custom field, named by its identifier; null where nobody answered."""
    asked = draw.chance(0.35)  # Most contacts never met a form with these fields.

    def answered(share: float) -> Bools:
        return asked & draw.chance(share)

    def option(pool: Sequence[str], weights: Sequence[float] | None, share: float) -> pl.Series:
        return where(answered(share), draw.pick(pool, weights), None)

    year, month, day = draw.ints(1948, 2006), draw.ints(1, 13), draw.ints(1, 29)
    iso = text(year, "-", digits(month, 2), "-", digits(day, 2))
    spoken = text(draw.pick(("Jan", "March", "July", "Dec")), " ", day, ", ", year)
    interests = joined_picks(
        draw,
        pl.Series(catalogue.INTERESTS),
        np.where(answered(0.6), draw.ints(1, 5), 0),
        (20, 18, 15, 12, 10, 14, 6),
        ", ",
    )
    columns = {
        "job_title": option(_JOBS, None, 0.5),
        "birthday": where(answered(0.3), where(draw.chance(0.9), iso, spoken), None),
        "biggest-challenge": option(_CHALLENGES, None, 0.45),
        "industry": option(catalogue.INDUSTRIES, (24, 16, 10, 9, 9, 7, 7, 5, 3, 10), 0.7),
        "monthly_revenue": option(catalogue.REVENUE_BANDS, (48, 26, 15, 8, 3), 0.5),
        "experience_level": option(catalogue.LEVELS, (50, 35, 15), 0.6),
        "interests": interests,
        "photo-release": option(("Yes",), None, 0.2),
        "team_size": option(_TEAM, None, 0.3),
        "tshirt_size": option(catalogue.SHIRTS, (4, 18, 32, 26, 14, 6), 0.15),
        "legacy_code": pl.repeat(None, draw.size, dtype=pl.String, eager=True),
    }
    return pl.DataFrame(
        {identifier: columns[identifier] for identifier, *_ in catalogue.CUSTOM_FIELDS}
    )
