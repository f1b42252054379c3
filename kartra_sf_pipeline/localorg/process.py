"""Start, find, ask and stop the server of a home folder from other processes."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from filelock import FileLock, Timeout

from kartra_sf_pipeline.errors import UserError

EXIT_PORT_IN_USE = 3
_START_SECONDS = 60
_STOP_SECONDS = 15
_LOG_LINES = 15
_LOG_LIMIT = 2_000_000
# Handles of servers that this process started: dropping one would warn that it still runs.
_started: list[subprocess.Popen[bytes]] = []


class LocalOrgError(UserError):
    """The local org could not be started, reached or stopped."""


class PortInUse(LocalOrgError):
    """Another program listens on the port that was asked for."""


class ServerDied(LocalOrgError):
    """The server ended while it was starting; the message has the last lines of its log."""


@dataclass(frozen=True, slots=True)
class OrgAddress:
    """Where the running org is; `access_token` has the form `<org id>!<random>`.

    `tls_url` is the same org over HTTPS, for clients that trust the certificate in `ca_file`.
    """

    url: str
    tls_url: str
    ca_file: str
    access_token: str
    org_id: str
    user_id: str
    api_version: str
    pid: int


def _folder(home: Path) -> Path:
    return home / "org"


def _read(home: Path) -> OrgAddress | None:
    try:
        found = json.loads((_folder(home) / "server.json").read_text(encoding="utf-8"))
        # What an earlier version did not write is empty.
        found = {"tls_url": "", "ca_file": "", **found}
        return OrgAddress(**{name: found[name] for name in OrgAddress.__slots__})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def call(address: OrgAddress, method: str, path: str, *, timeout: float = 10) -> Any:
    """One call of the server's own endpoints; raises OSError when nobody answers as this org."""
    place = urlsplit(address.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=timeout)
    try:
        headers = {"Authorization": f"Bearer {address.access_token}"}
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        body = response.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
    if response.status != 200:
        raise OSError(f"status {response.status}")
    try:
        return json.loads(body)
    except ValueError as error:
        raise OSError("no JSON") from error


def _running(home: Path) -> OrgAddress | None:
    """The address in the home's file, if that very server answers; a stale file counts as none."""
    address = _read(home)
    if address is None or not address.tls_url or not psutil.pid_exists(address.pid):
        return None
    try:
        answer = call(address, "GET", "/__admin/ping", timeout=30)
    except OSError:
        return None
    return address if answer.get("org_id") == address.org_id else None


def ensure_running(home: Path, *, port: int | None = None, idle_minutes: float = 30) -> OrgAddress:
    """The home's org, started if it does not run; processes that ask at once share one server.

    The server outlives the caller and ends by itself after `idle_minutes` without a request.
    Raises PortInUse, ServerDied or LocalOrgError.
    """
    home = home.resolve()
    address = _running(home)
    if address is None:
        _folder(home).mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(_folder(home) / "start.lock", timeout=_START_SECONDS * 2):
                address = _running(home)
                if address is None:
                    _retire_other_version(home)
                    address = _start(home, port, idle_minutes)
        except Timeout:
            raise LocalOrgError(
                f"Another process has been starting the local org in {home} for too long.",
                next_step="See whether it hangs, or try again.",
            ) from None
    if port is not None and urlsplit(address.url).port != port:
        raise LocalOrgError(
            f"The local org in {home} already runs at {address.url}, not on port {port}.",
            next_step="Stop it first, or leave the port out.",
        )
    return address


def _start(home: Path, port: int | None, idle_minutes: float) -> OrgAddress:
    log = _folder(home) / "server.log"
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.unlink()
    command = [
        sys.executable,
        "-m",
        "kartra_sf_pipeline.localorg",
        "--home",
        str(home),
        "--idle-minutes",
        str(idle_minutes),
    ]
    if port is not None:
        command += ["--port", str(port)]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            close_fds=True,
        )
    _started.append(process)
    deadline = time.monotonic() + _START_SECONDS
    pause = 0.02
    while time.monotonic() < deadline:
        address = _read(home)
        if address is not None and address.pid == process.pid:
            running = _running(home)
            if running is not None:
                return running
        code = process.poll()
        if code == EXIT_PORT_IN_USE:
            raise PortInUse(
                f"Port {port} on 127.0.0.1 is in use by another program.",
                next_step="Choose another port, or leave it out to have a free one.",
            )
        if code is not None:
            raise ServerDied(
                f"The local org ended at its start with code {code}. Its last words:\n"
                + _tail(log),
                next_step=f"The whole log is {log}.",
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.25)
    process.terminate()
    raise ServerDied(
        f"The local org did not answer within {_START_SECONDS} seconds. Its last words:\n"
        + _tail(log),
        next_step=f"The whole log is {log}.",
    )


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(lines[-_LOG_LINES:]) or "(nothing)"


def status(home: Path) -> dict[str, Any]:
    """`running`, and for a running org its address and what it holds."""
    address = _running(home.resolve())
    if address is None:
        return {"running": False}
    answer = call(address, "GET", "/__admin/status", timeout=120)
    return {
        "running": True,
        "url": address.url,
        "tls_url": address.tls_url,
        "ca_file": address.ca_file,
        "access_token": address.access_token,
        "api_version": address.api_version,
        "org_id": address.org_id,
        "user_id": address.user_id,
        "pid": address.pid,
        "records": answer["records"],
    }


def _retire_other_version(home: Path) -> bool:
    """End a server of this home that another version of this package has left running.

    It is known by its process, for it does not answer as this version expects. Everything that it
    has acknowledged is on disk.
    """
    address = _read(home)
    if address is None:
        return False
    try:
        process = psutil.Process(address.pid)
        words = process.cmdline()
        if __package__ not in words or str(home) not in words:
            return False
        process.terminate()
    except psutil.Error:
        return False
    return _gone(process, _STOP_SECONDS)


def stop(home: Path) -> bool:
    """End the home's server and wait until it is gone; False when none ran."""
    home = home.resolve()
    address = _running(home)
    if address is None:
        return _retire_other_version(home)
    try:
        process = psutil.Process(address.pid)
        call(address, "POST", "/__admin/shutdown")
    except (OSError, psutil.NoSuchProcess):
        return False
    if _gone(process, _STOP_SECONDS):
        return True
    process.terminate()
    if _gone(process, 5):
        return True
    process.kill()
    return _gone(process, 5)


def _gone(process: psutil.Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # A server that this process started stays as a zombie until it is waited for.
        for child in _started:
            child.poll()
        try:
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def reset(home: Path) -> OrgAddress:
    """Empty the home's org, its deployed schema included; starts the server if it is not up."""
    address = ensure_running(home)
    try:
        call(address, "POST", "/__admin/reset", timeout=120)
    except OSError as error:
        raise LocalOrgError(
            f"The local org at {address.url} could not be emptied: {error}.",
            next_step="Stop it and try again.",
        ) from error
    return address


def switch_on(address: OrgAddress, features: Sequence[str]) -> None:
    """Switch features of a running org on; they stay on. Raises LocalOrgError for unknown names."""
    from kartra_sf_pipeline.localorg.features import FEATURES

    unknown = [f for f in features if f not in FEATURES]
    if unknown:
        raise LocalOrgError(
            f"The local org has no feature {', '.join(unknown)}.",
            next_step=f"Choose from: {', '.join(FEATURES)}.",
        )
    try:
        call(address, "POST", f"/__admin/features?on={','.join(features)}", timeout=120)
    except OSError as error:
        raise LocalOrgError(
            f"The features of the local org at {address.url} could not be switched on: {error}.",
            next_step="Stop it and try again.",
        ) from error
