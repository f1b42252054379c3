"""Who owns a record: Kartra's users and hosts as users of the org (S6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

from kartra_sf_pipeline.mapping.model import PhaseMap
from kartra_sf_pipeline.mapping.org_facts import OrgUser
from kartra_sf_pipeline.mapping.rows.choices import Choices


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
    known = {word: user.id for word, user in active_users(choices.users).items()}
    for name, user in owners.users.items():
        if (found := known.get(folded(user))) is not None:
            known[folded(name)] = found
    default = known.get(folded(owners.default)) if owners.default else None
    if phase.owner is None or phase.owner not in rows.columns or not known:
        return pl.lit(default, pl.String) if default else None
    named = pl.col(phase.owner).cast(pl.String).str.strip_chars().str.to_lowercase()
    return named.replace_strict(
        list(known), list(known.values()), default=default, return_dtype=pl.String
    )


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
