"""The phases of a load, and the order that the org's own references ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kartra_sf_pipeline.errors import PipelineError
from kartra_sf_pipeline.salesforce.describe import ObjectDescribe

KEY_FIELD = "Kartra_Id__c"
STAMP_FIELD = "Kartra_Migration_Run__c"


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of the load: one object, one frame.

    A record is found again by its `external_id`, or where the platform offers none by the lookups
    and fields of `natural_key` (API names of the object's own fields). `create_only` columns are
    written at creation and never compared. `derived_while` pairs a field with a checkbox of the
    object: while the org holds true there, the org computes or freezes the field itself.
    An `update_only` phase completes records that an earlier phase has confirmed.
    """

    name: str
    object: str
    external_id: str | None = KEY_FIELD
    natural_key: tuple[str, ...] = ()
    stamp_field: str | None = STAMP_FIELD
    create_only: tuple[str, ...] = ()
    derived_while: tuple[tuple[str, str], ...] = ()
    update_only: bool = False
    depends_on: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.external_id is None) == (not self.natural_key):
            raise ValueError(f"phase {self.name}: give either an external id or a natural key")


PHASES: tuple[Phase, ...] = (
    Phase("accounts", "Account"),
    Phase("affiliates", "Account", depends_on=("accounts",)),
    Phase("products", "Product2"),
    Phase(
        "pricebook_entries",
        "PricebookEntry",
        external_id=None,
        natural_key=("Pricebook2Id", "Product2Id"),
        stamp_field=None,
        depends_on=("products",),
    ),
    Phase("campaigns", "Campaign"),
    Phase("contacts", "Contact", depends_on=("accounts", "affiliates")),
    Phase(
        "opportunities",
        "Opportunity",
        # With lines, Amount is their sum and the price book is fixed, whatever is written.
        derived_while=(
            ("Amount", "HasOpportunityLineItem"),
            ("Pricebook2Id", "HasOpportunityLineItem"),
        ),
        depends_on=("accounts", "contacts", "campaigns"),
    ),
    Phase(
        "opportunity_contact_roles",
        "OpportunityContactRole",
        external_id=None,
        natural_key=("OpportunityId", "ContactId", "Role"),
        stamp_field=None,
        depends_on=("opportunities", "contacts"),
    ),
    Phase(
        "opportunity_line_items",
        "OpportunityLineItem",
        depends_on=("opportunities", "products", "pricebook_entries"),
    ),
    Phase(
        "campaign_members",
        "CampaignMember",
        external_id=None,
        natural_key=("CampaignId", "ContactId"),
        depends_on=("campaigns", "contacts"),
    ),
    Phase("events", "Event", depends_on=("contacts", "opportunities")),
    Phase("tasks", "Task", depends_on=("contacts", "opportunities")),
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

    `describes` holds the org's describe of each phase's object. Where references leave a choice,
    the given order stands. Lookups of an object to itself are left to the waves of one phase.
    Raises PipelineError where references and `depends_on` together run in a circle.
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
    parents = describes[phase.object].references() - {phase.object}
    # A phase that only completes records creates nothing that a lookup could need.
    referenced = {p.name for p in phases if p.object in parents and not p.update_only}
    return referenced | set(phase.depends_on)
