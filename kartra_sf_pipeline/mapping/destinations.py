"""Where each of Kartra's objects goes under the strategies of a map, in words."""

from __future__ import annotations

from kartra_sf_pipeline.mapping.strategies import ListStrategy, Strategies

_LISTS: dict[ListStrategy, str] = {
    "campaign": "Campaign and CampaignMember",
    "group": "Group and GroupMember",
    "none": "left behind",
}
_REBILLS = {
    "rolled_up": "rebills rolled up",
    "own_opportunity": "each rebill an Opportunity",
    "subscription_history": "each rebill a Kartra_Transaction__c",
}


def destinations(chosen: Strategies) -> dict[str, str]:
    """By object, for those whose destination is a choice."""
    sales = "Opportunity" if chosen.transactions == "opportunity" else "Kartra_Transaction__c"
    if chosen.transactions == "opportunity" and chosen.line_items:
        sales += " with lines"
    subscriptions = (
        "Opportunity" if chosen.subscriptions == "opportunity" else "Kartra_Subscription__c"
    )
    return {
        "Lists": " or ".join(_LISTS[kind] for kind in sorted(chosen.lists.kinds())),
        "Transactions": f"{sales}; {_REBILLS[chosen.rebills]}",
        "Subscriptions": subscriptions,
        "Affiliates": "Account" if chosen.affiliates == "account" else "Affiliate__c",
    }
