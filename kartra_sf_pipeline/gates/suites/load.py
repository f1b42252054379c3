"""Gates after each load phase: did the org take what was sent, and do the outcomes add up?"""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.gates.rules import ONE_PERCENT, Suite, holds, in_set, not_null, unique
from kartra_sf_pipeline.load_order import PHASE_NAMES

OUTCOMES = ["created", "updated", "unchanged", "rejected"]


def _loaded(phase: str) -> Suite:
    rejected = pl.col("outcome") == "rejected"
    return Suite(
        asset=f"loaded_{phase}",
        derive={
            "_has_id": rejected | pl.col("sf_id").is_not_null(),
            "_taken": rejected.not_(),
            "_rejects_say_why": rejected.not_() | pl.col("error_code").is_not_null(),
        },
        rules=(
            not_null(
                f"{phase}_outcomes_have_keys", "key", "Results join by key, never by position."
            ),
            unique(
                f"{phase}_rows_have_one_outcome", "key", "Every row sent has exactly one outcome."
            ),
            in_set(
                f"{phase}_outcomes_are_known",
                "outcome",
                OUTCOMES,
                "Created, updated, unchanged or rejected.",
            ),
            holds(
                f"{phase}_have_record_ids",
                "_has_id",
                "What is in the org has its Salesforce ID in the ledger.",
            ),
            holds(
                f"{phase}_rejects_say_why",
                "_rejects_say_why",
                "A rejected row carries the org's reason.",
            ),
            holds(
                f"{phase}_were_taken_by_the_org",
                "_taken",
                "All but a few rows, or 1 %, must arrive before the next phase; those that do not "
                "are reported as rejected all the same.",
                tolerance=ONE_PERCENT,
            ),
        ),
    )


_EXISTING = Suite(
    asset="existing_records",
    identify=("object", "sf_id"),
    derive={
        "_decided": (pl.col("decision") == "stamp") == pl.col("sf_id").is_not_null(),
    },
    rules=(
        unique(
            "existing_records_meet_one_row",
            "sf_id",
            "A record that people made is never the home of two rows.",
        ),
        holds(
            "existing_records_are_named_or_left",
            "_decided",
            "A row is loaded into one named record, or a person is asked.",
        ),
    ),
)

SUITES = (_EXISTING, *(_loaded(phase) for phase in PHASE_NAMES))
