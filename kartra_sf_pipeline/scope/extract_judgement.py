"""Judging an extract before a date is promised: columns, identities, names, order, overlap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from kartra_sf_pipeline.prepare.nulls import clean

SCHEMA: Final = pl.Schema(
    {
        "file": pl.String(),
        "rows": pl.Int64(),
        "measure": pl.String(),
        "value": pl.Int64(),
        "share": pl.Float64(),
        "verdict": pl.String(),
        "note": pl.String(),
    }
)
FIT, LOOK, UNFIT = "fit", "look", "unfit"

# Columns that an extract of contacts is expected to hold, and what is lost without each.
EXPECTED: Final = {
    "id": "people are known by e-mail alone, and purchases under an older address find nobody",
    "email": "nobody can be matched or mailed",
    "first_name": "names are incomplete",
    "last_name": "Salesforce needs a last name: it must be derived from other columns",
    "phone": "no phone numbers arrive",
    "company": "accounts come from web domains alone",
    "country": "phones and addresses stay without their country",
    "date_joined": "the original date is lost, and slices by date cannot be checked",
    "tags": "segments, and every trace of forms, webinars and courses, are lost",
    "lists": "no campaign gets members",
    "gdpr_status": "nobody's consent is known: all arrive opted out",
    "gdpr_communications": "nobody's agreement to mail is known",
    "status": "who unsubscribed or bounced is not known",
}
# Without one of these nothing sound can be loaded.
_VITAL: Final = ("email", "gdpr_status")
_MANY: Final = 0.5
_SOME: Final = 0.05
# Rows whose date joined is not before the next row's, in a file from oldest to newest.
_ORDERED: Final = 0.99


def extract_judgement(raw_contacts: pl.LazyFrame, quarantine: pl.DataFrame) -> pl.DataFrame:
    """Several rows per file of contacts, files by name: `file`, its `rows`, `measure`, `value`,
    `share` (of the rows; null where it says nothing), `verdict` (fit, look, unfit), `note`.

    Measures: columns_without_values (absent from the header, or blank all through),
    rows_without_email, rows_without_last_name, rows_without_names, dates_out_of_order,
    rows_also_in_other_files, rows_not_readable.
    """
    names = ["source_file", "source_line", *EXPECTED]
    rows = raw_contacts.select(names).with_columns(clean(pl.col(name)) for name in EXPECTED)
    blank = {name: pl.col(name).is_null() for name in EXPECTED}
    measured = (
        rows.sort("source_file", "source_line")
        .group_by("source_file", maintain_order=True)
        .agg(
            pl.len().alias("rows"),
            *(blank[name].all().alias(f"no_{name}") for name in EXPECTED),
            blank["email"].sum().alias("without_email"),
            blank["last_name"].sum().alias("without_last_name"),
            (blank["last_name"] & blank["first_name"]).sum().alias("without_names"),
            _descents().alias("descents"),
            pl.col("date_joined").count().alias("dated"),
        )
        .collect()
    )
    overlap = _overlap(rows)
    unread = dict(
        quarantine.filter(pl.col("export") == "contacts").group_by("source_file").len().iter_rows()
    )
    found: list[tuple[object, ...]] = []
    for row in measured.iter_rows(named=True):
        file = row["source_file"]
        found += _of_file(row, overlap.get(file, 0), unread.pop(file, 0))
    for file, number in sorted(unread.items()):
        found.append((file, 0, "rows_not_readable", number, None, UNFIT, "No row could be read."))
    return pl.DataFrame(found, schema=SCHEMA, orient="row")


def _descents() -> pl.Expr:
    """Rows that joined before the row above them. Dates of the usual form, year first, sort as text
    does; others are judged no finer than that.
    """
    dates = pl.col("date_joined").drop_nulls()
    return (dates < dates.shift(1)).sum()


def _overlap(rows: pl.LazyFrame) -> dict[str, int]:
    """Rows of each file whose contact (by id, else e-mail) another file holds as well."""
    keyed = rows.select(
        "source_file", key=pl.coalesce("id", pl.col("email").str.to_lowercase())
    ).drop_nulls()
    shared = (
        keyed.group_by("key")
        .agg(pl.col("source_file").n_unique().alias("files"))
        .filter(pl.col("files") > 1)
    )
    counted = keyed.join(shared, on="key", how="semi").group_by("source_file").len().collect()
    return dict(counted.iter_rows())


def _of_file(row: dict[str, object], overlap: int, unread: int) -> Iterator[tuple[object, ...]]:
    file, rows = row["source_file"], int(str(row["rows"]))
    absent = [name for name in EXPECTED if row[f"no_{name}"]]
    vital = [name for name in absent if name in _VITAL]

    def said(
        measure: str, value: int, verdict: str, note: str | None, of: int = rows
    ) -> tuple[object, ...]:
        return file, rows, measure, value, value / of if of else None, verdict, note

    yield said(
        "columns_without_values",
        len(absent),
        UNFIT if vital else LOOK if absent else FIT,
        "; ".join(f"{name}: {EXPECTED[name]}" for name in absent) or None,
        len(EXPECTED),
    )
    mail = int(str(row["without_email"]))
    yield said(
        "rows_without_email",
        mail,
        _by_share(mail, rows, unfit_above=_MANY),
        "Kartra requires an address: many blanks mean that the column was not exported."
        if mail
        else None,
    )
    last = int(str(row["without_last_name"]))
    yield said(
        "rows_without_last_name",
        last,
        _by_share(last, rows),
        "A last name is derived from the other name columns, else from the address."
        if last
        else None,
    )
    nameless = int(str(row["without_names"]))
    yield said(
        "rows_without_names",
        nameless,
        _by_share(nameless, rows),
        "These arrive under the local part of their address, flagged for review."
        if nameless
        else None,
    )
    descents, dated = int(str(row["descents"])), int(str(row["dated"]))
    ordered = dated < 2 or descents <= (1 - _ORDERED) * (dated - 1)
    yield said(
        "dates_out_of_order",
        descents,
        FIT if ordered else LOOK,
        None
        if ordered
        else "Not from the oldest to the newest: sort by date joined before exporting, so that a "
        "slice that ends early is noticed.",
        dated,
    )
    yield said(
        "rows_also_in_other_files",
        overlap,
        FIT,
        "The newest extract of each contact counts." if overlap else None,
    )
    yield said(
        "rows_not_readable",
        unread,
        _by_share(unread, rows + unread, unfit_above=_SOME),
        "See the quarantine for the rows; export this slice again." if unread else None,
        rows + unread,
    )


def _by_share(value: int, rows: int, *, unfit_above: float = 1.0) -> str:
    share = value / rows if rows else 0.0
    if share > unfit_above:
        return UNFIT
    return LOOK if share > _SOME else FIT


def worst(judgement: pl.DataFrame) -> str | None:
    """The worst verdict of all files; null without any file."""
    order = [FIT, LOOK, UNFIT]
    found = judgement["verdict"].unique().to_list()
    return max(found, key=order.index) if found else None
