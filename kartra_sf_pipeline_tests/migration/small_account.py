"""A small account as load phases see it, and the schema that it needs in an org."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.loader import LoadResult, Meeting, load_phase
from kartra_sf_pipeline.migration.phases import PHASES, Phase, phase_named
from kartra_sf_pipeline.migration.versions import data_version
from kartra_sf_pipeline.salesforce.metadata import (
    CustomFieldSpec,
    PermissionSetSpec,
    assign_permission_set,
    build_package,
    deploy,
)
from kartra_sf_pipeline.salesforce.org import Org

KEYED = (
    "Account", "Contact", "Product2", "Opportunity", "OpportunityLineItem", "Campaign", "Activity",
    "ContentVersion",
)  # fmt: skip
TAGS = ("gold", "silver", "webinar")


def custom_fields() -> list[CustomFieldSpec]:
    keys = [
        CustomFieldSpec(
            sobject, "Kartra_Id__c", "Kartra ID", "Text", length=255, unique=True, external_id=True
        )
        for sobject in KEYED
    ]
    stamps = [
        CustomFieldSpec(sobject, "Kartra_Migration_Run__c", "Kartra run", "Text", length=64)
        for sobject in (*KEYED, "CampaignMember")
    ]
    return [
        *keys,
        *stamps,
        CustomFieldSpec("Contact", "Kartra_Score__c", "Score", "Number", precision=18, scale=0),
        CustomFieldSpec("Contact", "Kartra_Created_At__c", "Created", "DateTime"),
        CustomFieldSpec(
            "Contact", "Kartra_Tags__c", "Tags", "MultiselectPicklist", values=TAGS,
            visible_lines=4,
        ),
        CustomFieldSpec(
            "Opportunity", "Kartra_Adjusts__c", "Adjusts", "Lookup", reference_to="Opportunity",
            relationship_name="Kartra_Adjustments",
        ),
    ]  # fmt: skip


def deploy_schema(org: Org) -> None:
    fields = custom_fields()
    granted = PermissionSetSpec(
        "Kartra_Migration", "Kartra migration", fields=tuple(f.full_name for f in fields)
    )
    result = deploy(org, build_package(fields, granted, api_version=org.api_version))
    assert result.success, result.problems
    assign_permission_set(org, "Kartra_Migration")
    org.forget_describes()


def standard_price_book(org: Org) -> str:
    return str(org.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true")["Id"][0])


def rows(export: str, columns: str, *cells: tuple[str | None, ...]) -> pl.DataFrame:
    """A phase's frame: `_key` and the named columns, with lineage from line 2 of one file on."""
    frame = pl.DataFrame(
        list(cells), schema=dict.fromkeys(["_key", *columns.split()], pl.String), orient="row"
    )
    return frame.with_columns(
        source_file=pl.lit(f"{export}.csv"),
        source_line=pl.int_range(2, 2 + pl.len(), dtype=pl.Int64),
        _wave=pl.lit(0, pl.Int8),
    )


def small_account(price_book: str) -> dict[Phase, pl.DataFrame]:
    """Two companies, three people, a sale, its refund, a subscription, lists, a booking, a note."""
    frames = {
        "accounts": rows(
            "contacts", "Kartra_Id__c Name Website",
            ("domain:acme.com", "domain:acme.com", "Acme, Inc.", "https://acme.com"),
            ("name:müller", "name:müller", "Müller \"& Söhne\"", None),
        ),
        "affiliates": rows(
            "affiliates", "Kartra_Id__c Name",
            ("affiliate:joe", "affiliate:joe", "Joe"),
        ),
        "products": rows(
            "transactions", "Kartra_Id__c Name IsActive",
            ("course", "course", "Course", "true"),
        ),
        "pricebook_entries": rows(
            "transactions", "Pricebook2Id Product2.Kartra_Id__c UnitPrice IsActive",
            (f"{price_book}|course", price_book, "course", "97.00", "true"),
        ),
        "campaigns": rows(
            "lists", "Kartra_Id__c Name IsActive",
            ("list:news", "list:news", "News", "true"),
            ("list:vip", "list:vip", "VIP", "true"),
        ),
        "contacts": rows(
            "contacts",
            "Kartra_Id__c LastName FirstName Email Phone Account.Kartra_Id__c HasOptedOutOfEmail "
            "Kartra_Score__c Kartra_Created_At__c",
            ("1", "1", "Ünal", "Zoë", "zoe@acme.com", "+14155550100", "domain:acme.com", "false",
             "12", "2024-02-03T04:05:06.000Z"),
            ("2", "2", "O'Neil", "Sam", "sam@mueller.de", None, "name:müller", "true", "7", None),
            ("3", "3", "Line\nBreak", None, None, "0049 30 1", None, "true", None, None),
        ),
        "opportunities": rows(
            "transactions",
            "Kartra_Id__c Name StageName CloseDate Amount Account.Kartra_Id__c Pricebook2Id "
            "Kartra_Adjusts__r.Kartra_Id__c",
            ("T1", "T1", "Course", "Closed Won", "2024-03-01", "97.00", "domain:acme.com",
             price_book, None),
            ("S9", "S9", "Club", "Closed Won", "2024-03-02", "19.90", "name:müller", None, None),
            ("T2", "T2", "Refund", "Closed Won", "2024-03-09", "-97.00", "domain:acme.com", None,
             "T1"),
        ).with_columns(_wave=pl.Series([0, 0, 1], dtype=pl.Int8)),
        "opportunity_contact_roles": rows(
            "transactions", "Opportunity.Kartra_Id__c Contact.Kartra_Id__c Role",
            ("T1|1|Economic Buyer", "T1", "1", "Economic Buyer"),
            ("S9|2|Economic Buyer", "S9", "2", "Economic Buyer"),
        ),
        "opportunity_line_items": rows(
            "transactions",
            "Kartra_Id__c Opportunity.Kartra_Id__c Product2.Kartra_Id__c Quantity TotalPrice",
            ("T1:1", "T1:1", "T1", "course", "1", "97.00"),
        ),
        "campaign_members": rows(
            "contacts", "Campaign.Kartra_Id__c Contact.Kartra_Id__c Status",
            ("list:news|1", "list:news", "1", "Responded"),
            ("list:news|2", "list:news", "2", "Responded"),
            ("list:vip|1", "list:vip", "1", "Responded"),
        ),
        "events": rows(
            "bookings",
            "Kartra_Id__c Subject Contact:Who.Kartra_Id__c StartDateTime DurationInMinutes",
            ("B1", "B1", "Call", "1", "2024-04-01T15:00:00.000Z", "30"),
        ),
        "tasks": rows(
            "notes",
            "Kartra_Id__c Subject Contact:Who.Kartra_Id__c Status Priority ActivityDate "
            "Description",
            ("N1", "N1", "Note", "2", "Completed", "Normal", "2024-04-02", "first\n2nd \"line\""),
        ),
        "contact_tags": rows(
            "contacts", "Kartra_Id__c Kartra_Tags__c",
            ("1", "1", "gold;webinar"),
            ("2", "2", "silver"),
        ),
    }  # fmt: skip
    return {phase_named(name): frame for name, frame in frames.items()}


def only(frames: Mapping[Phase, pl.DataFrame], *names: str) -> dict[Phase, pl.DataFrame]:
    """The frames of some phases."""
    return {phase: frame for phase, frame in frames.items() if phase.name in names}


def load_all(
    org: Org,
    ledger: Ledger,
    frames: Mapping[Phase, pl.DataFrame],
    meeting: Meeting | None = None,
) -> tuple[str, dict[str, LoadResult]]:
    """Pass every gate and load every phase in one run; the run's id and results by phase."""
    run_id = ledger.begin_run("rehearsal", "local", org.org_id, org.instance_url, "hash")
    results: dict[str, LoadResult] = {}
    for phase in PHASES:
        if phase in frames:
            frame = frames[phase]
            ledger.record_gate(phase.name, data_version(frame), passed=True, run_id=run_id)
            results[phase.name] = load_phase(org, ledger, run_id, phase, frame, meeting=meeting)
    ledger.finish_run(run_id, "succeeded")
    return run_id, results


def all_outcomes(results: Mapping[str, LoadResult]) -> pl.DataFrame:
    return pl.concat([result.outcomes for result in results.values()])
