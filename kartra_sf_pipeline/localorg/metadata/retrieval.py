"""Retrievals: the components that a manifest names, as the files of a zip."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from urllib.parse import quote

from kartra_sf_pipeline.localorg.metadata.kinds import BY_NAME, KINDS, Kind
from kartra_sf_pipeline.localorg.metadata.markup import (
    Element,
    add,
    child,
    children,
    etree,
    local,
    node,
    text,
    to_bytes,
)
from kartra_sf_pipeline.localorg.metadata.org import Org
from kartra_sf_pipeline.localorg.metadata.permission_sets import undeployed
from kartra_sf_pipeline.localorg.metadata.reading import part_element, read_component

ROOT = "unpackaged"
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
# A finished retrieval keeps saying InProgress for this long, or for one poll.
_SHOWN_RUNNING_SECONDS = 0.1
_KEPT = 50


@dataclass(frozen=True, slots=True)
class Retrieved:
    """One component in the zip; `id` is empty for the org's own."""

    type: str
    full_name: str
    file: str
    id: str = ""
    created: str = ""
    modified: str = ""


@dataclass(frozen=True)
class Retrieval:
    """One finished retrieval; `problems` are names that nothing answers to."""

    id: str
    files: tuple[Retrieved, ...] = ()
    problems: tuple[str, ...] = field(default=())


class Retrievals:
    """The retrievals of one org."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, int]] = {}

    def start(self, request: Element) -> str:
        """Collects what a `retrieveRequest` asks for; returns the id to poll."""
        manifest = child(request, "unpackaged")
        version = text(request, "apiVersion")
        if manifest is not None:
            version = text(manifest, "version") or version
        with self._org.store.write() as connection:
            files, problems, content = self._collect(manifest, version or "62.0")
            record_id: str = self._org.store.new_ids_for_prefix("09S", 1).item()
            done = Retrieval(record_id, tuple(files), tuple(problems))
            connection.execute(
                "INSERT INTO _retrieval VALUES (?, ?, ?)",
                (record_id, json.dumps(asdict(done)), base64.b64encode(content).decode()),
            )
            connection.execute(
                "DELETE FROM _retrieval WHERE rowid <= (SELECT max(rowid) FROM _retrieval) - ?",
                (_KEPT,),
            )
        with self._lock:
            self._seen[record_id] = (time.monotonic(), 0)
        return record_id

    def get(self, retrieval_id: str) -> tuple[Retrieval, str] | None:
        """A retrieval and its zip in base64; None for an unknown id."""
        rows = self._org.store.query(
            "SELECT result, zip FROM _retrieval WHERE id = ? OR substr(id, 1, 15) = ?",
            (retrieval_id, retrieval_id),
        )
        if not rows:
            return None
        raw = json.loads(rows[0][0])
        raw["files"] = tuple(Retrieved(**f) for f in raw["files"])
        raw["problems"] = tuple(raw["problems"])
        return Retrieval(**raw), rows[0][1]

    def running(self, retrieval_id: str) -> bool:
        """True for the first poll of a young retrieval, as for one that takes its time."""
        with self._lock:
            if retrieval_id not in self._seen:
                return False
            born, polls = self._seen[retrieval_id]
            self._seen[retrieval_id] = (born, polls + 1)
            return polls < 1 and time.monotonic() - born < _SHOWN_RUNNING_SECONDS

    def _collect(
        self, manifest: Element | None, version: str
    ) -> tuple[list[Retrieved], list[str], bytes]:
        roots: dict[str, Element] = {}
        files: dict[str, Retrieved] = {}
        problems: list[str] = []
        named: dict[str, list[str]] = {}
        for types in children(manifest, "types") if manifest is not None else []:
            kind = text(types, "name") or ""
            members = [(m.text or "").strip() for m in children(types, "members")]
            named.setdefault(kind, []).extend(m for m in members if m)
        for kind_name in sorted(named):
            kind = BY_NAME.get(kind_name)
            if kind is None:
                problems.append(f"Entity type '{kind_name}' is unknown")
                continue
            for name in self._names(kind, named[kind_name]):
                self._take(kind, name, roots, files, problems)
        content = _zip(roots, named, version)
        manifest_file = Retrieved("Package", "package.xml", f"{ROOT}/package.xml")
        return [*files.values(), manifest_file], problems, content

    def _names(self, kind: Kind, members: Iterable[str]) -> list[str]:
        names: list[str] = []
        for member in members:
            if member != "*":
                names.append(member)
            elif kind.wildcard:
                names += [
                    c.full_name
                    for c in self._org.registry.all(kind.name)
                    if kind.name != "CustomObject" or c.full_name.endswith("__c")
                ]
                names += undeployed(self._org, kind.name)
        return list(dict.fromkeys(names))

    def _take(
        self,
        kind: Kind,
        name: str,
        roots: dict[str, Element],
        files: dict[str, Retrieved],
        problems: list[str],
    ) -> None:
        path = f"{ROOT}/{kind.folder}/{quote(kind.file_of(name).partition('/')[2], safe=' .()-')}"
        if kind.tag:
            part = part_element(self._org, kind.name, kind.tag, name)
            if part is not None:
                root = roots.setdefault(path, node("CustomObject"))
                # A file that holds the whole object has the part already.
                if child(root, "fullName") is None:
                    root.append(part)
                files[f"{kind.name}:{name}"] = self._told(kind, name, path)
                return
        else:
            whole = read_component(self._org, kind.name, name)
            if whole is not None:
                roots[path] = whole
                files[f"{kind.name}:{name}"] = self._told(kind, name, path)
                return
        problems.append(f"Entity of type '{kind.name}' named '{name}' cannot be found")

    def _told(self, kind: Kind, name: str, path: str) -> Retrieved:
        kept = self._org.registry.get(kind.name, name)
        if kept is None:
            return Retrieved(kind.name, name, path)
        return Retrieved(kind.name, kept.full_name, path, kept.id, kept.created, kept.modified)


def _zip(roots: dict[str, Element], named: dict[str, list[str]], version: str) -> bytes:
    package = node("Package")
    for kind in sorted(named, key=[*(k.name for k in KINDS), *named].index):
        types = add(package, "types")
        for member in named[kind]:
            add(types, "members", member)
        add(types, "name", kind)
    add(package, "version", version)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, root in sorted(roots.items()):
            archive.writestr(path, _file(root))
        archive.writestr(f"{ROOT}/package.xml", _file(package))
    return buffer.getvalue()


def _file(root: Element) -> bytes:
    """A file's text: the component's own name is the file's, and is not told inside."""
    made = node(local(root))
    for part in list(root):
        made.append(part)
    name = child(made, "fullName")
    if name is not None:
        made.remove(name)
    etree.indent(made, space="    ")
    etree.cleanup_namespaces(made)
    return _DECLARATION + to_bytes(made) + b"\n"
