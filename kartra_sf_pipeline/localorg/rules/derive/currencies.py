"""Currencies of an org that has several: which there are, and what may be in which."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.localorg.rules.batch import Batch
from kartra_sf_pipeline.localorg.rules.constraints import check_unique_together

FIELD = "CurrencyIsoCode"


def has_currencies(batch: Batch) -> bool:
    """True when records of the batch's org have a currency."""
    return batch.store.schema.object("CurrencyType") is not None


def currency_type(batch: Batch) -> None:
    """A currency has an ISO code of its own and a rate; the corporate one stays active."""
    code = batch.value("IsoCode")
    wrong = ~code.str.contains("^[A-Z]{3}$")
    text = pl.DataFrame({"c": code}).select(
        pl.format("Currency ISO Code: bad value for restricted picklist field: {}", "c")
    )
    batch.fail(wrong, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text.to_series(), ["IsoCode"])
    check_unique_together(
        batch, ("IsoCode",), "duplicate value found: IsoCode duplicates value on record"
    )
    batch.fail(
        batch.value("ConversionRate") <= 0,
        "FIELD_INTEGRITY_EXCEPTION",
        "The conversion rate must be more than zero.",
        ["ConversionRate"],
    )
    held = batch.look_up("CurrencyType", batch.ids, ["IsCorporate"])["IsCorporate"]
    ends = batch.given("IsActive") & (batch.value("IsActive") == 0)
    batch.fail(
        (held == 1) & ends,
        "FIELD_INTEGRITY_EXCEPTION",
        "The corporate currency can't be deactivated.",
        ["IsActive"],
    )


def currencies_changed(batch: Batch) -> None:
    """The currencies that records may have are the active ones."""
    batch.store.catalog.features_changed()


def opportunity_currency(batch: Batch) -> None:
    """The currency of an opportunity with lines is that of the lines."""
    changed = batch.given(FIELD) & ~batch.creating & batch.live
    if not has_currencies(batch) or not changed.any():
        return
    held = batch.look_up("Opportunity", batch.ids, ["HasOpportunityLineItem", FIELD])
    batch.fail(
        changed & (held["HasOpportunityLineItem"] == 1) & (held[FIELD] != batch.value(FIELD)),
        "FIELD_INTEGRITY_EXCEPTION",
        "The currency of an opportunity can't be changed while it has products.",
        [FIELD],
    )


def line_currency(batch: Batch) -> None:
    """A line has the currency of its price, which is the opportunity's."""
    made = batch.creating & batch.live
    if not has_currencies(batch) or not made.any():
        return
    deal = batch.look_up("Opportunity", batch.value("OpportunityId"), [FIELD])[FIELD]
    price = batch.look_up("PricebookEntry", batch.value("PricebookEntryId"), [FIELD])[FIELD]
    batch.fail(
        made & (deal != price),
        "FIELD_INTEGRITY_EXCEPTION",
        "field integrity exception: PricebookEntryId (pricebook entry currency code should match "
        "opportunity currency code)",
        ["PricebookEntryId"],
    )
    batch.fill(FIELD, price, made)


def member_currency(batch: Batch) -> None:
    """Members of a campaign and of a deal have the currency of what they are in."""
    parent = {"CampaignMember": "Campaign", "OpportunityContactRole": "Opportunity"}
    made = batch.creating & batch.live
    if not has_currencies(batch) or not made.any():
        return
    owner = parent[batch.sobject.name]
    code = batch.look_up(owner, batch.value(f"{owner}Id"), [FIELD])[FIELD]
    batch.fill(FIELD, code, made)
