"""An empty local org with the schema deployed, a ledger, and the org's own audit of writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.phases import Phase
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.conftest import LocalOrg
from kartra_sf_pipeline_tests.migration.small_account import (
    deploy_schema,
    small_account,
    standard_price_book,
)

__all__ = ["Audit", "audit", "frames", "ledger", "org"]


@dataclass(frozen=True)
class Audit:
    """What the org says that it was asked to write."""

    server: LocalOrg

    def now(self) -> int:
        asked = self.server.requests()
        seq = 0
        while asked:
            seq = asked[-1]["seq"]
            asked = self.server.requests(seq)
        return seq

    def writes_after(self, seq: int) -> list[dict[str, Any]]:
        return [request for request in self.server.requests(seq) if request["writes"]]


@pytest.fixture
def org(empty_org: LocalOrg) -> Org:
    connected = connect(AccessToken(empty_org.url, empty_org.access_token))
    deploy_schema(connected)
    return connected


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def audit(empty_org: LocalOrg) -> Audit:
    return Audit(empty_org)


@pytest.fixture
def frames(org: Org) -> dict[Phase, pl.DataFrame]:
    """The small account, ready for this org."""
    return small_account(standard_price_book(org))
