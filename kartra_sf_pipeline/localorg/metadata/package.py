"""A deployment's zip: what package.xml names, and where each component stands in the files."""

from __future__ import annotations

import base64
import binascii
import io
import zipfile
from dataclasses import dataclass, field
from urllib.parse import unquote

from kartra_sf_pipeline.localorg.metadata.components import parts_of
from kartra_sf_pipeline.localorg.metadata.kinds import BY_FOLDER, BY_NAME, ORDER
from kartra_sf_pipeline.localorg.metadata.markup import Element, children, parse, text

MIN_VERSION, MAX_VERSION = 31, 67
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
        kind = BY_FOLDER.get(folder)
        if kind is None or not name.endswith(f".{kind.suffix}"):
            continue
        full_name = unquote(name.removesuffix(f".{kind.suffix}"))
        try:
            element = parse(content)
        except ValueError as error:
            problem = f"Error parsing file: {error}"
            package.flaws.append(Flaw(path, full_name, kind.name, problem))
            continue
        keep(Item(kind.name, full_name, path, element, 1))
        if kind.name == "CustomObject":
            for part_kind, part_name, part in parts_of(full_name, element):
                keep(Item(part_kind, part_name, path, part, getattr(part, "sourceline", None) or 0))
    return found


def _choose(
    package: Package, named: dict[str, list[str]], found: dict[tuple[str, str], Item]
) -> None:
    wanted: set[tuple[str, str]] = set()
    for kind, members in named.items():
        if kind not in BY_NAME:
            package.flaws.append(
                Flaw(package.manifest, kind, kind, f"Unknown type name '{kind}' specified")
            )
            continue
        for member in members:
            if member == "*":
                if BY_NAME[kind].wildcard:
                    wanted.update(key for key in found if key[0] == kind)
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
    # An object brings the parts in its file.
    objects = {name for kind, name in wanted if kind == "CustomObject"}
    for kind, name in found:
        if BY_NAME[kind].tag and name.partition(".")[0] in objects:
            wanted.add((kind, name))
    used = {found[key].file for key in wanted}
    for item in found.values():
        if item.file not in used and not BY_NAME[item.type].tag:
            package.flaws.append(Flaw(item.file, item.full_name, item.type, "Not in package.xml"))
    package.items = sorted((found[k] for k in found if k in wanted), key=lambda i: ORDER[i.type])


def _read_destructive(package: Package, file: str, content: bytes, into: list[Item]) -> None:
    try:
        named = _manifest(content)
    except ValueError as error:
        problem = f"Error parsing file: {error}"
        package.flaws.append(Flaw(file, file.split("/")[-1], "", problem))
        return
    # What refers to a component goes before it.
    for kind in sorted(named, key=lambda k: -ORDER.get(k, len(ORDER))):
        into.extend(Item(kind, member, file, None) for member in named[kind])
