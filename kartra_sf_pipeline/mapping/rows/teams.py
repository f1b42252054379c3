"""Teams of accounts and opportunities, and territories, with the org's own users."""

from __future__ import annotations

from typing import Final

import polars as pl

from kartra_sf_pipeline.mapping.owners import active_users, with_aliases, words_of
from kartra_sf_pipeline.mapping.rows.choices import Choices, Frames

NEEDS: Final = (
    "account_team_prepared",
    "opportunity_team_prepared",
    "territories_prepared",
    "opportunity_facts",
)
SCHEMA: Final = pl.Schema(
    {
        "export": pl.String(),
        "object": pl.String(),
        "account_key": pl.String(),
        "opportunity_key": pl.String(),
        "user_id": pl.String(),
        "territory": pl.String(),
        "role": pl.String(),
        "member_key": pl.String(),
        "disposition": pl.String(),
        "reason": pl.String(),
        "detail": pl.String(),
        "source_file": pl.String(),
        "source_line": pl.Int64(),
    }
)
_OBJECTS: Final = {
    "account_team": "AccountTeamMember",
    "opportunity_team": "OpportunityTeamMember",
    "territories": "ObjectTerritory2Association",
}
NOT_CHOSEN: Final = "not_chosen_in_the_map"


_PHASES: Final = {
    "account_team": "account_team_members",
    "opportunity_team": "opportunity_team_members",
    "territories": "territory_associations",
}
_MAYBE: Final = ("user", "account_key", "opportunity_key", "transaction_id", "territory", "role")


def assignments(frames: Frames, choices: Choices) -> pl.DataFrame:
    """One row per row of the three files (`SCHEMA`), with its fate in this org under this map.

    Users are found by user name or e-mail, or by the map's owners. Held back are members who are no
    active users, and members of opportunities that the map makes none of. Somebody stands in a team
    once: the newest row counts.
    """
    rows = pl.concat(
        [
            frames[f"{export}_prepared"]
            .with_columns(export=pl.lit(export), object=pl.lit(sobject))
            .collect()
            for export, sobject in _OBJECTS.items()
        ],
        how="diagonal_relaxed",
    )
    rows = rows.with_columns(
        pl.lit(None, pl.String).alias(name) for name in _MAYBE if name not in rows.columns
    )
    deals = frames["opportunity_facts"].select("opportunity_key").collect()["opportunity_key"]
    own = pl.lit("T") + pl.col("transaction_id")
    rows = rows.join(_users(choices), on="user", how="left", maintain_order="left").with_columns(
        # A payment may have become an opportunity of its own, or gone into a subscription's.
        opportunity_key=pl.when(own.is_in(deals.implode())).then(own).otherwise("opportunity_key")
    )
    rows = rows.with_columns(
        member_key=pl.concat_str(
            pl.coalesce("opportunity_key", "account_key"),
            pl.coalesce("territory", "user_id"),
            separator="|",
        )
    )
    return _judged(rows, choices, deals).select(list(SCHEMA)).cast(SCHEMA)


def members(frames: Frames, export: str) -> pl.DataFrame:
    """The rows of one of the three files that are written."""
    return (
        frames["assignment_facts"]
        .filter((pl.col("export") == export) & (pl.col("disposition") == "keep"))
        .collect()
    )


def account_team_rows(frames: Frames, _: Choices) -> pl.DataFrame:
    """One row per account and user."""
    return members(frames, "account_team")


def opportunity_team_rows(frames: Frames, _: Choices) -> pl.DataFrame:
    """One row per opportunity and user."""
    return members(frames, "opportunity_team")


def territory_rows(frames: Frames, _: Choices) -> pl.DataFrame:
    """One row per account and territory."""
    return members(frames, "territories").with_columns(association_key="member_key")


def _users(choices: Choices) -> pl.DataFrame:
    """`user` (a folded word), `user_id`, `active`; an active user wins over a former one."""
    former = [user for user in choices.users if not user.active]
    by_word = {word: (user.id, False) for user in former for word in words_of(user)}
    by_word |= {word: (user.id, True) for word, user in active_users(choices.users).items()}
    known = with_aliases(by_word, choices.field_map.owners)
    return pl.DataFrame(
        [(word, *found) for word, found in known.items()],
        schema={"user": pl.String, "user_id": pl.String, "active": pl.Boolean},
        orient="row",
    )


def _judged(rows: pl.DataFrame, choices: Choices, deals: pl.Series) -> pl.DataFrame:
    kept = pl.col("disposition") == "keep"
    chosen = [export for export, phase in _PHASES.items() if phase in choices.phases]
    of_team = pl.col("export") != "territories"
    quarantine, suppress, merge = pl.lit("quarantine"), pl.lit("suppress"), pl.lit("merge")
    said = pl.col("user").fill_null("")
    rules = (
        (
            pl.col("export").is_in(chosen).not_(),
            suppress,
            NOT_CHOSEN,
            pl.lit("The field map does not ask for it: see `teams` and `territories` there."),
        ),
        (
            (pl.col("export") == "opportunity_team")
            & pl.col("opportunity_key").is_in(deals.implode()).not_(),
            quarantine,
            "no_opportunity_by_the_map",
            pl.lit("The field map makes no opportunity of it."),
        ),
        (
            of_team & pl.col("user_id").is_null(),
            quarantine,
            "user_not_found",
            pl.lit("The org has no user '") + said + "', or several by that e-mail address.",
        ),
        (
            of_team & pl.col("active").not_(),
            quarantine,
            "user_inactive",
            pl.lit("The user '") + said + "' is not active.",
        ),
    )
    for when, disposition, reason, detail in rules:
        fits = kept & when.fill_null(value=False)
        rows = rows.with_columns(
            disposition=pl.when(fits).then(disposition).otherwise("disposition"),
            reason=pl.when(fits).then(pl.lit(reason)).otherwise("reason"),
            detail=pl.when(fits).then(detail).otherwise("detail"),
        )
    newest = (
        rows.with_row_index("_row")
        .filter(kept)
        .sort("extract_date", "_row", nulls_last=False)
        .unique(["export", "member_key"], keep="last")
        .select("_row", _newest=pl.lit(value=True))
    )
    twice = kept & pl.col("_newest").is_null()
    return (
        rows.with_row_index("_row")
        .join(newest, on="_row", how="left", maintain_order="left")
        .with_columns(
            disposition=pl.when(twice).then(merge).otherwise("disposition"),
            reason=pl.when(twice).then(pl.lit("listed_twice")).otherwise("reason"),
        )
    )
