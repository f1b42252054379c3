from __future__ import annotations

import random
from dataclasses import dataclass

import polars as pl
import pytest

from kartra_sf_pipeline.mapping.account_map import default_map, propose
from kartra_sf_pipeline.mapping.custom_fields import plan_custom_fields
from kartra_sf_pipeline.mapping.map_diff import diff_maps
from kartra_sf_pipeline.mapping.model import FieldMap, FieldRule
from kartra_sf_pipeline.mapping.org_facts import OrgFacts
from kartra_sf_pipeline.mapping.phase_frames import unmapped_columns
from kartra_sf_pipeline.mapping.proposal import adopt_fields
from kartra_sf_pipeline.mapping.strategies import Strategies
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.mapping.account import (
    facts_of,
    picklist,
    prepared_account,
    scanned_account,
    text_field,
    with_fields,
)
from kartra_sf_pipeline_tests.mapping.renamed import (
    WORDS,
    Score,
    names_say_nothing,
    sample_account,
    score,
)


@pytest.fixture(scope="module")
def facts(local_org: LocalOrg) -> OrgFacts:
    return facts_of(local_org)


def rules_of(proposed: FieldMap) -> dict[str | None, FieldRule]:
    return {rule.source: rule for rule in proposed.phases["contact_tags"].fields}


def proposed_rules(phase: str, objects: dict[str, ObjectDescribe]) -> dict[str | None, FieldRule]:
    return {rule.source: rule for rule in propose(scanned_account(), objects).phases[phase].fields}


def test_the_standard_map_stands_and_custom_columns_follow_with_a_reason(facts: OrgFacts) -> None:
    proposed = propose(scanned_account(), facts.objects)
    for name, phase in proposed.phases.items():
        for rule in phase.fields:
            assert 0 <= rule.confidence <= 1
            assert rule.reason or name == "contact_tags"
            if name != "contact_tags" and rule.reason.startswith("standard map"):
                assert rule.confidence == 1
    custom = [c for c in prepared_account()["contacts_unified"].columns if c.startswith("x__")]
    rules = rules_of(proposed)
    for column in custom:
        assert rules[column].reason


def test_a_field_of_the_org_by_synonym_is_preferred_to_a_new_one(facts: OrgFacts) -> None:
    objects = with_fields(
        facts.objects,
        "Contact",
        text_field("Lead_Score__c", type="double", length=0),
        picklist("Sector__c", *prepared_account()["contacts_unified"]["x__industry"].drop_nulls()),
    )
    proposed = propose(scanned_account(), objects)
    score = next(rule for rule in proposed.phases["contacts"].fields if rule.source == "score")
    assert score.target == "Lead_Score__c"
    assert score.new is None
    industry = rules_of(proposed)["x__industry"]
    assert industry.target == "Sector__c"
    assert industry.confidence >= 0.8


def test_a_column_that_nothing_names_is_listed(facts: OrgFacts) -> None:
    listed = {one.source for one in propose(scanned_account(), facts.objects).unmapped}
    assert "contacts_unified.twitter" in listed
    assert "contacts_unified.salutation" not in listed
    assert not [source for source in listed if source.startswith("contacts_unified.x__")]


def filled(frame: pl.LazyFrame, **columns: str) -> pl.LazyFrame:
    """The frame with a row that has these texts, and nothing else."""
    known = frame.select(columns.keys() & frame.collect_schema()).collect_schema()
    held = pl.DataFrame(columns).cast(known)
    return pl.concat([frame.collect(), held], how="diagonal").lazy()


def test_what_only_a_phase_that_does_not_write_names_is_listed() -> None:
    frames = scanned_account()
    frames["transactions_prepared"] = filled(
        frames["transactions_prepared"], sales_tax="1.20", shipping_cost="3.00", payment_number="2"
    )
    left = {one.source: one.filled for one in unmapped_columns(frames, default_map())}
    assert left["transactions_prepared.payment_number"] == 1
    assert not {"transactions_prepared.sales_tax", "transactions_prepared.shipping_cost"} & set(
        left
    )
    records = {"strategies": Strategies(transactions="custom_object")}
    chosen = {
        one.source for one in unmapped_columns(frames, default_map().model_copy(update=records))
    }
    assert "transactions_prepared.payment_number" not in chosen


def test_columns_of_ones_own_in_the_files_of_teams_and_territories_are_listed() -> None:
    frames = scanned_account()
    for name in ("account_team", "opportunity_team", "territories"):
        frames[f"{name}_prepared"] = filled(frames[f"{name}_prepared"], x__region="North")
        listed = {one.source for one in unmapped_columns(frames, default_map())}
        assert f"{name}_prepared.x__region" in listed
        assert f"{name}_prepared.account_name" not in listed


def test_fields_of_an_earlier_run_are_proposed_again(facts: OrgFacts) -> None:
    before = propose(scanned_account(), facts.objects)
    own = [
        text_field(rule.target)
        for rule in before.phases["contact_tags"].fields
        if rule.new and rule.new.type == "Text"
    ]
    after = propose(scanned_account(), with_fields(facts.objects, "Contact", *own))
    assert diff_maps(before, after) == []


def test_a_column_that_the_standard_map_leaves_goes_to_a_field_that_is_called_so(
    facts: OrgFacts,
) -> None:
    objects = with_fields(facts.objects, "Contact", text_field("Twitter_Handle__c"))
    objects = with_fields(objects, "Event", text_field("Lantern__c"))
    proposed = propose(scanned_account(), objects)
    rules = {rule.source: rule for rule in proposed.phases["contacts"].fields}
    assert rules["twitter"].target == "Twitter_Handle__c"
    assert rules["salutation"].target == "Salutation"
    assert rules["twitter"].confidence >= 0.8
    assert "contacts_unified.twitter" not in {one.source for one in proposed.unmapped}
    assert "Lantern__c" not in {rule.target for rule in proposed.phases["events"].fields}


def test_every_objects_new_fields_give_way_to_the_orgs_own(facts: OrgFacts) -> None:
    objects = with_fields(
        facts.objects,
        "Opportunity",
        text_field("Payment_Processor__c"),
        text_field("Recurrence__c", type="double", length=0),
    )
    objects = with_fields(objects, "Event", text_field("Calendar__c"))
    proposed = propose(scanned_account(), objects)
    deals = {rule.source: rule for rule in proposed.phases["opportunities"].fields}
    assert deals["processor"].target == "Payment_Processor__c"
    assert deals["processor"].new is None
    assert deals["recurrence"].target == "Kartra_Recurrence__c"
    events = {rule.source: rule for rule in proposed.phases["events"].fields}
    assert events["calendar"].target == "Calendar__c"


def test_consent_and_tags_keep_fields_of_their_own(facts: OrgFacts) -> None:
    objects = with_fields(
        facts.objects, "Contact", text_field("GDPR_Status__c"), text_field("Consent_Reason__c")
    )
    rules = {
        rule.source: rule for rule in propose(scanned_account(), objects).phases["contacts"].fields
    }
    assert rules["gdpr_status"].target == "Kartra_GDPR_Status__c"
    assert rules["consent_reason"].target == "Kartra_Consent_Reason__c"


def test_an_org_field_too_small_for_the_values_is_told_and_not_taken(facts: OrgFacts) -> None:
    objects = with_fields(facts.objects, "Opportunity", text_field("Coupon__c", length=10))
    rules = {
        r.source: r for r in propose(scanned_account(), objects).phases["opportunities"].fields
    }
    assert rules["coupon_code"].new is not None
    assert "Coupon__c of the org cannot hold" in rules["coupon_code"].reason


def test_two_fields_that_could_be_meant_are_named_and_none_is_taken(facts: OrgFacts) -> None:
    objects = with_fields(
        facts.objects,
        "Opportunity",
        text_field("Processor__c"),
        text_field("Payment_Processor__c"),
    )
    rules = {
        r.source: r for r in propose(scanned_account(), objects).phases["opportunities"].fields
    }
    assert rules["processor"].new is not None
    assert "Processor__c, Payment_Processor__c" in rules["processor"].reason


def test_a_picklist_that_spells_a_value_otherwise_gets_a_value_map(facts: OrgFacts) -> None:
    seen = prepared_account()["contacts_unified"]["x__industry"].drop_nulls().unique().to_list()
    spelt = [f"{value} " if n else f"{value}s" for n, value in enumerate(sorted(seen))]
    objects = with_fields(facts.objects, "Contact", picklist("Industry__c", *spelt))
    proposed = propose(scanned_account(), objects)
    rule = rules_of(proposed)["x__industry"]
    assert rule.target == "Industry__c"
    assert rule.values == "contact_tags.Industry__c"
    assert proposed.value_maps[rule.values].values[sorted(seen)[0]] == f"{sorted(seen)[0]}s"
    assert proposed.value_maps[rule.values].unknown == "keep"


def test_a_field_that_cannot_hold_every_value_is_never_taken(facts: OrgFacts) -> None:
    small = with_fields(
        facts.objects,
        "Contact",
        picklist("Industry__c", "Coaching", restrictedPicklist=True),
        text_field("Job_Title__c", length=3),
    )
    rules = rules_of(propose(scanned_account(), small))
    assert rules["x__industry"].new is not None
    assert rules["x__job_title"].target != "Job_Title__c"


@dataclass(frozen=True)
class Case:
    """One field of the org, and a column of the account that belongs there."""

    field: FieldDescribe
    values: list[str]
    kind: str
    options: str | None = None


def cases(rng: random.Random) -> list[Case]:
    """Eleven fields that differ in type, values or length."""
    sizes, colours = ["XS", "S", "M", "L", "XL"], ["Red", "Green", "Blue", "Black"]
    levels, plans = ["Beginner", "Intermediate", "Expert"], ["Basic", "Pro", "Enterprise"]
    topics = ["Email", "Funnels", "Webinars", "Podcasts", "Ads"]

    def drawn(pool: list[str]) -> list[str]:
        return [*pool, *(rng.choice(pool) for _ in range(40))]

    def text(low: int, high: int) -> list[str]:
        letters = "abcdefg hijklmnop"
        return [
            "q" + "".join(rng.choice(letters) for _ in range(rng.randint(low, high))) + "z"
            for _ in range(40)
        ]

    dates = [
        f"19{rng.randint(50, 99)}-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}" for _ in range(40)
    ]
    mails = [f"{rng.choice(WORDS)}{n}@example.org" for n in range(40)]
    links = [f"https://example.org/{rng.choice(WORDS)}/{n}" for n in range(40)]
    many = ["; ".join(rng.sample(topics, rng.randint(2, 4))) for _ in range(40)]
    return [
        Case(picklist("Shirt__c", *sizes), drawn(sizes), "drop_down", "|".join(sizes)),
        Case(picklist("Colour__c", *colours), drawn(colours), "drop_down", "|".join(colours)),
        Case(picklist("Level__c", *levels), drawn(levels), "radio_button", "|".join(levels)),
        Case(picklist("Plan__c", *plans, "Trial"), drawn(plans), "drop_down", "|".join(plans)),
        Case(
            picklist("Topics__c", *topics, type="multipicklist", length=4099),
            many,
            "checkbox",
            "|".join(topics),
        ),
        Case(text_field("Started__c", type="date", length=0), dates, "input_field"),
        Case(text_field("Second_Mail__c", type="email", length=80), mails, "input_field"),
        Case(text_field("Portfolio__c", type="url"), links, "input_field"),
        Case(
            text_field("Seats__c", type="double", length=0),
            [str(rng.randint(1, 90)) for _ in range(40)],
            "input_field",
        ),
        Case(text_field("Agreed__c", type="boolean", length=0), ["Yes"] * 20, "checkbox", "Yes"),
        Case(text_field("Story__c", type="textarea", length=32000), text(300, 900), "text_area"),
    ]


def test_columns_renamed_at_random_find_their_fields_and_nothing_sure_is_wrong(
    facts: OrgFacts,
) -> None:
    assert names_say_nothing()
    right = total = sure = 0
    for seed in range(25):
        rng = random.Random(seed)
        given = cases(rng)
        # Some columns belong nowhere, and some fields of the org have no column.
        names = rng.sample([f"{a}_{b}" for a in WORDS for b in WORDS if a != b], len(given) + 2)
        columns = {f"x__{name}": case.values for name, case in zip(names, given, strict=False)} | {
            f"x__{names[-1]}": ["alpha", "beta", "gamma", "delta"]
        }
        height = max(len(values) for values in columns.values())
        people = pl.DataFrame(
            {
                "contact_key": [str(n) for n in range(height)],
                **{name: v + [None] * (height - len(v)) for name, v in columns.items()},
            }
        )
        schema = pl.DataFrame(
            [
                (name, name.replace("_", " "), case.kind, case.options)
                for name, case in zip(names, given, strict=False)
            ],
            schema=["field_identifier", "label", "field_type", "options"],
            orient="row",
        )
        spare = (
            picklist("Fruit__c", "Apple", "Pear", "Plum"),
            picklist("Weekday__c", "Monday", "Tuesday", "Friday"),
        )
        fields = [case.field for case in given] + list(spare)
        rng.shuffle(fields)
        describe = with_fields(facts.objects, "Contact", *fields)["Contact"]
        proposed = adopt_fields(plan_custom_fields(people, schema), people, describe, set())
        true = {f"x__{n}": c.field.name for n, c in zip(names, given, strict=False)}
        for rule in proposed:
            expected = true.get(str(rule.source))
            if expected is not None:
                total += 1
                right += rule.target == expected
            existing = rule.new is None
            if existing and rule.confidence > 0.8:
                sure += 1
                assert rule.target == expected, (seed, rule)
    assert right / total >= 0.9, right / total
    assert sure > 0


def test_the_generators_true_map_is_found_by_values_and_types_alone() -> None:
    total = named = Score(0, 0, 0, 0, 0, 0)
    for seed in range(5):
        account = sample_account(150, seed)
        total += score(account, seed)
        named += score(account, seed, named=True)
    assert total.columns == named.columns == 50
    assert total.top1 >= 0.9
    assert named.top1 >= total.top1
    assert (total.sure_and_wrong, named.sure_and_wrong) == (0, 0)
    assert named.sure > total.sure > 0
    assert total.kept == total.nowhere == 5


def test_texts_of_one_size_are_left_to_a_person() -> None:
    found = score(sample_account(150, 3), 3, sized=False)
    assert found.sure_and_wrong == 0


def test_two_fields_of_the_same_values_are_never_sure(facts: OrgFacts) -> None:
    people = pl.DataFrame({"contact_key": ["1", "2", "3"], "x__lantern": ["Low", "Mid", "High"]})
    schema = pl.DataFrame(
        [("lantern", "Lantern", "drop_down", "Low|Mid|High")],
        schema=["field_identifier", "label", "field_type", "options"],
        orient="row",
    )
    describe = with_fields(
        facts.objects,
        "Contact",
        picklist("Risk__c", "Low", "Mid", "High"),
        picklist("Budget__c", "Low", "Mid", "High"),
    )["Contact"]
    [rule] = adopt_fields(plan_custom_fields(people, schema), people, describe, set())
    assert rule.confidence < 0.8
