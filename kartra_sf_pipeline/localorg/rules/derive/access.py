"""Permission sets, their assignments, and groups."""

from __future__ import annotations

import polars as pl

from kartra_sf_pipeline.localorg.rules.batch import Batch
from kartra_sf_pipeline.localorg.rules.constraints import check_unique_together


def permission_set(batch: Batch) -> None:
    """A permission set made through the API is a custom one with a name of its own."""
    check_unique_together(
        batch, ("Name",), "duplicate value found: Name duplicates value on record"
    )
    batch.fill("IsCustom", pl.repeat(1, len(batch), eager=True), batch.creating)


def assignment(batch: Batch) -> None:
    """A user has a permission set once."""
    check_unique_together(
        batch,
        ("PermissionSetId", "AssigneeId"),
        "Duplicate PermissionSetAssignment. Another PermissionSetAssignment exists for this user "
        "and permission set.",
    )


def changed(batch: Batch) -> None:
    """What the API user may see has to be worked out again."""
    batch.store.catalog.permissions_changed()


def setup_entity_access(batch: Batch) -> None:
    """A permission set grants a custom permission once; the kind of what it grants is derived."""
    check_unique_together(
        batch,
        ("ParentId", "SetupEntityId"),
        "Duplicate SetupEntityAccess. Another SetupEntityAccess exists for this permission set.",
    )
    kind = pl.repeat("CustomPermission", len(batch), dtype=pl.String, eager=True)
    batch.fill("SetupEntityType", kind, batch.creating)
