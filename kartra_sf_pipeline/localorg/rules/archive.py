"""Old activities leave the view: queries pass them over, `queryAll` still shows them."""

from __future__ import annotations

import sqlite3
from datetime import date, timedelta

# Events that ended, and closed tasks that were due, longer ago than this are archived.
DAYS = 365
OBJECTS = ("Event", "Task")


def archive_activities(connection: sqlite3.Connection, today: date) -> dict[str, int]:
    """Mark what is due for the archive, as the platform does at night; how many of each object.

    Call inside `store.write()`. Nothing is archived while it is being loaded, however old it is.
    """
    before = (today - timedelta(days=DAYS)).isoformat()
    events = connection.execute(
        "UPDATE Event SET IsArchived = 1 WHERE IsArchived = 0 AND IsDeleted = 0 "
        "AND coalesce(EndDate, ActivityDate) < ?",
        (before,),
    )
    tasks = connection.execute(
        "UPDATE Task SET IsArchived = 1 WHERE IsArchived = 0 AND IsDeleted = 0 "
        "AND IsClosed = 1 AND coalesce(ActivityDate, substr(CompletedDateTime, 1, 10)) < ?",
        (before,),
    )
    return {"Event": events.rowcount, "Task": tasks.rowcount}
