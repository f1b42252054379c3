"""The one Definitions object: assets, gates, jobs, sensors and resources."""

from __future__ import annotations

import dagster as dg

from kartra_sf_pipeline.assets import (
    existing,
    extract,
    forecast,
    hand_made,
    identity,
    load,
    map,
    prepare,
    prove,
    schema,
    scope,
    transform,
)
from kartra_sf_pipeline.automation import SENSORS
from kartra_sf_pipeline.gates.bridge import checks_for
from kartra_sf_pipeline.gates.suites import SUITES
from kartra_sf_pipeline.io import FramesIOManager
from kartra_sf_pipeline.jobs import JOBS
from kartra_sf_pipeline.resources import LedgerResource, RunSettings, SalesforceResource

defs = dg.Definitions(
    assets=dg.load_assets_from_modules(
        [
            extract,
            identity,
            existing,
            prepare,
            hand_made,
            scope,
            map,
            schema,
            transform,
            forecast,
            load,
            prove,
        ]
    ),
    asset_checks=[
        *(checks_for(suite) for suite in SUITES),
        map.field_map_is_approved,
        schema.schema_is_as_planned,
    ],
    jobs=JOBS,
    sensors=SENSORS,
    resources={
        "io_manager": FramesIOManager(),
        "settings": RunSettings(),
        "ledger": LedgerResource(),
        "salesforce": SalesforceResource(),
    },
    # A step process costs seconds of imports; Polars brings the parallelism.
    executor=dg.in_process_executor,
)
