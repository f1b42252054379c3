"""Files that people assemble by hand beside Kartra's exports: written only when asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from kartra_sf_pipeline.sample.draw import Draw
from kartra_sf_pipeline.sample.files import CsvFile

SELLER, FORMER, STRANGER = (
    "seller@local.example",
    "former@local.example",
    "nobody@nowhere.example",
)
"""Users of every local org, one of them inactive, and somebody whom it does not know."""
UNNAMED = "scans/unclaimed.txt"
"""A file that no row of the manifest names."""

_MOST: Final = 400
_KINDS: Final = ("Call", "Email", "Meeting", "Task", "Note")
_WEIGHTS: Final = (35, 30, 20, 10, 5)
_SUBJECTS: Final = {
    "Call": ("Welcome call", "Renewal", "Asked about the invoice", "No subject"),
    "Email": ("Your questions", "Offer", "Re: login", "Thank you"),
    "Meeting": ("Kick-off", "Quarterly review", "Demo"),
    "Task": ("Send the contract", "Call back in spring"),
    "Note": ("Background", "Preferences"),
}
_BODIES: Final = (
    "Talked through the plan.\nWill decide next week.",
    'Prefers to be called after noon; "not before".',
    "Wants <b>two</b> seats & an invoice.",
    "",
)
_STATUSES: Final = {
    "Call": ("Connected", "No answer"),
    "Email": ("Sent", ""),
    "Task": ("Done", "Open"),
}
_ROLES: Final = ("Account Manager", "Sales Rep", "Executive Sponsor")


def write_extras(out: Path, seed: int) -> dict[str, int]:
    """Write activities.csv, the attachments folder with its manifest, and the files of teams and
    territories beside an account that `write_account` has written; rows per file.

    They are small whatever the size of the account: at most 400 activities.
    """
    people = _people(out)
    frames = {
        "activities.csv": _activities(people, seed),
        "attachments/manifest.csv": _attachments(out, people, seed),
        "account_team.csv": _account_team(out, seed),
        "opportunity_team.csv": _opportunity_team(out, seed),
        "territories.csv": _territories(out),
    }
    counts: dict[str, int] = {}
    for name, frame in frames.items():
        with CsvFile(out / name) as file:
            file.write(frame)
        counts[name] = file.rows
    return counts


def _people(out: Path) -> pl.DataFrame:
    # The stamp that ends a name is a clock.
    newest = max(out.glob("contacts_kartra_*.csv"), key=lambda path: path.stem[-13:])
    rows = pl.read_csv(newest, infer_schema=False, n_rows=_MOST * 5)
    named = rows.filter(pl.col("email").str.contains(r"^[^@ ]+@[^@ ]+\.[a-z]+$"))
    return named.select("id", "email").unique("id", keep="first", maintain_order=True)


def _activities(people: pl.DataFrame, seed: int) -> pl.DataFrame:
    size = min(_MOST, max(20, people.height // 2))
    draw = Draw(seed, 0, "activities", size)
    person = people[draw.ints(0, people.height)]
    rows = []
    for number, (kind, day, minute, at) in enumerate(
        zip(
            draw.choose(_WEIGHTS).tolist(),
            draw.ints(0, 900).tolist(),
            draw.ints(0, 40).tolist(),
            draw.ints(0, 1 << 30).tolist(),
            strict=True,
        )
    ):
        # Of each kind at least two, whatever the draw.
        name = _KINDS[kind if number >= 2 * len(_KINDS) else number % len(_KINDS)]
        states = _STATUSES.get(name, ("",))
        rows.append(
            {
                "Activity ID": "" if number % 9 == 4 else str(6_000_000 + number),
                "Type": name,
                "Subject": _SUBJECTS[name][at % len(_SUBJECTS[name])],
                "Body": _BODIES[at // 8 % len(_BODIES)],
                "Date": str(np.datetime64("2024-01-02") + day),
                # Some meetings last the whole day.
                "Time": ""
                if name == "Meeting" and number % 7 == 0
                else f"{8 + minute // 4}:{minute % 4 * 15:02}",
                "Duration": ("", "30", "45 min", "1 h 30 min")[at // 64 % 4]
                if name in ("Call", "Meeting")
                else "",
                "Owner": (SELLER, "Marco Reyes", "")[at // 512 % 3],
                "Status": states[at // 4096 % len(states)],
            }
        )
    frame = pl.DataFrame(rows).with_columns(
        pl.Series("Contact ID", person["id"]), pl.Series("Contact Email", person["email"])
    )
    strange = frame.head(1).with_columns(
        pl.lit("6999999").alias("Activity ID"),
        pl.lit("").alias("Contact ID"),
        pl.lit(STRANGER).alias("Contact Email"),
    )
    return pl.concat([frame, strange])


def _attachments(out: Path, people: pl.DataFrame, seed: int) -> pl.DataFrame:
    folder = out / "attachments"
    (folder / "scans").mkdir(parents=True, exist_ok=True)
    size = min(40, max(4, people.height // 40))
    draw = Draw(seed, 0, "attachments", size)
    rows: list[tuple[str, str, str, str, str]] = []
    for number, place in enumerate(draw.ints(0, people.height).tolist()):
        id_, email = people.row(place)
        # A table among the attachments is a document, too.
        name = (f"scans/contract {number}.txt", f"offer-{number}.csv", f"résumé {number}.txt")[
            number % 3
        ]
        (folder / name).write_text(f"name;number\nfile {number};{seed}\n", encoding="utf-8")
        rows.append((name, id_, email, f"Document {number}", "2025-03-04 10:00:00"))
    id_, email = people.row(0)
    rows.append(("lost.pdf", id_, email, "Lost", ""))
    rows.append((rows[0][0], rows[0][1], rows[0][2], "Listed twice", ""))
    (folder / UNNAMED).write_text("whose is this?\n", encoding="utf-8")
    return pl.DataFrame(
        rows, schema=["File", "Contact ID", "Contact Email", "Title", "Date"], orient="row"
    ).with_columns(pl.lit("From the old shared drive").alias("Description"))


def _companies(out: Path) -> pl.DataFrame:
    rows = pl.read_csv(out / "companies.csv", infer_schema=False, n_rows=12)
    return rows.select("Name", "Website").unique("Name", keep="first", maintain_order=True)


def _account_team(out: Path, seed: int) -> pl.DataFrame:
    firms = _companies(out)
    draw = Draw(seed, 0, "account team", firms.height)
    roles = pl.Series([_ROLES[place] for place in draw.ints(0, len(_ROLES)).tolist()])
    known = firms.select(
        pl.col("Name").alias("Account"),
        pl.col("Website").alias("Account Domain"),
        pl.lit(SELLER).alias("User"),
        roles.alias("Role"),
    )
    wrong = known.head(2).with_columns(
        pl.Series("User", [FORMER, STRANGER][: min(2, known.height)])
    )
    nowhere = known.head(1).with_columns(
        pl.lit("No Such Company").alias("Account"), pl.lit("").alias("Account Domain")
    )
    return pl.concat([known, wrong, nowhere])


def _opportunity_team(out: Path, seed: int) -> pl.DataFrame:
    newest = max(out.glob("report_all_transactions_*.csv"), key=lambda path: path.stat().st_size)
    rows = pl.read_csv(newest, infer_schema=False, n_rows=200)
    sold = rows.filter(pl.col("Transaction_Type") == "Sale")["ID"].head(8)
    draw = Draw(seed, 0, "opportunity team", max(1, len(sold)))
    roles = [_ROLES[place] for place in draw.ints(0, len(_ROLES)).tolist()][: len(sold)]
    known = pl.DataFrame(
        {"Transaction ID": sold, "User": [SELLER] * len(sold), "Role": roles},
        schema=dict.fromkeys(("Transaction ID", "User", "Role"), pl.String),
    )
    unknown = pl.DataFrame({"Transaction ID": ["1"], "User": [SELLER], "Role": [_ROLES[0]]})
    return pl.concat([known, unknown])


def _territories(out: Path) -> pl.DataFrame:
    firms = _companies(out).head(4)
    return firms.select(
        pl.col("Name").alias("Account"),
        pl.col("Website").alias("Account Domain"),
        pl.lit("North_America").alias("Territory"),
    )
