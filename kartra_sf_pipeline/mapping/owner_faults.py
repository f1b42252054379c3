"""Faults of the owner map: users whom the org lacks or has switched off, names that nobody maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import polars as pl
from rapidfuzz import process

from kartra_sf_pipeline.mapping import profile
from kartra_sf_pipeline.mapping.model import FieldMap, PhaseMap
from kartra_sf_pipeline.mapping.org_facts import OrgUser
from kartra_sf_pipeline.mapping.owners import active_users, folded, words_of
from kartra_sf_pipeline.mapping.validate import Fault

_LISTED = 20


def owner_faults(
    field_map: FieldMap,
    phases: Mapping[str, PhaseMap],
    frames: Mapping[str, pl.DataFrame],
    users: Sequence[OrgUser],
) -> list[Fault]:
    """Owners that cannot own, which stop; and owners in the exports whom nobody maps, told.

    `phases` are those that write, `frames` their rows by name.
    """
    owners = field_map.owners
    named: list[tuple[tuple[str | int, ...], str]] = []
    if owners.default is not None:
        named.append((("owners", "default"), owners.default))
    named += [(("owners", "users", name), user) for name, user in owners.users.items()]
    known = active_users(users)
    stopping = [
        Fault(place, *_why(user, users)) for place, user in named if folded(user) not in known
    ]
    words = {*known, *(folded(name) for name in owners.users)}
    told = [
        fault
        for name, phase in phases.items()
        if phase.owner is not None and phase.owner in frames[name].columns
        for fault in _unmapped(name, frames[name][phase.owner], words, owners.default)
    ]
    return [*stopping, *told]


def _why(named: str, users: Sequence[OrgUser]) -> tuple[str, str]:
    word = folded(named)
    sharing = [user for user in users if word in words_of(user)]
    active = [user for user in sharing if user.active]
    if active:
        return (
            f"{len(active)} active users of the org have the e-mail {named}",
            "Name one of them by user name.",
        )
    if sharing:
        return (
            f"{named} is an inactive user, who can own nothing",
            "Name an active user, or activate this one.",
        )
    usable = [user.username for user in users if user.active]
    near = [found[0] for found in process.extract(named, usable, limit=3, score_cutoff=55)]
    return (
        f"the org has no user {named}",
        f"Nearest: {', '.join(near)}." if near else "Name a user by user name or e-mail.",
    )


def _unmapped(
    phase: str, named: pl.Series, known: set[str], default: str | None
) -> Iterator[Fault]:
    names = named.cast(pl.String).str.strip_chars().alias("name").drop_nulls().to_frame()
    lost = (
        names.filter((pl.col("name") != "") & ~pl.col("name").str.to_lowercase().is_in(known))
        .group_by("name")
        .len("rows")
        .sort("rows", "name", descending=[True, False])
    )
    if lost.is_empty():
        return
    what, way_out = _told(lost, default, str)
    masked = ". ".join(_told(lost, default, profile.masked))
    yield Fault(("phases", phase, "owner"), what, way_out, stops=False, masked=masked)


def _told(lost: pl.DataFrame, default: str | None, name: Callable[[str], str]) -> tuple[str, str]:
    listed = ", ".join(f"{name(word)} ({rows})" for word, rows in lost.head(_LISTED).iter_rows())
    more = lost.height - _LISTED
    rest = f" and {more} more" if more > 0 else ""
    return (
        f"{int(lost['rows'].sum())} rows name an owner whom nobody maps: {listed}{rest}",
        f"They go to {name(default) if default else 'the migration user'}; say under "
        "`owners.users` whose they are.",
    )
