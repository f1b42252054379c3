"""Scope: what there is, how good it is, what moves and what does not."""

from __future__ import annotations

from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.groups import REVOPS, SCOPE

Frame = pl.DataFrame
Result = dg.MaterializeResult[pl.DataFrame]

_COMMON: dict[str, Any] = {"group_name": SCOPE, "kinds": {"polars"}, "owners": REVOPS}
