"""Finding the exports in a folder: plain files, and files inside zip archives."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from kartra_sf_pipeline.errors import ExportError

TABLE_SUFFIXES = frozenset({".csv", ".txt", ".tsv"})
WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xls", ".xlsm", ".ods", ".numbers"})
MANIFEST_NAME = "exports.yaml"
# Figures that a person has read off Kartra's screens: for the scope, not for the reader.
CONTROL_TOTALS_NAME = "control_totals.yaml"
# The folder of files that people attach to contacts, and the table in it that says whose they are.
ATTACHMENTS_FOLDER = "attachments"
ATTACHMENTS_MANIFEST = f"{ATTACHMENTS_FOLDER}/manifest.csv"
# Left by operating systems, or by a download that has not finished.
_SKIPPED_PARTS = frozenset({"__MACOSX"})
_UNFINISHED = frozenset({".crdownload", ".part", ".download", ".tmp"})


@dataclass(frozen=True)
class Found:
    """A file to read: `path` is relative to the folder, `member` its name inside the archive."""

    path: str
    file: Path
    member: str | None = None

    @property
    def suffix(self) -> str:
        """Suffix of the table itself, also inside an archive."""
        return PurePosixPath(self.member or self.path).suffix.lower()


@dataclass(frozen=True)
class Folder:
    """What a folder holds; `notes` name what is left aside and why."""

    files: list[Found]
    problems: list[tuple[str, ExportError]]
    notes: list[str]


def find(folder: Path) -> Folder:
    """List the candidates in a folder and below, in the order of their paths.

    Raises ExportError when the folder is missing or holds none.
    """
    if not folder.exists():
        raise ExportError("there is no such folder", file=folder, next_step=_what_to_put(folder))
    if not folder.is_dir():
        raise ExportError(
            "this is a file, not a folder of exports",
            file=folder,
            next_step="Name the folder that holds it.",
        )
    files: list[Found] = []
    problems: list[tuple[str, ExportError]] = []
    notes: list[str] = []
    attached = 0
    for file in sorted(folder.rglob("*")):
        relative = file.relative_to(folder)
        if not file.is_file() or _hidden(relative.parts):
            continue
        path = relative.as_posix()
        if _is_attachment(relative.parts):
            # A table among them is somebody's document, not an export.
            attached += 1
            continue
        suffix = file.suffix.lower()
        if path in {MANIFEST_NAME, CONTROL_TOTALS_NAME}:
            continue
        if suffix in TABLE_SUFFIXES:
            files.append(Found(path, file))
        elif suffix == ".zip":
            _open_archive(path, file, files, problems, notes)
        elif suffix in WORKBOOK_SUFFIXES:
            problems.append((path, _workbook(path)))
        elif suffix in _UNFINISHED:
            notes.append(f"{path}: looks like an unfinished download, not read")
        else:
            notes.append(f"{path}: not a table ({suffix or 'no suffix'}), not read")
    if attached and not any(found.path == ATTACHMENTS_MANIFEST for found in files):
        notes.append(
            f"{ATTACHMENTS_FOLDER}: {attached} files, but no manifest.csv that says whose they are"
        )
    if not files and not problems:
        raise ExportError(
            "the folder holds no CSV file", file=folder, next_step=_what_to_put(folder)
        )
    return Folder(files, problems, notes)


class Unpacked:
    """Files as paths on disk; members of archives are unpacked when first asked for.

    A context: what was unpacked goes when it is left. It lies in `parent`, else where the system
    puts such files.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._members: dict[str, Path] = {}
        self._rooms = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *reason: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def path(self, found: Found) -> Path:
        """Where the file's bytes are. Raises ExportError when they cannot be unpacked."""
        if found.member is None:
            return found.file
        if found.path in self._members:
            return self._members[found.path]
        place = self.room(found.suffix)
        try:
            with (
                zipfile.ZipFile(found.file) as archive,
                archive.open(found.member) as member,
                place.open("wb") as out,
            ):
                shutil.copyfileobj(member, out, 1 << 20)
        except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError) as error:
            locked = "password" in str(error)
            raise ExportError(
                "the archive is locked with a password"
                if locked
                else "the archive's member cannot be unpacked",
                file=found.path,
                next_step="Unpack the archive by hand and put its files in the folder.",
            ) from error
        self._members[found.path] = place
        return place

    def room(self, suffix: str = ".parquet") -> Path:
        """A path that nothing has been written to yet."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(dir=self._parent)
        self._rooms += 1
        return Path(self._folder.name) / f"{self._rooms}{suffix}"


def _is_attachment(parts: tuple[str, ...]) -> bool:
    return parts[0] == ATTACHMENTS_FOLDER and "/".join(parts) != ATTACHMENTS_MANIFEST


def _hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") or part in _SKIPPED_PARTS for part in parts)


def _open_archive(
    path: str,
    file: Path,
    files: list[Found],
    problems: list[tuple[str, ExportError]],
    notes: list[str],
) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            members = sorted(info.filename for info in archive.infolist() if not info.is_dir())
    except (zipfile.BadZipFile, OSError) as error:
        problem = ExportError(
            f"this is not a whole zip archive ({error})",
            file=path,
            next_step="Download it again, or unpack it by hand and put its files in the folder.",
        )
        problems.append((path, problem))
        return
    before = len(files) + len(problems)
    for member in members:
        parts = PurePosixPath(member.replace("\\", "/")).parts
        inside = f"{path}/{'/'.join(parts)}"
        suffix = PurePosixPath(member).suffix.lower()
        if _hidden(parts):
            continue
        if parts and parts[0] == ATTACHMENTS_FOLDER:
            notes.append(f"{inside}: unpack the archive, attachments are read from a folder")
            continue
        if suffix in TABLE_SUFFIXES:
            files.append(Found(inside, file, member))
        elif suffix in WORKBOOK_SUFFIXES:
            problems.append((inside, _workbook(inside)))
        else:
            notes.append(f"{inside}: not a table ({suffix or 'no suffix'}), not read")
    if len(files) + len(problems) == before:
        notes.append(f"{path}: the archive holds no table")


def _workbook(path: str) -> ExportError:
    return ExportError(
        "this is a spreadsheet workbook, not CSV",
        file=path,
        next_step="Put Kartra's own CSV download in its place: a spreadsheet changes phone numbers "
        "and dates on the way.",
    )


def _what_to_put(folder: Path) -> str:
    return (
        f"Put Kartra's CSV downloads into {folder}: the contacts (Contacts > All contacts > "
        "select all > Export to CSV), the transactions and subscriptions (Sales > Analytics), "
        "and any of companies, affiliates, calendar bookings, custom fields, notes, sequences and "
        "lists; as .csv or inside a .zip."
    )
