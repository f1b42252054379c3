"""The org's time: UTC, in the forms in which it is stored and sent."""

from __future__ import annotations

from datetime import UTC, datetime

STORED = "%Y-%m-%dT%H:%M:%S.000+0000"


def now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


def now_text() -> str:
    """The present moment as the org stores date-times: whole seconds."""
    return now().strftime(STORED)
