"""The files that an owner puts together by hand, since Kartra exports no such thing: bookings,
notes, companies, and inventories of lists, sequences and custom fields.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from kartra_sf_pipeline.sample import catalogue
from kartra_sf_pipeline.sample.contact_rows import stamp
from kartra_sf_pipeline.sample.draw import Draw, text, where
from kartra_sf_pipeline.sample.people import People, per_locale

_CALENDARS = ("Discovery calls", "Coaching", "Office hours")
_CLASSES = ("Discovery call (20 min)", "1:1 Strategy Call", "Group office hours", "Follow-up")
_HOSTS = ("Dana Whitfield", "Marco Reyes", "Dana Whitfield, Marco Reyes")
_HOST_EMAILS = ("dana@brightpath.coach", "marco@brightpath.coach", "dana@brightpath.coach")
_AUTHORS = ("Dana Whitfield", "Marco Reyes", "Support", None)
_NOTES = (
    "Left a voicemail.", "Spoke for 20 min.\nWants the yearly plan.\nCall back in March.",
    "Asked about \"done for you\"; sent the price list", "Refund agreed, see ticket",
    "Birthday card sent", "Not a fit, too early", "Interested in certification;\nhas 3 clients",
    "Complained about the login page", "Speaks Spanish, prefers WhatsApp",
)  # fmt: skip


def booking_frame(people: People, email: pl.Series, name: pl.Series) -> pl.DataFrame:
    """Calendar bookings of the block's contacts; some are series under one id."""
    block = people.block
    who = block.draw("bookings")
    rows = np.flatnonzero(who.chance(0.045) & (people.joined < block.now - 3 * 86_400))
    first = block.draw("booking cells", len(rows))
    sessions = 1 + first.choose((86, 6, 5, 3))
    which = np.repeat(np.arange(len(rows)), sessions)
    row = rows[which]
    n = len(row)
    draw = block.draw("booking sessions", n)
    series = np.arange(n) - np.repeat(np.cumsum(sessions) - sessions, sessions)
    start = people.joined[rows] + first.ints(1, 60) * 86_400
    day = start[which] // 86_400 + series * 7
    quarter = draw.ints(9 * 4, 18 * 4)
    at = day * 86_400 + quarter * 900
    kind = first.choose((50, 25, 15, 10))[which]
    host = first.choose((55, 35, 10))[which]
    past = at < block.now
    status = np.select([draw.chance(0.15), past], ["cancelled", "completed"], "booked")
    ids = text(5_000_000 + block.number * 20_000 + which)
    stranger = draw.chance(0.01)
    return pl.DataFrame(
        {
            "Booking ID": where(draw.chance(0.97), ids, None),
            "Calendar": pl.Series(_CALENDARS).gather(np.minimum(kind, 2)),
            "Class": pl.Series(_CLASSES).gather(kind),
            "Host": pl.Series(_HOSTS).gather(host),
            "Host email": pl.Series(_HOST_EMAILS).gather(host),
            "Date": stamp(at, "%d %b %Y"),
            "Time": stamp(at, "%H:%M"),
            "Timezone": where(
                draw.chance(0.8), "America/New_York", per_locale("zone").gather(people.locale[row])
            ),
            "Attendee email": where(
                stranger,
                text("guest", str(block.number), "x", np.arange(n), "@guestmail.net"),
                email.gather(row),
            ),
            "Attendee": name.gather(row),
            "Status": pl.Series(status),
        }
    )  # fmt: skip


def note_frame(people: People, contacts: pl.DataFrame, email: pl.Series) -> pl.DataFrame:
    """Notes that somebody copied from contact profiles."""
    block = people.block
    rows = np.flatnonzero(block.draw("notes").chance(0.05))
    draw = block.draw("note cells", len(rows))
    at = np.minimum(people.joined[rows] + draw.ints(0, 300 * 86_400), block.now - 3_600)
    return pl.DataFrame(
        {
            "Note ID": text(8_000_000 + block.number * 20_000 + np.arange(len(rows))),
            "Contact ID": where(draw.chance(0.9), contacts["id"].gather(rows), None),
            "Contact Email": email.gather(rows),
            "Created At": stamp(at),
            "Author": draw.pick(_AUTHORS, (50, 30, 15, 5)),
            "Note": draw.pick(_NOTES),
        }
    )


def company_frame(people: People) -> pl.DataFrame:
    """The companies that the owner keeps a list of, now and then one twice."""
    block, firms = people.block, people.firms
    draw = block.draw("company list", len(firms.numbers))
    listed = np.flatnonzero(draw.chance(0.16))
    again = listed[:: max(2, len(listed) // 4)]
    rows = np.concatenate([listed, again])
    n = len(rows)
    cells = Draw(block.seed, block.number, "company cells", n)
    repeated = np.arange(n) >= len(listed)
    name = where(repeated, firms.names.gather(rows).str.to_uppercase(), firms.names.gather(rows))
    form = pl.repeat("LLC", n, dtype=pl.String, eager=True)
    name = where(cells.chance(0.3) & ~repeated, text(name, " ", form), name)
    # Its people tell where a company is; one without people has no address.
    member = np.full(len(firms.numbers), -1, dtype=np.int64)
    has = people.firm >= 0
    member[people.firm[has][::-1]] = np.flatnonzero(has)[::-1]
    person = member[rows]
    known = person >= 0
    at = np.maximum(person, 0)
    domain = firms.domains.gather(rows)
    phone = text("+", people.dial.gather(at), people.national.gather(at))
    return pl.DataFrame(
        {
            "Company ID": text(300_000 + block.number * 10_000 + np.arange(n)),
            "Name": name,
            "Website": where(cells.chance(0.75), text("https://www.", domain), None),
            "Domain": where(cells.chance(0.5), domain, None),
            "Phone": where(known & cells.chance(0.6), phone, None),
            "Address": where(known, people.street.gather(at), None),
            "City": where(known, people.city.gather(at), None),
            "State": where(known, people.state.gather(at), None),
            "Zip": where(known, people.postal_code.gather(at), None),
            "Country": where(known, people.country.gather(at), None),
        }
    )  # fmt: skip


def list_frame() -> pl.DataFrame:
    """The account's lists."""
    names, descriptions, active, _ = zip(*catalogue.LISTS, strict=True)
    described = [description or None for description in descriptions]
    return pl.DataFrame({"List": names, "Description": described, "Active": active})


def custom_field_frame() -> pl.DataFrame:
    """The schema of the custom fields: the contacts file itself does not tell their types."""
    return pl.DataFrame(
        {
            "field_identifier": [identifier for identifier, *_ in catalogue.CUSTOM_FIELDS],
            "label": [label for _, label, *_ in catalogue.CUSTOM_FIELDS],
            "field_type": [kind for _, _, kind, _ in catalogue.CUSTOM_FIELDS],
            "options": ["|".join(options) or None for *_, options in catalogue.CUSTOM_FIELDS],
        },
        schema_overrides={"options": pl.String},
    )


def sequence_frame() -> pl.DataFrame:
    """The steps of the sequences, transcribed from their screens."""
    subjects = (
        "Welcome!",
        "Did you see this?",
        "A story",
        "Your next step",
        "Last call",
        "One question",
    )
    rows: list[dict[str, str | None]] = []
    for sequence in catalogue.SEQUENCES:
        for step in range(1, sequence.steps + 1):
            condition = None
            if step % 3 == 2:
                condition = 'If tag "customer" then skip'
            elif step == sequence.steps:
                condition = "If not opened previous e-mail"
            action = f"Send e-mail: {subjects[(step - 1) % len(subjects)]}"
            if step == sequence.steps and sequence.tag:
                action = f"Add tag: {sequence.tag} done"
            rows.append(
                {
                    "Sequence": sequence.name,
                    "Trigger": sequence.trigger,
                    "Step": str(step),
                    "Delay": "Immediately" if step == 1 else f"{step} days",
                    "Action": action,
                    "Condition": condition,
                    "Status": sequence.status,
                    "Audience Tag": sequence.tag or None,
                    "Audience List": sequence.mailing_list or None,
                }
            )
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(
        ("Condition", "Audience Tag", "Audience List"), pl.String
    ))  # fmt: skip
