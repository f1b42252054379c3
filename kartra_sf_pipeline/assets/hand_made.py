"""Prepare, from files that people assemble by hand: activities, attachments, teams, territories."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import DATA_ENGINEERING, PREPARE
from kartra_sf_pipeline.assets.previews import counts, preview, table
from kartra_sf_pipeline.prepare.activities import prepare_activities
from kartra_sf_pipeline.prepare.assignments import (
    prepare_account_team,
    prepare_opportunity_team,
    prepare_territories,
)
from kartra_sf_pipeline.prepare.attached_files import LARGE
from kartra_sf_pipeline.prepare.attachments import prepare_attachments
from kartra_sf_pipeline.prepare.suppression import follow_people
from kartra_sf_pipeline.resources import RunSettings

Frame = pl.DataFrame
Result = dg.MaterializeResult[pl.DataFrame]

_EMAIL, _ID = "contact_email", "contact_id"
# What a team's row may name: the payment or plan, and where it went.
_DEAL = ("opportunity_key", "disposition")


def _about(frame: Frame) -> dict[str, Any]:
    set_aside = frame.filter(pl.col("disposition") != "keep")
    return {
        "rows": frame.height,
        "preview": preview(frame),
        "dispositions": counts(frame, "disposition"),
        "reasons": counts(set_aside, "reason"),
    }


@dg.asset(group_name=PREPARE, kinds={"polars"}, owners=DATA_ENGINEERING)
def activities_prepared(
    settings: RunSettings,
    raw_activities: Frame,
    contacts_unified: Frame,
    contacts_suppressed: Frame,
) -> Result:
    """Every call, e-mail, meeting, task and note of the activities file, joined to its contact."""
    frame = prepare_activities(raw_activities, contacts_unified, zone=settings.load().zone)
    if contacts_suppressed.height:
        frame = follow_people(frame, raw_activities, contacts_suppressed, email=_EMAIL, lead_id=_ID)
    return dg.MaterializeResult(
        value=frame, metadata={**_about(frame), "types": counts(frame, "type")}
    )


@dg.multi_asset(
    outs={
        name: dg.AssetOut(
            description=description,
            group_name=PREPARE,
            kinds={"polars"},
            owners=DATA_ENGINEERING,
        )
        for name, description in (
            ("attachments_prepared", "Every row of the manifest: its file, its contact, its fate."),
            ("attachment_files", "Files of the attachments folder, and whether a row names them."),
        )
    }
)
def attachments(
    settings: RunSettings,
    raw_attachments: Frame,
    contacts_unified: Frame,
    contacts_suppressed: Frame,
) -> Iterator[dg.Output[Frame]]:
    """Looks every file of the manifest up in its folder, and reads it once for its checksum."""
    given = settings.load()
    frame, there = prepare_attachments(
        raw_attachments, contacts_unified, Path(given.exports_folder()), zone=given.zone
    )
    if contacts_suppressed.height:
        frame = follow_people(
            frame, raw_attachments, contacts_suppressed, email=_EMAIL, lead_id=_ID
        )
    large = frame.filter((pl.col("disposition") == "keep") & (pl.col("size") > LARGE))
    yield dg.Output(
        frame,
        output_name="attachments_prepared",
        metadata={
            **_about(frame),
            "bytes": int(frame.filter(pl.col("disposition") == "keep")["size"].sum()),
            "large_files": table(large.select("size", "source_file", "source_line")),
        },
    )
    yield dg.Output(
        there,
        output_name="attachment_files",
        metadata={
            "rows": there.height,
            "bytes": int(there["size"].sum()),
            "not_in_the_manifest": int((~there["named"]).sum()),
        },
    )


@dg.asset(group_name=PREPARE, kinds={"polars"}, owners=DATA_ENGINEERING)
def account_team_prepared(
    raw_account_team: Frame, companies_prepared: Frame, account_names: Frame
) -> Result:
    """Every row of the account team's file, joined to its account."""
    frame = prepare_account_team(raw_account_team, companies_prepared, account_names)
    return dg.MaterializeResult(value=frame, metadata=_about(frame))


@dg.asset(group_name=PREPARE, kinds={"polars"}, owners=DATA_ENGINEERING)
def opportunity_team_prepared(
    raw_opportunity_team: Frame,
    transactions_prepared: pl.LazyFrame,
    subscriptions_prepared: pl.LazyFrame,
) -> Result:
    """Every row of the opportunity team's file, joined to what its payment became."""
    frame = prepare_opportunity_team(
        raw_opportunity_team,
        transactions_prepared.select("transaction_id", "contact_key", "reason", *_DEAL).collect(),
        subscriptions_prepared.select("subscription_id", *_DEAL).collect(),
    )
    return dg.MaterializeResult(value=frame, metadata=_about(frame))


@dg.asset(group_name=PREPARE, kinds={"polars"}, owners=DATA_ENGINEERING)
def territories_prepared(
    raw_territories: Frame, companies_prepared: Frame, account_names: Frame
) -> Result:
    """Every row of the territories' file, joined to its account."""
    frame = prepare_territories(raw_territories, companies_prepared, account_names)
    return dg.MaterializeResult(value=frame, metadata=_about(frame))
