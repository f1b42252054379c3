"""Gates at the end: do the counts add up, and is what arrived what was sent?"""

from __future__ import annotations

from kartra_sf_pipeline.gates.rules import Suite, holds, in_set, not_null, rows_at_least

SUITES = (
    Suite(
        asset="reconciliation",
        identify=("export",),
        rules=(
            rows_at_least(
                "reconciliation_covers_the_exports",
                1,
                "A reconciliation of nothing proves nothing.",
            ),
            not_null(
                "exports_have_counts", "rows", "Each export says how many rows its files hold."
            ),
            in_set(
                "every_source_row_is_accounted_for",
                "difference",
                [0],
                "rows = loaded + merged + suppressed + quarantined + rejected, exactly.",
            ),
            holds(
                "exports_balance_row_by_row",
                "balanced",
                "Each row is counted once, under one known disposition.",
            ),
        ),
    ),
    Suite(
        asset="read_back",
        identify=("object",),
        rules=(
            in_set(
                "every_record_was_found",
                "missing",
                [0],
                "Each record said to be loaded is in the org.",
            ),
            in_set(
                "every_field_arrived",
                "differences",
                [0],
                "Each mapped field read back equals what the map says it should be.",
            ),
        ),
    ),
)
