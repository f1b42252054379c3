"""What Bulk 2.0 ingest and query jobs share: waiting for one, and reading its CSV."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import Any

import polars as pl

from kartra_sf_pipeline.errors import OrgUnavailable
from kartra_sf_pipeline.salesforce.pipe import Pipe
from kartra_sf_pipeline.salesforce.session import is_loopback

FINAL_STATES = frozenset({"JobComplete", "Failed", "Aborted"})


@dataclass(frozen=True, slots=True)
class Poll:
    """How often to ask for a job's state: `first` seconds, growing by `factor` up to `longest`.

    Each question is one of the org's daily API calls. `patience` is the time after which waiting
    is given up, in seconds; the job itself goes on.
    """

    first: float = 1.0
    factor: float = 1.6
    longest: float = 20.0
    patience: float = 24 * 3600.0

    @classmethod
    def for_org(cls, org: Pipe) -> Poll:
        """Eager on loopback, where asking costs nothing; sparing elsewhere."""
        if is_loopback(org.instance_url):
            return cls(first=0.02, factor=1.4, longest=0.5, patience=3600.0)
        return cls()


def wait_for_job(org: Pipe, path: str, *, poll: Poll | None, action: str) -> dict[str, Any]:
    """The job's last info once it is in a final state.

    Raises OrgUnavailable when patience ends; the job may still finish later.
    """
    pace = poll or Poll.for_org(org)
    deadline = time.monotonic() + pace.patience
    pause = pace.first
    while True:
        info = org.json("GET", path, action=action)
        if info["state"] in FINAL_STATES:
            return info
        if time.monotonic() + pause > deadline:
            raise OrgUnavailable(
                f"{action}: job {info.get('id', path)} is still {info['state']} after "
                f"{pace.patience:.0f} s. It goes on in the org; ask for its results later."
            )
        time.sleep(pause)
        pause = min(pause * pace.factor, pace.longest)


def read_csv(body: bytes) -> pl.DataFrame:
    """A result file as String columns, empty cells null; an empty body is an empty frame.

    Always UTF-8, whatever the Content-Type says: requests would guess Latin-1 without a charset.
    """
    if not body.strip():
        return pl.DataFrame()
    frame = pl.read_csv(io.BytesIO(body), infer_schema=False)
    return frame.with_columns(pl.all().replace("", None))
