"""The scoreboard of Kartra's twelve objects: what went in, what arrived, and what it is worth.

Two scores are published, each with its rule (S110): the one that vendors print, and an honest one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from kartra_sf_pipeline.scope.plan import FULLY, NOT_SUPPORTED

SCHEMA: Final = pl.Schema(
    {
        "number": pl.Int64(),
        "object": pl.String(),
        "destination": pl.String(),
        "cardinality": pl.String(),
        "support": pl.String(),
        "rows_in": pl.Int64(),
        "rows_moved": pl.Int64(),
        "rows_left": pl.Int64(),
        "records": pl.Int64(),
        "loss": pl.String(),
        "vendor_points": pl.Float64(),
        "honest_points": pl.Float64(),
        "documented": pl.String(),
        "command": pl.String(),
    }
)

VENDOR_RULE: Final = (
    "Objects that have any destination, of twelve: what arrives of them is not asked."
)
HONEST_RULE: Final = (
    "Per object, the share of its rows that arrived (1 for 9 of 9), halved where what arrives is "
    "lossy, 0 where nothing of it is exported; the mean over the objects. A supported object of "
    "which this account has no rows is left out; one that Kartra does not export never is."
)
LOSSY_WORTH: Final = 0.5

# What is lost of each object even where every row arrives, and the command that shows it.
_ALWAYS: Final[Mapping[str, tuple[str, str]]] = {
    "Contacts": (
        "Duplicates become one record; the history of opens, clicks and visits is not exported",
        "kartra-sf map show --phase contacts",
    ),
    "Companies": (
        "Kartra keeps a company as text on its people: several rows become one account",
        "kartra-sf map show --phase accounts",
    ),
    "Custom fields": (
        "A field without a column in the exported contacts has no values to move",
        "kartra-sf map show --phase contact_tags",
    ),
    "Tags": ("Names alone: no date, no cause", "kartra-sf map show --phase contact_tags"),
    "Lists": ("Membership alone: no date of joining", "kartra-sf map show --phase campaigns"),
    "Transactions": (
        "Several billing events become one deal; total spend is not exported",
        "kartra-sf map show --phase opportunities",
    ),
    "Subscriptions": (
        "Run rate is not exported and not derived",
        "kartra-sf map show --phase opportunities",
    ),
    "Affiliates": (
        "Links, clicks and commission rules are not exported",
        "kartra-sf map show --phase affiliates",
    ),
    "Calendars": (
        "Kartra's calendar history is incomplete; a booking has no end",
        "kartra-sf map show --phase events",
    ),
    "Memberships and courses": (
        "Access and progress are not exported; the tags that stand for them arrive as tags",
        "kartra-sf objects --inventory",
    ),
    "Sequences": (
        "The logic is not data: it is listed for rebuilding, which is no part of the migration",
        "kartra-sf objects --inventory",
    ),
    "Forms and surveys": (
        "Structure, logic and answers are not exported; completions are told by tags alone",
        "kartra-sf objects --inventory",
    ),
}


@dataclass(frozen=True)
class Moved:
    """What a run did with an object's rows: `why_left` names each rule with its rows."""

    rows_in: int = 0
    rows_moved: int = 0
    records: int = 0
    why_left: tuple[tuple[str, int], ...] = ()


def object_scoreboard(
    scope: pl.DataFrame, moved: Mapping[str, Moved], destinations: Mapping[str, str]
) -> pl.DataFrame:
    """One row per object in the order of `scope` (the frame of `migration_scope`).

    `moved` and `destinations` are by object; a destination that is not named is the scope's own.
    """
    rows = []
    for number, row in enumerate(scope.iter_rows(named=True), start=1):
        name = row["object"]
        became = moved.get(name, Moved())
        always, command = _ALWAYS[name]
        left = ", ".join(f"{rows:,} {why.replace('_', ' ')}" for why, rows in became.why_left)
        rows.append(
            {
                "number": number,
                "object": name,
                "destination": destinations.get(name, row["destination"]),
                "cardinality": row["cardinality"],
                "support": row["support"],
                "rows_in": became.rows_in,
                "rows_moved": became.rows_moved,
                "rows_left": became.rows_in - became.rows_moved,
                "records": became.records,
                "loss": f"{always}. Rows that stayed: {left}." if left else f"{always}.",
                "vendor_points": float(row["support"] != NOT_SUPPORTED),
                "honest_points": _honest(row["support"], row["cardinality"], became),
                "documented": f"docs/objects.md#{name.lower().replace(' ', '-')}",
                "command": command,
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


def scores(board: pl.DataFrame) -> tuple[float, float]:
    """The vendor-style score and the honest one, each from 0 to 1, by the rules above."""
    vendor, honest = board.select(
        pl.col("vendor_points").mean(), pl.col("honest_points").mean().fill_null(0.0)
    ).row(0)
    return round(vendor, 4), round(honest, 4)


def clarity(board: pl.DataFrame) -> float:
    """Of the objects that move, the share that moves without a choice of a person's."""
    moving = board.filter(pl.col("support") != NOT_SUPPORTED)
    return moving.filter(pl.col("support") == FULLY).height / max(moving.height, 1)


def _honest(support: str, cardinality: str | None, became: Moved) -> float | None:
    if support == NOT_SUPPORTED:
        return 0.0
    if became.rows_in == 0:
        return None
    share = became.rows_moved / became.rows_in
    return round(share * (LOSSY_WORTH if cardinality == "lossy" else 1.0), 4)
