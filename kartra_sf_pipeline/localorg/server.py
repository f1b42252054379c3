"""One server process: a socket on loopback, one store, and an end when it is told or idle."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import secrets
import socket
import time
from contextlib import suppress
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from kartra_sf_pipeline.localorg import certificates
from kartra_sf_pipeline.localorg.app import create_app
from kartra_sf_pipeline.localorg.audit import Audit
from kartra_sf_pipeline.localorg.rest.oauth import CONNECTED_APP
from kartra_sf_pipeline.localorg.store import Store

HOST = "127.0.0.1"
API_VERSION = "62.0"
_log = logging.getLogger(__name__)
# Exit codes that the starting process tells apart.
EXIT_PORT_IN_USE = 3
EXIT_ALREADY_RUNNING = 4


def org_folder(home: Path) -> Path:
    """Where the org of a home keeps everything."""
    return home / "org"


def read_address(home: Path) -> dict[str, str | int]:
    """What the last started server wrote about itself; empty when there is nothing usable."""
    try:
        found = json.loads((org_folder(home) / "server.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _bind(port: int | None, before: object) -> socket.socket:
    """A listening socket: the port asked for, else that of the last start, else any free one."""
    wanted = [port] if port is not None else [before, 0]
    for number in wanted:
        if not isinstance(number, int):
            continue
        # Named, the protocol lets asyncio send small answers at once; else each waits 40 ms.
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, number))
        except OSError:
            sock.close()
            continue
        sock.listen(256)
        return sock
    raise OSError("no port")


def run(home: Path, *, port: int | None = None, idle_minutes: float = 30) -> int:
    """Serve the org of `home` until it is stopped or idle; returns the exit code."""
    folder = org_folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "server.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _log.error("Another server already runs on %s", folder)
        return EXIT_ALREADY_RUNNING
    # Bulk loads make millions of short-lived tuples: collecting after every 700 of them is waste.
    gc.freeze()
    gc.set_threshold(200_000, 50, 50)
    try:
        return _serve(home, folder, port, idle_minutes)
    finally:
        lock.release()


def _serve(home: Path, folder: Path, port: int | None, idle_minutes: float) -> int:
    before = read_address(home)
    try:
        sock = _bind(port, before.get("port"))
    except OSError:
        _log.error("Port %s is in use", port)
        return EXIT_PORT_IN_USE
    store = Store(folder)
    audit = Audit(folder)
    token = store.get_meta("token") or f"{store.org_id}!{secrets.token_urlsafe(48)}"
    store.set_meta("token", token)
    number = sock.getsockname()[1]
    shown = certificates.server_certificates(folder / "tls")
    certificates.client_key(folder / CONNECTED_APP)
    tls_sock = _bind(None, before.get("tls_port"))
    tls_number = tls_sock.getsockname()[1]
    address = {
        "pid": os.getpid(),
        "port": number,
        "url": f"http://{HOST}:{number}",
        "tls_port": tls_number,
        "tls_url": f"https://{HOST}:{tls_number}",
        "ca_file": str(shown.ca_file.resolve()),
        "access_token": token,
        "org_id": store.org_id,
        "user_id": store.user_id,
        "api_version": API_VERSION,
        "started": int(time.time()),
    }
    servers: list[uvicorn.Server] = []

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    app = create_app(store, audit, token, stop=stop)

    def serving(**tls: str) -> uvicorn.Server:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
            server_header=False,
            **tls,  # type: ignore[arg-type]
        )
        return uvicorn.Server(config)

    servers += [
        serving(),
        serving(ssl_certfile=str(shown.chain_file), ssl_keyfile=str(shown.key_file)),
    ]

    async def watch() -> None:
        while True:
            await asyncio.sleep(min(1.0, max(idle_minutes * 6, 0.05)))
            if any(server.should_exit for server in servers):
                # A signal reaches one of the two listeners alone.
                stop()
                return
            state = app.state
            quiet = time.monotonic() - state.last_request
            if not state.active and not state.worker.busy and quiet > idle_minutes * 60:
                _log.warning("Idle for %.1f minutes: ending", idle_minutes)
                stop()
                return

    async def main() -> None:
        watching = asyncio.create_task(watch())
        _write_address(folder, address)
        await asyncio.gather(
            *(s.serve(sockets=[k]) for s, k in zip(servers, (sock, tls_sock), strict=True))
        )
        watching.cancel()

    try:
        asyncio.run(main())
    finally:
        app.state.worker.close()
        store.close()
        audit.close()
        if read_address(home).get("pid") == os.getpid():
            with suppress(OSError):
                ports = {"port": number, "tls_port": tls_number}
                (folder / "server.json").write_text(json.dumps(ports), encoding="utf-8")
    return 0


def _write_address(folder: Path, address: dict[str, str | int]) -> None:
    """Whole or not at all, and for the owner's eyes only: it holds the token."""
    temporary = folder / f"server.{os.getpid()}.tmp"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(address, out)
    temporary.replace(folder / "server.json")
