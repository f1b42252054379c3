"""The catalogue of definitions as text that people can read and diff.

After a change on purpose, write it again from the project's folder:

    python -m kartra_sf_pipeline_tests.definitions_catalogue
"""

from __future__ import annotations

from pathlib import Path

from kartra_sf_pipeline.definitions import defs

CATALOGUE = Path(__file__).with_name("definitions.txt")
HINT = "if this is meant: python -m kartra_sf_pipeline_tests.definitions_catalogue"


def catalogue() -> str:
    """Groups with their assets and each asset's checks, then jobs and sensors."""
    graph = defs.resolve_asset_graph()
    lines: list[str] = []
    groups = sorted({graph.get(key).group_name or "" for key in graph.materializable_asset_keys})
    for group in groups:
        lines.append(f"group {group}")
        keys = sorted(
            key.to_user_string()
            for key in graph.materializable_asset_keys
            if graph.get(key).group_name == group
        )
        for name in keys:
            lines.append(f"  {name}")
            lines += [
                f"    {'blocks' if graph.get(check).blocking else 'warns '} {check.name}"
                for check in sorted(graph.asset_check_keys, key=lambda found: found.name)
                if check.asset_key.to_user_string() == name
            ]
    repository = defs.get_repository_def()
    lines += [f"job {name}" for name in sorted(repository.job_names) if not name.startswith("__")]
    lines += [f"sensor {sensor.name}" for sensor in repository.sensor_defs]
    lines += [f"schedule {schedule.name}" for schedule in repository.schedule_defs]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    CATALOGUE.write_text(catalogue(), encoding="utf-8")
