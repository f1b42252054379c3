"""The synchronous calls: create, read, update, upsert, delete, list and describe metadata."""

from __future__ import annotations

from kartra_sf_pipeline.localorg.metadata.components import Components, known_kind, parts_of
from kartra_sf_pipeline.localorg.metadata.kinds import BY_NAME, KINDS, ORDER, PARTS
from kartra_sf_pipeline.localorg.metadata.markup import (
    XSI,
    Element,
    add,
    children,
    node,
    text,
)
from kartra_sf_pipeline.localorg.metadata.package import MAX_VERSION
from kartra_sf_pipeline.localorg.metadata.permission_sets import undeployed
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.metadata.reading import read_component
from kartra_sf_pipeline.localorg.metadata.registry import Component, Registry
from kartra_sf_pipeline.localorg.metadata.soap import Fault, Request
from kartra_sf_pipeline.localorg.metadata.value_sets import VALUE_SETS
from kartra_sf_pipeline.localorg.store import Store

MAX_COMPONENTS = 10
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
            if not known_kind(kind):
                raise Problem(f"Unknown type name '{kind}' specified", "INVALID_TYPE")
            with self._store.write(), self._store.catalog.undoing():
                known = self._components.exists(kind, full_name)
                if operation == "createMetadata" and known:
                    raise _already_there(kind, full_name)
                if operation == "updateMetadata" and not known:
                    raise Problem(
                        f"no {kind} named {full_name} found", "INVALID_CROSS_REFERENCE_KEY"
                    )
                outcome = self._components.put(kind, full_name, element)
                if kind == "CustomObject":
                    for part_kind, part_name, part in sorted(
                        parts_of(full_name, element), key=lambda p: ORDER[p[0]]
                    ):
                        self._components.put(part_kind, part_name, part)
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
            found = read_component(self._components.org, kind, name) if known_kind(kind) else None
            if found is None:
                record.set(f"{{{XSI}}}nil", "true")
                continue
            record.set(f"{{{XSI}}}type", kind)
            for part in list(found):
                record.append(part)
        return [result]

    def list(self, request: Request) -> list[Element]:
        """`listMetadata`: the properties of every component of the asked types."""
        user = self._store.query('SELECT "Name" FROM "User" WHERE "Id" = ?', (self._store.user_id,))
        user_name = user[0][0] if user else ""
        results: list[Element] = []
        for query in children(request.body, "queries"):
            kind = text(query, "type") or ""
            if not known_kind(kind):
                raise Fault("INVALID_TYPE", f"Unknown type:{kind}")
            if kind == "CustomObject":
                results.extend(
                    self._properties(kind, sobject.name, None, user_name)
                    for sobject in self._store.schema
                    if not sobject.custom
                )
            results.extend(
                self._properties(kind, name, None, user_name)
                for name in undeployed(self._components.org, kind)
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
        result = node("result")
        add(result, "createdById", self._store.user_id)
        add(result, "createdByName", user_name)
        add(result, "createdDate", created)
        add(result, "fileName", BY_NAME[kind].file_of(full_name))
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
        for kind in KINDS:
            if kind.tag:
                continue
            entry = add(result, "metadataObjects")
            if kind.name == "CustomObject":
                for part in PARTS.values():
                    add(entry, "childXmlNames", part.name)
            add(entry, "directoryName", kind.folder)
            add(entry, "inFolder", False)
            add(entry, "metaFile", False)
            add(entry, "suffix", kind.suffix)
            add(entry, "xmlName", kind.name)
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
