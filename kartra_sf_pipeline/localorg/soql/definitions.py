"""EntityDefinition, FieldDefinition, CustomField and the like: the schema as rows to query."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kartra_sf_pipeline.localorg.database import quote
from kartra_sf_pipeline.localorg.metadata.registry import Registry
from kartra_sf_pipeline.localorg.schema import Field, Schema, SObject
from kartra_sf_pipeline.localorg.soql.component_rows import component_rows
from kartra_sf_pipeline.localorg.soql.definition_objects import DEFINITION_OBJECTS
from kartra_sf_pipeline.localorg.store import Store

_NAMES = {
    "string": "Text",
    "textarea": "Text Area",
    "picklist": "Picklist",
    "multipicklist": "Picklist (Multi-Select)",
    "combobox": "Picklist",
    "boolean": "Checkbox",
    "double": "Number",
    "int": "Number",
    "currency": "Currency",
    "percent": "Percent",
    "date": "Date",
    "datetime": "Date/Time",
    "email": "Email",
    "phone": "Phone",
    "url": "URL",
    "reference": "Lookup",
    "address": "Address",
    "id": "ID",
}
LONG_TEXT_OVER = 255


def data_type(field: Field) -> str:
    """The type as Setup shows it: `Text(255) (External ID)`, `Lookup(Account)`."""
    name = _NAMES.get(field.type, field.type.capitalize())
    match field.type:
        case "string":
            name += f"({field.length})"
        case "textarea" if field.length > LONG_TEXT_OVER:
            name = f"{'Rich' if field.html_formatted else 'Long'} Text Area({field.length})"
        case "double" | "currency" | "percent":
            name += f"({field.precision - field.scale}, {field.scale})"
        case "int":
            name += f"({field.digits}, 0)"
        case "reference":
            name += f"({','.join(field.reference_to)})"
        case _:
            pass
    marks = [m for on, m in ((field.external_id, "External ID"), (field.unique, "Unique")) if on]
    return f"{name} ({', '.join(marks)})" if marks else name


class Definitions:
    """The rows of the definition objects, rebuilt when the schema has changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._registry = Registry(store)
        self._lock = threading.Lock()
        self._merge_lock = threading.Lock()
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._built_from: tuple[Schema, int] | None = None
        self._merged: Schema | None = None

    def with_records(self) -> Schema:
        """What the user sees, the definition objects included."""
        visible = self._store.visible_schema()
        with self._merge_lock:
            merged = self._merged
            if merged is None or merged.objects[: -len(DEFINITION_OBJECTS)] != visible.objects:
                merged = Schema((*visible.objects, *DEFINITION_OBJECTS), visible.version)
                self._merged = merged
            return merged

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection on whose tables the definition objects can be queried."""
        # Administrators see the definition of a field that no permission set grants yet.
        schema = self._store.schema
        revision = self._registry.revision()
        with self._lock:
            built = self._built_from
            if built is None or built[0] is not schema or built[1] != revision:
                self._build(schema)
                self._built_from = (schema, revision)
            yield self._connection

    def _build(self, schema: Schema) -> None:
        connection = self._connection
        for sobject in DEFINITION_OBJECTS:
            columns = ", ".join(
                f"{quote(f.name)} {'INTEGER' if f.type in {'int', 'boolean'} else 'TEXT'}"
                f"{' COLLATE NOCASE' if f.type == 'string' else ''}"
                for f in sobject.fields
            )
            connection.execute(f"DROP TABLE IF EXISTS {quote(sobject.name)}")
            connection.execute(
                f'CREATE TABLE {quote(sobject.name)} ({columns}, "IsDeleted" INTEGER DEFAULT 0)'
            )
        ids = {c.full_name: c.id for c in self._registry.all("CustomField")}
        for sobject in schema:
            self._insert("EntityDefinition", _entity_row(sobject))
            for field in sobject.fields:
                self._insert("FieldDefinition", _field_row(sobject, field))
                if field.custom:
                    names = (f"{sobject.name}.{field.name}", f"Activity.{field.name}")
                    record_id = next((ids[n] for n in names if n in ids), None)
                    self._insert("CustomField", _custom_row(sobject, field, record_id))
        for table, row in component_rows(self._store, self._registry):
            self._insert(table, row)
        connection.commit()

    def _insert(self, table: str, row: dict[str, object]) -> None:
        names = ", ".join(quote(name) for name in row)
        marks = ", ".join("?" * len(row))
        self._connection.execute(
            f"INSERT INTO {quote(table)} ({names}) VALUES ({marks})", tuple(row.values())
        )


def _developer_name(name: str) -> str:
    return name.removesuffix("__c")


def _entity_row(sobject: SObject) -> dict[str, object]:
    return {
        "Id": sobject.name,
        "DurableId": sobject.name,
        "QualifiedApiName": sobject.name,
        "DeveloperName": _developer_name(sobject.name),
        "Label": sobject.label,
        "MasterLabel": sobject.label,
        "PluralLabel": sobject.label_plural,
        "KeyPrefix": sobject.key_prefix,
        "IsCustomizable": int(sobject.has("layoutable")),
        "IsCustomSetting": 0,
        "IsQueryable": int(sobject.has("queryable")),
        "IsEverCreatable": int(sobject.has("createable")),
        "IsEverUpdatable": int(sobject.has("updateable")),
        "IsEverDeletable": int(sobject.has("deletable")),
        "IsSearchable": int(sobject.has("searchable")),
        "IsTriggerable": int(sobject.has("triggerable")),
    }


def _field_row(sobject: SObject, field: Field) -> dict[str, object]:
    return {
        "Id": f"{sobject.name}.{field.name}",
        "DurableId": f"{sobject.name}.{field.name}",
        "QualifiedApiName": field.name,
        "DeveloperName": _developer_name(field.name),
        "EntityDefinitionId": sobject.name,
        "Label": field.label,
        "MasterLabel": field.label,
        "DataType": data_type(field),
        "ValueTypeId": field.type,
        "RelationshipName": field.relationship_name,
        "ReferenceTo": ",".join(field.reference_to) or None,
        "Description": field.description,
        "Length": field.length,
        "Precision": field.precision,
        "Scale": field.scale,
        "IsCalculated": int(field.calculated),
        "IsIndexed": int(field.key or field.name == "Id" or field.type == "reference"),
        "IsNameField": int(field.name_field),
        "IsNillable": int(field.nillable),
        "IsCompound": int(not field.stored),
        "IsHtmlFormatted": int(field.html_formatted),
        "IsApiFilterable": int(field.filterable),
        "IsApiSortable": int(field.sortable),
        "IsApiGroupable": int(field.groupable),
    }


def _custom_row(sobject: SObject, field: Field, record_id: str | None) -> dict[str, object]:
    return {
        "Id": record_id,
        "DeveloperName": _developer_name(field.name),
        "TableEnumOrId": sobject.name,
        "EntityDefinitionId": sobject.name,
        "ManageableState": "unmanaged",
        "FullName": f"{sobject.name}.{field.name}",
        "Description": field.description,
        "InlineHelpText": field.help_text,
    }
