"""Dagster's resources: the run's settings, the ledger and the Salesforce org."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import dagster as dg
import polars as pl
from filelock import BaseFileLock, FileLock, Timeout

from kartra_sf_pipeline.localorg.process import ensure_running
from kartra_sf_pipeline.migration.lease import run_lock
from kartra_sf_pipeline.migration.ledger import Ledger
from kartra_sf_pipeline.migration.rollback import RollbackReport, rollback
from kartra_sf_pipeline.salesforce import bulk
from kartra_sf_pipeline.salesforce.connection import connect
from kartra_sf_pipeline.salesforce.credentials import AccessToken, Credentials, from_environment
from kartra_sf_pipeline.salesforce.org import Org
from kartra_sf_pipeline.settings import Settings, Target

_alive: dict[str, BaseFileLock] = {}
"""Locks of the ledger runs that this process is loading; freed by the system if it dies."""


class RunSettings(dg.ConfigurableResource):
    """What one run may set for itself; what is left out comes from the environment.

    Paths are absolute or relative to where Dagster was started. The home folder and the target are
    the code location's own (KARTRA_SF_HOME, KARTRA_SF_TARGET): a run cannot be talked into another
    org from a launchpad.
    """

    exports: str | None = None
    map: str | None = None
    zone: str | None = None

    def load(self) -> Settings:
        """The settings in force; raises SettingsError naming what is wrong."""
        return Settings.load(
            exports=Path(self.exports) if self.exports else None,
            map=Path(self.map) if self.map else None,
            zone=self.zone,
        )


class LedgerResource(dg.ConfigurableResource):
    """The write-ahead ledger of the home folder."""

    def open(self) -> Ledger:
        """The ledger; the same one for every step of a process."""
        return _ledger(Settings.load().ledger())

    def run_of(self, dagster_run_id: str, job: str, org: Org, exports_hash: str) -> str:
        """The ledger run that belongs to a Dagster run; opened by the first step that asks."""
        settings = Settings.load()
        folder = settings.runs_folder() / dagster_run_id
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".ledger_run.lock"):
            known = self.run_if_any(dagster_run_id)
            run_id = known or self.open().begin_run(
                job, settings.target.value, org.org_id, org.instance_url, exports_hash
            )
            if known is None:
                self.note(dagster_run_id, run_id)
            if run_id not in _alive:
                lock = run_lock(settings.runs_folder(), run_id)
                # Another process of the same run may hold it already; `status` does for an instant.
                with suppress(Timeout):
                    lock.acquire(timeout=1)
                    _alive[run_id] = lock
            return run_id

    def note(self, dagster_run_id: str, run_id: str) -> Path:
        """Tie a Dagster run to a ledger run; returns the Dagster run's folder."""
        folder = Settings.load().runs_folder() / dagster_run_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ledger_run").write_text(run_id, encoding="utf-8")
        return folder

    def run_if_any(self, dagster_run_id: str) -> str | None:
        """The ledger run of a Dagster run, or None where it loaded nothing."""
        note = Settings.load().runs_folder() / dagster_run_id / "ledger_run"
        return note.read_text(encoding="utf-8").strip() if note.exists() else None

    def close_run(self, dagster_run_id: str, status: str) -> None:
        """Say in the ledger how the load of a Dagster run ended, unless that is known already."""
        run_id = self.run_if_any(dagster_run_id)
        if run_id is None:
            return
        if self.open().run(run_id)["status"] == "running":
            self.open().finish_run(run_id, status)
        lock = _alive.pop(run_id, None)
        if lock is not None:
            lock.release()


class SalesforceResource(dg.ConfigurableResource):
    """The org of the run's target: the local org by itself, a real one by the environment.

    Credentials are read when the connection is made (`SALESFORCE_*`, see the docs) and are never
    part of the resource's configuration, logs or metadata.
    """

    def org(self) -> Org:
        """A verified connection, shared by the steps of a process.

        Raises SettingsError for missing credentials, OrgUnavailable when no org answers, OrgError
        when it refuses.
        """
        settings = Settings.load()
        if settings.target is Target.LOCAL:
            address = ensure_running(settings.home, port=settings.org_port)
            return _local(address.url, address.access_token, settings.api_version)
        return _remote(from_environment(os.environ, settings.target.value), settings.api_version)

    def upsert(
        self, sobject: str, frame: pl.DataFrame, external_id: str = "Kartra_Id__c"
    ) -> list[bulk.IngestResult]:
        """Bulk upsert of a frame whose columns are API names, by an external ID."""
        return bulk.ingest(self.org(), sobject, "upsert", frame, external_id=external_id)

    def delete_by_id(self, sobject: str, ids: list[str]) -> list[bulk.IngestResult]:
        """Bulk delete of records by their Salesforce IDs."""
        return bulk.delete(self.org(), sobject, ids)

    def rollback(self, ledger: Ledger, run_id: str, *, dry_run: bool = False) -> RollbackReport:
        """Delete by ID, children first, what a run created; proves that nothing of it is left."""
        folder = Settings.load().runs_folder()
        return rollback(self.org(), ledger, run_id, dry_run=dry_run, runs_folder=folder)


@lru_cache(maxsize=8)
def _ledger(url: str) -> Ledger:
    return Ledger(url)


@lru_cache(maxsize=4)
def _local(url: str, token: str, api_version: str) -> Org:
    return connect(AccessToken(url, token), api_version=api_version)


@lru_cache(maxsize=2)
def _remote(credentials: Credentials, api_version: str) -> Org:
    return connect(credentials, api_version=api_version)
