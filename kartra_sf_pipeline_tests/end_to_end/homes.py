"""A home folder with its own local org, and what can be asked of it over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from kartra_sf_pipeline.localorg import process
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline_tests.end_to_end.command_line import Ended, kartra_sf

OBJECTS = (
    "Account",
    "Product2",
    "PricebookEntry",
    "Campaign",
    "Contact",
    "Opportunity",
    "OpportunityContactRole",
    "OpportunityLineItem",
    "CampaignMember",
    "Event",
    "Task",
)
"""Every object that the migration writes, but for statuses: an org makes some by itself."""
UNSTAMPED = ("PricebookEntry", "OpportunityContactRole")

_DATA_PATH = re.compile(r"/jobs/ingest|/sobjects|/composite")


@dataclass(frozen=True)
class Home:
    """One home folder; its org is started on demand and stopped by `temporary_home`."""

    path: Path

    def run(self, verb: str, *arguments: str | Path, **env: str) -> Ended:
        """A verb of the command line on this home, in this process."""
        return kartra_sf(verb, *arguments, env={"KARTRA_SF_HOME": str(self.path), **env})

    @cached_property
    def address(self) -> process.OrgAddress:
        """The running org, started where it does not run."""
        return process.ensure_running(self.path, idle_minutes=20)

    @cached_property
    def org(self) -> Org:
        """A client of the org."""
        return connect(AccessToken(self.address.url, self.address.access_token))

    def counts(self) -> dict[str, int]:
        """Records per object, as the org itself counts them."""
        return {name: self.org.count(f"SELECT COUNT() FROM {name}") for name in OBJECTS}

    def stamped(self) -> dict[str, int]:
        """Records that carry any run's stamp; 0 where the org does not know the stamp yet."""
        found = {}
        for name in OBJECTS:
            if name in UNSTAMPED:
                continue
            self.org.forget_describes()
            if "Kartra_Migration_Run__c" in self.org.describe(name).fields:
                soql = f"SELECT COUNT() FROM {name} WHERE Kartra_Migration_Run__c != null"
                found[name] = self.org.count(soql)
        return found

    def last_request(self) -> int:
        """Number of the newest request in the org's audit."""
        return self._admin("status")["requests"]

    def writes_since(self, number: int) -> list[dict[str, Any]]:
        """Requests after that number that changed the org, by its own word or by their nature."""
        requests = self._admin(f"requests?since_seq={number}")["requests"]
        return [
            request
            for request in requests
            if request["writes"]
            or (request["method"] != "GET" and _DATA_PATH.search(request["path"]))
        ]

    def _admin(self, path: str) -> Any:
        return process.call(self.address, "GET", f"/__admin/{path}", timeout=120)

    def frame(self, asset: str) -> pl.DataFrame:
        """The last stored frame of an asset."""
        return pl.read_parquet(self.path / "frames" / f"{asset}.parquet")

    def run_folder(self, run_id: str) -> Path:
        """What a run has left for people."""
        return self.path / "runs" / run_id

    def summary(self, run_id: str) -> dict[str, Any]:
        """The summary as it lies on disk."""
        return json.loads((self.run_folder(run_id) / "summary.json").read_text(encoding="utf-8"))


@contextmanager
def temporary_home(path: Path) -> Iterator[Home]:
    """A home whose org is stopped at the end, whatever happens."""
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield Home(path)
    finally:
        process.stop(path)
