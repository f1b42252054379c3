"""The phases of a load, and the order that the org's own references ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kartra_sf_pipeline.errors import PipelineError
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

KEY_FIELD = "Kartra_Id__c"
STAMP_FIELD = "Kartra_Migration_Run__c"
CURRENCY_FIELD = "CurrencyIsoCode"


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of the load: one object, one frame.

    A record is found again by its `external_id`, or where the platform offers none by the lookups
    and fields of `natural_key` (API names of the object's own fields). `create_only` columns are
    written at creation and never compared. `derived_while` pairs a field with a checkbox of the
    object: while the org holds true there, the org computes or freezes the field itself.
    An `update_only` phase completes records that an earlier phase has confirmed. `one_by_one` is
    for files: their content goes in a request of its own. `deleted_with` is an object and a lookup
    to it, where a record cannot be deleted by itself.
    """

    name: str
    object: str
    external_id: str | None = KEY_FIELD
    natural_key: tuple[str, ...] = ()
    stamp_field: str | None = STAMP_FIELD
    create_only: tuple[str, ...] = ()
    derived_while: tuple[tuple[str, str], ...] = ()
    update_only: bool = False
    one_by_one: bool = False
    deleted_with: tuple[str, str] | None = None
    depends_on: tuple[str, ...] = ()

    def key_fields(self, columns: Collection[str]) -> tuple[str, ...]:
        """The fields that a record is found again by, where a frame has those columns.

        In an org of several currencies a record without an external ID is one per currency.
        """
        if self.external_id:
            return (self.external_id,)
        return (*self.natural_key, *(name for name in (CURRENCY_FIELD,) if name in columns))

    def __post_init__(self) -> None:
        if (self.external_id is None) == (not self.natural_key):
            raise ValueError(f"phase {self.name}: give either an external id or a natural key")


def _pair(name: str, sobject: str, *fields: str, after: tuple[str, ...], stamped: bool) -> Phase:
    """A phase of an object that is found by fields of its own."""
    return Phase(
        name,
        sobject,
        external_id=None,
        natural_key=fields,
        stamp_field=STAMP_FIELD if stamped else None,
        depends_on=after,
    )


PHASES: tuple[Phase, ...] = (
    Phase("accounts", "Account"),
    Phase("affiliates", "Account", depends_on=("accounts",)),
    Phase("products", "Product2"),
    _pair(
        "pricebook_entries",
        "PricebookEntry",
        "Pricebook2Id",
        "Product2Id",
        after=("products",),
        stamped=False,
    ),
    Phase("campaigns", "Campaign"),
    _pair(
        "campaign_member_statuses",
        "CampaignMemberStatus",
        "CampaignId",
        "Label",
        after=("campaigns",),
        stamped=False,
    ),
    _pair("groups", "Group", "DeveloperName", "Type", after=(), stamped=False),
    Phase("contacts", "Contact", depends_on=("accounts", "affiliates")),
    Phase("leads", "Lead", depends_on=("contacts",)),
    Phase("affiliate_records", "Affiliate__c", depends_on=("contacts",)),
    _pair(
        "account_contact_relations",
        "AccountContactRelation",
        "AccountId",
        "ContactId",
        after=("accounts", "contacts"),
        stamped=False,
    ),
    Phase("subscription_records", "Kartra_Subscription__c", depends_on=("contacts",)),
    Phase(
        "opportunities",
        "Opportunity",
        # With lines, Amount is their sum and the price book is fixed, whatever is written.
        derived_while=(
            ("Amount", "HasOpportunityLineItem"),
            ("Pricebook2Id", "HasOpportunityLineItem"),
        ),
        depends_on=("accounts", "contacts", "campaigns", "subscription_records"),
    ),
    Phase(
        "transaction_records",
        "Kartra_Transaction__c",
        depends_on=("contacts", "opportunities", "subscription_records"),
    ),
    _pair(
        "opportunity_contact_roles",
        "OpportunityContactRole",
        "OpportunityId",
        "ContactId",
        "Role",
        after=("opportunities", "contacts"),
        stamped=False,
    ),
    Phase(
        "opportunity_line_items",
        "OpportunityLineItem",
        depends_on=("opportunities", "products", "pricebook_entries"),
    ),
    _pair(
        "campaign_members",
        "CampaignMember",
        "CampaignId",
        "ContactId",
        after=("campaign_member_statuses", "contacts"),
        stamped=True,
    ),
    _pair(
        "campaign_lead_members",
        "CampaignMember",
        "CampaignId",
        "LeadId",
        after=("campaign_member_statuses", "leads"),
        stamped=True,
    ),
    _pair(
        "group_members", "GroupMember", "GroupId", "UserOrGroupId", after=("groups",), stamped=False
    ),
    _pair(
        "account_team_members",
        "AccountTeamMember",
        "AccountId",
        "UserId",
        after=("accounts",),
        stamped=False,
    ),
    _pair(
        "opportunity_team_members",
        "OpportunityTeamMember",
        "OpportunityId",
        "UserId",
        after=("opportunities",),
        stamped=False,
    ),
    _pair(
        "territory_associations",
        "ObjectTerritory2Association",
        "ObjectId",
        "Territory2Id",
        after=("accounts", "opportunities"),
        stamped=False,
    ),
    Phase("events", "Event", depends_on=("contacts", "opportunities")),
    Phase("tasks", "Task", depends_on=("contacts", "opportunities")),
    Phase(
        "files",
        "ContentVersion",
        # A version's content never changes: another content would be another version.
        create_only=("VersionData", "PathOnClient", "Contact:FirstPublishLocation.Kartra_Id__c"),
        one_by_one=True,
        deleted_with=("ContentDocument", "ContentDocumentId"),
        depends_on=("contacts", "opportunities"),
    ),
    Phase(
        "contact_tags",
        "Contact",
        update_only=True,
        stamp_field=None,
        # The very last: tags complete records whose every relation has been confirmed.
        depends_on=(
            "contacts",
            "opportunity_contact_roles",
            "opportunity_line_items",
            "campaign_members",
            "events",
            "tasks",
            "files",
        ),
    ),
)


def phase_named(name: str) -> Phase:
    """The phase of that name; KeyError where there is none."""
    return {phase.name: phase for phase in PHASES}[name]


def order_by_references(
    describes: Mapping[str, ObjectDescribe], phases: Sequence[Phase] = PHASES
) -> tuple[Phase, ...]:
    """The phases so that each comes after those whose records its lookups can point to.

    `describes` holds the org's describe of each phase's object that the org shows. Where
    references leave a choice, the given order stands. Lookups of an object to itself are left to
    the waves of one phase. Raises PipelineError where references and `depends_on` together run in
    a circle.
    """
    waits = {phase.name: _waits_for(phase, describes, phases) for phase in phases}
    ordered: list[Phase] = []
    done: set[str] = set()
    while len(ordered) < len(phases):
        ready = next((p for p in phases if p.name not in done and waits[p.name] <= done), None)
        if ready is None:
            stuck = sorted(name for name in waits if name not in done)
            raise PipelineError(
                f"No load order: {', '.join(stuck)} wait for each other by their lookups. "
                "Load one of these lookups in a second wave."
            )
        ordered.append(ready)
        done.add(ready.name)
    return tuple(ordered)


def _waits_for(
    phase: Phase, describes: Mapping[str, ObjectDescribe], phases: Sequence[Phase]
) -> set[str]:
    described = describes.get(phase.object)
    parents = described.references() - {phase.object} if described else set[str]()
    # A phase that only completes records creates nothing that a lookup could need.
    referenced = {p.name for p in phases if p.object in parents and not p.update_only}
    return referenced | set(phase.depends_on)
