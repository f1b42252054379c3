"""Strategies, owners and value maps proposed from what the account and the org show, with reasons.

A strategy leaves its default only where the evidence is in the exports and the org can take it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from rapidfuzz import fuzz

from kartra_sf_pipeline.mapping.evidence import plain
from kartra_sf_pipeline.mapping.org_facts import OrgUser
from kartra_sf_pipeline.mapping.owners import folded, words_of
from kartra_sf_pipeline.mapping.rows.choices import Frames
from kartra_sf_pipeline.mapping.rows.places import picks_places
from kartra_sf_pipeline.mapping.rows.relations import further_accounts
from kartra_sf_pipeline.mapping.strategies import (
    Decision,
    Lists,
    Owners,
    Strategies,
    ValueMap,
)
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

Objects = Mapping[str, ObjectDescribe]

_TEAMS = {
    "account_team_prepared": "AccountTeamMember",
    "opportunity_team_prepared": "OpportunityTeamMember",
}
# Who Kartra's owners are called, and, where there is one, the column with their name.
_OWNED = {
    "bookings_prepared": ("host_email", "host"),
    "notes_prepared": ("author", "author"),
    "activities_prepared": ("owner", "owner"),
}
SAME_NAME = 95.0
"""Likeness from which two people's names are taken for one, of 100."""
USERS_OF_A_LIST = 0.8
"""Share of a list's people who are users of the org, from which it is proposed as a group."""


@dataclass(frozen=True)
class Proposed:
    """Choices with what they rest on."""

    strategies: Strategies
    owners: Owners
    decisions: tuple[Decision, ...] = field(default=())


def propose_choices(prepared: Frames, objects: Objects, users: Sequence[OrgUser]) -> Proposed:
    """What the account and the org speak for. Frames that are not there have no rows."""
    lists, about_lists = _lists(prepared, users)
    chosen: dict[str, Any] = {"lists": lists}
    decisions = [about_lists]
    for decision, values in (
        _files(prepared),
        _teams(prepared, objects),
        _territories(prepared, objects),
        _relations(prepared, objects),
        _places(objects),
    ):
        chosen |= values
        decisions.append(decision)
    owners, about_owners = propose_owners(prepared, users)
    decisions += [*_standing(prepared, objects), about_owners, *_of_org(prepared, objects)]
    return Proposed(Strategies(**chosen), owners, tuple(decisions))


def propose_owners(prepared: Frames, users: Sequence[OrgUser]) -> tuple[Owners, Decision]:
    """Kartra's hosts and authors as active users: by user name, e-mail, else by name.

    Only those whom an owner's own words do not find already need a line in the map.
    """
    active = [user for user in users if user.active]
    known = {word for user in active for word in words_of(user)}
    found: dict[str, str] = {}
    people = dict(_owned(prepared))
    for word, name in people.items():
        if folded(word) in known:
            continue
        local = [user for user in active if "@" in word and _same_address(word, user)]
        named = [user for user in active if user.name and _alike(name, user.name)]
        for matches in (local, named):
            if len(matches) == 1:
                found[word] = matches[0].username
                break
    by_themselves = sum(folded(word) in known for word in people)
    left = len(people) - by_themselves - len(found)
    return Owners(users=dict(sorted(found.items()))), Decision(
        about="owners",
        chosen=f"{by_themselves + len(found)} of {len(people)}",
        confidence=0.85 if found else 1.0,
        reason=f"{by_themselves} by user name or e-mail, {len(found)} by name; {left} are no "
        "active users: their records go to the default owner",
    )


def propose_stages(
    values: ValueMap, objects: Objects, field_name: tuple[str, str] = ("Opportunity", "StageName")
) -> tuple[ValueMap, Decision]:
    """The stages of the map as the org calls them: its own word for won and for lost."""
    described = objects.get(field_name[0])
    stage = described.fields.get(field_name[1]) if described else None
    offered = stage.picklist_values if stage else ()
    there = {value.casefold(): value for value in offered}
    meant: dict[str, str] = {}
    for wanted in dict.fromkeys(values.values.values()):
        exact = there.get(wanted.casefold())
        closing = plain(wanted).split()[-1:]
        like = [value for value in offered if closing and closing[0] in plain(value).split()]
        if exact or len(like) == 1:
            meant[wanted] = exact or like[0]
    missing = [word for word in dict.fromkeys(values.values.values()) if word not in meant]
    renamed = {old: new for old, new in meant.items() if old != new}
    mapped = {kind: meant.get(word, word) for kind, word in values.values.items()}
    said = "; ".join(f"{new} stands for {old}" for old, new in renamed.items())
    if missing:
        said = f"the org has no stage {', '.join(missing)}: name one of its own, or add it"
    return values.model_copy(update={"values": mapped}), Decision(
        about="value_maps.stages",
        chosen=", ".join(dict.fromkeys(mapped.values())),
        confidence=0.5 if missing else 0.85 if renamed else 1.0,
        reason=said or "the org has these stages",
    )


_Choice = tuple[Decision, dict[str, Any]]


def _rows(prepared: Frames, name: str, kept: pl.Expr | None = None) -> int:
    frame = prepared.get(name)
    if frame is None:
        return 0
    counted = frame if kept is None else frame.filter(kept)
    return counted.select(pl.len()).collect(engine="streaming").item()


def _kept(prepared: Frames, name: str) -> int:
    return _rows(prepared, name, pl.col("disposition") == "keep")


def _lists(prepared: Frames, users: Sequence[OrgUser]) -> tuple[Lists, Decision]:
    """Campaigns, but for a list that is a team's of the org rather than an audience."""
    emails = {folded(user.email) for user in users if user.active and user.email}
    memberships, people = prepared.get("parsed_lists"), prepared.get("contacts_unified")
    groups: list[str] = []
    if memberships is not None and people is not None and emails:
        inside = people.select(
            "contact_key", _user=pl.col("email").is_in(sorted(emails)).fill_null(value=False)
        )
        counted = (
            memberships.join(inside, on="contact_key")
            .group_by("list_name")
            .agg(people=pl.len(), share=pl.col("_user").mean())
            .filter((pl.col("people") >= 2) & (pl.col("share") >= USERS_OF_A_LIST))
            .sort("list_name")
        )
        groups = counted.collect(engine="streaming")["list_name"].to_list()
    return Lists(by_list=dict.fromkeys(groups, "group")), Decision(
        about="strategies.lists",
        chosen="campaign" if not groups else f"campaign; group: {', '.join(groups)}",
        confidence=0.7 if groups else 0.9,
        reason="a public group takes users of the org alone, "
        + ("and these lists hold hardly anybody else" if groups else "and no list is one of users"),
    )


def _files(prepared: Frames) -> _Choice:
    attached = _kept(prepared, "attachments_prepared")
    return _switch(
        "files", bool(attached), f"{attached:,} attachments" if attached else "no attachments"
    )


def _teams(prepared: Frames, objects: Objects) -> _Choice:
    rows = {name: _kept(prepared, name) for name in _TEAMS}
    total = sum(rows.values())
    lacking = [
        _TEAMS[name] for name, count in rows.items() if count and _TEAMS[name] not in objects
    ]
    if total and lacking:
        return _switch("teams", False, f"{total:,} rows, but the org has no {lacking[0]}", 0.7)
    return _switch("teams", bool(total), f"{total:,} rows of team files" if total else "no file")


def _territories(prepared: Frames, objects: Objects) -> _Choice:
    rows = _kept(prepared, "territories_prepared")
    if rows and "ObjectTerritory2Association" not in objects:
        why = f"{rows:,} rows, but the org has no territory management"
        return _switch("territories", False, why, 0.7)
    return _switch("territories", bool(rows), f"{rows:,} rows" if rows else "no file")


def _relations(prepared: Frames, objects: Objects) -> _Choice:
    about = "account_contact_relations"
    try:
        people = further_accounts(prepared)["contact_key"].n_unique()
    except KeyError:  # Frames that tell of it are not all there.
        people = 0
    if people and "AccountContactRelation" not in objects:
        why = f"{people:,} people have several companies, but the org allows one"
        return _switch(about, False, why, 0.7)
    why = f"{people:,} people have several companies" if people else "nobody has several companies"
    return _switch(about, bool(people), why)


def _places(objects: Objects) -> _Choice:
    if not picks_places(objects.get("Contact")):
        return _switch("place_texts", False, "the org takes states and countries as text", 1.0)
    why = "the org takes states and countries by code; what it does not offer is kept as text"
    return _switch("place_texts", True, why)


def _switch(name: str, on: bool, why: str, confidence: float = 0.9) -> _Choice:
    told = Decision(
        about=f"strategies.{name}", chosen=str(on).lower(), confidence=confidence, reason=why
    )
    return told, {name: on}


def _standing(prepared: Frames, objects: Objects) -> Iterator[Decision]:
    """Defaults that stay, and what speaks for them."""
    sales = _rows(
        prepared,
        "transactions_prepared",
        (pl.col("disposition") == "keep") & pl.col("opportunity_key").str.starts_with("T"),
    )
    rebills = _rows(prepared, "transactions_prepared", pl.col("type") == "rebill")
    failed = _rows(prepared, "transactions_prepared", pl.col("type") == "failed")
    plans = _kept(prepared, "subscriptions_prepared") + _rows(prepared, "subscriptions_derived")
    partners = _kept(prepared, "affiliates_prepared") + _rows(prepared, "affiliates_derived")
    products = _rows(prepared, "products_derived")
    alone = _rows(prepared, "contacts_unified", pl.col("account_key").is_null())
    own = [name for name in ("Kartra_Transaction__c", "Kartra_Subscription__c") if name in objects]
    more = f"; {', '.join(own)} is there for the other choice" if own else ""
    yield Decision(
        about="strategies.transactions",
        chosen="opportunity",
        confidence=0.9,
        reason=f"{sales:,} one-off sales and repayments: reports and forecasts sum deals{more}",
    )
    yield Decision(
        about="strategies.subscriptions",
        chosen="opportunity",
        confidence=0.8,
        reason=f"{plans:,} subscriptions beside the sales, on one object{more}",
    )
    yield Decision(
        about="strategies.rebills",
        chosen="rolled_up",
        confidence=0.8,
        reason=f"{rebills:,} rebills: count, sum and last date on the subscription",
    )
    yield Decision(
        about="strategies.failed_payments",
        chosen="none",
        confidence=0.9,
        reason=f"{failed:,} failed payments collected no money",
    )
    yield Decision(
        about="strategies.line_items",
        chosen="true",
        confidence=0.9,
        reason=f"{products:,} products and price points are known",
    )
    yield Decision(
        about="strategies.affiliates",
        chosen="account",
        confidence=0.8,
        reason=f"{partners:,} affiliates: partner organisations are accounts",
    )
    yield Decision(
        about="contacts_without_company",
        chosen="no_account",
        confidence=0.6,
        reason=f"{alone:,} people without a company: their owner and administrators alone see "
        "them; decide by segment",
    )


def _of_org(prepared: Frames, objects: Objects) -> Iterator[Decision]:
    """What the org is like, and what that means for the map as it stands."""
    yield _currencies(prepared, objects)
    dated = _writable(objects, "Contact", "CreatedDate")
    yield Decision(
        about="strategies.original_dates",
        chosen="true",
        reason="the user may set CreatedDate at creation"
        if dated
        else "the user may not set CreatedDate: the date stands in Kartra_Created_At__c alone",
    )
    for name, described in objects.items():
        kinds = [
            kind.name for kind in described.record_types if kind.available and kind.name != "Master"
        ]
        if kinds and not described.custom:
            yield Decision(
                about=f"record type of {name}",
                chosen="the user's default",
                confidence=0.7,
                reason=f"the org offers {', '.join(kinds)}; name one with `record_type`",
            )


def _currencies(prepared: Frames, objects: Objects) -> Decision:
    frame = prepared.get("transactions_prepared")
    used: list[str] = []
    if frame is not None:
        found = frame.select(pl.col("currency").drop_nulls().unique())
        used = sorted(found.collect(engine="streaming").to_series().to_list())
    several = _writable(objects, "Opportunity", "CurrencyIsoCode")
    money = ", ".join(used) or "no currency"
    if several:
        reason = f"the org has several currencies: each row keeps its own ({money})"
    else:
        reason = f"the org has one currency; the account has {money}"
        reason += "" if len(used) < 2 else ": Kartra_Currency__c alone tells them apart"
    sure = several or len(used) < 2
    chosen = "CurrencyIsoCode" if several else "the org's own"
    return Decision(
        about="currencies", chosen=chosen, confidence=1.0 if sure else 0.5, reason=reason
    )


def _writable(objects: Objects, sobject: str, name: str) -> bool:
    described = objects.get(sobject)
    found = described.fields.get(name) if described else None
    return found is not None and found.createable


def _owned(prepared: Frames) -> Iterator[tuple[str, str]]:
    """Each of Kartra's owners once: the word that the map knows them by, and their name."""
    for frame_name, (word, name) in _OWNED.items():
        frame = prepared.get(frame_name)
        if frame is None or word not in frame.collect_schema():
            continue
        shown = name if name in frame.collect_schema() else word
        pairs = frame.select(word=pl.col(word), name=pl.col(shown)).drop_nulls("word")
        found = pairs.unique("word", keep="first").sort("word").collect(engine="streaming")
        yield from ((a, b or a) for a, b in found.iter_rows())


def _same_address(word: str, user: OrgUser) -> bool:
    """A sandbox adds its name to a user name, and hides e-mail addresses."""
    return folded(user.username).startswith(f"{folded(word)}.")


def _alike(one: str, other: str) -> bool:
    return fuzz.token_sort_ratio(plain(one), plain(other)) >= SAME_NAME
