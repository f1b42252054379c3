"""Who owns a record: Kartra's users and hosts as users of the org (S6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

import polars as pl

from kartra_sf_pipeline.mapping.model import PhaseMap
from kartra_sf_pipeline.mapping.org_facts import OrgUser
from kartra_sf_pipeline.mapping.rows.choices import Choices
from kartra_sf_pipeline.mapping.strategies import Owners


def owner_ids(rows: pl.DataFrame, phase: PhaseMap, choices: Choices) -> pl.Expr | None:
    """Ids of the owners; None where the object has no owner or nobody is named for it.

    A name stands for the user that the owner map says, else for the active user whose user name
    or e-mail it is, else for the default owner. Null leaves the record to the migration user.
    """
    described = choices.objects[phase.object]
    field = described.fields.get("OwnerId")
    if field is None or not field.createable:
        return None
    owners = choices.field_map.owners
    active = {word: user.id for word, user in active_users(choices.users).items()}
    known = with_aliases(active, owners)
    default = active.get(folded(owners.default)) if owners.default else None
    if phase.owner is None or phase.owner not in rows.columns or not known:
        return pl.lit(default, pl.String) if default else None
    named = pl.col(phase.owner).cast(pl.String).str.strip_chars().str.to_lowercase()
    return named.replace_strict(
        list(known), list(known.values()), default=default, return_dtype=pl.String
    )


Found = TypeVar("Found")


def with_aliases(users: Mapping[str, Found], owners: Owners) -> dict[str, Found]:
    """`users` by word, and by the names of the owner map; a name there wins over a user's own word.

    Each name stands for a user of the org, never for another name of the map: two may be swapped.
    """
    named = {folded(name): users.get(folded(user)) for name, user in owners.users.items()}
    return {**users, **{name: found for name, found in named.items() if found is not None}}


def words_of(user: OrgUser) -> tuple[str, ...]:
    """What a user may be called by: user name and e-mail, folded."""
    return tuple(word for word in (folded(user.username), folded(user.email)) if word)


def active_users(users: Sequence[OrgUser]) -> dict[str, OrgUser]:
    """Active users by what they may be called: user name, and e-mail where nobody shares it."""
    active = [user for user in users if user.active]
    mails = Counter(folded(user.email) for user in active)
    by_mail = {folded(user.email): user for user in active if mails[folded(user.email)] == 1}
    by_mail.pop("", None)
    return by_mail | {folded(user.username): user for user in active}


def folded(word: str) -> str:
    """Case and outer spaces do not count."""
    return word.strip().lower()
