"""Who becomes a contact and who a lead, and under which account: the policy per segment.

A contact without an account is seen by its owner and administrators alone, so what becomes of
people without a company is said in the map (`contacts_without_company`) and never by chance.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import polars as pl

from kartra_sf_pipeline.mapping.rows.choices import Choices, Frames
from kartra_sf_pipeline.mapping.rows.lineage import LINEAGE
from kartra_sf_pipeline.mapping.rows.people import phone
from kartra_sf_pipeline.mapping.strategies import Segment

PLAN_SCHEMA: Final = pl.Schema(
    {
        "contact_key": pl.String(),
        "segment": pl.String(),
        "become": pl.String(),
        "account_key": pl.String(),
        "account_source": pl.String(),
        "held_back": pl.Boolean(),
        "source_file": pl.String(),
        "source_line": pl.Int64(),
    }
)
OF_A_COMPANY: Final = "company"
"""The segment of everybody whose company has an account."""
UNNAMED: Final = "no segment"
"""Of whom no segment of the map says anything: a contact without account."""

_MONEY: Final = ("transactions_prepared", "subscriptions_prepared")
_NEEDING: Final = (
    *_MONEY,
    "bookings_prepared",
    "notes_prepared",
    "activities_prepared",
    "attachments_prepared",
)
"""Frames whose kept and merged rows hang on a contact."""
_AFFILIATES: Final = ("affiliates_prepared", "affiliates_derived")

PLAN_NEEDS: Final = (
    "contacts_unified",
    "companies_prepared",
    "parsed_tags",
    "parsed_lists",
    *_NEEDING,
    "subscriptions_derived",
    *_AFFILIATES,
)


def people_plan(frames: Frames, choices: Choices) -> pl.DataFrame:
    """One row per surviving person (`PLAN_SCHEMA`), in the order of `contacts_unified`.

    `become` is `contact` or `lead`; `account_source` is `company`, `person` (an account of the
    person's own), `shared` or null for none. `held_back` marks those whom their segment would make
    leads, but who have a sale, a booking, a note, an activity, a file, or an affiliate's record:
    these need a contact.
    """
    members = _Members(frames, choices)
    known = frames["companies_prepared"].select("account_key", _known=pl.lit(value=True))
    people = (
        frames["contacts_unified"]
        .select("contact_key", "account_key", *LINEAGE)
        .join(known, on="account_key", how="left", maintain_order="left")
        .with_columns(
            account_key=pl.when("_known").then("account_key"),
            segment=pl.when("_known").then(pl.lit(OF_A_COMPANY)),
            become=pl.lit("contact"),
            account_source=pl.when("_known").then(pl.lit(OF_A_COMPANY)),
            held_back=pl.lit(value=False),
        )
        .drop("_known")
        .collect(engine="streaming")
    )
    for segment in choices.field_map.contacts_without_company:
        people = _with_segment(people, segment, members)
    return people.with_columns(pl.col("segment").fill_null(UNNAMED)).match_to_schema(PLAN_SCHEMA)


def shared_key(name: str) -> str:
    """Key of the account that a small segment shares; case and spaces do not count."""
    return "shared:" + " ".join(name.lower().split())


def _with_segment(people: pl.DataFrame, segment: Segment, members: _Members) -> pl.DataFrame:
    fits = pl.col("segment").is_null()
    if segment.who != "everyone":
        fits &= pl.col("contact_key").is_in(members.of(segment.who).implode())
    people = people.with_columns(_fits=fits)
    fits = pl.col("_fits")
    changed: dict[str, pl.Expr] = {
        "segment": pl.when(fits).then(pl.lit(segment.who)).otherwise("segment")
    }
    if segment.become == "account_per_person":
        key, source = pl.lit("person:") + pl.col("contact_key"), pl.lit("person")
        changed["account_key"] = pl.when(fits).then(key).otherwise("account_key")
        changed["account_source"] = pl.when(fits).then(source).otherwise("account_source")
    elif segment.become == "one_account" and segment.account:
        key, source = pl.lit(shared_key(segment.account)), pl.lit("shared")
        changed["account_key"] = pl.when(fits).then(key).otherwise("account_key")
        changed["account_source"] = pl.when(fits).then(source).otherwise("account_source")
    elif segment.become == "lead":
        needed = pl.col("contact_key").is_in(members.needing_a_contact().implode())
        changed["become"] = pl.when(fits & needed.not_()).then(pl.lit("lead")).otherwise("become")
        changed["held_back"] = pl.col("held_back") | (fits & needed)
    return people.with_columns(**changed).drop("_fits")


class _Members:
    """The people of each segment, read only when a segment asks."""

    def __init__(self, frames: Frames, choices: Choices) -> None:
        self._frames = frames
        self._chosen = choices.field_map.strategies
        self.needing_a_contact = cache(self._needing)

    def of(self, who: str) -> pl.Series:
        """Keys of the contacts of a segment that is not `everyone`."""
        kind, _, name = who.partition(":")
        if kind == "buyers":
            return self._keys(*(self._kept(one) for one in _MONEY), self._derived())
        if kind == "affiliates":
            return self._affiliates()
        frame, column = (
            ("parsed_tags", "tag_folded") if kind == "tag" else ("parsed_lists", "list_folded")
        )
        folded = " ".join(name.lower().split())
        return self._keys(self._frames[frame].filter(pl.col(column) == folded))

    def _needing(self) -> pl.Series:
        parts = [*(self._kept(one) for one in _NEEDING), self._derived()]
        if self._chosen.failed_payments != "none":
            tried = self._frames["transactions_prepared"].filter(pl.col("type") == "failed")
            parts.append(tried)
        found = self._keys(*parts)
        if self._chosen.affiliates == "custom_object":
            found = pl.concat([found, self._affiliates()]).unique()
        return found

    def _kept(self, name: str) -> pl.LazyFrame:
        return self._frames[name].filter(pl.col("disposition").is_in(["keep", "merge"]))

    def _derived(self) -> pl.LazyFrame:
        return self._frames["subscriptions_derived"]

    def _affiliates(self) -> pl.Series:
        addresses = pl.concat(
            [
                self._frames[name].select(
                    email=pl.col("email").str.strip_chars().str.to_lowercase()
                )
                for name in _AFFILIATES
            ]
        ).drop_nulls()
        people = self._frames["contacts_unified"].select("contact_key", "email")
        return self._keys(people.join(addresses.unique(), on="email", how="semi"))

    @staticmethod
    def _keys(*parts: pl.LazyFrame) -> pl.Series:
        keys = pl.concat([part.select("contact_key") for part in parts])
        return keys.drop_nulls().unique().collect(engine="streaming")["contact_key"]


def personal_accounts(
    people: pl.DataFrame, plan: pl.DataFrame, segments: tuple[Segment, ...]
) -> pl.DataFrame:
    """Rows for accounts of one person, and for those that small segments share.

    `people` are the unified contacts. A person's own account has the person's address and lineage;
    a shared one has the lineage of the member who has been known longest.
    """
    asked = plan.filter(pl.col("account_source").is_in(["person", "shared"])).select(
        "contact_key", "account_key", "account_source"
    )
    rows = people.drop("account_key").join(
        asked, on="contact_key", how="inner", maintain_order="left"
    )
    own = rows.filter(pl.col("account_source") == "person").select(
        "account_key",
        *LINEAGE,
        "street",
        "city",
        "state",
        "postal_code",
        "country",
        "country_iso2",
        name=pl.concat_str("first_name", "last_name", separator=" ", ignore_nulls=True),
        phone=phone(),
        evidence=pl.lit("person"),
    )
    names = {shared_key(one.account): one.account for one in segments if one.account}
    shared = (
        rows.filter(pl.col("account_source") == "shared")
        .sort("joined_at", "contact_key", nulls_last=True)
        .unique("account_key", keep="first", maintain_order=True)
        .select(
            "account_key",
            *LINEAGE,
            name=pl.col("account_key").replace_strict(names, return_dtype=pl.String),
            evidence=pl.lit("segment"),
        )
    )
    return pl.concat([own, shared], how="diagonal")
