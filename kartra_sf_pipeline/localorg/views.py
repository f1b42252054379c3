"""Objects that have no table of their own: another look at rows that other objects keep.

Writes to a view do nothing by themselves; the object's rules write the rows behind it.
"""

from __future__ import annotations

from collections.abc import Mapping

_NOTE_TRIGGERS = tuple(
    f"CREATE TRIGGER ContentNote_{verb} INSTEAD OF {verb} ON ContentNote BEGIN SELECT 1; END"
    for verb in ("INSERT", "UPDATE", "DELETE")
)
VIEWS: Mapping[str, tuple[str, ...]] = {
    "ContentNote": (
        "DROP VIEW IF EXISTS ContentNote",
        "CREATE VIEW ContentNote AS SELECT d.Id, d.IsDeleted, v.Title, v.VersionData AS Content, "
        "v.TextPreview, v.ContentSize, v.FileExtension, v.FileType, 0 AS IsReadOnly, "
        "d.LatestPublishedVersionId, d.SharingPrivacy, d.OwnerId, d.LastViewedDate, "
        "d.CreatedDate, d.CreatedById, d.LastModifiedDate, d.LastModifiedById, d.SystemModstamp "
        "FROM ContentDocument d JOIN ContentVersion v ON v.Id = d.LatestPublishedVersionId "
        "WHERE d.FileType = 'SNOTE'",
        *_NOTE_TRIGGERS,
    ),
}
