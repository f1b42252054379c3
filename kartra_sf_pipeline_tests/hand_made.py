"""What the pipeline prepares from the files that people assemble by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from kartra_sf_pipeline.prepare.activities import prepare_activities
from kartra_sf_pipeline.prepare.assignments import (
    prepare_account_team,
    prepare_opportunity_team,
    prepare_territories,
)
from kartra_sf_pipeline.prepare.attachments import prepare_attachments


def hand_made_frames(
    raw: Mapping[str, pl.DataFrame],
    prepared: Mapping[str, pl.DataFrame],
    exports: Path,
    zone: str,
) -> dict[str, pl.DataFrame]:
    """By asset name; `raw` is by export, `prepared` has people, companies and payments."""
    people, companies = prepared["contacts_unified"], prepared["companies_prepared"]
    names = prepared["account_names"]
    attached, files = prepare_attachments(raw["attachments"], people, exports, zone=zone)
    return {
        "activities_prepared": prepare_activities(raw["activities"], people, zone=zone),
        "attachments_prepared": attached,
        "attachment_files": files,
        "account_team_prepared": prepare_account_team(raw["account_team"], companies, names),
        "opportunity_team_prepared": prepare_opportunity_team(
            raw["opportunity_team"],
            prepared["transactions_prepared"],
            prepared["subscriptions_prepared"],
        ),
        "territories_prepared": prepare_territories(raw["territories"], companies, names),
    }
