"""A deployment's zip: what package.xml names, and where each component stands in the files."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from dataclasses import dataclass, field

from kartra_sf_pipeline.localorg.metadata.markup import Element, children, parse, text

MIN_VERSION, MAX_VERSION = 31, 67
_FOLDERS = {
    "objects": ("CustomObject", ".object"),
    "permissionsets": ("PermissionSet", ".permissionset"),
    "standardValueSets": ("StandardValueSet", ".standardValueSet"),
}
_DESTRUCTIVE = ("destructiveChangesPre.xml", "destructiveChanges.xml", "destructiveChangesPost.xml")


@dataclass(frozen=True)
class Item:
    """One component of the package; `element` is None for one that is to be deleted."""

    type: str
    full_name: str
    file: str
    element: Element | None
    line: int = 0


@dataclass(frozen=True)
class Flaw:
    """Something wrong with the package itself."""

    file: str
    full_name: str
    type: str
    problem: str


@dataclass
class Package:
    """A zip that was read."""

    manifest: str = "package.xml"
    before: list[Item] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    after: list[Item] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)


def read_package(encoded: str) -> Package:
    """What a base64 zip holds. What is wrong with it is in `flaws`; nothing is raised."""
    package = Package()
    missing = Flaw("package.xml", "package.xml", "", "No package.xml found")
    try:
        archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(encoded)))
        files = {
            info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()
        }
    except (zipfile.BadZipFile, binascii.Error, ValueError, EOFError, NotImplementedError):
        package.flaws.append(missing)
        return package
    manifest = next((n for n in files if n.split("/")[-1] == "package.xml"), None)
    if manifest is None:
        package.flaws.append(missing)
        return package
    package.manifest = manifest
    root = manifest.removesuffix("package.xml")
    try:
        named = _manifest(files[manifest])
    except ValueError as error:
        problem = f"Error parsing file: {error}"
        package.flaws.append(Flaw(manifest, "package.xml", "", problem))
        return package
    version = text(parse(files[manifest]), "version")
    if version is not None and not _known_version(version):
        problem = f"Invalid api version:{version}"
        package.flaws.append(Flaw(manifest, "package.xml", "", problem))
        return package
    found = _read_files(package, files, root)
    _choose(package, named, found)
    for name, into in zip(
        _DESTRUCTIVE, (package.before, package.after, package.after), strict=True
    ):
        content = files.get(root + name)
        if content is not None:
            _read_destructive(package, root + name, content, into)
    return package


def _known_version(version: str) -> bool:
    head, _, tail = version.partition(".")
    return head.isdigit() and MIN_VERSION <= int(head) <= MAX_VERSION and tail in {"", "0"}


def _manifest(content: bytes) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for types in children(parse(content), "types"):
        members = [(m.text or "").strip() for m in children(types, "members")]
        named.setdefault(text(types, "name") or "", []).extend(m for m in members if m)
    return named


def _read_files(
    package: Package, files: dict[str, bytes], root: str
) -> dict[tuple[str, str], Item]:
    """All components in the files, by type and folded name, in file order."""
    found: dict[tuple[str, str], Item] = {}

    def keep(item: Item) -> None:
        key = (item.type, item.full_name.casefold())
        if key in found:
            package.flaws.append(
                Flaw(
                    item.file,
                    item.full_name,
                    item.type,
                    f"Duplicate developer name: {item.full_name}",
                )
            )
            return
        found[key] = item

    for path, content in files.items():
        if not path.startswith(root):
            continue
        folder, _, name = path.removeprefix(root).partition("/")
        if folder not in _FOLDERS or not name.endswith(_FOLDERS[folder][1]):
            continue
        kind, suffix = _FOLDERS[folder]
        full_name = name.removesuffix(suffix)
        try:
            element = parse(content)
        except ValueError as error:
            problem = f"Error parsing file: {error}"
            package.flaws.append(Flaw(path, full_name, kind, problem))
            continue
        keep(Item(kind, full_name, path, element, 1))
        for part in children(element, "fields") if kind == "CustomObject" else []:
            field_name = f"{full_name}.{text(part, 'fullName') or ''}"
            keep(
                Item("CustomField", field_name, path, part, getattr(part, "sourceline", None) or 0)
            )
    return found


def _choose(
    package: Package, named: dict[str, list[str]], found: dict[tuple[str, str], Item]
) -> None:
    wanted: set[tuple[str, str]] = set()
    for kind, members in named.items():
        for member in members:
            if member == "*":
                wanted.update(key for key in found if key[0] == kind and kind != "CustomField")
                continue
            key = (kind, member.casefold())
            if key not in found:
                package.flaws.append(
                    Flaw(
                        package.manifest,
                        member,
                        kind,
                        f"An object '{member}' of type {kind} was named in package.xml, but was "
                        "not found in zipped directory",
                    )
                )
                continue
            wanted.add(key)
    # An object brings the fields of its file.
    objects = {name for kind, name in wanted if kind == "CustomObject"}
    for kind, name in found:
        if kind == "CustomField" and name.partition(".")[0] in objects:
            wanted.add((kind, name))
    used = {found[key].file for key in wanted}
    for item in found.values():
        if item.file not in used and item.type != "CustomField":
            package.flaws.append(Flaw(item.file, item.full_name, item.type, "Not in package.xml"))
    # Objects before their fields, fields before what grants them.
    order = {"CustomObject": 0, "CustomField": 1, "StandardValueSet": 2, "PermissionSet": 3}
    package.items = sorted((found[k] for k in found if k in wanted), key=lambda i: order[i.type])


def _read_destructive(package: Package, file: str, content: bytes, into: list[Item]) -> None:
    try:
        named = _manifest(content)
    except ValueError as error:
        problem = f"Error parsing file: {error}"
        package.flaws.append(Flaw(file, file.split("/")[-1], "", problem))
        return
    # What depends on a field goes before it, an object after its fields.
    order = ("PermissionSet", "CustomField", "CustomObject")
    for kind in sorted(named, key=lambda k: order.index(k) if k in order else len(order)):
        into.extend(Item(kind, member, file, None) for member in named[kind])
