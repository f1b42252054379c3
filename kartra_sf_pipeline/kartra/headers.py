"""From a file's header row to canonical columns.

The rule: strip the BOM and outer spaces, lowercase, turn runs of spaces, dashes and underscores
into one `_`, drop a trailing currency in parentheses (kept as data), then look aliases up. Kartra
mixes three spellings across its exports, so nothing finer would do. No header is ever dropped: what
no export knows stays as an `x__` column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kartra_sf_pipeline.kartra.exports import (
    CURRENCY,
    EXTRACT_DATE,
    LINEAGE,
    UNKNOWN_PREFIX,
    Export,
)

_RUNS = re.compile(r"[\s\-_]+")
_CURRENCY = re.compile(r"^(?P<name>.*\S)\s*\((?P<code>[A-Za-z]{3})\)$", re.DOTALL)


@dataclass(frozen=True)
class HeaderMap:
    """What a file's columns are called in the frame, by position.

    `currency` is that of the headers' suffixes, None without one. `unknown` are the `x__` names
    with a header of their own; `notes` say what had to be renamed.
    """

    names: tuple[str, ...]
    currency: str | None
    unknown: tuple[str, ...]
    notes: tuple[str, ...]


def normalise(header: str) -> str:
    """A header in the form that aliases are kept in; the currency suffix stays."""
    return _RUNS.sub("_", header.strip("\ufeff \t\r\n\xa0").lower())


def split_currency(header: str) -> tuple[str, str | None]:
    """`Amount (USD)` as `("Amount", "USD")`; a header without a currency as it is."""
    match = _CURRENCY.match(header.strip("\ufeff \t\r\n\xa0"))
    if match is None:
        return header, None
    return match["name"], match["code"].upper()


def canonical(header: str, export: Export) -> str | None:
    """The export's column that a header names, if any."""
    found = export.lookup.get(normalise(header))
    if found is None and export.money:
        bare, code = split_currency(header)
        if code is not None:
            found = export.lookup.get(normalise(bare))
    return found


def map_headers(headers: list[str], export: Export) -> HeaderMap:
    """Name every column of a file of `export`.

    Where two headers mean one column, the canonical spelling wins over an alias and the earlier
    over the later; the loser stays, as an `x__` column.
    """
    targets = [canonical(header, export) for header in headers]
    owner: dict[str, int] = {}
    for position, target in enumerate(targets):
        if target is None:
            continue
        held = owner.get(target)
        exact = normalise(headers[position]) == target
        if held is None or (exact and normalise(headers[held]) != target):
            owner[target] = position

    names: list[str] = []
    unknown: list[str] = []
    notes: list[str] = []
    taken: set[str] = {*export.column_names, CURRENCY, EXTRACT_DATE, *LINEAGE}
    for position, (header, target) in enumerate(zip(headers, targets, strict=True)):
        if target is not None and owner[target] == position:
            names.append(target)
            continue
        plain = normalise(header)
        name = _free(UNKNOWN_PREFIX + (plain or f"column_{position + 1}"), taken)
        taken.add(name)
        names.append(name)
        unknown.append(name)
        if not plain:
            notes.append(f"column {position + 1} has no header: kept as {name}")
        elif target is not None:
            notes.append(
                f"column {position + 1} ({header.strip()!r}) repeats {target}: kept as {name}"
            )
        elif name != UNKNOWN_PREFIX + plain:
            notes.append(
                f"column {position + 1} ({header.strip()!r}) repeats an earlier header: "
                f"kept as {name}"
            )
    currency, currency_note = _currency(headers, targets, export)
    if currency_note:
        notes.append(currency_note)
    return HeaderMap(tuple(names), currency, tuple(unknown), tuple(notes))


def _free(name: str, taken: set[str]) -> str:
    """`name`, or with the first number that nothing else carries."""
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def _currency(
    headers: list[str], targets: list[str | None], export: Export
) -> tuple[str | None, str | None]:
    """The currency of the money headers, and a note where they disagree."""
    if not export.money:
        return None, None
    codes = [
        code
        for header, target in zip(headers, targets, strict=True)
        if target is not None and (code := split_currency(header)[1]) is not None
    ]
    distinct = list(dict.fromkeys(codes))
    if not distinct:
        return None, None
    if len(distinct) == 1:
        return distinct[0], None
    listed = ", ".join(distinct)
    return distinct[0], f"headers name several currencies ({listed}): {distinct[0]} is taken"
