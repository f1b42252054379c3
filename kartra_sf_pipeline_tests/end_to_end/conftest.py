from __future__ import annotations

import pytest

from kartra_sf_pipeline_tests.end_to_end.shared import story

__all__ = ["story"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let pytest-xdist's groups reach its scheduler.

    xdist 3.8 writes a test's group behind its node id, where pytest 9.2 no longer looks: without
    this, `--dist loadgroup` spreads a group over all workers, and each tells the story anew.
    """
    if not config.getoption("loadgroup", default=False):
        return
    for item in items:
        mark = item.get_closest_marker("xdist_group")
        known = getattr(item, "_id", None)
        if mark is not None and known is not None and "@" not in item.nodeid.rpartition("]")[2]:
            item._id = type(known).parse(f"{item.nodeid}@{mark.args[0]}")  # type: ignore[attr-defined]
