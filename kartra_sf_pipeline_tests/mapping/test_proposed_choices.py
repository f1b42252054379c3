from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.mapping.account_map import default_map, propose
from kartra_sf_pipeline.mapping.map_diff import diff_maps
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.org_facts import OrgFacts, OrgUser
from kartra_sf_pipeline.mapping.proposed_choices import (
    propose_choices,
    propose_owners,
    propose_stages,
)
from kartra_sf_pipeline.mapping.strategies import Decision, Segment
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.mapping.account import (
    facts_of,
    picklist,
    scanned_account,
    text_field,
    with_fields,
)

Frames = dict[str, pl.LazyFrame]


@pytest.fixture(scope="module")
def facts(local_org: LocalOrg) -> OrgFacts:
    return facts_of(local_org)


def user(name: str, email: str, *, active: bool = True, username: str = "") -> OrgUser:
    return OrgUser(f"005{name}", username or email, email, name, active)


def kept(rows: int) -> pl.LazyFrame:
    return pl.LazyFrame({"disposition": ["keep"] * rows + ["quarantine"]})


def told(decisions: tuple[Decision, ...]) -> dict[str, Decision]:
    return {one.about: one for one in decisions}


def with_files(**rows: int) -> Frames:
    return {**scanned_account(), **{f"{name}_prepared": kept(n) for name, n in rows.items()}}


def test_every_decision_has_a_reason_and_a_confidence(facts: OrgFacts) -> None:
    proposed = propose(scanned_account(), facts.objects, facts.users)
    about = told(proposed.decisions)
    assert {"strategies.lists", "strategies.files", "owners", "value_maps.stages"} <= set(about)
    for one in proposed.decisions:
        assert one.reason
        assert one.chosen
        assert 0 < one.confidence <= 1


def test_a_proposed_map_is_read_back_from_its_file_as_it_was(facts: OrgFacts) -> None:
    import yaml

    proposed = propose(scanned_account(), facts.objects, facts.users)
    again = FieldMap.model_validate(yaml.safe_load(proposed.to_yaml()))
    assert again.fingerprint() == proposed.fingerprint()


@pytest.mark.parametrize(
    ("files", "strategy", "lacking"),
    [
        ({"attachments": 2}, "files", None),
        ({"account_team": 1}, "teams", "AccountTeamMember"),
        ({"opportunity_team": 3}, "teams", "OpportunityTeamMember"),
        ({"territories": 1}, "territories", "ObjectTerritory2Association"),
    ],
)
def test_a_file_switches_its_strategy_on_where_the_org_can_take_it(
    facts: OrgFacts, files: dict[str, int], strategy: str, lacking: str | None
) -> None:
    stand_in = facts.objects["Account"]
    able = {**facts.objects, **({lacking: stand_in} if lacking else {})}
    without = {name: one for name, one in facts.objects.items() if name != lacking}
    assert getattr(propose_choices(with_files(**files), able, ()).strategies, strategy) is True
    nothing = dict.fromkeys(files, 0)
    assert getattr(propose_choices(with_files(**nothing), able, ()).strategies, strategy) is False
    if lacking is None:
        return
    refused = propose_choices(with_files(**files), without, ())
    assert getattr(refused.strategies, strategy) is False
    reason = told(refused.decisions)[f"strategies.{strategy}"].reason
    assert "but the org has no" in reason


def test_people_of_several_companies_need_an_org_that_allows_it(facts: OrgFacts) -> None:
    frames = scanned_account()
    people = frames["contacts_unified"].collect()
    owner = people.filter(pl.col("account_key").is_not_null()).row(0, named=True)
    other = (
        frames["companies_prepared"]
        .filter(pl.col("account_key") != owner["account_key"])
        .filter(pl.col("domain").is_not_null())
        .collect()
        .row(0, named=True)
    )
    moved = people.with_columns(
        email=pl.when(pl.col("contact_key") == owner["contact_key"])
        .then(pl.lit(f"x@{other['domain']}"))
        .otherwise("email")
    )
    several = {**frames, "contacts_unified": moved.lazy()}
    bare = {k: v for k, v in facts.objects.items() if k != "AccountContactRelation"}
    able = {**bare, "AccountContactRelation": facts.objects["Contact"]}
    assert propose_choices(several, able, ()).strategies.account_contact_relations
    assert not propose_choices(several, bare, ()).strategies.account_contact_relations


def test_a_list_of_the_orgs_users_is_proposed_as_a_group(facts: OrgFacts) -> None:
    frames = scanned_account()
    mails = (
        frames["contacts_unified"]
        .join(frames["parsed_lists"], on="contact_key")
        .filter(pl.col("list_name") == pl.col("list_name").first())
        .select("email", "list_name")
        .drop_nulls()
        .collect()
    )
    users = [user(f"U{n}", email) for n, email in enumerate(mails["email"])]
    name = mails["list_name"][0]
    lists = propose_choices(frames, facts.objects, users).strategies.lists
    assert lists.by_list.get(name) == "group"
    away = [replace(one, active=False) for one in users]
    assert propose_choices(frames, facts.objects, away).strategies.lists.by_list == {}


def owners(users: list[OrgUser], **hosts: str | None) -> dict[str, str]:
    frame = pl.LazyFrame({"host_email": list(hosts), "host": list(hosts.values())})
    return propose_owners({"bookings_prepared": frame}, users)[0].users


def test_an_owner_is_found_by_name_where_no_word_of_the_user_says_so() -> None:
    users = [user("Dana Reyes", "dana@acme.com"), user("Lee Ann Wu", "lee@acme.com")]
    hosts: dict[str, Any] = {"d.reyes@gmail.com": "Reyes, Dana", "lee@acme.com": "Lee"}
    assert owners(users, **hosts) == {"d.reyes@gmail.com": "dana@acme.com"}


def test_a_sandbox_user_is_found_behind_its_suffix() -> None:
    users = [user("D", "d=acme.com@example.com", username="dana@acme.com.uat")]
    assert owners(users, **{"dana@acme.com": None}) == {"dana@acme.com": "dana@acme.com.uat"}


def test_namesakes_and_inactive_users_are_nobodys_owner() -> None:
    twice = [user("Dana Reyes", "a@acme.com"), user("Dana Reyes", "b@acme.com")]
    assert owners(twice, **{"x@gmail.com": "Dana Reyes"}) == {}
    gone = [user("Dana Reyes", "a@acme.com", active=False)]
    found, decision = propose_owners(
        {"notes_prepared": pl.LazyFrame({"author": ["Dana Reyes"]})}, gone
    )
    assert found.users == {}
    assert "1 are no active users" in decision.reason


def test_stages_are_called_as_the_org_calls_them(facts: OrgFacts) -> None:
    stages = default_map().value_maps["stages"]
    same, sure = propose_stages(stages, facts.objects)
    assert same == stages
    assert sure.confidence == 1
    renamed = with_fields(
        facts.objects, "Opportunity", picklist("StageName", "Open", "5 - Won", "6 - Lost")
    )
    found, decision = propose_stages(stages, renamed)
    assert set(found.values.values()) == {"5 - Won", "6 - Lost"}
    assert "5 - Won stands for Closed Won" in decision.reason
    bare = with_fields(facts.objects, "Opportunity", picklist("StageName", "Open"))
    kept_as_is, doubtful = propose_stages(stages, bare)
    assert kept_as_is == stages
    assert doubtful.confidence < 0.8


def test_what_the_org_is_like_is_told(facts: OrgFacts) -> None:
    objects = with_fields(facts.objects, "Opportunity", text_field("CurrencyIsoCode", length=3))
    about = told(propose_choices(scanned_account(), objects, ()).decisions)
    assert "each row keeps its own" in about["currencies"].reason


def test_places_that_the_orgs_lists_lack_are_kept_as_text(facts: OrgFacts) -> None:
    coded = with_fields(facts.objects, "Contact", picklist("MailingCountryCode", "US"))
    assert propose_choices(scanned_account(), coded, ()).strategies.place_texts
    assert not propose_choices(scanned_account(), facts.objects, ()).strategies.place_texts


def test_a_difference_of_choices_is_a_difference_of_maps(facts: OrgFacts) -> None:
    before = propose(scanned_account(), facts.objects)
    chosen = before.strategies.model_copy(update={"subscriptions": "custom_object"})
    after = before.model_copy(update={"strategies": chosen, "decisions": ()})
    assert [(one["phase"], one["key"], one["new"]) for one in diff_maps(before, after)] == [
        ("strategies", "subscriptions", "custom_object")
    ]


def test_the_name_of_a_shared_account_is_among_the_differences() -> None:
    maps = [
        default_map().model_copy(
            update={
                "contacts_without_company": (
                    Segment(who="everyone", become="one_account", account=account),
                )
            }
        )
        for account in ("Walk-ins", "Nobody's")
    ]
    [one] = diff_maps(*maps)
    assert "Walk-ins" in one["old"]
    assert "Nobody's" in one["new"]
