"""Keys that stay: a person or company goes on under the key that it was loaded under.

The key that an export implies moves when Kartra deletes the contact of the lowest id, when an
address gets an id, when two who were loaded turn out to be one, when a company shows its domain.
What was loaded before is known by its aliases: every key that was folded into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

CONTACT: Final = "Contact"
ACCOUNT: Final = "Account"
LEAD: Final = "Lead"

KNOWN_SCHEMA: Final = {
    "object": pl.String,
    "alias": pl.String,
    "key": pl.String,
    "first_loaded_run": pl.String,
    "first_loaded_at": pl.Datetime("us", "UTC"),
}
# `group`: the key that the exports imply; `own`: a key of the group's own, not a mere sign of it;
# `age`: the smaller, the longer Kartra has known the one who bears the alias.
CLAIM_SCHEMA: Final = {
    "group": pl.String,
    "alias": pl.String,
    "own": pl.Boolean,
    "age": pl.Int64,
}
KEY_SCHEMA: Final = {"group": pl.String, "key": pl.String}
APART_SCHEMA: Final = {
    "object": pl.String,
    "key": pl.String,
    "loaded_key": pl.String,
    "first_loaded_run": pl.String,
    "first_loaded_at": pl.Datetime("us", "UTC"),
}
NOTHING_KNOWN: Final = pl.DataFrame(schema=KNOWN_SCHEMA)
NOTHING_APART: Final = pl.DataFrame(schema=APART_SCHEMA)

_DOMAIN: Final = "domain:"


@dataclass(frozen=True)
class Settled:
    """`keys` (`KEY_SCHEMA`): the groups that go on under a key that was loaded; the others keep
    the key that names them. `apart` (`APART_SCHEMA`): records that were loaded on their own and
    now belong to a group that goes on under `key`.
    """

    keys: pl.DataFrame
    apart: pl.DataFrame


NOTHING_SETTLED: Final = Settled(pl.DataFrame(schema=KEY_SCHEMA), NOTHING_APART)


def settle_keys(claims: pl.DataFrame, known: pl.DataFrame, sobject: str) -> Settled:
    """The key of each group that holds something of what was loaded before.

    `claims` (`CLAIM_SCHEMA`) names what each group is known by; a group's name is one of its own
    keys, and an own key belongs to one group. `known` has `KNOWN_SCHEMA`.

    A loaded key goes to one group: the one that has it among its own keys, else the one that owns
    an alias of it, else the one that shows a sign of it; of several alike, the one with the oldest
    member. A group that gets several goes on under the one that was loaded first; of
    people, one that they only show a sign of comes last: nobody leaves a key of their own for a
    shared address.
    """
    kinds = [CONTACT, LEAD] if sobject == CONTACT else [sobject]
    loaded = _with_own_alias(known.filter(pl.col("object").is_in(kinds)))
    found = claims.join(loaded, on="alias")
    if found.is_empty():
        return NOTHING_SETTLED
    # Addresses are shared and passed on; the name of a company is not.
    shared = pl.lit(sobject == CONTACT)
    held = (
        found.with_columns(
            _weak=pl.when(~pl.col("own"))
            .then(2)
            .when(pl.col("alias") != pl.col("key"))
            .then(1)
            .otherwise(0)
        )
        .sort("key", "_weak", "age", "group", "alias")
        .unique("key", keep="first", maintain_order=True)
        .sort("group", shared & (pl.col("_weak") == 2), "first_loaded_at", "_weak", "age", "key")
        .with_columns(_chosen=pl.col("key").first().over("group"))
    )
    first = pl.col("key") == pl.col("_chosen")
    return Settled(
        held.filter(first).select(list(KEY_SCHEMA)),
        held.filter(~first)
        .select(
            "object",
            pl.col("_chosen").alias("key"),
            pl.col("key").alias("loaded_key"),
            "first_loaded_run",
            "first_loaded_at",
        )
        .sort("key", "loaded_key"),
    )


def _with_own_alias(loaded: pl.DataFrame) -> pl.DataFrame:
    """Every loaded key is an alias of itself, whatever else it became an alias of."""
    told = ["object", "key", "first_loaded_run", "first_loaded_at"]
    # Who was loaded as a contact and as a lead under one key is a contact.
    keys = loaded.sort("object", "first_loaded_at").select(*told).unique("key", keep="first")
    aliases = loaded.select("alias", "key").join(keys, on="key")
    columns = ["alias", *told]
    own = keys.with_columns(alias=pl.col("key"))
    return pl.concat([aliases.select(columns), own.select(columns)]).unique(["alias", "key"])


def contact_claims(members: pl.DataFrame, addresses: pl.DataFrame) -> pl.DataFrame:
    """What people are known by: their own keys, and as a sign of them their e-mail addresses.

    `members`: `group`, `contact_key` and `age` of each contact that stays. `addresses`:
    `contact_key` and `email` of every row of theirs, older extracts included: who was loaded by an
    address alone is found again by it.
    """
    own = members.select(
        "group", pl.col("contact_key").alias("alias"), pl.lit(value=True).alias("own"), "age"
    )
    mailed = (
        addresses.drop_nulls()
        .unique()
        .join(members, on="contact_key")
        .select(
            "group",
            (pl.lit("email:") + pl.col("email")).alias("alias"),
            pl.lit(value=False).alias("own"),
            "age",
        )
    )
    return pl.concat([own, mailed]).cast(pl.Schema(CLAIM_SCHEMA))


def account_claims(aliases: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """What accounts are known by, from `account` (the key that names the group), `alias`, `own`.

    A name alone does not lead from one domain to another: two companies may bear one name.
    """
    loaded = known.filter(pl.col("object") == ACCOUNT)
    is_domain = pl.col("alias").str.starts_with(_DOMAIN)
    domains = pl.concat(
        [
            loaded.filter(is_domain).select("key", domain="alias"),
            loaded.filter(pl.col("key").str.starts_with(_DOMAIN)).select("key", domain="key"),
        ]
    ).unique("key", keep="any")
    elsewhere = (
        loaded.join(domains, on="key").filter(~is_domain).select("alias").unique().to_series()
    )
    has_domain = pl.col("account").str.starts_with(_DOMAIN)
    misleading = ~pl.col("own") & has_domain & pl.col("alias").is_in(elsewhere.implode())
    return (
        aliases.filter(~misleading)
        .select(
            pl.col("account").alias("group"),
            "alias",
            "own",
            # Domains before names, as where an account's key is chosen.
            (~is_domain).cast(pl.Int64).alias("age"),
        )
        .cast(pl.Schema(CLAIM_SCHEMA))
    )


def replaced(keys: pl.Expr, settled: Settled) -> pl.Expr:
    """`keys`, which name groups, by the keys under which the groups go on."""
    if settled.keys.is_empty():
        return keys
    return keys.replace(settled.keys["group"], settled.keys["key"])


def contact_aliases(unified: pl.LazyFrame) -> pl.LazyFrame:
    """`key` and `alias` of every contact: each key that it is known by, its own included."""
    folded = (
        unified.select(key="contact_key", alias="merged_keys")
        .explode("alias", empty_as_null=True)
        .drop_nulls("alias")
    )
    own = unified.select(key="contact_key", alias="contact_key")
    return pl.concat([own, folded]).unique(maintain_order=True)
