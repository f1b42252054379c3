"""Maps that ask an org for every kind of component."""

from __future__ import annotations

from kartra_sf_pipeline.mapping.account_map import propose_map
from kartra_sf_pipeline.mapping.model import FieldMap
from kartra_sf_pipeline.mapping.strategies import (
    RecordTypeRule,
    Segment,
    Stage,
    Strategies,
    ValueMap,
)

REFUNDED = Stage(name="Refunded / Closed 100%", closed=True, forecast="Omitted")
TAGS = ("vip", "Größe: 3 & <4>", "50% off")


def with_record_type(content: FieldMap, phase: str, rule: RecordTypeRule | None) -> FieldMap:
    """The map with a record type in one phase."""
    changed = content.phases[phase].model_copy(update={"record_type": rule})
    return content.model_copy(update={"phases": {**content.phases, phase: changed}})


def whole_map() -> FieldMap:
    """Custom objects with lookups between them, leads, files, a sales process, a new stage."""
    chosen = Strategies(
        subscriptions="custom_object",
        affiliates="custom_object",
        rebills="subscription_history",
        failed_payments="closed_lost",
        notes="content_note",
        computed_spend=True,
    )
    content = propose_map((), TAGS)
    stages = content.value_maps["stages"].values | {"refund": REFUNDED.name}
    content = content.model_copy(
        update={
            "strategies": chosen,
            "contacts_without_company": (Segment(who="everyone", become="lead"),),
            "value_maps": {**content.value_maps, "stages": ValueMap(values=stages)},
        }
    )
    sales = RecordTypeRule(
        name="Kartra_Sale", label="Kartra sale", process="Kartra sales", stages=(REFUNDED,)
    )
    content = with_record_type(content, "opportunities", sales)
    people = RecordTypeRule(name="Kartra_Person", label="Kartra person")
    return FieldMap.model_validate(with_record_type(content, "contacts", people).model_dump())


def plain_map() -> FieldMap:
    """The standard map of an account with tags."""
    return propose_map((), TAGS)
