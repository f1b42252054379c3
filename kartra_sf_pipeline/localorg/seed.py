"""The records that every new org has before anybody writes to it."""

from __future__ import annotations

import sqlite3
from typing import Any

import polars as pl

from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.database import Database
from kartra_sf_pipeline.localorg.schema import (
    FORECAST_CATEGORY_NAMES,
    Stage,
    standard_schema,
    standard_stages,
)

ADMIN_USERNAME = "admin@local.example"


def new_ids(database: Database, name: str, count: int) -> pl.Series:
    """Unused ids of a standard object; call inside `write()`."""
    sobject = standard_schema().object(name)
    return database.new_ids_for_prefix((sobject.key_prefix if sobject else None) or "0Lo", count)


def seed(database: Database, connection: sqlite3.Connection) -> tuple[str, str]:
    """Write the first records; returns the ids of the organisation and of the API user."""
    now = now_text()
    user_ids = new_ids(database, "User", 3).to_list()
    admin = user_ids[0]
    stamps = {
        "CreatedDate": now,
        "CreatedById": admin,
        "LastModifiedDate": now,
        "LastModifiedById": admin,
        "SystemModstamp": now,
    }

    def put(name: str, rows: list[dict[str, Any]], ids: list[str] | None = None) -> list[str]:
        sobject = standard_schema().object(name)
        assert sobject is not None
        given = ids or new_ids(database, name, len(rows)).to_list()
        kept = [
            {
                "Id": record_id,
                **{k: v for k, v in stamps.items() if sobject.field(k)},
                **row,
            }
            for record_id, row in zip(given, rows, strict=True)
        ]
        database.insert_frame(connection, name, pl.DataFrame(kept, infer_schema_length=None))
        return given

    (org_id,) = put(
        "Organization",
        [
            {
                "Name": "Local Org",
                "Country": "US",
                "PrimaryContact": "Local Administrator",
                "DefaultLocaleSidKey": "en_US",
                "LanguageLocaleKey": "en_US",
                "TimeZoneSidKey": "America/Los_Angeles",
                "FiscalYearStartMonth": 1,
                "OrganizationType": "Developer Edition",
                "InstanceName": "LOCAL",
                "IsSandbox": 1,
                "UiSkin": "Theme3",
                "DefaultAccountAccess": "Edit",
                "DefaultContactAccess": "ControlledByParent",
                "DefaultOpportunityAccess": "Edit",
                "DefaultLeadAccess": "ReadEditTransfer",
                "DefaultCaseAccess": "ReadEditTransfer",
                "DefaultCalendarAccess": "HideDetailsInsert",
                "DefaultPricebookAccess": "ReadSelect",
                "DefaultCampaignAccess": "All",
            }
        ],
    )
    licence = database.new_ids_for_prefix("100", 1).item()
    profiles = put(
        "Profile",
        [
            {"Name": name, "UserType": "Standard", "UserLicenseId": licence}
            for name in ("System Administrator", "Standard User")
        ],
    )
    people = (
        ("Local", "Administrator", ADMIN_USERNAME, "admin", 1, profiles[0]),
        ("Second", "Seller", "seller@local.example", "seller", 1, profiles[1]),
        ("Former", "Colleague", "former@local.example", "former", 0, profiles[1]),
    )
    put(
        "User",
        [
            {
                "Username": username,
                "FirstName": first,
                "LastName": last,
                "Name": f"{first} {last}",
                "Alias": alias,
                "CommunityNickname": alias,
                "Email": username,
                "IsActive": active,
                "ProfileId": profile,
                "UserType": "Standard",
                "TimeZoneSidKey": "America/Los_Angeles",
                "LocaleSidKey": "en_US",
                "LanguageLocaleKey": "en_US",
                "EmailEncodingKey": "UTF-8",
                "UserPermissionsMarketingUser": active,
            }
            for first, last, username, alias, active, profile in people
        ],
        user_ids,
    )
    put(
        "Pricebook2",
        [{"Name": "Standard Price Book", "IsActive": 1, "IsStandard": 1}],
    )
    put(
        "OpportunityStage",
        [stage_row(s, i, admin, now) for i, s in enumerate(standard_stages(), start=1)],
    )
    for name, owner, field in (
        ("LeadStatus", "Lead", "Status"),
        ("TaskStatus", "Task", "Status"),
        ("TaskPriority", "Task", "Priority"),
        ("CaseStatus", "Case", "Status"),
    ):
        described = standard_schema().object(owner)
        values = described.field(field) if described else None
        assert values is not None
        put(
            name,
            [
                {
                    "MasterLabel": v.label,
                    "ApiName": v.value,
                    "SortOrder": order,
                    "IsDefault": int(v.default),
                }
                for order, v in enumerate(values.picklist_values, start=1)
            ],
        )
    return org_id, admin


def stage_row(stage: Stage, order: int, user_id: str, now: str) -> dict[str, Any]:
    """One OpportunityStage row without its id."""
    return {
        "MasterLabel": stage.label,
        "ApiName": stage.label,
        "IsActive": 1,
        "SortOrder": order,
        "IsClosed": int(stage.closed),
        "IsWon": int(stage.won),
        "ForecastCategory": stage.forecast_category,
        "ForecastCategoryName": FORECAST_CATEGORY_NAMES[stage.forecast_category],
        "DefaultProbability": float(stage.probability),
        "CreatedById": user_id,
        "CreatedDate": now,
        "LastModifiedById": user_id,
        "LastModifiedDate": now,
        "SystemModstamp": now,
    }
