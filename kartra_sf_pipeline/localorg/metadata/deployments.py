"""File-based deployments: queued, run one at a time, remembered with every component's fate."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace

from kartra_sf_pipeline.localorg.clock import now_text
from kartra_sf_pipeline.localorg.metadata.components import Components
from kartra_sf_pipeline.localorg.metadata.package import Item, Package, read_package
from kartra_sf_pipeline.localorg.metadata.problems import Problem
from kartra_sf_pipeline.localorg.store import Store

# A finished deployment keeps saying InProgress for this long, or for one poll.
_SHOWN_RUNNING_SECONDS = 0.1


@dataclass(frozen=True)
class Message:
    """One component's fate; `problem_type` is Error or Warning."""

    type: str
    full_name: str
    file: str
    success: bool = True
    created: bool = False
    changed: bool = False
    deleted: bool = False
    id: str | None = None
    problem: str | None = None
    problem_type: str | None = None
    line: int | None = None
    counted: bool = True


@dataclass(frozen=True)
class Deployment:
    """One deployment as it is kept."""

    id: str
    check_only: bool
    rollback_on_error: bool
    ignore_warnings: bool
    created: str
    created_by: str
    status: str = "Pending"
    started: str | None = None
    completed: str | None = None
    messages: tuple[Message, ...] = field(default=())

    @property
    def done(self) -> bool:
        """True when it will not change any more."""
        return self.status in {"Succeeded", "SucceededPartial", "Failed", "Canceled"}


class _TakeBack(Exception):
    """Ends a transaction whose outcome must not stay; carries what happened in it."""

    def __init__(self, messages: list[Message]) -> None:
        self.messages = messages
        super().__init__()


class Deployments:
    """The deployments of one org."""

    def __init__(self, store: Store, components: Components) -> None:
        self._store = store
        self._components = components
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="deploy")
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, int]] = {}
        for (deployment_id,) in store.query("SELECT id FROM _deployment ORDER BY rowid"):
            if not self._load(deployment_id).done:
                self._submit(deployment_id)

    def start(
        self, zip_text: str, *, check_only: bool, rollback_on_error: bool, ignore_warnings: bool
    ) -> Deployment:
        """Queues a deployment of a base64 zip."""
        with self._store.write() as connection:
            deployment = Deployment(
                id=self._store.new_ids_for_prefix("0Af", 1).item(),
                check_only=check_only,
                rollback_on_error=rollback_on_error,
                ignore_warnings=ignore_warnings,
                created=now_text(),
                created_by=self._store.user_id,
            )
            connection.execute(
                "INSERT INTO _deployment VALUES (?, ?, ?)",
                (deployment.id, zip_text, json.dumps(asdict(deployment))),
            )
        self._submit(deployment.id)
        return deployment

    def get(self, deployment_id: str) -> Deployment | None:
        """The deployment as a poll sees it, or None for an unknown id."""
        known = self._find(deployment_id)
        if known is None or not known.done:
            return known
        with self._lock:
            if known.id in self._seen:
                born, polls = self._seen[known.id]
                self._seen[known.id] = (born, polls + 1)
                if polls < 1 and time.monotonic() - born < _SHOWN_RUNNING_SECONDS:
                    return replace(known, status="InProgress", completed=None, messages=())
        return known

    def close(self) -> None:
        """Waits for running deployments."""
        self._pool.shutdown(wait=True)

    def _submit(self, deployment_id: str) -> None:
        with self._lock:
            self._seen[deployment_id] = (time.monotonic(), 0)
        self._pool.submit(self._run, deployment_id)

    def _find(self, deployment_id: str) -> Deployment | None:
        rows = self._store.query(
            "SELECT result FROM _deployment WHERE id = ? OR substr(id, 1, 15) = ?",
            (deployment_id, deployment_id),
        )
        if not rows:
            return None
        raw = json.loads(rows[0][0])
        raw["messages"] = tuple(Message(**m) for m in raw["messages"])
        return Deployment(**raw)

    def _load(self, deployment_id: str) -> Deployment:
        found = self._find(deployment_id)
        if found is None:
            raise KeyError(deployment_id)
        return found

    def _save(self, deployment: Deployment, *, forget_zip: bool = False) -> None:
        zip_part = ", request = NULL" if forget_zip else ""
        with self._store.write() as connection:
            connection.execute(
                f"UPDATE _deployment SET result = ?{zip_part} WHERE id = ?",
                (json.dumps(asdict(deployment)), deployment.id),
            )

    def _run(self, deployment_id: str) -> None:
        deployment = replace(self._load(deployment_id), status="InProgress", started=now_text())
        self._save(deployment)
        rows = self._store.query("SELECT request FROM _deployment WHERE id = ?", (deployment_id,))
        try:
            messages = self._deploy(deployment, read_package(rows[0][0] or ""))
        except Exception as error:
            # A defect of ours must still end the deployment, or its poller waits for ever.
            problem = f"UNKNOWN_EXCEPTION: {type(error).__name__}"
            messages = [
                Message(
                    "",
                    "package.xml",
                    "package.xml",
                    success=False,
                    problem=problem,
                    problem_type="Error",
                )
            ]
        failed = any(not m.success for m in messages)
        partly = (
            failed
            and not deployment.rollback_on_error
            and any(m.success and m.counted for m in messages)
        )
        status = "SucceededPartial" if partly else "Failed" if failed else "Succeeded"
        done = replace(deployment, status=status, completed=now_text(), messages=tuple(messages))
        self._save(done, forget_zip=True)

    def _deploy(self, deployment: Deployment, package: Package) -> list[Message]:
        flaws = [
            Message(
                f.type,
                f.full_name,
                f.file,
                success=False,
                problem=f.problem,
                problem_type="Error",
                counted=bool(f.type),
            )
            for f in package.flaws
        ]
        if any(not f.type for f in package.flaws):
            return flaws
        try:
            with self._store.write():
                items = (*package.before, *package.items, *package.after)
                messages = [*flaws, *(self._one(item) for item in items)]
                failed = any(not m.success for m in messages)
                if deployment.check_only or (failed and deployment.rollback_on_error):
                    raise _TakeBack(messages)
        except _TakeBack as taken:
            messages = taken.messages
        manifest = Message("", "package.xml", package.manifest, changed=True, counted=False)
        return [*messages, manifest]

    def _one(self, item: Item) -> Message:
        try:
            if item.element is None:
                return self._delete(item)
            outcome = self._components.put(item.type, item.full_name, item.element)
        except Problem as problem:
            return Message(
                item.type,
                item.full_name,
                item.file,
                success=False,
                problem=problem.message,
                problem_type="Error",
                line=item.line or None,
            )
        return Message(
            item.type,
            item.full_name,
            item.file,
            created=outcome.created,
            changed=outcome.changed,
            id=outcome.id,
        )

    def _delete(self, item: Item) -> Message:
        if self._components.drop(item.type, item.full_name):
            return Message(item.type, item.full_name, item.file, changed=True, deleted=True)
        return Message(
            item.type,
            item.full_name,
            item.file,
            problem=f"No {item.type} named: {item.full_name} found",
            problem_type="Warning",
        )
