"""The behavioural probe: which engagement can be told from the exports, and which is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from kartra_sf_pipeline.scope.behavioural import KINDS
from kartra_sf_pipeline.scope.frames import Frames, count, disposed, distinct, height

SCHEMA: Final = pl.Schema(
    {
        "kind": pl.String(),
        "verdict": pl.String(),
        "tags": pl.UInt32(),
        "contacts": pl.UInt32(),
        "share": pl.Float64(),
        "rows": pl.UInt32(),
        "evidence": pl.String(),
        "recoverable": pl.String(),
        "lost": pl.String(),
        "ask": pl.String(),
    }
)
RECOVERED, PARTLY, LOST = "recovered", "partly", "lost"
# Tags that are named as evidence; the rest are in behavioural_tags.
_NAMED: Final = 5


@dataclass(frozen=True)
class _Kind:
    """`lost` holds with or without tags; `ask` is where the rest might still be had."""

    deed: str
    lost: str
    ask: str


_ABOUT: Final = {
    "form": _Kind(
        "filled in a form",
        "Answers, dates, which page, how often.",
        "Copy the submissions that matter from the contacts' profiles before the account closes.",
    ),
    "survey": _Kind(
        "took a survey or quiz",
        "Questions, answers, scores and dates.",
        "Download the results of each survey in Kartra before the account closes.",
    ),
    "webinar": _Kind(
        "registered for or attended a webinar",
        "Which session, when, how long, what was said.",
        "Export registrants and attendance from the webinar platform.",
    ),
    "membership": _Kind(
        "had access to a membership",
        "Level, dates of access, whether it still holds.",
        "Copy the members of each level from Kartra's membership screens.",
    ),
    "course": _Kind(
        "started or finished a course",
        "Lessons, progress, marks and dates.",
        "Ask the students' progress of the course platform, or accept a fresh start.",
    ),
    "purchase": _Kind(
        "bought something",
        "Abandoned carts, and whatever was sold outside Kartra.",
        "Export all transactions; they carry dates and amounts, tags do not.",
    ),
    "video": _Kind(
        "watched a video",
        "Which one, how far, when.",
        "Export the statistics of the video host.",
    ),
    "event": _Kind(
        "came to an event or booked a call",
        "Sessions that no calendar file holds.",
        "Ask the hosts for their calendars, and the ticketing for its list.",
    ),
}


def engagement_probe(frames: Frames) -> pl.DataFrame:
    """One row per kind of engagement, in the order of `behavioural.KINDS`.

    `verdict`: recovered (rows with dates exist), partly (tags alone: that it happened, not when),
    lost (no trace). `tags` and `contacts` who carry one; `share` of the people; `rows` of an export
    that hold the thing itself; `evidence` (the most frequent tags with their counts);
    `recoverable`, `lost` and `ask` in words.
    """
    people = height(frames, "contacts_unified")
    return pl.DataFrame([_row(kind, frames, people) for kind in KINDS], schema=SCHEMA, orient="row")


def _row(kind: str, frames: Frames, people: int) -> tuple[object, ...]:
    about = _ABOUT[kind]
    tags, contacts, evidence = _tagged(kind, frames)
    rows, of = _rows(kind, frames)
    verdict = RECOVERED if rows else PARTLY if tags else LOST
    told: list[str] = []
    if rows:
        told.append(f"{rows:,} {of}, with dates.")
    if tags:
        told.append(f"That {contacts:,} contacts {about.deed}, by {tags:,} tags without dates.")
    return (
        kind,
        verdict,
        tags,
        contacts,
        contacts / people if people else None,
        rows,
        evidence,
        " ".join(told) or "Nothing: no tag speaks of it and no export has it.",
        about.lost,
        about.ask,
    )


def _tagged(kind: str, frames: Frames) -> tuple[int, int, str | None]:
    """Distinct tags of a kind, the people who carry any, and the most frequent with counts."""
    found, parsed = frames.get("behavioural_tags"), frames.get("parsed_tags")
    if found is None or parsed is None:
        return 0, 0, None
    here = found.filter(pl.col("kind") == kind).sort("contacts", "tag", descending=[True, False])
    if here.is_empty():
        return 0, 0, None
    carried = parsed.filter(pl.col("tag").is_in(here["tag"].implode()))
    named = ", ".join(
        f"{tag} ({number:,})"
        for tag, number in here.head(_NAMED).select("tag", "contacts").iter_rows()
    )
    more = here.height - _NAMED
    if more > 0:
        named += f", and {more:,} more"
    return here.height, distinct({"carried": carried}, "carried", "contact_key"), named


def _rows(kind: str, frames: Frames) -> tuple[int, str]:
    if kind == "purchase":
        paid = pl.col("type").is_in(["sale", "rebill"]) & disposed("keep", "merge")
        copy = pl.col("reason").fill_null("") == "older_extract"
        return count(frames, "transactions_prepared", paid & ~copy), "payments"
    if kind == "event":
        return count(frames, "bookings_prepared", disposed("keep")), "calendar bookings"
    return 0, ""
