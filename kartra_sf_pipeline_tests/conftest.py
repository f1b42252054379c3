"""A real local org for every test that asks: one server process per session and worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from kartra_sf_pipeline.localorg import process

# A busy machine makes an example slow; that says nothing about the code.
settings.register_profile("any_machine", deadline=None)
settings.load_profile("any_machine")


@dataclass(frozen=True)
class LocalOrg:
    """A running org in a temporary home."""

    url: str
    access_token: str
    org_id: str
    user_id: str
    api_version: str
    home: Path
    address: process.OrgAddress

    def admin(self, method: str, path: str) -> Any:
        """One of the server's own endpoints: `admin("GET", "requests?since_seq=0")`."""
        return process.call(self.address, method, f"/__admin/{path}", timeout=120)

    def requests(self, since_seq: int = 0) -> list[dict[str, Any]]:
        """The request audit after a number."""
        return self.admin("GET", f"requests?since_seq={since_seq}")["requests"]


@pytest.fixture(scope="session")
def local_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalOrg]:
    home = tmp_path_factory.mktemp("local_org")
    address = process.ensure_running(home, idle_minutes=30)
    try:
        yield LocalOrg(
            url=address.url,
            access_token=address.access_token,
            org_id=address.org_id,
            user_id=address.user_id,
            api_version=address.api_version,
            home=home,
            address=address,
        )
    finally:
        process.stop(home)


@pytest.fixture
def empty_org(local_org: LocalOrg) -> LocalOrg:
    local_org.admin("POST", "reset")
    return local_org


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
