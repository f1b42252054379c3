"""Are all files of one account? The people in each file against the contacts."""

from __future__ import annotations

from itertools import count
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.nulls import clean

SCHEMA: Final = pl.Schema(
    {
        "export": pl.String(),
        "file": pl.String(),
        "people": pl.Int64(),
        "known": pl.Int64(),
        "share_known": pl.Float64(),
        "group": pl.Int64(),
        "verdict": pl.String(),
        "finding": pl.String(),
    }
)
ONE, DISJOINT, OTHER, FEW, NO_CONTACTS = (
    "same_account",
    "disjoint",
    "other_account",
    "too_few",
    "no_contacts",
)

# Columns that point at a person, by export: id and e-mail.
POINTERS: Final = {
    "transactions": ("lead_id", "buyer_email"),
    "subscriptions": ("lead_id", "buyer_email"),
    "notes": ("contact_id", "contact_email"),
    "calendar_bookings": (None, "attendee_email"),
}
# Fewer people than this say nothing about a file.
ENOUGH: Final = 20
# In one account nearly everybody is known: buyers are contacts, few of them deleted since.
HARDLY: Final = 0.1
# A file is tied to a contacts file where at least this share of its people is in it.
TIED: Final = 0.02


def source_identity(raw: dict[str, pl.LazyFrame]) -> pl.DataFrame:
    """One row per file that points at people: `people` (distinct), `known` (by id or e-mail among
    all contacts), `share_known`, `group`, `verdict`, `finding` (a sentence).

    `verdict`: same_account; disjoint (hardly anybody is a contact); other_account (its people are
    contacts, but it shares neither people nor sellers with the rest: two whole accounts in one
    folder); too_few people to tell; no_contacts to compare with. `raw` are the `raw_*` frames by
    the export's name. Files that share people through contacts files have the same `group`.
    """
    contacts = (
        raw["contacts"]
        .select("source_file", _id=clean(pl.col("id")), _mail=_mail("email"))
        .unique()
        .collect()
    )
    facts = [
        (export, str(file), pointers, contacts)
        for export, columns in POINTERS.items()
        if export in raw
        for (file,), pointers in _people(raw[export], columns).group_by(
            "source_file", maintain_order=True
        )
    ]
    met = [(export, file, *_meet(pointers, known)) for export, file, pointers, known in facts]
    groups = _groups({(export, file): ties for export, file, *_, ties in met})
    sellers = _sellers(raw.get("transactions"))
    odd = _foreign_groups(met, groups, sellers)
    rows = [
        _row(export, file, people, known, groups.get((export, file)), odd, contacts.height)
        for export, file, people, known, _ in met
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _mail(column: str) -> pl.Expr:
    return clean(pl.col(column)).str.to_lowercase()


def _people(frame: pl.LazyFrame, columns: tuple[str | None, str]) -> pl.DataFrame:
    lead, email = columns
    return (
        frame.select(
            "source_file",
            _id=clean(pl.col(lead)) if lead else pl.lit(None, pl.String),
            _mail=_mail(email),
        )
        .filter(pl.any_horizontal(pl.col("_id", "_mail").is_not_null()))
        .unique()
        .sort("source_file", "_id", "_mail")
        .collect(engine="streaming")
    )


def _meet(people: pl.DataFrame, contacts: pl.DataFrame) -> tuple[int, int, list[str]]:
    """Distinct people, those who are contacts, and the contacts files that hold enough of them."""
    person = pl.coalesce("_id", "_mail")
    here = people.with_columns(_person=person)
    total = here["_person"].n_unique()
    found = pl.concat(
        [
            here.drop_nulls(key)
            .join(contacts.drop_nulls(key).select("source_file", key).unique(), on=key)
            .select("_person", file="source_file_right")
            for key in ("_id", "_mail")
        ]
    ).unique()
    known = found["_person"].n_unique()
    per_file = found.group_by("file").agg(pl.col("_person").n_unique().alias("n"))
    ties = per_file.filter(pl.col("n") >= max(1, TIED * total)).sort("file")["file"].to_list()
    return total, known, ties


Place = tuple[str, str]


def _groups(ties: dict[Place, list[str]]) -> dict[Place, int]:
    """Numbers from 1: files that are tied to a common contacts file, directly or through others."""
    owner: dict[str, int] = {}
    members: dict[int, set[str]] = {}
    group_of: dict[Place, int] = {}
    fresh = count(1)
    for place, files in ties.items():
        if not files:
            continue
        touching = {owner[file] for file in files if file in owner}
        number = min(touching) if touching else next(fresh)
        joined = set(files).union(*(members.pop(other) for other in touching))
        members[number] = joined
        owner.update(dict.fromkeys(joined, number))
        group_of[place] = number
    final = {place: owner[ties[place][0]] for place in group_of}
    order = {number: rank for rank, number in enumerate(dict.fromkeys(final.values()), start=1)}
    return {place: order[number] for place, number in final.items()}


def _sellers(transactions: pl.LazyFrame | None) -> dict[str, set[str]]:
    if transactions is None:
        return {}
    found = (
        transactions.select("source_file", seller=clean(pl.col("seller_username")))
        .drop_nulls()
        .unique()
        .collect(engine="streaming")
    )
    return {str(file): set(part["seller"]) for (file,), part in found.group_by("source_file")}


def _foreign_groups(
    met: list[tuple[str, str, int, int, list[str]]],
    groups: dict[Place, int],
    sellers: dict[str, set[str]],
) -> set[int]:
    """Groups that share no seller with the largest one. Files of one account may be tied to
    different slices of its contacts, so that separate people alone prove nothing.
    """
    size: dict[int, int] = {}
    sold: dict[int, set[str]] = {}
    for export, file, people, *_ in met:
        number = groups.get((export, file))
        if number is None:
            continue
        size[number] = size.get(number, 0) + people
        if export == "transactions":
            sold.setdefault(number, set()).update(sellers.get(file, set()))
    if len(size) < 2:
        return set()
    largest = max(size, key=lambda number: (size[number], -number))
    own = sold.get(largest, set())
    return {
        number
        for number in size
        if number != largest and own and sold.get(number) and not own & sold[number]
    }


def _row(
    export: str,
    file: str,
    people: int,
    known: int,
    group: int | None,
    odd: set[int],
    contacts: int,
) -> tuple[object, ...]:
    share = known / people
    if not contacts:
        verdict = NO_CONTACTS
    elif people < ENOUGH:
        verdict = FEW
    elif share < HARDLY:
        verdict = DISJOINT
    else:
        verdict = OTHER if group in odd else ONE
    said = f"{file}: {known:,} of {people:,} people are among the contacts ({share:.0%})"
    if verdict == OTHER:
        said += ", and it shares neither people nor sellers with the largest group of files"
    return export, file, people, known, share, group, verdict, said
