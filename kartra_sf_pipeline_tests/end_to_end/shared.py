"""The story as a fixture that several folders share: a test process tells it once.

Tests that ask for it are marked `xdist_group("story")`, so that one worker tells it for all.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kartra_sf_pipeline.localorg import process
from kartra_sf_pipeline_tests.end_to_end.homes import Home
from kartra_sf_pipeline_tests.end_to_end.story import Story

# Each folder that imports the fixture has one of its own; what they hand out is one and the same.
_told: list[Story] = []


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The one story of this process; its org is stopped when the session ends."""
    if not _told:
        home = Home(tmp_path_factory.mktemp("story") / "home")
        home.path.mkdir()
        _told.append(Story(home, tmp_path_factory.mktemp("account")))
    yield _told[0]
    process.stop(_told[0].home.path)
