"""Gates before each load phase: would the org take these rows, and can a second run find them?"""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.gates.rules import (
    Rule,
    Suite,
    at_most,
    holds,
    in_set,
    matches,
    not_null,
    rows_at_least,
    unique,
    unique_together,
)
from kartra_sf_pipeline.gates.suites.prepare import EMAIL

_DATE = r"^\d{4}-\d{2}-\d{2}$"
_DATETIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"
_AMOUNT = r"^-?\d{1,16}(?:\.\d{1,2})?$"


def _phase(
    asset: str, what: str, required: dict[str, str], *more: Rule, key: str | None = "Kartra_Id__c"
) -> Suite:
    """Keys and required fields of a phase, and what else its object asks for."""
    keyed = (
        not_null(f"{what}_have_keys", "_key", "The key is what makes a second run change nothing."),
        unique(
            f"{what}_have_unique_keys", "_key", "Two rows with one key would overwrite each other."
        ),
    )
    external = (
        (
            not_null(
                f"{what}_have_external_ids",
                key,
                "The external ID joins results, children and undo.",
            ),
        )
        if key
        else ()
    )
    needed = tuple(
        not_null(f"{what}_have_{word}", column, f"{column} is required.")
        for word, column in required.items()
    )
    return Suite(asset=asset, load_phase=asset, rules=(*keyed, *external, *needed, *more))


SUITES = (
    Suite(
        asset="people_plan",
        derive={
            "_lead_is_free": (pl.col("become") != "lead") | pl.col("account_key").is_null(),
            "_account_has_source": pl.col("account_key").is_null()
            == pl.col("account_source").is_null(),
        },
        rules=(
            not_null("planned_people_have_keys", "contact_key", "A person is known by a key."),
            unique(
                "people_are_planned_once", "contact_key", "A person is a contact or a lead, once."
            ),
            in_set(
                "people_become_what_the_map_says",
                "become",
                ["contact", "lead"],
                "A contact or a lead.",
            ),
            not_null("people_have_a_segment", "segment", "Each fate is by a segment of the map."),
            holds("leads_have_no_account", "_lead_is_free", "A lead has no account."),
            holds(
                "accounts_of_people_are_explained",
                "_account_has_source",
                "An account is the company's, the person's own or a segment's.",
            ),
        ),
    ),
    _phase(
        "accounts",
        "accounts",
        {"names": "Name"},
        at_most("account_names_fit", "Name", 255, "Account.Name takes 255 characters."),
        at_most("account_websites_fit", "Website", 255, "Account.Website takes 255 characters."),
    ),
    _phase("affiliates", "affiliates", {"names": "Name"}),
    _phase(
        "products",
        "products",
        {"names": "Name"},
        at_most("product_names_fit", "Name", 255, "Product2.Name takes 255 characters."),
        in_set(
            "products_are_active",
            "IsActive",
            ["true"],
            "A product is inactive unless told otherwise.",
        ),
    ),
    _phase(
        "pricebook_entries",
        "prices",
        {"books": "Pricebook2Id", "amounts": "UnitPrice"},
        matches(
            "prices_are_amounts", "UnitPrice", _AMOUNT, "UnitPrice is money with two decimals."
        ),
        key=None,
    ),
    _phase(
        "campaigns",
        "campaigns",
        {"names": "Name"},
        at_most("campaign_names_fit", "Name", 80, "Campaign.Name takes 80 characters."),
    ),
    _phase(
        "campaign_member_statuses",
        "member_statuses",
        {"labels": "Label"},
        at_most("status_labels_fit", "Label", 40, "A member status takes 40 characters."),
        key=None,
    ),
    _phase(
        "groups",
        "groups",
        {"names": "Name"},
        at_most("group_names_fit", "Name", 40, "Group.Name takes 40 characters."),
        matches(
            "group_developer_names_are_names",
            "DeveloperName",
            r"^[A-Za-z](?:[A-Za-z0-9]|_(?!_))*$",
            "A developer name has letters, digits and single underscores.",
        ),
        key=None,
    ),
    _phase(
        "contacts",
        "contacts",
        {"last_names": "LastName", "opt_out_flags": "HasOptedOutOfEmail"},
        at_most("contact_last_names_fit", "LastName", 80, "Contact.LastName takes 80 characters."),
        at_most(
            "contact_first_names_fit", "FirstName", 40, "Contact.FirstName takes 40 characters."
        ),
        matches(
            "contact_emails_are_addresses",
            "Email",
            EMAIL,
            "Salesforce refuses a malformed address.",
        ),
        at_most("contact_emails_fit", "Email", 80, "Contact.Email takes 80 characters."),
        at_most("contact_phones_fit", "Phone", 40, "Contact.Phone takes 40 characters."),
        in_set(
            "contact_opt_out_is_said",
            "HasOptedOutOfEmail",
            ["true", "false"],
            "Consent travels with the first write of a contact.",
        ),
    ),
    _phase(
        "leads",
        "leads",
        {"last_names": "LastName", "companies": "Company", "opt_out_flags": "HasOptedOutOfEmail"},
        at_most("lead_last_names_fit", "LastName", 80, "Lead.LastName takes 80 characters."),
        matches(
            "lead_emails_are_addresses", "Email", EMAIL, "Salesforce refuses a malformed address."
        ),
        in_set(
            "lead_opt_out_is_said",
            "HasOptedOutOfEmail",
            ["true", "false"],
            "Consent travels with the first write of a lead.",
        ),
    ),
    _phase("affiliate_records", "affiliate_records", {"names": "Name"}),
    _phase(
        "account_contact_relations",
        "relations",
        {"accounts": "Account.Kartra_Id__c", "contacts": "Contact.Kartra_Id__c"},
        key=None,
    ),
    _phase(
        "subscription_records",
        "subscription_records",
        {"names": "Name"},
        at_most(
            "subscription_names_fit", "Name", 80, "A custom object's Name takes 80 characters."
        ),
    ),
    _phase(
        "opportunities",
        "opportunities",
        {"names": "Name", "stages": "StageName", "close_dates": "CloseDate"},
        at_most("opportunity_names_fit", "Name", 120, "Opportunity.Name takes 120 characters."),
        matches(
            "opportunity_close_dates_are_dates", "CloseDate", _DATE, "CloseDate is a calendar date."
        ),
        matches(
            "opportunity_amounts_are_money", "Amount", _AMOUNT, "Amount is money with two decimals."
        ),
    ),
    _phase(
        "transaction_records",
        "transaction_records",
        {"names": "Name", "amounts": "Kartra_Charged_Amount__c"},
        at_most("transaction_names_fit", "Name", 80, "A custom object's Name takes 80 characters."),
        matches(
            "transaction_amounts_are_money",
            "Kartra_Charged_Amount__c",
            _AMOUNT,
            "An amount is money with two decimals.",
        ),
    ),
    _phase("opportunity_contact_roles", "contact_roles", {"roles": "Role"}, key=None),
    _phase(
        "opportunity_line_items",
        "lines",
        {"quantities": "Quantity", "prices": "TotalPrice"},
        matches(
            "line_quantities_are_positive",
            "Quantity",
            r"^[1-9]\d*$",
            "A line needs a quantity above zero.",
        ),
        matches(
            "line_prices_are_money", "TotalPrice", _AMOUNT, "TotalPrice is money with two decimals."
        ),
    ),
    _phase(
        "campaign_members",
        "members",
        {"statuses": "Status"},
        at_most("member_statuses_fit", "Status", 40, "A member status takes 40 characters."),
        key=None,
    ),
    _phase("campaign_lead_members", "lead_members", {"lead_statuses": "Status"}, key=None),
    _phase("group_members", "group_members", {"users": "UserOrGroupId"}, key=None),
    _phase("account_team_members", "account_teams", {"users": "UserId"}, key=None),
    _phase("opportunity_team_members", "opportunity_teams", {"users": "UserId"}, key=None),
    _phase(
        "territory_associations",
        "territories",
        {"names": "Territory2.DeveloperName"},
        key=None,
    ),
    _phase(
        "events",
        "events",
        {"subjects": "Subject", "starts": "StartDateTime", "lengths": "DurationInMinutes"},
        matches("event_starts_are_in_utc", "StartDateTime", _DATETIME, "Times are sent in UTC."),
        at_most("event_subjects_fit", "Subject", 255, "Event.Subject takes 255 characters."),
    ),
    _phase(
        "tasks",
        "tasks",
        {"subjects": "Subject"},
        at_most("task_subjects_fit", "Subject", 255, "Task.Subject takes 255 characters."),
    ),
    _phase(
        "files",
        "files",
        {"titles": "Title", "contents": "VersionData"},
        at_most("file_titles_fit", "Title", 255, "ContentVersion.Title takes 255 characters."),
    ),
    _phase(
        "contact_tags",
        "tagged_contacts",
        {},
        at_most(
            "tag_cells_fit", "Kartra_Tags__c", 4_099, "A multi-select cell takes 4,099 characters."
        ),
    ),
    Suite(
        asset="planned_rows",
        derive={
            "_has_record": pl.col("planned").is_in(["load", "merge"]).not_()
            | pl.col("key").is_not_null(),
            "_has_reason": (pl.col("planned") == "load") | pl.col("reason").is_not_null(),
        },
        rules=(
            rows_at_least("rows_are_planned", 1, "A plan of nothing moves nothing."),
            unique_together(
                "source_rows_are_planned_once",
                ("export", "source_file", "source_line"),
                "Each source row has exactly one primary disposition.",
            ),
            in_set(
                "row_plans_are_known",
                "planned",
                ["load", "merge", "suppress", "quarantine"],
                "Load, merge, suppress or quarantine.",
            ),
            holds("rows_that_arrive_name_a_record", "_has_record", "What arrives says where."),
            holds("rows_set_aside_say_why", "_has_reason", "What is set aside says why."),
        ),
    ),
)
