"""dagster-pandas types: what a pandas frame must look like where one crosses a border."""

import warnings

import dagster as dg
from dagster_pandas import PandasColumn, create_dagster_pandas_dataframe_type

COUNTS = ("rows", "loaded", "merged", "suppressed", "quarantined", "rejected", "difference")

with warnings.catch_warnings():
    # The classes are marked beta; the versions are held by the lock.
    warnings.simplefilter("ignore", dg.BetaWarning)
    ReconciliationTable = create_dagster_pandas_dataframe_type(
        name="ReconciliationTable",
        description="One row per export: its rows, what became of them, and the difference.",
        columns=[
            PandasColumn.string_column("export", non_nullable=True, unique=True),
            *(
                PandasColumn.integer_column(name, non_nullable=True, min_value=0)
                for name in COUNTS[:-1]
            ),
            PandasColumn.integer_column("difference", non_nullable=True),
            PandasColumn.boolean_column("balanced", non_nullable=True),
        ],
    )
