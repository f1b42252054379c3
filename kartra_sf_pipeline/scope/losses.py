"""What will not arrive: what Kartra does not export, and the rows of this account held back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.suppression import RULES
from kartra_sf_pipeline.scope.frames import Frames, count, disposed, distinct, height
from kartra_sf_pipeline.scope.inventory import traces

SCHEMA: Final = pl.Schema(
    {
        "item": pl.String(),
        "count": pl.Int64(),
        "why": pl.String(),
        "what_to_do": pl.String(),
    }
)

Loss = tuple[str, int | None, str, str]

# Prepared frames with rows that may be held back, and what their rows are called.
_HELD: Final = {
    "contact_rows": "contact rows",
    "company_rows": "company rows",
    "transactions_prepared": "transactions",
    "subscriptions_prepared": "subscriptions",
    "affiliates_prepared": "affiliates",
    "bookings_prepared": "bookings",
    "notes_prepared": "notes",
    "activities_prepared": "activities",
    "attachments_prepared": "attachments",
    "account_team_prepared": "account team members",
    "opportunity_team_prepared": "opportunity team members",
    "territories_prepared": "territory rows",
}

_NOT_EXPORTED: Final = "Kartra exports no rows of it."
_MEND: Final = "Mend the rows in Kartra or in the file, and run again."

_WHAT_TO_DO: Final = {
    "person_suppressed": "Choose fewer rules in KARTRA_SF_SUPPRESS if its person is to move.",
    **dict.fromkeys(RULES, "Take the rule out of KARTRA_SF_SUPPRESS if they are to move."),
    "failed_payment": "Nothing: no money was collected.",
    "deleted_in_kartra": "Restore the contact in Kartra first if it is wanted.",
    "buyer_not_found": "Export all contacts and run again; restore deleted ones in Kartra first.",
    "attendee_not_found": "Export all contacts, or correct the attendee's address.",
    "contact_not_found": "Export all contacts, or correct the note's contact.",
    "account_not_found": "Correct the company's name or domain in the file.",
    "opportunity_not_found": "Correct the transaction's or subscription's id in the file.",
    "file_missing": "Put the file into the attachments folder, or correct its path.",
    "outside_the_folder": "Put the file into the attachments folder itself.",
    "file_too_large": "Load it by hand, or link to where it is kept.",
    "sale_not_found": "Review: find the sale by hand, or export the transactions before it.",
    "no_subscription": "Export the subscriptions and the transactions that opened them.",
    "bad_date": "Export from Kartra again and do not open the file in a spreadsheet.",
    "damaged_id": "Export from Kartra again and do not open the file in a spreadsheet.",
}


def will_not_migrate(frames: Frames) -> pl.DataFrame:
    """What is lost, in words for the customer: `item`, `count`, `why`, `what_to_do`.

    `count` is null where nobody can know it, and otherwise from this account. First what Kartra
    does not give, then rows held back by rule, then rows that the reader could not read.
    """
    return pl.DataFrame(
        [
            *_missing_from_kartra(frames),
            *_not_assembled(frames),
            *_held_back(frames),
            *_unreadable(frames),
        ],
        schema=SCHEMA,
        orient="row",
    )


def _tags(frames: Frames, *kinds: str) -> str:
    return traces(frames.get("behavioural_tags"), *kinds)


def _missing_from_kartra(frames: Frames) -> Iterator[Loss]:
    yield (
        "Membership access",
        None,
        f"{_NOT_EXPORTED} {_tags(frames, 'membership')}",
        "Rebuild access where the memberships will live.",
    )
    yield (
        "Course enrolment and progress",
        None,
        f"{_NOT_EXPORTED} {_tags(frames, 'course')}",
        "Rebuild in the new course platform; ask there for an import of progress.",
    )
    yield (
        "Forms and their submissions",
        None,
        f"{_NOT_EXPORTED} {_tags(frames, 'form')}",
        "Rebuild as Web-to-Lead, an Experience Cloud form or a form tool.",
    )
    yield (
        "Surveys and their answers",
        None,
        f"{_NOT_EXPORTED} {_tags(frames, 'survey')}",
        "Rebuild in a survey tool; answers cannot be recovered from the exports.",
    )
    yield (
        "Webinar registrations and attendance",
        None,
        f"{_NOT_EXPORTED} {_tags(frames, 'webinar')}",
        "Ask the webinar platform for its own export.",
    )
    yield (
        "Sequences and automations",
        distinct(frames, "raw_sequences", "sequence") or None,
        "Their logic is not data that Kartra exports.",
        "Rebuild from `object_inventory`; rebuilding is not part of this migration.",
    )
    yield (
        "Pages, funnels and e-mail templates",
        None,
        _NOT_EXPORTED,
        "Rebuild by hand; save copies before the account closes.",
    )
    yield (
        "E-mail opens, clicks and the activity log",
        None,
        _NOT_EXPORTED,
        "Engagement starts anew in Salesforce.",
    )
    yield (
        "Dates and causes of tags",
        height(frames, "parsed_tags"),
        "A tag is exported by its name alone.",
        "Treat tags as undated; nothing is invented.",
    )
    yield (
        "Dates of list memberships",
        height(frames, "parsed_lists"),
        "A list is exported by its name alone.",
        "Treat memberships as undated; nothing is invented.",
    )
    yield (
        "Total spend per contact",
        distinct(frames, "transactions_prepared", "contact_key"),
        "It is not a column of the export.",
        "It can be computed from transactions, on request and labelled as computed.",
    )
    yield (
        "Recurring revenue (run rate)",
        height(frames, "subscriptions_prepared") + height(frames, "subscriptions_derived"),
        "Kartra does not export it.",
        "It is not derived; report on the subscriptions' own amounts.",
    )
    yield (
        "Earlier calendar history",
        None,
        "Bookings come from a file made by hand, and Kartra keeps them incompletely.",
        "Compare with the hosts' own calendars.",
    )


def _not_assembled(frames: Frames) -> Iterator[Loss]:
    """Kinds of rows that move only from files which somebody assembles by hand."""
    if not height(frames, "raw_activities"):
        yield (
            "Calls, e-mails, meetings and tasks",
            None,
            f"{_NOT_EXPORTED} There is no activities.csv in the folder.",
            "Assemble activities.csv from call logs, calendars and mailboxes if they are to move.",
        )
    if not height(frames, "raw_attachments"):
        yield (
            "Documents and uploads",
            None,
            f"{_NOT_EXPORTED} There is no attachments/manifest.csv in the folder.",
            "Put files and a manifest.csv into the folder `attachments` if they are to move.",
        )
    unnamed = count(frames, "attachment_files", ~pl.col("named"))
    if unnamed:
        yield (
            "Files in the attachments folder that the manifest does not name",
            unnamed,
            "Nothing says whose they are; `attachment_files` lists them.",
            "Add a row for each to attachments/manifest.csv, or remove them.",
        )
    if not any(
        height(frames, f"raw_{name}")
        for name in ("account_team", "opportunity_team", "territories")
    ):
        yield (
            "Team members and territories",
            None,
            "Kartra knows neither, and no file in the folder names any.",
            "Assemble account_team.csv, opportunity_team.csv or territories.csv, or assign in "
            "Salesforce.",
        )


def _held_back(frames: Frames) -> Iterator[Loss]:
    for name, called in _HELD.items():
        frame = frames.get(name)
        if frame is None:
            continue
        held = (
            frame.filter(disposed("suppress", "quarantine"))
            .group_by("disposition", "reason")
            .len()
            .sort("disposition", "reason")
        )
        for disposition, reason, number in held.iter_rows():
            verb = "Suppressed" if disposition == "suppress" else "Held back"
            yield (
                f"{verb} {called}: {reason.replace('_', ' ')}",
                number,
                f"The rule {reason} applies; each row is listed with its file and line.",
                _WHAT_TO_DO.get(reason, _MEND),
            )


def _unreadable(frames: Frames) -> Iterator[Loss]:
    quarantine = frames.get("quarantine")
    if quarantine is None:
        return
    counted = quarantine.group_by("export", "reason").len().sort("export", "reason")
    for export, reason, number in counted.iter_rows():
        yield (
            f"Unreadable rows of {export}: {reason.replace('_', ' ')}",
            number,
            "The row is not whole, so no cell of it can be trusted.",
            "Look at the row's raw text in the quarantine, mend it or export again.",
        )
