"""The choices of a map that are no field's: which object a thing becomes, owners, and conflicts.

Each choice is taken at scoping, stands in the account's map and is signed with it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

ListStrategy = Literal["campaign", "group", "none"]
ConflictRule = Literal["keep_target", "fill_blanks", "overwrite"]


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Lists(Strict):
    """What a Kartra list becomes: a campaign with members, a public group of users, or nothing.

    A public group takes users alone (requirements 1g): people of the list who are no users of the
    org by e-mail are left out of it, each with the reason.
    """

    default: ListStrategy = "campaign"
    by_list: dict[str, ListStrategy] = Field(default_factory=dict)
    """By the list's name; case and spaces do not count."""

    def of(self, folded: str) -> ListStrategy:
        """The strategy of the list whose folded name is given."""
        named: dict[str, ListStrategy] = {
            " ".join(name.lower().split()): kind for name, kind in self.by_list.items()
        }
        return named.get(folded, self.default)

    def kinds(self) -> frozenset[ListStrategy]:
        """Every strategy that some list may have."""
        return frozenset({self.default, *self.by_list.values()})


class Strategies(Strict):
    """Which object each kind of Kartra's rows becomes."""

    lists: Lists = Lists()
    transactions: Literal["opportunity", "custom_object"] = "opportunity"
    """One-off sales and their refunds (S42, S43)."""
    line_items: bool = True
    """Products, their prices, and a line on each opportunity (S45)."""
    rebills: Literal["rolled_up", "own_opportunity", "subscription_history"] = "rolled_up"
    """Into the subscription's record, an opportunity each, or a transaction record each."""
    failed_payments: Literal["none", "closed_lost"] = "none"
    subscriptions: Literal["opportunity", "custom_object"] = "opportunity"
    affiliates: Literal["account", "custom_object"] = "account"
    affiliate_tags: tuple[str, ...] = ("affiliate", "partner")
    """A tag with one of these words is told on the affiliate's record, too (S54)."""
    notes: Literal["task", "content_note"] = "task"
    files: bool = False
    """The attachments folder and its manifest (S8)."""
    teams: bool = False
    """Account and opportunity team members from their optional files (S74)."""
    territories: bool = False
    account_contact_relations: bool = False
    """People of several companies, where the org allows it (S73)."""
    place_texts: bool = False
    """States and countries that the org's lists do not offer, kept as text beside the address."""
    computed_spend: bool = False
    """Spend per contact, computed from transactions and labelled as computed (S46)."""
    original_dates: bool = True
    """Original CreatedDate where the user holds the permission; else a custom field alone (S22)."""


class ValueMap(Strict):
    """What a field's values become, compared without case."""

    values: dict[str, str]
    unknown: Literal["keep", "blank", "refuse"] = "refuse"
    """A value that is not listed: kept as it is, left blank, or a fault of the map."""


class Owners(Strict):
    """Kartra's users and hosts as users of the org (S6); both by user name or e-mail."""

    default: str | None = None
    """Owner of what nobody in Kartra owned; the migration user when left out."""
    users: dict[str, str] = Field(default_factory=dict)
    """Kartra's name, user name or e-mail to the org's user name."""


class Segment(Strict):
    """What becomes of contacts who have no company; the first segment that fits counts.

    `who` is `buyers`, `affiliates`, `everyone`, `tag: NAME` or `list: NAME`. A person with a sale,
    a booking or a note is never made a lead: those need a contact.
    """

    who: Annotated[str, Field(pattern=r"^(buyers|affiliates|everyone|(tag|list): *\S.*)$")]
    become: Literal["no_account", "account_per_person", "person_account", "lead", "one_account"]
    account: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = None
    """Name of the account that all of a small segment share."""

    @model_validator(mode="after")
    def _named(self) -> Segment:
        if (self.become == "one_account") != (self.account is not None):
            message = "`account` belongs to `become: one_account`, and to it alone"
            raise ValueError(message)
        return self


class Existing(Strict):
    """Records that people made in the org before the migration, and who is right about a field.

    `fill_blanks` writes only what the org leaves empty (an unticked checkbox is empty),
    `keep_target` writes nothing but our key, `overwrite` all. A field's own `on_conflict` wins.
    """

    accounts: Literal["website", "none"] = "website"
    contacts: Literal["email", "none"] = "email"
    conflicts: ConflictRule = "fill_blanks"


class Decision(Strict):
    """A choice that the proposal took for the account: what it rests on, and how sure it is.

    It changes nothing by itself: what counts is the key that `about` names.
    """

    about: str
    chosen: str
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    reason: str


class Stage(Strict):
    """An opportunity stage that the org needs and may not have yet."""

    name: str
    closed: bool = False
    won: bool = False
    probability: Annotated[int, Field(ge=0, le=100)] = 0
    forecast: Literal["Omitted", "Pipeline", "BestCase", "Forecast", "Closed"] = "Pipeline"


class RecordTypeRule(Strict):
    """A record type that a phase's records get, and on opportunities its sales process (S92)."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]
    label: str
    description: str = ""
    process: str | None = None
    """Name of the sales process to make; it takes `stages`."""
    stages: tuple[Stage, ...] = ()


class NewObject(Strict):
    """A custom object that the org needs and may not have yet."""

    label: str
    plural: str
    name_label: str
    description: str = ""
