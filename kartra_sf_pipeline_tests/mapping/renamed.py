"""The generator's true map against an org whose fields are called by words that mean nothing.

For each custom field of the sample account the org has one of the type, size and values that its
answers ask for, among others that belong to nothing. Names say nothing, so that what finds them is
the evidence of values and types alone.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.kartra.reader import read_folder
from kartra_sf_pipeline.mapping.custom_fields import PREFIX, plan_custom_fields
from kartra_sf_pipeline.mapping.evidence import SYNONYMS
from kartra_sf_pipeline.mapping.model import FieldRule
from kartra_sf_pipeline.mapping.proposal import adopt_fields
from kartra_sf_pipeline.salesforce.describe import FieldDescribe, ObjectDescribe
from kartra_sf_pipeline.sample.account import write_account
from kartra_sf_pipeline.sample.catalogue import INDUSTRIES, INTERESTS, LEVELS, REVENUE_BANDS, SHIRTS
from kartra_sf_pipeline_tests.mapping.account import picklist, text_field

WORDS = (
    "lantern",
    "orchard",
    "velvet",
    "harbour",
    "pebble",
    "walnut",
    "compass",
    "thimble",
    "meadow",
    "anchor",
    "saddle",
    "juniper",
    "cobalt",
    "ribbon",
    "candle",
    "lichen",
    "barley",
    "quartz",
    "kettle",
    "marble",
    "tundra",
    "willow",
    "ginger",
    "magnet",
)
"""Words that no column of an account is called by."""

CONTACT = ObjectDescribe("Contact", "Contact", "003", False, True, True, True, True, {})
"""An org's contacts before any field: those that every org has would say much by their names."""

TRUE: Mapping[str, FieldDescribe] = {
    "job_title": text_field("a__c", length=80),
    "birthday": text_field("a__c", type="date", length=0),
    "biggest_challenge": text_field("a__c", type="textarea", length=32_000),
    "industry": picklist("a__c", *INDUSTRIES),
    "monthly_revenue": picklist("a__c", *REVENUE_BANDS),
    "experience_level": picklist("a__c", *LEVELS, "Guru"),
    "interests": picklist("a__c", *INTERESTS, type="multipicklist", length=4_099),
    "photo_release": text_field("a__c", type="boolean", length=0),
    "team_size": text_field("a__c", length=20),
    "tshirt_size": picklist("a__c", *SHIRTS),
}
"""What an administrator had made for each custom field of the sample; `legacy_code` is empty in
every account and belongs nowhere."""

OTHERS: Sequence[FieldDescribe] = (
    picklist("a__c", "Apple", "Pear", "Plum"),
    picklist("a__c", "Monday", "Tuesday", "Friday"),
    picklist("a__c", "North", "South", type="multipicklist", length=4_099),
    text_field("a__c", type="currency", length=0),
    text_field("a__c", type="percent", length=0),
    text_field("a__c", type="email", length=80),
    text_field("a__c", type="phone", length=40),
    text_field("a__c", type="url"),
    text_field("a__c"),
)
"""Fields of the org that nothing in the account belongs to."""

SYNONYM = {
    "job_title": "Occupation__c",
    "birthday": "Date_of_Birth__c",
    "industry": "Line_of_Business__c",
    "team_size": "Headcount__c",
    "tshirt_size": "Shirt_Size__c",
}
"""Other names for the same thing, for the comparison with names that do say something."""


@dataclass(frozen=True)
class Score:
    """How a proposal did: a column is right where its field is the proposed target."""

    columns: int
    right: int
    sure: int
    sure_and_wrong: int
    nowhere: int
    """Columns that belong nowhere, and `kept` of them got a new field."""
    kept: int

    def __add__(self, other: Score) -> Score:
        return Score(*(a + b for a, b in zip(self.row, other.row, strict=True)))

    @property
    def row(self) -> tuple[int, ...]:
        """The counts in their order."""
        return (
            self.columns, self.right, self.sure, self.sure_and_wrong, self.nowhere, self.kept,
        )  # fmt: skip

    @property
    def top1(self) -> float:
        """Share of the columns that found their field first."""
        return self.right / self.columns


@dataclass(frozen=True)
class Account:
    """The people of a sample account, with their custom columns, and its field schema."""

    people: pl.DataFrame
    schema: pl.DataFrame


def sample_account(contacts: int, seed: int) -> Account:
    """As the reader gives it: cells untouched, several part files."""
    with tempfile.TemporaryDirectory() as folder:
        write_account(Path(folder), contacts=contacts, seed=seed)
        frames = read_folder(Path(folder)).frames
    own = [name for name in frames["contacts"].columns if name.startswith(PREFIX)]
    return Account(
        frames["contacts"].select(contact_key="id").hstack(frames["contacts"].select(own)),
        frames["custom_fields"],
    )


def score(
    account: Account,
    seed: int,
    *,
    named: bool = False,
    sized: bool = True,
) -> Score:
    """Propose against an org with fields of random names, or with synonyms where there are any.

    Where they are not `sized`, every short text field takes 255 characters.
    """
    rng = random.Random(seed)
    names = rng.sample([f"{a}_{b}__c" for a in WORDS for b in WORDS if a != b], 40)
    fields: list[FieldDescribe] = []
    true: dict[str, str] = {}
    for column, field in TRUE.items():
        name = SYNONYM.get(column, names.pop()) if named else names.pop()
        alike = replace(field, length=255) if field.type == "string" and not sized else field
        fields.append(_called(alike, name))
        true[column] = name
    fields += [_called(field, names.pop()) for field in OTHERS]
    rng.shuffle(fields)
    org = replace(CONTACT, fields={field.name: field for field in fields})
    custom = plan_custom_fields(account.people, account.schema)
    return _scored(adopt_fields(custom, account.people, org, set()), true)


def _scored(rules: Sequence[FieldRule], true: Mapping[str, str]) -> Score:
    total = Score(0, 0, 0, 0, 0, 0)
    for rule in rules:
        wanted = true.get(str(rule.source).removeprefix(PREFIX).replace("-", "_"))
        existing = rule.new is None
        sure = existing and rule.confidence > 0.8
        total += Score(
            columns=int(wanted is not None),
            right=int(rule.target == wanted),
            sure=int(sure),
            sure_and_wrong=int(sure and rule.target != wanted),
            nowhere=int(wanted is None),
            kept=int(wanted is None and not existing),
        )
    return total


def names_say_nothing() -> bool:
    """Whether the random words are apart from every word of the synonym table."""
    return not {word for group in SYNONYMS for name in group for word in name.split()} & set(WORDS)


def _called(field: FieldDescribe, name: str) -> FieldDescribe:
    return replace(field, name=name, label=name.removesuffix("__c").replace("_", " "))
