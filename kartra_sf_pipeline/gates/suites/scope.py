"""Gates of the scope: are these exports complete, of one account, and fit to be promised on?"""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.gates.rules import Suite, holds, in_set

SUITES = (
    Suite(
        asset="control_totals",
        derive={
            "_proven": ~pl.col("essential") | (pl.col("status") != "not_given"),
        },
        identify=("finding",),
        rules=(
            in_set(
                "control_totals_agree",
                "status",
                ["agrees", "within_tolerance", "not_given"],
                "Every figure in control_totals.yaml is found in the exports; export what is "
                "missing, or correct the figure.",
            ),
            holds(
                "completeness_is_proven",
                "_proven",
                "Contacts, transactions and revenue are compared with Kartra's screens; without "
                "control_totals.yaml the completeness of the exports is unproven.",
                severity="warning",
            ),
        ),
    ),
    Suite(
        asset="source_identity",
        derive={"_same": ~pl.col("verdict").is_in(["disjoint", "other_account"])},
        identify=("finding",),
        rules=(
            holds(
                "exports_are_of_one_account",
                "_same",
                "The people in every file are among the contacts; a file whose people hardly are "
                "comes from another account, or the contacts are not all there.",
                severity="warning",
            ),
        ),
    ),
    Suite(
        asset="extract_judgement",
        derive={"_fit": pl.col("verdict") != "unfit"},
        identify=("file", "measure"),
        rules=(
            holds(
                "extracts_are_fit",
                "_fit",
                "Each file of contacts has the expected columns, identities, names and dates.",
                severity="warning",
            ),
        ),
    ),
    Suite(
        asset="account_audit",
        derive={
            "_roomy": (pl.col("metric") != "kartra_plan_headroom") | pl.col("note").is_null(),
        },
        identify=("metric", "value"),
        rules=(
            holds(
                "kartra_plan_has_room",
                "_roomy",
                "The account stays below the contacts of its Kartra plan while it is migrated.",
                severity="warning",
            ),
        ),
    ),
)
