from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kartra_sf_pipeline_tests.end_to_end.accounts import small_account
from kartra_sf_pipeline_tests.end_to_end.homes import Home, temporary_home


@pytest.fixture(scope="session")
def fault_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with a running org that no mistake may write to."""
    with temporary_home(tmp_path_factory.mktemp("faults") / "home") as home:
        yield home


@pytest.fixture(scope="session")
def sound_account(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports without a fault; tests spoil a copy."""
    return small_account(tmp_path_factory.mktemp("sound"), contacts=60)


@pytest.fixture
def account(sound_account: Path, tmp_path: Path) -> Path:
    """A copy of the sound exports, to be spoiled."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for file in sound_account.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder
