"""What the handlers of the metadata types work with, and what several of them need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.metadata.markup import Element, flag, text
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.metadata.registry import Registry
from kartra_sf_pipeline.localorg.schema import SObject
from kartra_sf_pipeline.localorg.store import Store

ACTIVITY = "Activity"
ACTIVITY_OBJECTS = ("Event", "Task")
_NAME = re.compile(r"^[A-Za-z](?:_?[A-Za-z0-9])*$")
MAX_DEVELOPER_NAME = 80


@dataclass(frozen=True)
class Org:
    """The store and the register of its components."""

    store: Store
    registry: Registry

    def owners(self, name: str) -> list[SObject]:
        """The objects that a name in the metadata means: Activity means events and tasks."""
        names = ACTIVITY_OBJECTS if name.casefold() == ACTIVITY.casefold() else (name,)
        return [o for n in names if (o := self.store.schema.object(n)) is not None]

    def owner(self, full_name: str) -> tuple[SObject, str]:
        """The object and the own name of a part of an object: `Account.Partner`.

        Raises:
            Problem: when there is no such object, or no own name.

        """
        object_name, _, own = full_name.partition(".")
        sobject = self.store.schema.object(object_name)
        if sobject is None or not own:
            raise Problem(
                f"Entity Enumeration Or ID: bad value for restricted picklist field: {object_name}",
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            )
        return sobject, own

    def put_row(self, table: str, match: Mapping[str, object], values: Mapping[str, object]) -> str:
        """Bring the live record that has the values of `match` to `values`, or make it; its id."""
        sobject = self.store.schema.object(table)
        assert sobject is not None
        now, user = now_text(), self.store.user_id
        changed = {"LastModifiedDate": now, "LastModifiedById": user, "SystemModstamp": now}
        made = {"CreatedDate": now, "CreatedById": user}
        row = {**values, **{k: v for k, v in changed.items() if sobject.field(k)}}
        where = " AND ".join(f"{quote(k)} = ?" for k in match)
        with self.store.write() as connection:
            found = connection.execute(
                f"SELECT Id FROM {quote(table)} WHERE {where} AND IsDeleted = 0",
                tuple(match.values()),
            ).fetchone()
            if found is not None:
                names = ", ".join(f"{quote(k)} = ?" for k in row)
                connection.execute(
                    f"UPDATE {quote(table)} SET {names} WHERE Id = ?", (*row.values(), found[0])
                )
                return found[0]
            record_id: str = self.store.new_ids(table, 1).item()
            whole = {
                "Id": record_id,
                **match,
                **row,
                **{k: v for k, v in made.items() if sobject.field(k)},
            }
            self.store.insert_frame(
                connection, table, pl.DataFrame([whole], infer_schema_length=None)
            )
            return record_id

    def drop_row(self, table: str, match: Mapping[str, object]) -> str | None:
        """Take a record out of its table; its id, None when it is not there."""
        where = " AND ".join(f"{quote(k)} = ?" for k in match)
        with self.store.write() as connection:
            found = connection.execute(
                f"SELECT Id FROM {quote(table)} WHERE {where}", tuple(match.values())
            ).fetchone()
            if found is None:
                return None
            connection.execute(f"DELETE FROM {quote(table)} WHERE Id = ?", (found[0],))
            return found[0]


def check_name(name: str, what: str) -> None:
    """Refuses what is no API name; `what` is the field that setup shows for it."""
    if not _NAME.match(name):
        raise Problem(
            f"The {what} field can only contain underscores and alphanumeric characters. It must "
            "be unique, begin with a letter, not include spaces, not end with an underscore, and "
            "not contain two consecutive underscores."
        )
    if len(name) > MAX_DEVELOPER_NAME:
        raise Problem(
            f"{what}: data value too large: {name} (max length={MAX_DEVELOPER_NAME})",
            "STRING_TOO_LONG",
        )


def required(element: Element, name: str, *, longest: int = 0) -> str:
    """A child's text, which the platform demands."""
    value = text(element, name)
    if value is None:
        raise Problem(f"Required field is missing: {name}", "REQUIRED_FIELD_MISSING")
    if longest and len(value) > longest:
        raise Problem(
            f"{name}: data value too large: {value} (max length={longest})", "STRING_TOO_LONG"
        )
    return value


def required_flag(element: Element, name: str) -> bool:
    """A child as a boolean, which the platform demands."""
    required(element, name)
    return flag(element, name) or False


def not_found(kind: str, full_name: str, field: str = "field") -> Problem:
    """A reference to a component that is neither in the package nor in the org."""
    return Problem(
        f"In field: {field} - no {kind} named {full_name} found", "INVALID_CROSS_REFERENCE_KEY"
    )
