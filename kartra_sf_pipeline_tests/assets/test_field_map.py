from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from kartra_sf_pipeline.assets.map import field_map
from kartra_sf_pipeline.mapping.phase_frames import PREPARED
from kartra_sf_pipeline.resources import RunSettings
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.end_to_end.command_line import settings_in_force
from kartra_sf_pipeline_tests.mapping.account import facts_of, scanned_account


def materialised(home: Path) -> dict[str, Any]:
    account = scanned_account()
    frames = {name: account[name] for name in (*PREPARED, "raw_custom_fields")}
    with settings_in_force({"KARTRA_SF_HOME": str(home)}):
        result = field_map(settings=RunSettings(), **frames)
    assert isinstance(result, dg.MaterializeResult)
    return dict(result.metadata or {})


def rows(value: Any) -> list[dict[str, Any]]:
    assert isinstance(value, dg.TableMetadataValue)
    return [dict(record.data) for record in value.records]


def test_what_the_map_tells_names_nobody_and_an_edited_map_stays(
    empty_org: LocalOrg, tmp_path: Path
) -> None:
    facts_of(empty_org).write(tmp_path)
    first = materialised(tmp_path)
    hosts = scanned_account()["bookings_prepared"].select("host_email").collect().to_series()
    told = json.dumps(rows(first["to_know"]))
    assert "name an owner whom nobody maps" in told
    known = pl.Series(hosts.drop_nulls().unique()).to_list()
    assert known
    assert not [host for host in known if host in told]
    assert "@" not in told
    assert first["origin"] == "proposed"

    path = tmp_path / "field_map.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    second = materialised(tmp_path)
    assert second["origin"] == "home"
    assert path.read_text(encoding="utf-8").endswith("# ours\n")
