from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from kartra_sf_pipeline.localorg import process

DATA = "/services/data/v62.0"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    process.stop(tmp_path)


def client(address: process.OrgAddress) -> httpx.Client:
    headers = {"Authorization": f"Bearer {address.access_token}"}
    return httpx.Client(base_url=address.url, headers=headers, timeout=30)


def test_processes_that_ask_at_once_share_one_server(home: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from kartra_sf_pipeline.localorg.process import ensure_running\n"
        "print(ensure_running(pathlib.Path(sys.argv[1])).pid)"
    )
    with ThreadPoolExecutor(3) as pool:
        runs = pool.map(
            lambda _: subprocess.run(
                [sys.executable, "-c", code, str(home)],
                capture_output=True,
                text=True,
                check=True,
                timeout=120,
            ),
            range(3),
        )
        pids = {r.stdout.strip() for r in runs}
    assert len(pids) == 1
    status = process.status(home)
    assert status["running"]
    assert str(status["pid"]) in pids
    address = process.ensure_running(home)
    assert address.access_token.startswith(f"{address.org_id}!")
    mode = stat.S_IMODE((home / "org" / "server.json").stat().st_mode)
    assert mode == 0o600
    server = psutil.Process(address.pid)
    assert os.getpgid(server.pid) != os.getpgid(0)


def test_what_was_acknowledged_survives_a_kill_and_the_stale_file_is_noticed(home: Path) -> None:
    first = process.ensure_running(home)
    with client(first) as http:
        made = http.post(f"{DATA}/sobjects/Account", json={"Name": "Kept"}).json()["id"]
        job = http.post(
            f"{DATA}/jobs/ingest", json={"object": "Contact", "operation": "insert"}
        ).json()["id"]
        rows = "LastName\n" + "".join(f"N{i}\n" for i in range(2000))
        http.put(f"{DATA}/jobs/ingest/{job}/batches", content=rows.encode())
        http.patch(f"{DATA}/jobs/ingest/{job}", json={"state": "UploadComplete"})
    os.kill(first.pid, signal.SIGKILL)
    second = process.ensure_running(home)
    assert second.pid != first.pid
    assert second.access_token == first.access_token
    with client(second) as http:
        assert http.get(f"{DATA}/sobjects/Account/{made}").json()["Name"] == "Kept"
        deadline = time.monotonic() + 30
        state = ""
        while state != "JobComplete" and time.monotonic() < deadline:
            state = http.get(f"{DATA}/jobs/ingest/{job}").json()["state"]
            time.sleep(0.02)
        assert state == "JobComplete"
        count = http.get(f"{DATA}/limits/recordCount", params={"sObjects": "Contact"}).json()
        assert count["sObjects"] == [{"count": 2000, "name": "Contact"}]
        found = http.get(f"{DATA}/jobs/ingest/{job}/successfulResults").text
        assert found.count("\n") == 2001


def test_stop_and_start_keep_the_data_and_reset_empties_it(home: Path) -> None:
    address = process.ensure_running(home)
    with client(address) as http:
        http.post(f"{DATA}/sobjects/Account", json={"Name": "A"})
    assert process.stop(home)
    assert not process.stop(home)
    assert process.status(home) == {"running": False}
    process.ensure_running(home)
    assert process.status(home)["records"]["Account"] == 1
    process.reset(home)
    assert "Account" not in process.status(home)["records"]


def test_a_port_in_use_is_named(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(process.PortInUse, match=f"Port {port} on 127.0.0.1 is in use"):
            process.ensure_running(home, port=port)


def test_a_server_that_cannot_start_says_its_last_words(home: Path) -> None:
    (home / "org").mkdir()
    (home / "org" / "org.sqlite").write_text("this is no database, " * 100)
    with pytest.raises(process.ServerDied, match="file is not a database"):
        process.ensure_running(home)


def test_an_idle_server_ends_by_itself(home: Path) -> None:
    address = process.ensure_running(home, idle_minutes=0.01)
    server = psutil.Process(address.pid)
    deadline = time.monotonic() + 15
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert process.status(home) == {"running": False}


def test_a_stale_file_of_another_program_is_not_believed(home: Path) -> None:
    (home / "org").mkdir()
    stale = {
        "pid": os.getpid(),
        "url": "http://127.0.0.1:9",
        "access_token": "x",
        "org_id": "x",
        "user_id": "x",
        "api_version": "62.0",
    }
    (home / "org" / "server.json").write_text(json.dumps(stale))
    assert process.status(home) == {"running": False}
    assert process.ensure_running(home).pid != os.getpid()


def test_a_server_that_another_version_left_running_is_replaced(tmp_path):
    """Such a server holds the folder but does not answer as this version expects."""
    left = process.ensure_running(tmp_path)
    file = tmp_path / "org" / "server.json"
    known = json.loads(file.read_text())
    # What this version would ask is answered by nobody at that address.
    file.write_text(json.dumps(known | {"url": "http://127.0.0.1:1"}))
    try:
        fresh = process.ensure_running(tmp_path)
        assert fresh.pid != left.pid
        assert process.status(tmp_path)["running"]
    finally:
        assert process.stop(tmp_path)
