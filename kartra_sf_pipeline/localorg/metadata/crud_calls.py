"""The synchronous calls: create, read, update, upsert, delete, list and describe metadata."""

from __future__ import annotations

from kartra_sf_pipeline.localorg.metadata.components import ACTIVITY, TYPES, Components
from kartra_sf_pipeline.localorg.metadata.markup import (
    NAMESPACE,
    XSI,
    Element,
    add,
    children,
    node,
    parse,
    text,
)
from kartra_sf_pipeline.localorg.metadata.package import MAX_VERSION
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.metadata.registry import Component, Registry
from kartra_sf_pipeline.localorg.metadata.soap import Fault, Request
from kartra_sf_pipeline.localorg.metadata.value_sets import VALUE_SETS
from kartra_sf_pipeline.localorg.schema import SObject
from kartra_sf_pipeline.localorg.store import Store

MAX_COMPONENTS = 10
# Directory, suffix and child types of each kind of component.
_DESCRIBED = (
    ("objects", "object", "CustomObject", ("CustomField",)),
    ("permissionsets", "permissionset", "PermissionSet", ()),
    ("standardValueSets", "standardValueSet", "StandardValueSet", ()),
)
_ORIGIN = "1970-01-01T00:00:00.000Z"


class MetadataCalls:
    """The synchronous calls on one org."""

    def __init__(self, store: Store, registry: Registry, components: Components) -> None:
        self._store = store
        self._registry = registry
        self._components = components

    def change(self, request: Request) -> list[Element]:
        """`createMetadata`, `updateMetadata` and `upsertMetadata`: one result a component."""
        elements = children(request.body, "metadata")
        _check_count(len(elements))
        return [self._change_one(request.operation, element) for element in elements]

    def _change_one(self, operation: str, element: Element) -> Element:
        kind = (element.get(f"{{{XSI}}}type") or "").rpartition(":")[2]
        full_name = text(element, "fullName") or ""
        try:
            if kind not in TYPES:
                raise Problem(f"Unknown type name '{kind}' specified", "INVALID_TYPE")
            with self._store.write():
                known = self._components.exists(kind, full_name)
                if operation == "createMetadata" and known:
                    raise _already_there(kind, full_name)
                if operation == "updateMetadata" and not known:
                    raise Problem(
                        f"no {kind} named {full_name} found", "INVALID_CROSS_REFERENCE_KEY"
                    )
                outcome = self._components.put(kind, full_name, element)
                if kind == "CustomObject":
                    for part in children(element, "fields"):
                        name = f"{full_name}.{text(part, 'fullName') or ''}"
                        self._components.put("CustomField", name, part)
        except Problem as problem:
            return _result(operation, full_name, problem=problem)
        return _result(operation, full_name, created=outcome.created)

    def delete(self, request: Request) -> list[Element]:
        """`deleteMetadata`."""
        kind = text(request.body, "type") or ""
        names = [(n.text or "").strip() for n in children(request.body, "fullNames")]
        _check_count(len(names))
        results: list[Element] = []
        for name in names:
            try:
                with self._store.write():
                    if not self._components.drop(kind, name):
                        raise Problem(
                            f"no {kind} named {name} found", "INVALID_CROSS_REFERENCE_KEY"
                        )
            except Problem as problem:
                results.append(_result("deleteMetadata", name, problem=problem))
            else:
                results.append(_result("deleteMetadata", name))
        return results

    def read(self, request: Request) -> list[Element]:
        """`readMetadata`: the components as they were written; nil for unknown names."""
        kind = text(request.body, "type") or ""
        names = [(n.text or "").strip() for n in children(request.body, "fullNames")]
        _check_count(len(names))
        result = node("result")
        for name in names:
            record = add(result, "records")
            found = self._read_one(kind, name)
            if found is None:
                record.set(f"{{{XSI}}}nil", "true")
                continue
            record.set(f"{{{XSI}}}type", kind)
            for part in found:
                record.append(part)
        return [result]

    def _read_one(self, kind: str, name: str) -> list[Element] | None:
        if kind == "StandardValueSet":
            return self._read_value_set(name)
        kept = self._registry.get(kind, name)
        if kind != "CustomObject":
            return None if kept is None else list(parse(kept.source.encode()))
        sobject = self._store.schema.object("Event" if name == ACTIVITY else name)
        if sobject is None:
            return None
        parts = list(parse(kept.source.encode())) if kept else _standard_object(name, sobject)
        for field in self._fields_of(name):
            entry = node("fields")
            for part in parse(field.source.encode()):
                if part.tag == f"{{{NAMESPACE}}}fullName":
                    part.text = field.full_name.partition(".")[2]
                entry.append(part)
            parts.append(entry)
        return parts

    def _fields_of(self, object_name: str) -> list[Component]:
        prefix = f"{object_name}.".casefold()
        return [
            c
            for c in self._registry.all("CustomField")
            if c.full_name.casefold().startswith(prefix)
        ]

    def _read_value_set(self, name: str) -> list[Element] | None:
        places = VALUE_SETS.get(name)
        if places is None:
            return None
        object_name, _, field_name = places[0].partition(".")
        sobject = self._store.schema.object(object_name)
        field = sobject.field(field_name) if sobject else None
        parts = [node("fullName", name), node("sorted", False)]
        stages = self._store.catalog.stages() if name == "OpportunityStage" else {}
        for value in field.picklist_values if field else ():
            entry = node("standardValue")
            add(entry, "fullName", value.value)
            add(entry, "default", value.default)
            add(entry, "label", value.label)
            if not value.active:
                add(entry, "isActive", False)
            stage = stages.get(value.value.casefold())
            if stage is not None:
                add(entry, "closed", stage.closed)
                add(entry, "forecastCategory", stage.forecast_category)
                add(entry, "probability", int(stage.probability))
                add(entry, "won", stage.won)
            parts.append(entry)
        return parts

    def list(self, request: Request) -> list[Element]:
        """`listMetadata`: the properties of every component of the asked types."""
        user = self._store.query('SELECT "Name" FROM "User" WHERE "Id" = ?', (self._store.user_id,))
        user_name = user[0][0] if user else ""
        results: list[Element] = []
        for query in children(request.body, "queries"):
            kind = text(query, "type") or ""
            if kind == "CustomObject":
                results.extend(
                    self._properties(kind, sobject.name, None, user_name)
                    for sobject in self._store.schema
                    if not sobject.custom
                )
            if kind == "StandardValueSet":
                results.extend(self._properties(kind, n, None, user_name) for n in VALUE_SETS)
                continue
            results.extend(
                self._properties(kind, c.full_name, c, user_name)
                for c in self._registry.all(kind)
                if kind != "CustomObject" or c.full_name.endswith("__c")
            )
        return results

    def _properties(
        self, kind: str, full_name: str, component: Component | None, user_name: str
    ) -> Element:
        created = component.created.replace("+0000", "Z") if component else _ORIGIN
        modified = component.modified.replace("+0000", "Z") if component else _ORIGIN
        folder, suffix = next(
            ((d[0], d[1]) for d in _DESCRIBED if kind == d[2] or kind in d[3]), ("", "")
        )
        result = node("result")
        add(result, "createdById", self._store.user_id)
        add(result, "createdByName", user_name)
        add(result, "createdDate", created)
        add(result, "fileName", f"{folder}/{full_name.partition('.')[0]}.{suffix}")
        add(result, "fullName", full_name)
        add(result, "id", component.id if component else "")
        add(result, "lastModifiedById", self._store.user_id)
        add(result, "lastModifiedByName", user_name)
        add(result, "lastModifiedDate", modified)
        if component is not None:
            add(result, "manageableState", "unmanaged")
        add(result, "type", kind)
        return result

    def describe(self, request: Request) -> list[Element]:
        """`describeMetadata`: the types that this org can deploy."""
        asked = text(request.body, "asOfVersion") or f"{MAX_VERSION}.0"
        if not asked.partition(".")[0].isdigit():
            raise Fault("INVALID_TYPE", f"Invalid api version:{asked}")
        result = node("result")
        for folder, suffix, kind, child_types in _DESCRIBED:
            entry = add(result, "metadataObjects")
            for child_type in child_types:
                add(entry, "childXmlNames", child_type)
            add(entry, "directoryName", folder)
            add(entry, "inFolder", False)
            add(entry, "metaFile", False)
            add(entry, "suffix", suffix)
            add(entry, "xmlName", kind)
        add(result, "organizationNamespace", "")
        add(result, "partialSaveAllowed", True)
        add(result, "testRequired", False)
        return [result]


def _check_count(count: int) -> None:
    if count > MAX_COMPONENTS:
        raise Fault(
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot submit more than {MAX_COMPONENTS} records into this "
            "operation",
        )


def _already_there(kind: str, full_name: str) -> Problem:
    if kind == "CustomField":
        owner, _, name = full_name.partition(".")
        return Problem(
            f"There is already a field named {name} on {owner}.", "DUPLICATE_DEVELOPER_NAME"
        )
    return Problem(
        f"The name {full_name} is already used by another {kind}", "DUPLICATE_DEVELOPER_NAME"
    )


def _result(
    operation: str, full_name: str, *, created: bool = False, problem: Problem | None = None
) -> Element:
    result = node("result")
    if operation == "upsertMetadata":
        add(result, "created", created)
    if problem is not None:
        errors = add(result, "errors")
        add(errors, "message", problem.message)
        add(errors, "statusCode", problem.code)
    add(result, "fullName", full_name)
    add(result, "success", problem is None)
    return result


def _standard_object(name: str, sobject: SObject) -> list[Element]:
    return [node("fullName", name), node("label", sobject.label)]
